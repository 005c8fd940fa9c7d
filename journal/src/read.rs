//! What a stream says: its snapshots and records, read from the disk and checked once more.

use std::io;

use bytes::Bytes;

use crate::{
    index::{Location, Stream},
    stream::{FrameKind, StreamId},
};

/// All of a stream that can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamData {
    /// With the number of the record they come after, newest first.
    pub snapshots: Vec<(u64, Bytes)>,
    /// Rising and without holes, from the oldest snapshot on; from 1 if there is no snapshot.
    pub records: Vec<(u64, Bytes)>,
    /// There was more, which is lost or of no use.
    pub dropped: Option<Dropped>,
}

/// Records that cannot be used, since one before them is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The first that is missing.
    pub first_missing: u64,
    /// The last one there is a trace of.
    pub last_seen: u64,
}

/// Why a stream could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none, or it has ended.
    #[error("there is no stream {0}")]
    Missing(StreamId),
    /// The disk did not answer.
    #[error("read stream {stream}: {source}")]
    Io {
        /// Of which stream.
        stream: StreamId,
        /// What the disk said.
        source: io::Error,
    },
}

/// Brings one frame from wherever it is; `None` if it is not as it was written.
pub(crate) type Fetch<'a> = dyn FnMut(FrameKind, u64, Location) -> io::Result<Option<Bytes>> + 'a;

/// Everything of a stream that can be used.
pub(crate) fn load(stream: &Stream, fetch: &mut Fetch<'_>) -> io::Result<StreamData> {
    let mut data = StreamData {
        dropped: stream.dropped,
        ..StreamData::default()
    };
    data.snapshots = snapshots(stream, fetch)?;
    let end = stream.next_seq();
    let last_seen = data.dropped.map_or(end.saturating_sub(1), |dropped| {
        dropped.last_seen.max(end.saturating_sub(1))
    });
    // Where to begin: behind the oldest snapshot from which the records go on without a hole.
    let newest = data.snapshots.first().map(|(seq, _)| *seq);
    let is_beginning_lost = |(seq, _): &(u64, Location)| *seq == 0;
    let mut next = match newest {
        None if stream.snapshots.iter().any(is_beginning_lost)
            || data.dropped.is_some_and(|it| it.first_missing == 0) =>
        {
            data.dropped = Some(Dropped {
                first_missing: 0,
                last_seen,
            });
            return Ok(data);
        }
        None if stream.first_seq == 1 => 1,
        None => {
            data.dropped = Some(data.dropped.unwrap_or(Dropped {
                first_missing: 1,
                last_seen,
            }));
            return Ok(data);
        }
        Some(newest) if newest.saturating_add(1) < stream.first_seq => {
            data.snapshots.truncate(1);
            data.dropped = Some(Dropped {
                first_missing: newest.saturating_add(1),
                last_seen,
            });
            return Ok(data);
        }
        Some(_) => {
            data.snapshots
                .retain(|(seq, _)| seq.saturating_add(1) >= stream.first_seq);
            data.snapshots
                .last()
                .map_or(1, |(seq, _)| seq.saturating_add(1))
        }
    };
    while next < end {
        let at = usize::try_from(next - stream.first_seq).unwrap_or(usize::MAX);
        let Some(&location) = stream.records.get(at) else {
            break;
        };
        if let Some(payload) = fetch(FrameKind::Record, next, location)? {
            data.records.push((next, payload));
            next += 1;
        } else if newest.is_some_and(|newest| newest >= next) {
            // Only history is lost: the newer snapshots stand for it.
            data.snapshots.retain(|(seq, _)| *seq >= next);
            data.records.clear();
            next = data
                .snapshots
                .last()
                .map_or(next, |(seq, _)| seq.saturating_add(1));
        } else {
            data.dropped = Some(Dropped {
                first_missing: next,
                last_seen,
            });
            break;
        }
    }
    Ok(data)
}

/// The snapshots that are as they were written, newest first.
fn snapshots(stream: &Stream, fetch: &mut Fetch<'_>) -> io::Result<Vec<(u64, Bytes)>> {
    let mut found = Vec::new();
    for &(seq, location) in stream.snapshots.iter().rev() {
        if let Some(payload) = fetch(FrameKind::Snapshot, seq, location)? {
            found.push((seq, payload));
        }
    }
    Ok(found)
}
