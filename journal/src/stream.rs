//! Streams and their frames.

use std::fmt;

use bytes::Bytes;

/// The longest name of a stream.
pub const NAME_BYTES_MAX: usize = 128;

/// What a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamKind {
    /// A room; named by its stream number.
    Room = 1,
    /// A session; named by its id.
    Session = 2,
    /// What a plugin stores; named like the plugin.
    Storage = 3,
}

impl StreamKind {
    pub(crate) const ALL: [Self; 3] = [Self::Room, Self::Session, Self::Storage];
}

/// The name of a stream.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// What it belongs to.
    pub kind: StreamKind,
    /// At most [`NAME_BYTES_MAX`] bytes.
    pub name: Box<[u8]>,
}

impl StreamId {
    /// A stream of this kind and name.
    ///
    /// # Panics
    /// If the name is longer than [`NAME_BYTES_MAX`].
    pub fn new(kind: StreamKind, name: impl Into<Box<[u8]>>) -> Self {
        let name = name.into();
        assert!(
            name.len() <= NAME_BYTES_MAX,
            "a stream's name has at most {NAME_BYTES_MAX} bytes"
        );
        Self { kind, name }
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `room:0000…002a`, `storage:chat`: names that are not plain text are shown in hexadecimal.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StreamKind::Room => "room:",
            StreamKind::Session => "session:",
            StreamKind::Storage => "storage:",
        })?;
        match str::from_utf8(&self.name) {
            Ok(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                f.write_str(text)
            }
            _ => self
                .name
                .iter()
                .try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// What a frame says about its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// The next thing that happened. Numbered from 1, without holes; a number that was there already takes the place of
    /// that record and of all behind it.
    Record,
    /// The state after the record of that number; 0 is before the first.
    Snapshot,
    /// The stream is over, and all of it may go.
    End,
}

/// One entry of a stream.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// What it says.
    pub kind: FrameKind,
    /// The number of a record, or of the last record in a snapshot; no meaning for an end.
    pub seq: u64,
    /// At most [`crate::PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Bytes,
}

impl Frame {
    /// Says that a stream is over.
    pub fn end(stream: StreamId) -> Self {
        Self {
            stream,
            kind: FrameKind::End,
            seq: 0,
            payload: Bytes::new(),
        }
    }
}
