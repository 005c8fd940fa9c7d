//! The flight recorder: a room's last saved state and the batches it ran since, in memory and bounded. It is what a
//! failed instance is rebuilt from, and what another version is tried on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::effect::{self, Action, Effect};
use super::outstanding::{self, Outstanding};
use super::wit;

/// Batches beyond this many bytes call for a new save, and for one that is written down if any is.
pub(super) const BATCH_BYTES_MAX: usize = 256 << 10;
/// And beyond this many where a save is small: what is kept of thousands of rooms is better small enough to stay in the
/// processor's cache.
const BATCH_BYTES_MIN: usize = 16 << 10;
/// A save costs about as much as its bytes, which is little beside batches of so many times as many.
const BATCH_BYTES_PER_SAVED: usize = 16;
/// What an event weighs beside its payload.
const EVENT_BYTES: usize = 64;
/// What a batch takes here beside what it weighs: a room that only ticks has nothing else.
const RECORD_BYTES: usize =
    size_of::<Recorded>() + size_of::<wit::Batch>() + size_of::<wit::Event>();

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
    pub(super) batch: Arc<wit::Batch>,
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
            batch: Arc::new(batch),
        }
    }
}

/// A saved state and what was run on it since.
#[derive(Debug)]
pub(super) struct FlightRecorder {
    start: Start,
    batches: Vec<Recorded>,
    bytes: usize,
    /// `None` if no save is written down.
    unwritten: Option<Unwritten>,
}

/// What was run since a save was last written down, which costs more than a save that is only kept here.
#[derive(Debug)]
struct Unwritten {
    batches: usize,
    bytes: usize,
    /// So many batches call for the next.
    batches_max: usize,
    /// The same for the one that comes next, which is the first one's own.
    next_batches_max: usize,
}

impl Unwritten {
    fn is_too_much(&self) -> bool {
        self.batches >= self.next_batches_max || self.bytes > BATCH_BYTES_MAX
    }
}

impl FlightRecorder {
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            batches: Vec::new(),
            bytes: 0,
            unwritten: None,
        }
    }

    /// Begins again from a new save. Gives where it began before, and the batches that lie between the two.
    pub(super) fn restart(&mut self, start: Start) -> (Start, Vec<Recorded>) {
        self.bytes = 0;
        let before = std::mem::replace(&mut self.start, start);
        (before, std::mem::take(&mut self.batches))
    }

    /// Asks for a save that is written down after so many batches at the latest. By `chance` the first comes up to half as
    /// much earlier: rooms that were opened together would all save at the same moment else, again and again.
    pub(super) fn write_after(&mut self, batches_max: usize, chance: u64) {
        let earlier = usize::try_from(chance).unwrap_or(0) % (batches_max / 2).max(1);
        self.unwritten = Some(Unwritten {
            batches: 0,
            bytes: 0,
            batches_max,
            next_batches_max: batches_max - earlier,
        });
    }

    /// Remembers a batch that was run.
    pub(super) fn record(&mut self, recorded: Recorded) {
        let bytes = weight(&recorded.batch);
        self.bytes += bytes + RECORD_BYTES;
        self.batches.push(recorded);
        if let Some(unwritten) = &mut self.unwritten {
            unwritten.batches += 1;
            unwritten.bytes += bytes;
        }
    }

    /// Whether it is time for a new save.
    pub(super) fn is_full(&self) -> bool {
        let worth = self.start.saved.len() * BATCH_BYTES_PER_SAVED;
        let bytes_max = worth.clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX);
        self.bytes > bytes_max || self.is_overdue()
    }

    /// Whether no save can be put off any more.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_large() || self.unwritten.as_ref().is_some_and(Unwritten::is_too_much)
    }

    /// Whether a save that was just taken is to be written down. If so, what comes from here on counts for the next.
    pub(super) fn take_is_to_be_written(&mut self) -> bool {
        let Some(unwritten) = self.unwritten.as_mut().filter(|it| it.is_too_much()) else {
            return false;
        };
        unwritten.batches = 0;
        unwritten.bytes = 0;
        unwritten.next_batches_max = unwritten.batches_max;
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(saved_bytes: usize) -> FlightRecorder {
        FlightRecorder::new(start(saved_bytes))
    }

    fn start(saved_bytes: usize) -> Start {
        Start {
            schema: 1,
            saved: vec![0; saved_bytes].into(),
            outstanding: Outstanding::default(),
            last_member: 0,
        }
    }

    /// Records batches of this weight until a save is due. How many that took.
    fn fill(recorder: &mut FlightRecorder, weight: usize) -> usize {
        let batch = || wit::Batch {
            step: 1,
            first_event: 1,
            tick: 0,
            now_ms: 0,
            seed: 0,
            events: vec![wit::Event::Message(wit::Message {
                member: 1,
                payload: vec![0; weight - 2 * EVENT_BYTES - RECORD_BYTES],
                id: None,
            })],
        };
        let mut count = 0;
        while !recorder.is_full() {
            recorder.record(Recorded::new(batch(), &[], Duration::ZERO));
            count += 1;
        }
        count
    }

    #[test]
    fn a_save_is_due_sooner_where_it_is_small() {
        assert_eq!(fill(&mut recorder(100), 1 << 10), 17);
        assert_eq!(fill(&mut recorder(4 << 10), 1 << 10), 65);
        assert_eq!(fill(&mut recorder(1 << 20), 1 << 10), 257);
    }

    #[test]
    fn not_every_save_is_written_down() {
        let mut recorder = recorder(100);
        recorder.write_after(40, 10);
        let mut written = Vec::new();
        for _ in 0..7 {
            let count = fill(&mut recorder, 1 << 10);
            written.push((count, recorder.take_is_to_be_written()));
            recorder.restart(start(100));
        }
        // The first of them comes earlier by chance, after 30 batches; all others are 40 batches apart.
        let kept = (17, false);
        assert_eq!(written[..3], [kept, (13, true), kept]);
        assert_eq!(written[3..], [kept, (6, true), kept, kept]);
    }

    #[test]
    fn what_is_not_written_down_is_bounded_in_bytes_too() {
        let mut recorder = recorder(100);
        recorder.write_after(usize::MAX, 0);
        let mut kept = 0;
        loop {
            fill(&mut recorder, 1 << 10);
            if recorder.take_is_to_be_written() {
                break;
            }
            kept += 1;
            recorder.restart(start(100));
        }
        // What is written down has no need of what a batch takes here.
        assert_eq!(kept, BATCH_BYTES_MAX / (17 * ((1 << 10) - RECORD_BYTES)));
    }
}
