//! The storage's answers to a room, beside its mailbox: who answers many rooms must not wait for a full one, and an answer
//! must not be lost. There are never more of them than the room asked for and the storage lets wait.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::handle::RoomInput;
use crate::storage::Held;

/// The answers that a room has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    answers: VecDeque<(RoomInput, Held)>,
    /// Whether the room is gone.
    is_closed: bool,
}

impl Answers {
    /// Adds an answer, unless the room is gone.
    pub(super) fn put(&self, answer: RoomInput, held: Held) {
        let mut waiting = self.lock();
        if !waiting.is_closed {
            waiting.answers.push_back((answer, held));
            self.arrived.notify_one();
        }
    }

    /// Waits until there may be answers.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes all there are.
    pub(super) fn take(&self, inbox: &mut Vec<RoomInput>) {
        let answers = std::mem::take(&mut self.lock().answers);
        inbox.extend(answers.into_iter().map(|(answer, _)| answer));
    }

    /// Takes no more.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.answers.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
