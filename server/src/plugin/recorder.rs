//! The flight recorder: a room's last saved state and the batches it ran since, in memory and bounded. It is what a
//! failed instance is rebuilt from.

use bytes::Bytes;

use super::wit;

/// Batches beyond this many bytes call for a new save.
pub(super) const BATCH_BYTES_MAX: usize = 256 << 10;
/// What an event weighs beside its payload.
const EVENT_BYTES: usize = 64;

/// A saved state and what was run on it since.
#[derive(Debug)]
pub(super) struct FlightRecorder {
    saved: Bytes,
    batches: Vec<wit::Batch>,
    bytes: usize,
    /// So many batches call for a new save.
    batches_max: usize,
}

impl FlightRecorder {
    pub(super) fn new(saved: Bytes) -> Self {
        Self {
            saved,
            batches: Vec::new(),
            bytes: 0,
            batches_max: usize::MAX,
        }
    }

    /// Begins again from a new save. Gives the save before it, and the batches that lie between the two.
    pub(super) fn restart(&mut self, saved: Bytes) -> (Bytes, Vec<wit::Batch>) {
        self.bytes = 0;
        let before = std::mem::replace(&mut self.saved, saved);
        (before, std::mem::take(&mut self.batches))
    }

    /// Asks for a save after so many batches at the latest.
    pub(super) fn save_after(&mut self, batches_max: usize) {
        self.batches_max = batches_max;
    }

    /// Remembers a batch that was run.
    pub(super) fn record(&mut self, batch: wit::Batch) {
        self.bytes += weight(&batch);
        self.batches.push(batch);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes > BATCH_BYTES_MAX || self.batches.len() >= self.batches_max
    }

    pub(super) fn saved(&self) -> &Bytes {
        &self.saved
    }

    pub(super) fn batches(&self) -> &[wit::Batch] {
        &self.batches
    }
}

fn weight(batch: &wit::Batch) -> usize {
    batch
        .events
        .iter()
        .map(|event| EVENT_BYTES + event.payload_bytes())
        .sum::<usize>()
        + EVENT_BYTES
}
