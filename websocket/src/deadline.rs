//! A time by which something must have happened that is mostly over at once: a timer is there only while it is waited.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that runs, or does not.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Ready once it has run for this long, beginning now if it does not run.
    pub(crate) fn poll(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let at = *self.at.get_or_insert_with(|| Instant::now() + limit);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.at.is_some()
    }

    /// What it was for has happened.
    pub(crate) fn clear(&mut self) {
        self.at = None;
        self.timer = None;
    }

    /// Leaves more time, if it runs.
    pub(crate) fn put_off(&mut self, by: Duration) {
        if let Some(at) = &mut self.at {
            *at += by;
        }
    }
}
