//! What each kind of hostile client does, over and over.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use parlor_proto::{ClientFrame, Payload, Subprotocol, Visibility, client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::Victim;
use crate::socket::{FORWARDED_FOR, describe, upgrade};

/// Before it tries again where it was not let in: what it is after is harm, not being refused.
const RETRY: Duration = Duration::from_millis(50);
/// How long it looks for a close frame after the server took nothing more.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Just below what a connection may send, so that it is not the rate that ends it.
const UNREAD_INPUT_BYTES: usize = 4 << 10;
const UNREAD_INPUT_EVERY: Duration = Duration::from_millis(20);
/// The smallest the kernel gives, so that unread frames wait in the server.
const UNREAD_BUFFER_BYTES: u32 = 2 << 10;
/// So many connections are opened at the same time, and each of these holds so many of its last ones open.
const CONNECTORS: usize = 16;
const HELD_MAX: usize = 32;
/// So many handshakes crawl at the same time.
const CRAWLERS: usize = 8;
const CRAWL: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TcpStream>;

/// Sends inputs that are echoed, and never reads.
pub(super) async fn never_reads(victim: &Victim) {
    loop {
        let Err(error) = leave_unread(victim).await;
        victim.on_ended(error.to_string());
        sleep(RETRY).await;
    }
}

async fn leave_unread(victim: &Victim) -> Result<Infallible, tungstenite::Error> {
    let mut socket = connect(victim, Some(UNREAD_BUFFER_BYTES)).await?;
    socket.send(join()).await?;
    let input = input(UNREAD_INPUT_BYTES);
    let mut turns = interval(UNREAD_INPUT_EVERY);
    loop {
        turns.tick().await;
        socket.send(input.clone()).await?;
        victim.on_sent();
    }
}

/// Sends inputs as fast as the server takes them.
pub(super) async fn full_speed(victim: &Victim) {
    flood(victim, Some(join()), &input(64)).await;
}

/// Sends pings as fast as the server takes them.
pub(super) async fn pings(victim: &Victim) {
    flood(victim, None, &Message::Ping("are you there?".into())).await;
}

/// Sends one message over and over, and reads all that comes back.
async fn flood(victim: &Victim, first: Option<Message>, message: &Message) {
    loop {
        match connect(victim, None).await {
            Ok(socket) => victim.on_ended(pour(victim, socket, first.clone(), message).await),
            Err(error) => {
                victim.on_ended(error.to_string());
                sleep(RETRY).await;
            }
        }
    }
}

/// Floods one connection up to its end, and says how it ended.
async fn pour(
    victim: &Victim,
    socket: Socket,
    first: Option<Message>,
    message: &Message,
) -> String {
    let (mut sink, stream) = socket.split();
    let write = async {
        if let Some(first) = first {
            sink.send(first).await?;
        }
        loop {
            sink.send(message.clone()).await?;
            victim.on_sent();
        }
    };
    let mut read = pin!(last_words(stream));
    tokio::select! {
        end = &mut read => end,
        written = write => {
            let Err(error): Result<Infallible, tungstenite::Error> = written;
            // The server may have said why before it took nothing more.
            timeout(LAST_WORDS, read).await.unwrap_or_else(|_| error.to_string())
        }
    }
}

/// Reads up to the end of a connection.
async fn last_words(mut stream: SplitStream<Socket>) -> String {
    loop {
        match stream.next().await {
            Some(Ok(Message::Close(frame))) => return describe(frame.as_ref()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return error.to_string(),
            None => return describe(None),
        }
    }
}

/// Opens connections as fast as it can, and holds some of them open.
pub(super) async fn connects(victim: &Victim) {
    let request = request(victim);
    let connector = || async {
        let mut held = VecDeque::with_capacity(HELD_MAX);
        loop {
            match shake_hands(victim, &request).await {
                Ok(stream) => {
                    if held.len() == HELD_MAX {
                        held.pop_front();
                    }
                    held.push_back(stream);
                }
                // Being refused is no reason to be slower.
                Err(error) => {
                    let is_refusal = error.kind() == io::ErrorKind::Other;
                    victim.on_ended(error.to_string());
                    if !is_refusal {
                        sleep(RETRY).await;
                    }
                }
            }
        }
    };
    join_all((0..CONNECTORS).map(|_| connector())).await;
}

/// A handshake up to the end of the server's answer, by hand: the cheaper a connection is here, the more there are.
async fn shake_hands(victim: &Victim, request: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(victim.address).await?;
    // Ends with a reset, so that no port waits for its last packets.
    stream.set_zero_linger()?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await?;
    let status = answer.get(9..12).filter(|_| length > 12);
    if status == Some(b"101") {
        victim.on_connected();
        victim.on_sent();
        return Ok(stream);
    }
    let status = String::from_utf8_lossy(status.unwrap_or(b"nothing")).into_owned();
    Err(io::Error::other(format!("answered by {status}")))
}

/// Sends a byte of a handshake a second, on a few connections.
pub(super) async fn slow_handshakes(victim: &Victim) {
    let request = request(victim);
    let crawler = || async {
        loop {
            let crawl = async {
                let mut stream = TcpStream::connect(victim.address).await?;
                victim.on_connected();
                let mut answer = [0; 256];
                for byte in request.as_bytes() {
                    stream.write_all(&[*byte]).await?;
                    victim.on_sent();
                    if let Ok(length) = timeout(CRAWL, stream.read(&mut answer)).await {
                        let answer = String::from_utf8_lossy(&answer[..length?]).into_owned();
                        return Ok(answer.lines().next().unwrap_or("hung up on").to_owned());
                    }
                }
                io::Result::Ok("was let in".to_owned())
            };
            victim.on_ended(crawl.await.unwrap_or_else(|error| error.to_string()));
        }
    };
    join_all((0..CRAWLERS).map(|_| crawler())).await;
}

/// A WebSocket, perhaps with a small buffer for what is not read.
async fn connect(victim: &Victim, buffer: Option<u32>) -> Result<Socket, tungstenite::Error> {
    let socket = if victim.address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer)?;
    }
    let stream = socket.connect(victim.address).await?;
    stream.set_nodelay(true)?;
    let socket = upgrade(stream, &victim.uri, Subprotocol::Json, victim.from).await?;
    victim.on_connected();
    Ok(socket)
}

/// The request of a handshake as it is on the wire.
fn request(victim: &Victim) -> String {
    let from = victim
        .from
        .map(|from| format!("{FORWARDED_FOR}: {from}\r\n"));
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n{}\r\n",
        victim.uri.path(),
        victim.address,
        Subprotocol::Json.name(),
        from.unwrap_or_default()
    )
}

fn message(frame: &ClientFrame) -> Message {
    let json = Subprotocol::Json.encode_client(frame);
    Message::Text(Utf8Bytes::try_from(json).expect("JSON is text"))
}

/// Joins a room of its own.
fn join() -> Message {
    message(&ClientFrame::JoinRoom(client::JoinRoom {
        room: Some(room()),
        plugin: Some("echo".to_owned()),
        visibility: Some(Visibility::Unlisted),
        id: Some(1),
        ..client::JoinRoom::default()
    }))
}

/// An input that comes back, with so many bytes of text.
fn input(bytes: usize) -> Message {
    let text = "x".repeat(bytes);
    let json = format!(r#"{{"type":"echo","data":"{text}"}}"#);
    message(&ClientFrame::RoomMessage(client::RoomMessage {
        room: room(),
        data: Payload::from_json(&json).expect("that is JSON"),
        id: None,
    }))
}

/// One room for each process.
fn room() -> String {
    format!("hostile-{}", std::process::id())
}
