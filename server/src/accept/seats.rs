//! How many connections there may be: in all, and on their way to a first request. Newcomers beyond that get one of a
//! few seats at which they are only told so; left in the kernel's queue, they would wait and learn nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::config::DoorLimits;

/// The seats of one listener.
#[derive(Debug)]
pub(super) struct Seats {
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
}

/// Held by a connection for as long as it lives, also as a WebSocket.
#[derive(Debug)]
pub(super) struct Seat {
    _permit: OwnedSemaphorePermit,
    is_in_handshake: AtomicBool,
    /// Until the first request is there; a seat of the reserve has none.
    handshake: Mutex<Option<OwnedSemaphorePermit>>,
    /// Why this is a seat of the reserve, where it is one.
    pub(super) refusal: Option<Refusal>,
}

impl Seats {
    pub(super) fn new(limits: &DoorLimits) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self {
            connections: semaphore(limits.connections_max),
            handshakes: semaphore(limits.handshakes_max),
            reserve: semaphore(limits.full_answers_max),
        }
    }

    /// A seat, if only one of the reserve; why not even that, where there is none.
    pub(super) fn take(&self) -> Result<Seat, Refusal> {
        let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() else {
            return self.reserved(Refusal::Full);
        };
        let Ok(handshake) = Arc::clone(&self.handshakes).try_acquire_owned() else {
            return self.reserved(Refusal::HandshakesFull);
        };
        Ok(Seat {
            _permit: permit,
            is_in_handshake: AtomicBool::new(true),
            handshake: Mutex::new(Some(handshake)),
            refusal: None,
        })
    }

    fn reserved(&self, refusal: Refusal) -> Result<Seat, Refusal> {
        let permit = Arc::clone(&self.reserve).try_acquire_owned();
        Ok(Seat {
            _permit: permit.map_err(|_| refusal)?,
            is_in_handshake: AtomicBool::new(true),
            handshake: Mutex::new(None),
            refusal: Some(refusal),
        })
    }
}

impl Seat {
    /// The first request is there.
    pub(super) fn end_handshake(&self) {
        self.is_in_handshake.store(false, Ordering::Relaxed);
        let mut handshake = self
            .handshake
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        handshake.take();
    }

    /// Whether the first request is still on its way.
    pub(super) fn is_in_handshake(&self) -> bool {
        self.is_in_handshake.load(Ordering::Relaxed)
    }
}
