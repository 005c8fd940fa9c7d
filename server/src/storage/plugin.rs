//! One plugin's storage and its stream in the journal.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parlor_journal::{Frame, FrameKind, Journal, Lsn, StreamData, StreamId, StreamKind};
use tokio::sync::Notify;

use super::keys::Keys;
use super::record::{OperationId, Outcome, Record, Snapshot, decode, encode};
use super::waiting::{Held, Reply};
use crate::config::StorageLimits;
use crate::plugin::wit;
use crate::telemetry::StorageSize;

/// Records of at least so many bytes call for a snapshot, if what is stored does not take more.
const SNAPSHOT_BYTES: usize = 256 << 10;

/// One plugin's storage.
#[derive(Debug)]
pub(super) struct Plugin {
    stream: StreamId,
    pub(super) keys: Keys,
    size: StorageSize,
    /// The number of the last record.
    seq: u64,
    /// What the records since the last snapshot take.
    record_bytes: usize,
    /// The last frame of the stream; what is read now is true once this is durable.
    last: Lsn,
    /// Answers to what is not durable yet, in the order in which was asked.
    waiting: VecDeque<Waiting>,
}

/// An answer and when it may be given.
#[derive(Debug)]
struct Waiting {
    after: Lsn,
    outcome: Outcome,
    reply: Reply,
    held: Held,
}

/// What is lost of a stream.
#[derive(Debug)]
pub(super) struct Damage {
    first_lost: u64,
    last_seen: u64,
    why: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            first_lost,
            last_seen,
            why,
        } = self;
        write!(f, "records {first_lost} to {last_seen} are lost: {why}")
    }
}

impl Plugin {
    pub(super) fn new(name: &str, size: StorageSize) -> Self {
        let stream = StreamId {
            kind: StreamKind::Storage,
            name: name.as_bytes().into(),
        };
        Self::with(stream, Keys::default(), 0, size)
    }

    fn with(stream: StreamId, keys: Keys, seq: u64, size: StorageSize) -> Self {
        size.set(keys.count(), keys.bytes());
        Self {
            stream,
            keys,
            size,
            seq,
            record_bytes: 0,
            last: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Brings back what the journal holds. Behind damage the stream begins anew with a snapshot of what was before it.
    pub(super) fn recover(
        stream: StreamId,
        journal: &Journal,
        size: StorageSize,
    ) -> (Self, Option<Damage>) {
        let (keys, seq, damage) = match journal.read(&stream) {
            Ok(data) => read(&data),
            Err(error) => {
                let damage = Damage {
                    first_lost: 1,
                    last_seen: 0,
                    why: error.to_string(),
                };
                (Keys::default(), 0, Some(damage))
            }
        };
        let mut plugin = Self::with(stream, keys, seq, size);
        if damage.is_some() {
            plugin.write_snapshot(journal);
        }
        (plugin, damage)
    }

    /// Runs an operation, and has what it did written down.
    pub(super) fn run(
        &mut self,
        kept_as: Option<OperationId>,
        request: wit::KvRequest,
        limits: &StorageLimits,
        journal: &Journal,
        committed: &Arc<Notify>,
    ) -> Outcome {
        let (outcome, record) = self.keys.execute(kept_as, request, limits);
        if let Some(record) = record {
            self.size.set(self.keys.count(), self.keys.bytes());
            self.write_record(&record, journal, committed);
            if self.record_bytes > SNAPSHOT_BYTES.max(self.keys.bytes()) {
                self.write_snapshot(journal);
            }
        }
        outcome
    }

    /// Whether all that can be seen of it is durable.
    pub(super) fn is_durable(&self, durable: Lsn) -> bool {
        self.last <= durable
    }

    /// Gives an answer as soon as all that it may tell of is durable.
    pub(super) fn reply_when_durable(
        &mut self,
        reply: Reply,
        outcome: Outcome,
        held: Held,
        durable: Lsn,
    ) {
        // Not before those who asked earlier.
        if self.is_durable(durable) && self.waiting.is_empty() {
            return reply.send(outcome, held);
        }
        self.waiting.push_back(Waiting {
            after: self.last,
            outcome,
            reply,
            held,
        });
    }

    /// Gives the answers that waited for what is durable now.
    pub(super) fn answer_up_to(&mut self, durable: Lsn) {
        while self.waiting.front().is_some_and(|it| it.after <= durable) {
            if let Some(ready) = self.waiting.pop_front() {
                ready.reply.send(ready.outcome, ready.held);
            }
        }
    }

    fn write_record(&mut self, record: &Record, journal: &Journal, committed: &Arc<Notify>) {
        let payload = encode(record);
        self.seq += 1;
        self.record_bytes += payload.len();
        self.last = journal.append(
            Frame {
                stream: self.stream.clone(),
                kind: FrameKind::Record,
                seq: self.seq,
                payload,
            },
            Some(committed),
        );
    }

    /// Says again what the records say, which is why nobody need wait for it.
    fn write_snapshot(&mut self, journal: &Journal) {
        self.record_bytes = 0;
        journal.append(
            Frame {
                stream: self.stream.clone(),
                kind: FrameKind::Snapshot,
                seq: self.seq,
                payload: encode(&self.keys.snapshot()),
            },
            None,
        );
    }
}

/// The state that a stream leads to, the number to go on from, and what is lost of it.
fn read(data: &StreamData) -> (Keys, u64, Option<Damage>) {
    let mut unreadable = None;
    let (mut keys, mut seq) = (Keys::default(), 0);
    for (at, payload) in &data.snapshots {
        match decode::<Snapshot>(payload) {
            Ok(snapshot) => {
                (keys, seq) = (Keys::of(snapshot), *at);
                unreadable = None;
                break;
            }
            // An older one and the records since say the same, where there is one.
            Err(error) => {
                tracing::warn!(at, %error, "a snapshot of a plugin's storage is unreadable");
                unreadable = Some(format!("no snapshot can be read: {error}"));
            }
        }
    }
    let base = seq;
    for (at, payload) in data.records.iter().filter(|(at, _)| *at > base) {
        unreadable = match decode::<Record>(payload) {
            Ok(record) if *at == seq + 1 => {
                keys.apply(&record);
                seq = *at;
                None
            }
            Ok(_) => unreadable.or_else(|| Some("the record before is missing".to_owned())),
            Err(error) => Some(format!("a record cannot be read: {error}")),
        };
        if unreadable.is_some() {
            break;
        }
    }
    let dropped = data.dropped.as_ref();
    let why = unreadable.or_else(|| dropped.map(|_| "the journal has a hole".to_owned()));
    let Some(why) = why else {
        return (keys, seq, None);
    };
    let numbers = data.snapshots.iter().chain(&data.records).map(|it| it.0);
    let last_seen = numbers.chain(dropped.map(|it| it.last_seen)).max();
    let damage = Damage {
        first_lost: seq + 1,
        last_seen: last_seen.unwrap_or(seq),
        why,
    };
    (keys, damage.last_seen, Some(damage))
}
