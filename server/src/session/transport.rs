//! One WebSocket as the session sees it: whole messages in and out, and every way it can end as a close code. The only
//! place that knows which WebSocket crate is below.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::future::FutureExt;
use futures_util::{SinkExt, StreamExt};
use parlor_proto::{CloseCode, Subprotocol};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WebSocketError};

/// The longest reason a close frame can carry.
const REASON_BYTES_MAX: usize = 123;
/// How long a close frame may take to be written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What came in.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A message of the right kind.
    Message(Bytes),
    /// A ping, which is answered below.
    Ping,
    /// A pong, with the payload of the ping it answers.
    Pong(Bytes),
    /// The client closed the connection, with this code.
    Closed(Option<u16>),
    /// The connection is lost.
    Gone,
    /// The client did what the protocol does not allow.
    Violation(CloseCode, &'static str),
}

/// The socket could not be written, or not in time.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// It is gone.
    Gone,
    /// The client does not read.
    Stalled,
}

/// A WebSocket of one subprotocol.
#[derive(Debug)]
pub(crate) struct Transport {
    socket: WebSocket,
    subprotocol: Subprotocol,
    write_timeout: Duration,
}

impl Transport {
    pub(crate) fn new(
        socket: WebSocket,
        subprotocol: Subprotocol,
        write_timeout: Duration,
    ) -> Self {
        Self {
            socket,
            subprotocol,
            write_timeout,
        }
    }

    /// Waits for the next message. Cancel safe.
    pub(crate) async fn receive(&mut self) -> Inbound {
        let message = self.socket.next().await;
        self.classify(message)
    }

    /// Takes a message that is there already.
    pub(crate) fn receive_ready(&mut self) -> Option<Inbound> {
        let message = self.socket.next().now_or_never()?;
        Some(self.classify(message))
    }

    /// Writes all messages with one flush.
    pub(crate) async fn send_all(&mut self, messages: &mut Vec<Bytes>) -> Result<(), WriteError> {
        let writing = async {
            for message in messages.drain(..) {
                self.socket
                    .feed(to_message(self.subprotocol, message))
                    .await?;
            }
            self.socket.flush().await
        };
        match tokio::time::timeout(self.write_timeout, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(WriteError::Gone),
            Err(_) => Err(WriteError::Stalled),
        }
    }

    /// Sends a WebSocket ping.
    pub(crate) async fn ping(&mut self, payload: Bytes) -> Result<(), WriteError> {
        let writing = self.socket.send(Message::Ping(payload));
        match tokio::time::timeout(self.write_timeout, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(WriteError::Gone),
            Err(_) => Err(WriteError::Stalled),
        }
    }

    /// Closes with a code and a reason, and waits a moment for the client to do the same, so that what was written
    /// before is not cut off.
    pub(crate) async fn close(mut self, code: CloseCode, reason: &str) {
        let frame = CloseFrame {
            code: code.code(),
            reason: Utf8Bytes::from(cut(reason)),
        };
        let closing = async {
            self.socket.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<(), axum::Error>(())
        };
        // A client that is gone, or does not answer, needs no more from us.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }

    fn classify(&self, message: Option<Result<Message, axum::Error>>) -> Inbound {
        match message {
            None => Inbound::Gone,
            Some(Ok(Message::Close(frame))) => Inbound::Closed(frame.map(|it| it.code)),
            Some(Ok(Message::Ping(_))) => Inbound::Ping,
            Some(Ok(Message::Pong(payload))) => Inbound::Pong(payload),
            Some(Ok(Message::Text(text))) if self.subprotocol.is_text() => {
                Inbound::Message(text.into())
            }
            Some(Ok(Message::Binary(bytes))) if !self.subprotocol.is_text() => {
                Inbound::Message(bytes)
            }
            Some(Ok(Message::Text(_))) => Inbound::Violation(
                CloseCode::UnsupportedData,
                "this subprotocol has binary messages; text came",
            ),
            Some(Ok(Message::Binary(_))) => Inbound::Violation(
                CloseCode::UnsupportedData,
                "v1.json has text messages; binary came",
            ),
            Some(Err(error)) => violation(error),
        }
    }
}

fn violation(error: axum::Error) -> Inbound {
    let inner = error.into_inner();
    match inner.downcast_ref::<WebSocketError>() {
        Some(WebSocketError::Capacity(CapacityError::MessageTooLong { .. })) => Inbound::Violation(
            CloseCode::MessageTooBig,
            "a message is larger than this server takes",
        ),
        Some(WebSocketError::Utf8(_)) => {
            Inbound::Violation(CloseCode::InvalidText, "a text message is not UTF-8")
        }
        Some(WebSocketError::Protocol(problem))
            if !matches!(
                problem,
                tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
            ) =>
        {
            Inbound::Violation(
                CloseCode::ProtocolError,
                "the WebSocket protocol was broken",
            )
        }
        _ => Inbound::Gone,
    }
}

fn to_message(subprotocol: Subprotocol, message: Bytes) -> Message {
    if !subprotocol.is_text() {
        return Message::Binary(message);
    }
    match Utf8Bytes::try_from(message) {
        Ok(text) => Message::Text(text),
        Err(_) => unreachable!("the JSON codec writes UTF-8"),
    }
}

/// Cuts a reason to what a close frame can carry, between characters.
fn cut(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ä".repeat(100);
        assert_eq!(cut(&long).len(), 122);
    }
}
