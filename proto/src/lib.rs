//! Parlor's wire protocol: the frames, the value model of payloads, and three encodings of both. No I/O, no clock, and
//! no opinion about what a session or a room does with a frame; `SPEC.md` beside this crate says that.
//!
//! - [`ClientFrame`] and [`ServerFrame`] are what is said; [`Subprotocol`] turns them into messages and back.
//! - [`Payload`] is one value that a client or a plugin chose. It is kept as canonical MessagePack, checked once when it
//!   enters, and transcoded as a stream: no tree of values is built on the way through the server.
//! - [`State`] is a payload that changes: it has a hash, and patches lead from one to the next. [`ViewCopies`] are a
//!   client's end of that.
//! - [`ErrorCode`] and [`CloseCode`] are all the codes there are.
//!
//! Whatever comes in is taken as hostile: nothing is allocated by a declared length, nesting ends at [`DEPTH_MAX`], and
//! errors say what was wrong and where.

mod builder;
mod close;
mod codec;
mod error;
mod fields;
mod frames;
mod json;
mod msgpack;
mod payload;
mod pb;
mod proto_value;
mod scratch;
mod state;
mod table;
mod value;

pub use builder::DEPTH_MAX;
pub use close::CloseCode;
pub use codec::Subprotocol;
pub use error::{ErrorCode, FieldProblem, FrameError, ValueError, ValueFault};
pub use frames::{
    ClientFrame, Create, Durability, Member, Position, ResumedRoom, Seat, ServerFrame, Visibility,
    WireLimits, client, server,
};
pub use payload::Payload;
pub use state::{CopyFault, PatchError, PatchFault, State, ViewCopies, ViewCopy, ViewFault};
pub use value::Value;

/// The largest protocol number (ids, epochs, sequence numbers, ticks, times): 2^53 - 1, which JSON readers keep exactly.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;
