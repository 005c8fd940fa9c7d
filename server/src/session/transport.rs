//! One WebSocket as the session sees it: whole messages in and out, and every way it can end as a close code. The only
//! place that knows what implements WebSockets.

use std::time::Duration;

use bytes::Bytes;
use parlor_proto::{CloseCode, Subprotocol};
use parlor_websocket::{self as websocket, Bounds, Kind, Timeouts, Violation, WebSocket};

use crate::accept::Stream;
use crate::config::Limits;

pub(crate) use parlor_websocket::WriteError;

/// How long the end of a connection may take, from our close frame on.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What came in.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A message of the right kind.
    Message(Bytes),
    /// A ping, which is answered already.
    Ping,
    /// A pong and what it carries.
    Pong(Bytes),
    /// The client's close frame, and its code.
    Closed(Option<u16>),
    /// The connection was lost.
    Gone,
    /// The client did what the protocol does not allow.
    Violation(CloseCode, &'static str),
}

/// A WebSocket of one subprotocol.
#[derive(Debug)]
pub(crate) struct Transport {
    /// Boxed, as it is handed from future to future, each of which has a place for it.
    socket: Box<WebSocket<Stream>>,
    subprotocol: Subprotocol,
}

impl Transport {
    pub(crate) fn new(stream: Stream, subprotocol: Subprotocol, limits: &Limits) -> Self {
        let kind = if subprotocol.is_text() {
            Kind::Text
        } else {
            Kind::Binary
        };
        let bounds = Bounds {
            message_bytes_max: limits.message_bytes_max,
            fragments_max: limits.fragments_max,
        };
        let timeouts = Timeouts {
            message: limits.message_timeout,
            write: limits.write_timeout,
            close: CLOSE_TIMEOUT,
        };
        Self {
            socket: Box::new(WebSocket::new(stream, kind, bounds, timeouts)),
            subprotocol,
        }
    }

    /// Waits for what comes in next. Cancel safe.
    pub(crate) async fn receive(&mut self) -> Inbound {
        let inbound = self.socket.receive().await;
        self.classify(inbound)
    }

    /// Takes what has come in already.
    pub(crate) fn receive_ready(&mut self) -> Option<Inbound> {
        let inbound = self.socket.receive_ready()?;
        Some(self.classify(inbound))
    }

    /// Writes all messages with one flush. Only a write that makes no progress for too long is an error: a client may be
    /// slow. Cancel safe: what was not written by then goes out with the next write.
    pub(crate) async fn send_all(&mut self, messages: &mut Vec<Bytes>) -> Result<(), WriteError> {
        self.socket.send_all(messages).await
    }

    /// Sends a WebSocket ping, behind all messages that were sent before; its payload comes back in the pong.
    pub(crate) async fn ping(&mut self, payload: Bytes) -> Result<(), WriteError> {
        self.socket.ping(payload).await
    }

    /// Closes with a code and a reason, in place of what is not written yet, and waits a moment for the client to do the
    /// same, so that what was written before is not cut off. Where the client closed first, only the waiting is left.
    pub(crate) async fn close(self, code: CloseCode, reason: &str) {
        Box::pin(self.socket.close(code.code(), reason)).await;
    }

    fn classify(&self, inbound: websocket::Inbound) -> Inbound {
        match inbound {
            websocket::Inbound::Message(message) => Inbound::Message(message),
            websocket::Inbound::Ping => Inbound::Ping,
            websocket::Inbound::Pong(payload) => Inbound::Pong(payload),
            websocket::Inbound::Closed(code) => Inbound::Closed(code),
            websocket::Inbound::Gone => Inbound::Gone,
            websocket::Inbound::Violation(violation) => self.violation(violation),
        }
    }

    fn violation(&self, violation: Violation) -> Inbound {
        let (code, reason) = match violation {
            Violation::Protocol(what) => (CloseCode::ProtocolError, what),
            Violation::NotUtf8 => (CloseCode::InvalidText, "what should be text is not UTF-8"),
            Violation::WrongKind if self.subprotocol.is_text() => (
                CloseCode::UnsupportedData,
                "v1.json has text messages; binary came",
            ),
            Violation::WrongKind => (
                CloseCode::UnsupportedData,
                "this subprotocol has binary messages; text came",
            ),
            Violation::TooBig => (
                CloseCode::MessageTooBig,
                "a message is larger than this server takes",
            ),
            Violation::TooManyFragments => (
                CloseCode::PolicyViolation,
                "a message is in more fragments than this server takes; send it in fewer",
            ),
            Violation::TooSlow => (
                CloseCode::TooSlow,
                "a message took too long from its first byte to its last",
            ),
        };
        Inbound::Violation(code, reason)
    }
}
