//! Rooms that outlive the server. A room is a pure function of its journal: the records of its batches, behind a snapshot
//! of where they begin. `record` and `snapshot` are what is written, `writer` is what a live room writes with, `replay`
//! is how a room comes back.

pub(crate) mod again;
mod format;
mod record;
mod replay;
mod snapshot;
mod writer;

pub(crate) use format::{FormatError, decode};
pub(crate) use record::{BatchRecord, Change, EventRecord, MemberNote};
pub(super) use replay::{Means, Recovered, recover};
pub(crate) use snapshot::{BadNote, IdentityNote, Snapshot, StoredRoom, frame_bytes, frame_from};
pub(super) use writer::Writer;

use parlor_journal::{StreamId, StreamKind};

/// The stream of a room, by the number it was given when it was made.
pub(crate) fn stream_of(number: u64) -> StreamId {
    StreamId {
        kind: StreamKind::Room,
        name: number.to_be_bytes().into(),
    }
}

/// The number of a room's stream.
pub(crate) fn number_of(stream: &StreamId) -> Option<u64> {
    let bytes = <[u8; 8]>::try_from(&*stream.name).ok()?;
    Some(u64::from_be_bytes(bytes))
}
