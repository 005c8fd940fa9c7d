//! The three encodings of a frame.
//!
//! JSON and MessagePack are the same thing twice: a message becomes the canonical MessagePack of one map, from which
//! the fields are read. So they cannot differ in what they accept.

use bytes::Bytes;
use prost::Message as _;

use crate::{
    ClientFrame, FrameError, ServerFrame, ValueError,
    builder::Builder,
    error::ErrorCode,
    fields::{Cursor, JsonWriter, MsgpackWriter},
    json, msgpack, scratch,
};

/// An encoding, as the client chose it in the WebSocket handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subprotocol {
    /// JSON in text messages.
    Json,
    /// MessagePack in binary messages.
    Binary,
    /// Protobuf in binary messages.
    Proto,
}

impl Subprotocol {
    /// All of them, by [`index`](Self::index).
    pub const ALL: [Self; 3] = [Self::Json, Self::Binary, Self::Proto];

    /// The name in the handshake.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "v1.json",
            Self::Binary => "v1.binary",
            Self::Proto => "v2.proto",
        }
    }

    /// The subprotocol of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|subprotocol| subprotocol.name() == name)
    }

    /// Whether its messages are WebSocket text messages.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Json)
    }

    /// Its place in [`ALL`](Self::ALL), for tables with one entry per encoding.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Reads a message from a client.
    pub fn decode_client(self, message: &[u8]) -> Result<ClientFrame, FrameError> {
        match self {
            Self::Json | Self::Binary => self.read_map(message, ClientFrame::from_map),
            Self::Proto => ClientFrame::from_proto(self.parse(message)?),
        }
    }

    /// Reads a message from a server.
    pub fn decode_server(self, message: &[u8]) -> Result<ServerFrame, FrameError> {
        match self {
            Self::Json | Self::Binary => self.read_map(message, ServerFrame::from_map),
            Self::Proto => ServerFrame::from_proto(self.parse(message)?),
        }
    }

    /// Writes a message to a server.
    #[must_use]
    pub fn encode_client(self, frame: &ClientFrame) -> Bytes {
        match self {
            Self::Json => JsonWriter::write(|writer| frame.write_map(writer)),
            Self::Binary => MsgpackWriter::write(|writer| frame.write_map(writer)),
            Self::Proto => frame.to_proto().encode_to_vec().into(),
        }
    }

    /// Writes a message to a client.
    #[must_use]
    pub fn encode_server(self, frame: &ServerFrame) -> Bytes {
        match self {
            Self::Json => JsonWriter::write(|writer| frame.write_map(writer)),
            Self::Binary => MsgpackWriter::write(|writer| frame.write_map(writer)),
            Self::Proto => frame.to_proto().encode_to_vec().into(),
        }
    }

    /// Reads a frame of a map form. A small one leaves nothing but its payloads; those of a large one share it.
    fn read_map<F>(
        self,
        message: &[u8],
        read: fn(Cursor<'_>) -> Result<F, FrameError>,
    ) -> Result<F, FrameError> {
        let mut out = scratch::take();
        out.reserve(message.len());
        let canonical = self.to_canonical(message, Builder::for_frame(out))?;
        if scratch::is_large(&canonical) {
            return read(Cursor::sharing(&canonical.into()));
        }
        let frame = read(Cursor::copying(&canonical));
        scratch::give_back(canonical);
        frame
    }

    fn to_canonical(self, message: &[u8], builder: Builder) -> Result<Vec<u8>, FrameError> {
        let canonical = if self.is_text() {
            let text = std::str::from_utf8(message).map_err(|error| self.malformed(&error))?;
            json::decode(text, builder)
        } else {
            msgpack::decode(message, builder)
        };
        canonical.map_err(|error: ValueError| match error.code() {
            ErrorCode::InvalidMessageFormat => self.malformed(&error),
            _ => FrameError::Value(error),
        })
    }

    fn parse<M: prost::Message + Default>(self, message: &[u8]) -> Result<M, FrameError> {
        M::decode(Bytes::copy_from_slice(message)).map_err(|error| self.malformed(&error))
    }

    fn malformed(self, error: &dyn std::error::Error) -> FrameError {
        FrameError::Malformed {
            subprotocol: self,
            detail: error.to_string(),
        }
    }
}
