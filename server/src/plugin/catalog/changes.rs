//! That something of the catalog must be written down, without waiting until it is.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Noted wherever the change is made, taken by who writes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    is_there: AtomicBool,
    told: Notify,
}

impl Changes {
    pub(super) fn note(&self) {
        self.is_there.store(true, Ordering::Release);
        self.told.notify_one();
    }

    /// Whether there is something to write; it counts as written from here on.
    pub(super) fn take(&self) -> bool {
        self.is_there.swap(false, Ordering::AcqRel)
    }

    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    pub(super) async fn wait(&self) {
        self.told.notified().await;
    }
}
