//! The clients of a run, with their sockets: whatever comes is read and handed to the scene, and what is to be said to it is written
//! before anything else is read.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use crate::Error;
use crate::dialect::{Dialect, Message, dialect};
use crate::options::Plan;
use crate::scene::{Event, Input, Scene};
use crate::text::Texts;
use crate::wire::{Frame, Outbound, open, post, read};

/// How long a connection may take to open.
const CONNECT_MAX: Duration = Duration::from_secs(20);
/// Of one address, a system has ports for some 28,000 connections to one server, and one that has ended keeps its port for a minute. So
/// many clients share an address.
const CLIENTS_PER_ADDRESS: usize = 1_000;
/// From the second address of 127.0.0.0/24 on; whoever is beyond them has the first.
const CLIENT_ADDRESSES: u8 = 200;
/// What is read at a time.
const READ_BYTES: usize = 64 << 10;

/// What all clients of a run share.
#[derive(Debug)]
pub(crate) struct Stage<S> {
    /// The zero of the run's times.
    pub(crate) origin: Instant,
    pub(crate) scene: RefCell<S>,
    texts: Texts,
    /// What is being read, of whichever client it is: one that waits holds no buffer.
    inbound: RefCell<Vec<u8>>,
    /// What is being said.
    text: RefCell<Vec<u8>>,
    /// Whether somebody waits for the scene to come somewhere.
    pub(crate) is_watched: Cell<bool>,
    pub(crate) moved: Notify,
    pub(crate) bytes: Cell<Bytes>,
}

/// What went over the wire, with the heads of frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

impl<S> Stage<S> {
    pub(crate) fn new(plan: &Plan, scene: S) -> Self {
        Self {
            origin: Instant::now(),
            scene: RefCell::new(scene),
            texts: Texts::new(plan.text_bytes),
            inbound: RefCell::default(),
            text: RefCell::default(),
            is_watched: Cell::new(false),
            moved: Notify::new(),
            bytes: Cell::default(),
        }
    }

    /// The time of the run, in its microseconds.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn count(&self, read: usize, written: usize) {
        let mut bytes = self.bytes.get();
        bytes.read += read as u64;
        bytes.written += written as u64;
        self.bytes.set(bytes);
    }

    /// Has a client say something, with the next that is flushed.
    fn say(&self, dialect: &mut dyn Dialect, input: Input, outbound: &mut Outbound) {
        match input {
            Input::Say(words) => {
                let text = &mut *self.text.borrow_mut();
                self.texts.write(words, text);
                dialect.say(words.number, text, outbound);
            }
            Input::TakeCell { id, cell } => dialect.take_cell(id, cell, outbound),
            Input::NextBoard => dialect.next_board(outbound),
        }
    }
}

/// One client, as far as others may have it say something.
#[derive(Debug)]
pub(crate) struct Client<S> {
    number: usize,
    /// How many had its place before.
    turn: u32,
    room: String,
    stage: Rc<Stage<S>>,
    voice: RefCell<Voice>,
    socket: OwnedWriteHalf,
    /// Whether a task of its own writes what the socket did not take.
    is_flushing: Cell<bool>,
    /// Whether it has said goodbye.
    is_leaving: Cell<bool>,
}

/// How a connection came to its end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The client had said goodbye.
    Left { client: usize, turn: u32 },
    /// It had not.
    Broken(Error),
}

#[derive(Debug)]
struct Voice {
    dialect: Box<dyn Dialect>,
    outbound: Outbound,
}

/// The other end of a client: what comes in.
#[derive(Debug)]
pub(crate) struct Ear<S> {
    client: Rc<Client<S>>,
    socket: OwnedReadHalf,
    /// The beginning of a frame that is not all there yet.
    rest: Vec<u8>,
}

