//! A WebSocket client of bytes, which can do all that a library would not let it do.

use parlor_proto::{ClientFrame, ServerFrame, Subprotocol, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{TestClient, TestServer, in_time};

/// Any mask does, unless it is one of zeros, which would hide whether it is taken off.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A client's frame: its first byte (FIN, the reserved bits and the opcode), its length as short as can be, a mask, and
/// the payload.
#[must_use]
pub fn masked_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).expect("it is short")),
        middle @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(middle).expect("it fits").to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    bytes
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// What it is.
    pub opcode: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A client on a TCP connection of its own.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    /// Its subprotocol.
    pub subprotocol: Subprotocol,
    came: Vec<u8>,
}

impl RawClient {
    /// Opens a WebSocket.
    ///
    /// # Panics
    ///
    /// When the server does not let it in.
    pub async fn connect(server: &TestServer, subprotocol: Subprotocol) -> Self {
        let address = server.address;
        let stream = in_time("a connection", TcpStream::connect(address)).await;
        let stream = stream.expect("the server listens");
        stream
            .set_nodelay(true)
            .expect("slices are to go out as slices");
        let mut client = Self {
            stream,
            subprotocol,
            came: Vec::new(),
        };
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
             Sec-WebSocket-Protocol: {}\r\n\r\n",
            subprotocol.name()
        );
        client.send(request.as_bytes(), usize::MAX).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        // Browsers offer compression, and the server does not take it.
        let head = head.to_ascii_lowercase();
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
        client
    }

    /// Opens a WebSocket and joins a room, where it is alone.
    pub async fn join(
        server: &TestServer,
        subprotocol: Subprotocol,
        room: &str,
        plugin: &str,
    ) -> Self {
        let mut client = Self::connect(server, subprotocol).await;
        let frame = client.message(client::JoinRoom {
            id: Some(1),
            ..TestClient::into_room(room, plugin)
        });
        client.send(&frame, usize::MAX).await;
        while !matches!(client.server_frame().await, ServerFrame::RoomJoined(_)) {}
        client
    }

    /// A frame of the protocol as one WebSocket frame.
    #[must_use]
    pub fn message(&self, frame: impl Into<ClientFrame>) -> Vec<u8> {
        let opcode = if self.subprotocol.is_text() {
            0x81
        } else {
            0x82
        };
        masked_frame(opcode, &self.subprotocol.encode_client(&frame.into()))
    }

    /// Sends bytes in slices of this length. A server that has closed does not read them, which is no error here.
    pub async fn send(&mut self, bytes: &[u8], slice: usize) {
        let sending = async {
            for slice in bytes.chunks(slice.min(bytes.len()).max(1)) {
                if self.stream.write_all(slice).await.is_err() {
                    break;
                }
            }
        };
        in_time("room to send", sending).await;
    }

    /// The next frame; nothing at the end of the stream.
    ///
    /// # Panics
    ///
    /// When a server may not send such a frame.
    pub async fn frame(&mut self) -> Option<RawFrame> {
        loop {
            if let Some((frame, length)) = parse(&self.came) {
                self.came.drain(..length);
                return Some(frame);
            }
            if in_time("a frame", self.read()).await == 0 {
                assert!(self.came.is_empty(), "the stream ends within a frame");
                return None;
            }
        }
    }

    /// The next frame of the protocol.
    ///
    /// # Panics
    ///
    /// When something else comes.
    pub async fn server_frame(&mut self) -> ServerFrame {
        let frame = self.frame().await.expect("the connection goes on");
        self.decode(&frame)
    }

    /// What a message of the server says.
    ///
    /// # Panics
    ///
    /// When it is none, or one of the wrong kind.
    #[must_use]
    pub fn decode(&self, frame: &RawFrame) -> ServerFrame {
        let opcode = if self.subprotocol.is_text() { 1 } else { 2 };
        assert_eq!(frame.opcode, opcode, "another kind of frame: {frame:?}");
        let decoded = self.subprotocol.decode_server(&frame.payload);
        decoded.expect("the server sends frames of its protocol")
    }

    /// The head of the server's HTTP answer.
    async fn head(&mut self) -> String {
        loop {
            let end = self.came.windows(4).position(|it| it == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.came.drain(..end + 4).collect();
                return String::from_utf8_lossy(&head).into_owned();
            }
            let count = in_time("an answer", self.read()).await;
            assert!(count > 0, "the server hung up: {:?}", self.came);
        }
    }

    /// Reads once. A connection that was reset has come to its end too.
    async fn read(&mut self) -> usize {
        self.stream.read_buf(&mut self.came).await.unwrap_or(0)
    }
}

/// The first frame in these bytes, and how many of them it takes.
fn parse(bytes: &[u8]) -> Option<(RawFrame, usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    assert_eq!(first & 0xF0, 0x80, "not a whole frame, or a reserved bit");
    assert!(second < 0x80, "a server's frame has no mask");
    let (length, rest) = match second {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = u64::from_be_bytes(*length);
            (usize::try_from(length).expect("no frame is so long"), rest)
        }
        short => (usize::from(short), rest),
    };
    let payload = rest.get(..length)?.to_vec();
    let opcode = first & 0x0F;
    let consumed = bytes.len() - rest.len() + length;
    Some((RawFrame { opcode, payload }, consumed))
}
