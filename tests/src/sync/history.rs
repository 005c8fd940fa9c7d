//! What was done to a room's views, and what every client made of what it was sent. Plain data for the checker.

use std::sync::Arc;

use parlor_proto::{Seat, Subprotocol};

/// How much of a record is shown when a test fails.
const SHOWN_MAX: usize = 40;

/// All of a run.
#[derive(Debug, Default, Clone)]
pub struct History {
    /// What was done to the room, in the order in which it was applied.
    pub deeds: Vec<Deed>,
    /// What each client saw.
    pub records: Vec<Record>,
}

impl History {
    /// The end of what a client saw, to be printed.
    #[must_use]
    pub fn end_of(&self, client: &str) -> String {
        let record = self.records.iter().find(|record| record.name == client);
        record.map_or_else(String::new, Record::end)
    }
}

impl Record {
    pub(super) fn end(&self) -> String {
        let shown = self.events.iter().rev().take(SHOWN_MAX).rev();
        let shown = shown.map(|event| match event {
            Event::State {
                view,
                version,
                is_patch,
                state,
            } => {
                let how = if *is_patch { "patched" } else { "whole" };
                format!("  {view} {version} {how}, {} bytes", state.len())
            }
            other => format!("  {other:?}"),
        });
        let shown: Vec<_> = shown.collect();
        format!("{}, what came last:\n{}", self.name, shown.join("\n"))
    }
}

/// Who sees a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// All members.
    Everyone,
    /// Those with this seat.
    Seat(Seat),
    /// This member, and nobody else.
    Member(u32),
}

/// Something done to the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A view is something else now: by the bytes of its canonical form, which no other deed has.
    Show {
        /// Its name.
        view: Arc<str>,
        /// Who sees it.
        to: Audience,
        /// The state.
        state: Arc<[u8]>,
    },
    /// A view is withdrawn.
    Withdraw {
        /// Its name.
        view: Arc<str>,
        /// Who saw it.
        to: Audience,
    },
    /// A member has another seat.
    Seat {
        /// Its number.
        member: u32,
        /// The seat.
        seat: Seat,
    },
    /// Nothing is under way, and every client has what it may see.
    Quiet(u64),
}

/// Which implementation a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Library {
    /// `parlor-proto`.
    Rust,
    /// `parlor-client`, the SDK that pages load.
    TypeScript,
}

/// What one client saw, in order.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub library: Library,
    /// What it saw.
    pub events: Vec<Event>,
}

/// Something a client saw or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There is a new connection: the session goes on there, or is a new one.
    Connected {
        /// Its encoding.
        subprotocol: Subprotocol,
        /// Whether the session goes on.
        is_resumed: bool,
    },
    /// It is in the room.
    Joined {
        /// Its number.
        member: u32,
        /// Its seat.
        seat: Seat,
    },
    /// It is not in the room any more.
    Left,
    /// It was told to begin anew.
    Reset,
    /// A frame came, and this is what the client has of the view since.
    State {
        /// The view.
        view: Arc<str>,
        /// Its version.
        version: u64,
        /// Whether it was a patch.
        is_patch: bool,
        /// The canonical form of what the client has.
        state: Arc<[u8]>,
    },
    /// A frame came that the client could make nothing of: it asked for the whole.
    Refused {
        /// The view.
        view: Arc<str>,
        /// Its version.
        version: u64,
        /// Whether it was a patch.
        is_patch: bool,
    },
    /// A patch came of a view that nothing had come of on this connection, by this number.
    Unknown(u64),
    /// What the client has of a view was made something else on purpose.
    Spoilt(Arc<str>),
    /// As [`Deed::Quiet`], at this place of what the client saw.
    Quiet(u64),
}
