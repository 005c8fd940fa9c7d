//! Answers on their way: who gets them, and how many there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use super::record::{OperationId, Outcome};
use crate::plugin::wit;
use crate::room::{RoomHandle, RoomInput};

/// So many answers may wait for the disk or for their rooms; what is asked then is answered `unavailable`.
const ITEMS_MAX: usize = 1 << 16;
/// So many bytes may wait in them.
const BYTES_MAX: usize = 64 << 20;
/// What an answer takes beside its values.
const ANSWER_BYTES: usize = 128;

/// What waits in all.
#[derive(Debug)]
pub(super) struct Waits {
    items: AtomicUsize,
    bytes: AtomicUsize,
    shown: Gauge,
}

/// An answer that counts as waiting until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    waits: Arc<Waits>,
    bytes: usize,
}

impl Waits {
    pub(super) fn new(shown: Gauge) -> Self {
        Self {
            items: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            shown,
        }
    }

    /// Whether no more may wait.
    pub(super) fn are_full(&self) -> bool {
        self.items.load(Ordering::Relaxed) >= ITEMS_MAX
            || self.bytes.load(Ordering::Relaxed) >= BYTES_MAX
    }

    pub(super) fn hold(self: &Arc<Self>, value_bytes: usize) -> Held {
        let bytes = value_bytes + ANSWER_BYTES;
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.shown.inc();
        Held {
            waits: Arc::clone(self),
            bytes,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.waits.items.fetch_sub(1, Ordering::Relaxed);
        self.waits.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.waits.shown.dec();
    }
}

/// Who gets an answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// A room.
    Room {
        room: RoomHandle,
        operation: OperationId,
        number: u64,
    },
    /// Somebody who waits for just this.
    Reader(oneshot::Sender<Outcome>),
}

impl Reply {
    pub(super) fn send(self, outcome: Outcome, held: Held) {
        match self {
            Self::Room {
                room,
                operation,
                number,
            } => {
                let answer = wit::KvAnswer {
                    operation: number,
                    outcome: outcome.into_wit(),
                };
                room.post_stored(RoomInput::Stored { operation, answer }, held);
            }
            Self::Reader(reader) => {
                // Whoever asked may have gone.
                let _ = reader.send(outcome);
            }
        }
    }
}