/// Connects a client, and has it ask to join.
pub(crate) async fn connect<S: Scene + 'static>(
    plan: Rc<Plan>,
    (number, turn): (usize, u32),
    address: SocketAddr,
    stage: Rc<Stage<S>>,
) -> Result<(Rc<Client<S>>, Ear<S>), Error> {
    let seat = plan.seat(number, turn);
    let room = seat.room.clone();
    let failed = |problem: String| Error::Client {
        client: number,
        room: room.clone(),
        problem,
    };
    let mut dialect = dialect(&plan, seat);
    let seed = number as u64;
    let began_us = stage.now_us();
    stage.scene.borrow_mut().on_connecting(number, began_us);
    let opening = open_socket(&plan.authority, address, &mut *dialect, seed);
    let (stream, rest) = match timeout(CONNECT_MAX, opening).await {
        Ok(opened) => opened.map_err(failed)?,
        Err(_) => {
            return Err(failed(format!(
                "connect to {address}: not done within {CONNECT_MAX:?}"
            )));
        }
    };
    let mut outbound = Outbound::new(seed);
    dialect.open(&mut outbound);
    let (read_half, write_half) = stream.into_split();
    let client = Rc::new(Client {
        number,
        turn,
        room,
        stage,
        voice: RefCell::new(Voice { dialect, outbound }),
        socket: write_half,
        is_flushing: Cell::new(false),
        is_leaving: Cell::new(false),
    });
    let mut ear = Ear {
        client: Rc::clone(&client),
        socket: read_half,
        rest,
    };
    // What came with the handshake may be whole already, and nothing more may follow.
    ear.take_rest().map_err(|problem| client.error(problem))?;
    Ok((client, ear))
}

/// A WebSocket, and what the server has sent on it already. What goes wrong comes back in words. The seed is the number of the client.
pub(crate) async fn open_socket(
    authority: &str,
    address: SocketAddr,
    dialect: &mut dyn Dialect,
    seed: u64,
) -> Result<(TcpStream, Vec<u8>), String> {
    let failed = |error| format!("connect to {address}: {error}");
    if let Some(invitation) = dialect.invitation() {
        let stream = dial(address, seed).await.map_err(failed)?;
        let answer = post(stream, authority, &invitation).await?;
        let taken = dialect.on_invited(&answer);
        taken.map_err(|misread| misread.to_string())?;
    }
    let mut stream = dial(address, seed).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let opened = open(&mut stream, authority, &dialect.request(), seed).await;
    Ok((stream, opened.map_err(|error| error.to_string())?))
}

/// Connects. On this machine, every thousand clients have an address of their own.
async fn dial(server: SocketAddr, client: u64) -> std::io::Result<TcpStream> {
    let group = usize::try_from(client).unwrap_or_default() / CLIENTS_PER_ADDRESS;
    match u8::try_from(group) {
        Ok(group @ 1..=CLIENT_ADDRESSES) if server.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1 + group], 0)))?;
            socket.connect(server).await
        }
        _ => TcpStream::connect(server).await,
    }
}

impl<S: Scene + 'static> Client<S> {
    /// Has it say something, and writes that.
    pub(crate) fn say(self: &Rc<Self>, input: Input) -> Result<(), Error> {
        let voice = &mut *self.voice.borrow_mut();
        self.stage
            .say(&mut *voice.dialect, input, &mut voice.outbound);
        self.flush(&mut voice.outbound)
            .map_err(|problem| self.error(problem))
    }

    /// Has it say something that is written with what is said next.
    pub(crate) fn prepare(&self, input: Input) {
        let voice = &mut *self.voice.borrow_mut();
        self.stage
            .say(&mut *voice.dialect, input, &mut voice.outbound);
    }

    /// Writes what was prepared.
    pub(crate) fn write(self: &Rc<Self>) -> Result<(), Error> {
        let voice = &mut *self.voice.borrow_mut();
        self.flush(&mut voice.outbound)
            .map_err(|problem| self.error(problem))
    }

    /// Says goodbye. Everything was accounted for before, so that nothing depends on how this ends.
    pub(crate) fn leave(self: &Rc<Self>) {
        self.is_leaving.set(true);
        let voice = &mut *self.voice.borrow_mut();
        voice.outbound.close();
        let _: Result<(), String> = self.flush(&mut voice.outbound);
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// How many had its place before.
    pub(crate) fn turn(&self) -> u32 {
        self.turn
    }

    pub(crate) fn error(&self, problem: String) -> Error {
        Error::Client {
            client: self.number,
            room: self.room.clone(),
            problem,
        }
    }

    /// Writes what the socket takes, and leaves the rest to a task of its own.
    fn flush(self: &Rc<Self>, outbound: &mut Outbound) -> Result<(), String> {
        if self.is_flushing.get() {
            if outbound.is_full() {
                return Err("the server does not take what it is sent".to_owned());
            }
            return Ok(());
        }
        if !self.write_some(outbound)? {
            self.is_flushing.set(true);
            spawn_local(flush_later(Rc::clone(self)));
        }
        Ok(())
    }

    /// Whether all is written.
    fn write_some(&self, outbound: &mut Outbound) -> Result<bool, String> {
        while !outbound.waiting().is_empty() {
            match self.socket.try_write(outbound.waiting()) {
                Ok(bytes) => {
                    outbound.on_written(bytes);
                    self.stage.count(0, bytes);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(format!("write: {error}")),
            }
        }
        Ok(true)
    }
}

/// Writes what the socket did not take at once. If that fails, whoever reads will be told.
async fn flush_later<S: Scene + 'static>(client: Rc<Client<S>>) {
    while client.socket.writable().await.is_ok() {
        let written = client.write_some(&mut client.voice.borrow_mut().outbound);
        if written != Ok(false) {
            break;
        }
    }
    client.is_flushing.set(false);
}

