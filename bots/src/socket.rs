//! One WebSocket to the server, in frames.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use parlor_proto::{ClientFrame, CloseCode, FrameError, ServerFrame, Subprotocol};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Where a proxy says whom it connects for.
pub(crate) const FORWARDED_FOR: &str = "X-Forwarded-For";
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the server may refuse to take a byte.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last words may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The library's own 128 KiB for every connection would be 2.5 GB for 20,000 of them.
const READ_BUFFER_BYTES: usize = 8 << 10;
/// The most a server of ours sends in one message is what it accepts, and a little around it.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("connect to {0}: {1}")]
    Connect(SocketAddr, io::Error),
    #[error("connect to {0}: no answer within {CONNECT_TIMEOUT:?}")]
    Timeout(SocketAddr),
    #[error("the WebSocket broke: {0}")]
    WebSocket(#[from] tungstenite::Error),
    #[error("send: the server took nothing for {SEND_TIMEOUT:?}")]
    Stuck,
    #[error("the server closed the connection: {0}")]
    Closed(String),
}

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    subprotocol: Subprotocol,
}

/// A message from the server.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) frame: Result<ServerFrame, FrameError>,
    pub(crate) bytes: usize,
}

impl Socket {
    pub(crate) async fn connect(
        uri: &Uri,
        address: SocketAddr,
        subprotocol: Subprotocol,
        from: Option<IpAddr>,
    ) -> Result<Self, SocketError> {
        timeout(CONNECT_TIMEOUT, Self::open(uri, address, subprotocol, from))
            .await
            .map_err(|_| SocketError::Timeout(address))?
    }

    async fn open(
        uri: &Uri,
        address: SocketAddr,
        subprotocol: Subprotocol,
        from: Option<IpAddr>,
    ) -> Result<Self, SocketError> {
        let refused = |error| SocketError::Connect(address, error);
        let stream = TcpStream::connect(address).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let stream = upgrade(stream, uri, subprotocol, from).await?;
        Ok(Self {
            stream,
            subprotocol,
        })
    }

    /// What is spoken on it.
    pub(crate) fn subprotocol(&self) -> Subprotocol {
        self.subprotocol
    }

    /// Sends a frame and says how many bytes it took.
    pub(crate) async fn send(&mut self, frame: &ClientFrame) -> Result<usize, SocketError> {
        let length = self.feed(frame).await?;
        self.flush().await?;
        Ok(length)
    }

    /// Writes what was fed.
    pub(crate) async fn flush(&mut self) -> Result<(), SocketError> {
        match timeout(SEND_TIMEOUT, self.stream.flush()).await {
            Ok(flushed) => Ok(flushed?),
            Err(_) => Err(SocketError::Stuck),
        }
    }

    /// Sends a frame with the next that is sent, or when all is flushed.
    pub(crate) async fn feed(&mut self, frame: &ClientFrame) -> Result<usize, SocketError> {
        let bytes = self.subprotocol.encode_client(frame);
        let length = bytes.len();
        let message = if self.subprotocol.is_text() {
            Message::Text(Utf8Bytes::try_from(bytes).expect("JSON is text"))
        } else {
            Message::Binary(bytes)
        };
        match timeout(SEND_TIMEOUT, self.stream.feed(message)).await {
            Ok(sent) => sent?,
            Err(_) => return Err(SocketError::Stuck),
        }
        Ok(length)
    }

    /// The next frame. May be dropped at any time without losing one.
    pub(crate) async fn receive(&mut self) -> Result<Inbound, SocketError> {
        loop {
            let message = self.stream.next().await;
            let bytes: &[u8] = match &message {
                Some(Ok(Message::Text(text))) => text.as_bytes(),
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Close(frame))) => {
                    return Err(SocketError::Closed(describe(frame.as_ref())));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => return Err(SocketError::Closed(error.to_string())),
                None => return Err(SocketError::Closed(describe(None))),
            };
            return Ok(Inbound {
                frame: self.subprotocol.decode_server(bytes),
                bytes: bytes.len(),
            });
        }
    }

    /// Says goodbye, without waiting for the answer.
    pub(crate) async fn close(mut self) {
        // Everything was accounted for before, so nothing depends on how this ends.
        drop(timeout(CLOSE_TIMEOUT, self.stream.close(None)).await);
    }
}

/// Asks for a WebSocket on a connection, perhaps as a proxy does that has it from this address.
pub(crate) async fn upgrade(
    stream: TcpStream,
    uri: &Uri,
    subprotocol: Subprotocol,
    from: Option<IpAddr>,
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let mut request = ClientRequestBuilder::new(uri.clone()).with_sub_protocol(subprotocol.name());
    if let Some(from) = from {
        request = request.with_header(FORWARDED_FOR, from.to_string());
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    // The library refuses an answer with a subprotocol that was not offered, or with none.
    let (stream, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(stream)
}

/// How a connection ended, in words.
pub(crate) fn describe(close: Option<&CloseFrame>) -> String {
    let Some(close) = close else {
        return "without a close frame".to_owned();
    };
    let code = u16::from(close.code);
    let name = CloseCode::from_code(code).map_or("unknown", CloseCode::name);
    format!("{code} {name}: {}", close.reason)
}
