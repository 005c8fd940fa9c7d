//! One append-only log for everything durable of a node.
//!
//! It knows bytes and streams: no rooms, no wasm, no sockets. Whoever appends a frame is told when it is durable; one sync
//! of the disk commits what all streams wrote meanwhile. What was durable is read back byte for byte, in order. What was
//! not is there as far as it came, or not at all. Damage is never read as something else: it is skipped, and reported.
//!
//! What cannot be known: a newest segment that was cut exactly behind a group (or emptied, or removed) looks like one to
//! which nothing more was written. Everything else that gets lost is in [`OpenReport`] or [`StreamData::dropped`].

mod commit;
mod compaction;
mod disk;
mod format;
mod head;
mod index;
mod inspect;
mod journal;
mod open;
mod options;
mod pacing;
mod read;
mod recording;
mod scan;
mod stats;
mod stream;
#[doc(hidden)]
pub mod testing;

pub use disk::{Disk, DiskFile, RealDisk};
pub use format::PAYLOAD_BYTES_MAX;
pub use inspect::{InspectError, Reader, inspect};
pub use journal::{Health, Journal, Lsn};
pub use open::{Damage, OpenError, OpenReport};
pub use options::{Hooks, Options, SyncPolicy};
pub use pacing::Pacing;
pub use read::{Dropped, ReadError, StreamData};
pub use recording::{RecordingError, read_recording, write_recording};
pub use stats::Stats;
pub use stream::{Frame, FrameKind, NAME_BYTES_MAX, StreamId, StreamKind};
