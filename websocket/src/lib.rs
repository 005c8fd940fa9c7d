//! The server's end of a WebSocket, as RFC 6455 has it, with every resource of a connection bounded: the bytes and the
//! fragments of a message and the time it may take, the answers to pings, what is held in memory for a client that does
//! not read, and the wait at the end.
//!
//! [`Decoder`] is the protocol without I/O: bytes in, messages out. [`WebSocket`] is a decoder and a stream. Neither
//! knows what the messages say, and the opening handshake is over before either begins.
//!
//! There are no extensions: a frame with a reserved bit is refused.

mod deadline;
mod decoder;
mod frame;
mod outbound;
mod socket;
mod utf8;

pub use decoder::{Bounds, Decoder, Item, Kind, Violation};
pub use socket::{Inbound, Timeouts, WebSocket, WriteError};