impl<S: Scene + 'static> Ear<S> {
    /// Hears all that comes, for as long as the connection lasts, which is until it is not needed any more.
    pub(crate) async fn listen(mut self) -> Ended {
        loop {
            let heard = std::future::poll_fn(|cx| self.poll_hear(cx)).await;
            let Err(problem) = heard else {
                continue;
            };
            let (client, turn) = (self.client.number, self.client.turn);
            return if self.client.is_leaving.get() {
                Ended::Left { client, turn }
            } else {
                Ended::Broken(self.client.error(problem))
            };
        }
    }

    /// Reads once, and takes all that is whole.
    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        let stage = Rc::clone(&self.client.stage);
        let inbound = &mut *stage.inbound.borrow_mut();
        let kept = self.rest.len();
        if inbound.len() < kept + READ_BYTES {
            inbound.resize(kept + READ_BYTES, 0);
        }
        inbound[..kept].copy_from_slice(&self.rest);
        let mut buffer = ReadBuf::new(&mut inbound[kept..]);
        let polled = Pin::new(&mut self.socket).poll_read(cx, &mut buffer);
        let bytes = buffer.filled().len();
        match ready!(polled) {
            Ok(()) if bytes == 0 => {
                let problem = "the server ended the connection without a word";
                return Poll::Ready(Err(problem.to_owned()));
            }
            Ok(()) => stage.count(bytes, 0),
            Err(error) => return Poll::Ready(Err(format!("read: {error}"))),
        }
        let taken = self.take(&inbound[..kept + bytes]);
        if stage.is_watched.get() {
            stage.moved.notify_one();
        }
        Poll::Ready(taken)
    }

    /// Takes what was kept, without reading.
    fn take_rest(&mut self) -> Result<(), String> {
        let bytes = std::mem::take(&mut self.rest);
        self.take(&bytes)
    }

    /// Takes all frames that are whole, keeps the rest, and writes what is to be said.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let client = &self.client;
        let voice = &mut *client.voice.borrow_mut();
        let at_us = client.stage.now_us();
        while let Some((frame, length)) = read(bytes).map_err(|broken| broken.to_string())? {
            bytes = &bytes[length..];
            let (is_text, payload) = match frame {
                Frame::Message { is_text, bytes } => (is_text, bytes),
                Frame::Ping(payload) => {
                    voice.outbound.pong(payload);
                    continue;
                }
                Frame::Pong => continue,
                Frame::Close { code, reason } => {
                    let reason = String::from_utf8_lossy(reason);
                    return Err(format!("the server closed the connection: {code} {reason}"));
                }
            };
            let message = Message {
                is_text,
                bytes: payload,
                at_us,
            };
            let heard = voice.dialect.read(message, &mut voice.outbound);
            let Some(heard) = heard.map_err(|misread| misread.to_string())? else {
                continue;
            };
            let event = Event {
                client: client.number,
                heard,
                at_us,
            };
            let next = client.stage.scene.borrow_mut().on_event(event);
            if let Some(input) = next {
                client
                    .stage
                    .say(&mut *voice.dialect, input, &mut voice.outbound);
            }
        }
        self.rest.clear();
        self.rest.extend_from_slice(bytes);
        client.flush(&mut voice.outbound)
    }
}
