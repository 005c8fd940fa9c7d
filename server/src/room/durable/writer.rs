//! What a live room writes to the journal, and in which order.

use std::sync::Arc;

use bytes::Bytes;
use parlor_journal::{Frame, FrameKind, Journal, Lsn, StreamId};
use tokio::sync::Notify;

use super::format::{self, Batches};
use super::record::BatchRecord;
use super::snapshot::Snapshot;

/// So many quiet ticks are gathered until they are written by themselves.
const QUIET_MAX: usize = 64;

/// A room's end of the journal.
#[derive(Debug)]
pub(crate) struct Writer {
    journal: Journal,
    stream: StreamId,
    /// The number of the last record.
    seq: u64,
    /// The batches of the next record, in the form that they are written in. All but the last are ticks of which nobody
    /// noticed anything: if they are lost, nobody notices either.
    batches: Batches,
    /// Told when something that was written is durable.
    committed: Arc<Notify>,
}

impl Writer {
    /// Goes on behind record `seq`.
    pub(crate) fn new(journal: Journal, stream: StreamId, seq: u64) -> Self {
        Self {
            journal,
            stream,
            seq,
            batches: Batches::default(),
            committed: Arc::new(Notify::new()),
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Waits until more may be durable.
    pub(crate) fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Writes a batch, or keeps it for the next record if nobody can notice anything of it. `Some` if what comes of the
    /// batch waits for this.
    pub(crate) fn record(&mut self, batch: &BatchRecord<'_>, is_quiet: bool) -> Option<Lsn> {
        self.batches.add(batch);
        (!is_quiet || self.batches.count() >= QUIET_MAX).then(|| self.write_record())
    }

    /// Writes down the room as it is now.
    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) -> Lsn {
        if self.batches.count() > 0 {
            // Also a room that goes on from the snapshot before must come by here.
            self.write_record();
        }
        self.append(FrameKind::Snapshot, format::encode(snapshot))
    }

    /// Writes down a room of which only snapshots are kept.
    pub(crate) fn snapshot_alone(&mut self, snapshot: &Snapshot) -> Lsn {
        self.seq += 1;
        self.append(FrameKind::Snapshot, format::encode(snapshot))
    }

    /// The room is no more.
    pub(crate) fn end(&mut self) -> Lsn {
        self.append(FrameKind::End, Bytes::new())
    }

    /// Waits until all that was written is durable, or the disk fails.
    pub(crate) async fn settle(&self, lsn: Lsn) {
        while self.journal.durable() < lsn {
            self.committed.notified().await;
        }
    }

    fn write_record(&mut self) -> Lsn {
        self.seq += 1;
        let payload = self.batches.take();
        self.append(FrameKind::Record, payload)
    }

    fn append(&self, kind: FrameKind, payload: Bytes) -> Lsn {
        let frame = Frame {
            stream: self.stream.clone(),
            kind,
            seq: self.seq,
            payload,
        };
        self.journal.append(frame, Some(&self.committed))
    }
}
