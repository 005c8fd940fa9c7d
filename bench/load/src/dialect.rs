//! What tells servers apart: how a client joins, how it writes an input, and what a message that it gets says. A dialect belongs to
//! one client. It does no I/O: it reads a message, and writes what is to be said to what is outbound.

mod colyseus;
mod json;
mod mold;
mod parlor;
mod plain;
mod socketio;
mod template;

use std::fmt;

use crate::account::Cells;
use crate::options::{Plan, Protocol};
use crate::wire::{Outbound, Post, Request};

/// What is done in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What one says comes back.
    Echo,
    /// What one says goes to all.
    Fanout,
    /// A board with cells to take.
    Match,
    /// Nothing but to hear the room's clock.
    Many,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Fanout => "fanout",
            Self::Match => "match",
            Self::Many => "many",
        }
    }
}

/// Where a client is to be.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// Its number in the run.
    pub(crate) client: usize,
    /// How many had this seat before, in this run.
    pub(crate) turn: u32,
    /// Letters, digits and `-` only, which nothing has to escape.
    pub(crate) room: String,
    pub(crate) kind: Kind,
    /// Its place in the room, from 0 on, and how many there are.
    pub(crate) place: usize,
    pub(crate) places: usize,
    /// The length of what is said.
    pub(crate) text_bytes: usize,
    /// How many inputs a second it will send; infinite for as many as are answered.
    pub(crate) rate: f64,
}

/// A message of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) is_text: bool,
    pub(crate) bytes: &'a [u8],
    /// When it came, in microseconds of the run.
    pub(crate) at_us: u64,
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    /// The client is in its room, as the member of this number.
    Joined { member: u32 },
    /// Somebody said something. Who, and in answer to which input, is there where the server says it.
    Said {
        id: Option<u64>,
        from: Option<u32>,
        text: &'a [u8],
    },
    /// An input was applied or refused.
    Answered { id: u64, is_accepted: bool },
    /// What the board is like now, as of a tick.
    Board {
        tick: u64,
        cells: &'a Cells,
        /// Whether cells can be taken.
        is_open: bool,
    },
    /// The room's clock has come to this tick.
    Tick { number: u64 },
}

/// Why a client cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misread {
    #[error("a message of the wrong kind came, text for bytes or bytes for text")]
    WrongKind,
    #[error("a message cannot be read: {problem}: {excerpt}")]
    Unreadable { problem: String, excerpt: String },
    #[error("a message came of another room than {0}")]
    AnotherRoom(String),
    #[error("the server said {code}: {message}")]
    Refused { code: String, message: String },
    #[error("the server ended the room or the session: {0}")]
    Ended(String),
    #[error("{0}")]
    Protocol(String),
}

impl Misread {
    /// With the beginning of the message, which says more than that it is wrong.
    pub(crate) fn unreadable(problem: impl fmt::Display, bytes: &[u8]) -> Self {
        const EXCERPT_BYTES_MAX: usize = 200;
        let excerpt = &bytes[..bytes.len().min(EXCERPT_BYTES_MAX)];
        Self::Unreadable {
            problem: problem.to_string(),
            excerpt: String::from_utf8_lossy(excerpt).into_owned(),
        }
    }
}

/// How one client speaks with its server.
pub(crate) trait Dialect: fmt::Debug {
    /// What to ask for by HTTP before anything else, where that is wanted.
    fn invitation(&self) -> Option<Post> {
        None
    }

    /// Takes the answer to that.
    fn on_invited(&mut self, _answer: &[u8]) -> Result<(), Misread> {
        Ok(())
    }

    /// What to ask for in the opening handshake.
    fn request(&self) -> Request;

    /// Says what is to be said first. Whatever the server says to that, up to [`Heard::Joined`], comes to `read`.
    fn open(&mut self, outbound: &mut Outbound);

    /// Says a text of the length that was agreed on. Numbers rise from 1 on, or are of no account.
    fn say(&mut self, number: u32, text: &[u8], outbound: &mut Outbound);

    /// Asks for a cell.
    fn take_cell(&mut self, id: u32, cell: usize, outbound: &mut Outbound);

    /// Asks for the next board. Most servers begin it by themselves.
    fn next_board(&mut self, _outbound: &mut Outbound) {}

    /// Reads a message, and answers it where the protocol wants that. Nothing where it says nothing of interest.
    fn read<'a>(
        &'a mut self,
        message: Message<'a>,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'a>>, Misread>;
}

/// What a client of this run speaks.
pub(crate) fn dialect(plan: &Plan, seat: Seat) -> Box<dyn Dialect> {
    match plan.protocol {
        Protocol::Parlor(encoding) => {
            let subprotocol = encoding.of(seat.client);
            Box::new(Parlor::new(subprotocol, plan.asks_replies, seat))
        }
        Protocol::Plain(form) => Box::new(plain::Plain::new(form, &plan.path, seat)),
        Protocol::Socketio => Box::new(socketio::Socketio::new(seat)),
        Protocol::Colyseus => Box::new(colyseus::Colyseus::new(seat)),
    }
}

pub(crate) use parlor::Parlor;
pub(crate) use plain::Form;

#[cfg(test)]
mod tests;
