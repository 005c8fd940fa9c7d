//! A client's end of a WebSocket, as little as will do for a load: frames are read where they lie, and written once.

mod frame;
mod handshake;
mod http;
mod outbound;

pub(crate) use frame::{Frame, read};
pub(crate) use handshake::{Request, open};
pub(crate) use http::{Post, post};
pub(crate) use outbound::Outbound;
