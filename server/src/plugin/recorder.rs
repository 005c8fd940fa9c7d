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
}

impl FlightRecorder {
    pub(super) fn new(saved: Bytes) -> Self {
        Self {
            saved,
            batches: Vec::new(),
            bytes: 0,
        }
    }

    /// Remembers a batch that was run.
    pub(super) fn record(&mut self, batch: wit::Batch) {
        self.bytes += weight(&batch);
        self.batches.push(batch);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes > BATCH_BYTES_MAX
    }

    pub(super) fn saved(&self) -> &[u8] {
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
        .map(|event| {
            EVENT_BYTES
                + match event {
                    wit::Event::Message(message) => message.payload.len(),
                    wit::Event::Signal(signal) => signal.payload.len(),
                    _ => 0,
                }
        })
        .sum::<usize>()
        + EVENT_BYTES
}
