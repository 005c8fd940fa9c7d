//! The flight recorder: a room's last saved state and the batches it ran since, in memory and bounded. It is what a
//! failed instance is rebuilt from, and what another version is tried on.

use std::time::Duration;

use bytes::Bytes;

use super::effect::{self, Action, Effect};
use super::outstanding::{self, Outstanding};
use super::wit;

/// Batches beyond this many bytes call for a new save.
pub(super) const BATCH_BYTES_MAX: usize = 256 << 10;
/// And beyond this many where a save is small, and nobody waits for it: what is kept of thousands of rooms is better small
/// enough to stay in the processor's cache.
const BATCH_BYTES_MIN: usize = 16 << 10;
/// A save costs about as much as its bytes, which is little beside batches of so many times as many.
const BATCH_BYTES_PER_SAVED: usize = 16;
/// What an event weighs beside its payload.
const EVENT_BYTES: usize = 64;

/// Where a recording begins.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// The version of what was saved.
    pub(super) schema: u32,
    pub(super) saved: Bytes,
    /// What the plugin had asked for by then.
    pub(super) outstanding: Outstanding,
    /// The highest member id that it had been told of.
    pub(super) last_member: u32,
}

/// A batch that was run, and what is to be known of how that went.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) batch: wit::Batch,
    /// The members whose joins it refused.
    pub(super) rejected: Vec<u32>,
    /// The storage operations that it asked for.
    pub(super) asked: Vec<(u64, u64)>,
    pub(super) cost: Duration,
    /// What it sent, replied and published.
    pub(super) output_bytes: usize,
}

impl Recorded {
    pub(super) fn new(batch: wit::Batch, effects: &[Effect], cost: Duration) -> Self {
        let rejected = effects.iter().filter_map(|effect| match effect.action {
            Action::Reject(_) => match &batch.events[effect.cause?] {
                wit::Event::Joined(member) => Some(member.id),
                _ => None,
            },
            _ => None,
        });
        Self {
            rejected: rejected.collect(),
            asked: outstanding::asked(effects),
            cost,
            output_bytes: effect::bytes(effects),
            batch,
        }
    }
}

/// A saved state and what was run on it since.
#[derive(Debug)]
pub(super) struct FlightRecorder {
    start: Start,
    batches: Vec<Recorded>,
    bytes: usize,
    /// Whether each save is written down, which costs more than what it spares here.
    is_written: bool,
    /// So many batches call for a new save.
    batches_max: usize,
    /// The same for the save that comes next, which is the first one's own.
    next_batches_max: usize,
}

impl FlightRecorder {
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            batches: Vec::new(),
            bytes: 0,
            is_written: false,
            batches_max: usize::MAX,
            next_batches_max: usize::MAX,
        }
    }

    /// Begins again from a new save. Gives where it began before, and the batches that lie between the two.
    pub(super) fn restart(&mut self, start: Start) -> (Start, Vec<Recorded>) {
        self.bytes = 0;
        self.next_batches_max = self.batches_max;
        let before = std::mem::replace(&mut self.start, start);
        (before, std::mem::take(&mut self.batches))
    }

    /// Asks for a save, which is written down, after so many batches at the latest. By `chance` the first comes up to half as much earlier: rooms
    /// that were opened together would all save at the same moment else, again and again.
    pub(super) fn save_after(&mut self, batches_max: usize, chance: u64) {
        self.is_written = true;
        self.batches_max = batches_max;
        let earlier = usize::try_from(chance).unwrap_or(0) % (batches_max / 2).max(1);
        self.next_batches_max = batches_max - earlier;
    }

    /// Remembers a batch that was run.
    pub(super) fn record(&mut self, recorded: Recorded) {
        self.bytes += weight(&recorded.batch);
        self.batches.push(recorded);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes > self.bytes_max() || self.batches.len() >= self.next_batches_max
    }

    fn bytes_max(&self) -> usize {
        if self.is_written {
            return BATCH_BYTES_MAX;
        }
        let worth = self.start.saved.len() * BATCH_BYTES_PER_SAVED;
        worth.clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX)
    }

    /// Whether it holds as many bytes as it may.
    pub(super) fn is_large(&self) -> bool {
        self.bytes > BATCH_BYTES_MAX
    }

    pub(super) fn start(&self) -> &Start {
        &self.start
    }

    pub(super) fn batches(&self) -> &[Recorded] {
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
