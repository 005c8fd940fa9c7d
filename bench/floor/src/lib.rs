//! As little as a server can do for the work that benches give to others: the floor under what they cost.
//!
//! It reads the first message of a connection, which joins, and nothing after it. In a room of the kind `echo` each message goes
//! back as it came; in one of `fanout` it goes as it came to all members. One thread; whatever is ready goes out in one write.

mod handshake;
mod room;

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use parlor_websocket::{Bounds, Inbound, Kind, Timeouts, WebSocket};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::room::{Member, Rooms};

/// How long the way to the first message may take.
const OPENING_MAX: Duration = Duration::from_secs(10);
/// How many messages are taken before what is to be sent for them is sent.
const READY_MAX: usize = 1_024;
const BOUNDS: Bounds = Bounds {
    message_bytes_max: 1 << 20,
    fragments_max: 64,
};
const TIMEOUTS: Timeouts = Timeouts {
    message: Duration::from_secs(10),
    write: Duration::from_secs(10),
    close: Duration::from_secs(1),
};

/// A connection behind the opening handshake.
type Socket = WebSocket<TcpStream>;

/// The first message: `{"join":"ROOM","kind":"echo"}`.
#[derive(Debug, Deserialize)]
struct Join {
    join: String,
    kind: Work,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    Echo,
    Fanout,
}

/// What answers it.
#[derive(Debug, Serialize)]
struct Joined<'a> {
    joined: &'a str,
    member: u32,
}

/// Serves whoever connects, for as long as this is polled.
///
/// # Errors
///
/// What keeps it from taking any more connections.
pub async fn serve(listener: TcpListener) -> io::Result<Infallible> {
    let local = LocalSet::new();
    local
        .run_until(async {
            let rooms = Rc::new(Rooms::default());
            loop {
                let (stream, _) = listener.accept().await?;
                spawn_local(attend(stream, Rc::clone(&rooms)));
            }
        })
        .await
}

/// One connection. Whatever is wrong with it ends it, and is nobody else's business.
async fn attend(stream: TcpStream, rooms: Rc<Rooms>) {
    let Ok(Some((mut socket, join))) = timeout(OPENING_MAX, open(stream)).await else {
        return;
    };
    let member = rooms.join(&join.join);
    let joined = Joined {
        joined: &join.join,
        member: member.number(),
    };
    let joined = serde_json::to_vec(&joined).expect("text and a number are JSON");
    if socket.send_all(&mut vec![joined.into()]).await.is_err() {
        return;
    }
    match join.kind {
        Work::Echo => echo(socket).await,
        Work::Fanout => fan_out(socket, member).await,
    }
}

/// The opening handshake and the first message.
async fn open(stream: TcpStream) -> Option<(Socket, Join)> {
    stream.set_nodelay(true).ok()?;
    let stream = handshake::accept(stream).await.ok()?;
    let mut socket = WebSocket::new(stream, Kind::Text, BOUNDS, TIMEOUTS);
    let Inbound::Message(message) = socket.receive().await else {
        return None;
    };
    let join = serde_json::from_slice(&message).ok()?;
    Some((socket, join))
}

async fn echo(mut socket: Socket) {
    let mut ready = Vec::new();
    let mut inbound = socket.receive().await;
    loop {
        let is_over = !take(inbound, |message| ready.push(message));
        while !is_over
            && ready.len() < READY_MAX
            && let Some(more) = socket.receive_ready()
        {
            if !take(more, |message| ready.push(message)) {
                return;
            }
        }
        if is_over || socket.send_all(&mut ready).await.is_err() {
            return;
        }
        inbound = socket.receive().await;
    }
}

async fn fan_out(mut socket: Socket, member: Member) {
    let mut ready = Vec::new();
    loop {
        tokio::select! {
            inbound = socket.receive() => {
                if !take(inbound, |message| member.tell_all(&message)) {
                    return;
                }
            }
            () = member.told() => {}
        }
        for _ in 0..READY_MAX {
            let Some(inbound) = socket.receive_ready() else {
                break;
            };
            if !take(inbound, |message| member.tell_all(&message)) {
                return;
            }
        }
        // One that does not read is let go, as a server has to.
        if !member.take(&mut ready) || socket.send_all(&mut ready).await.is_err() {
            return;
        }
    }
}

/// Hands on a message. Whether the connection goes on.
fn take(inbound: Inbound, hand_on: impl FnOnce(Bytes)) -> bool {
    match inbound {
        Inbound::Message(message) => hand_on(message),
        Inbound::Ping | Inbound::Pong(_) => {}
        Inbound::Closed(_) | Inbound::Gone | Inbound::Violation(_) => return false,
    }
    true
}
