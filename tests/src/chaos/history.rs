//! What was seen and done, as clients wrote it down. Plain data: the checker and its tests make of it what they need.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{Payload, ServerFrame, Subprotocol, server};

/// A place in a room's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The epoch.
    pub epoch: u64,
    /// The sequence number.
    pub seq: u64,
}

/// All records of a run.
#[derive(Debug, Default)]
pub struct History {
    /// What the server was told to keep.
    pub limits: Limits,
    /// Of those who were connected directly, from before the first client came to the end.
    pub witnesses: Vec<Record>,
    /// Of those who went through the proxy.
    pub clients: Vec<Record>,
    /// What rooms told of themselves to somebody who had not been there before, when all was over.
    pub observed: Vec<Observed>,
}

impl History {
    /// Every reset: whose it was, in which room, and why.
    pub fn resets(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.clients.iter().flat_map(|record| {
            record.events.iter().filter_map(|(_, event)| match event {
                Event::Reset { room, reason, .. } => Some((&*record.name, &**room, &**reason)),
                _ => None,
            })
        })
    }
}

/// How long the server keeps what a client may come back for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a session waits for its client.
    pub resume_window: Duration,
    /// How long a room keeps a reliable frame.
    pub ring_age: Duration,
    /// How many bytes of them it keeps.
    pub ring_bytes: u64,
    /// Whether it is killed on the way. A session that is in no room need not survive that.
    pub is_killed: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resume_window: Duration::from_secs(60),
            ring_age: Duration::from_secs(60),
            ring_bytes: 4 << 20,
            is_killed: false,
        }
    }
}

/// What one client saw and did, in order.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The client's name.
    pub name: String,
    /// Each event, and when it was since the run began.
    pub events: Vec<(Duration, Event)>,
}

/// Something a client saw or did.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A WebSocket was opened.
    Connected(Subprotocol),
    /// The connection ended; with the code of the close frame, if one came.
    Lost(Option<u16>),
    /// The client gave up on a connection on which nothing came.
    Abandoned,
    /// From here on it has this session, which is a new one.
    Session(String),
    /// It asked to go on with its session, from these positions.
    ResumeSent(Vec<(Arc<str>, Place)>),
    /// Its session goes on; the rooms the server still has it in.
    Resumed(Vec<(Arc<str>, Place)>),
    /// Its session is gone.
    ResumeRefused,
    /// It asked to be let into a room.
    JoinSent(Arc<str>),
    /// It is in a room.
    Joined {
        /// The room.
        room: Arc<str>,
        /// Its number there.
        member: u32,
        /// After this, frames follow.
        start: Place,
    },
    /// It was not let into a room.
    JoinRefused {
        /// The room.
        room: Arc<str>,
        /// Why.
        code: String,
    },
    /// It is not in a room any more, without having asked for that.
    Expelled {
        /// The room.
        room: Arc<str>,
        /// Which frame said so.
        why: &'static str,
    },
    /// A reliable frame came.
    Frame(Frame),
    /// It was told to begin anew.
    Reset {
        /// The room.
        room: Arc<str>,
        /// After this, frames follow.
        start: Place,
        /// Why.
        reason: String,
    },
    /// It said how far it is.
    Acked {
        /// The room.
        room: Arc<str>,
        /// How far.
        place: Place,
        /// How many frames it got since the join or the last reset.
        count: u64,
    },
    /// It sent an input, for the first time or again.
    Sent {
        /// The room.
        room: Arc<str>,
        /// The input's id.
        id: u64,
        /// What it was.
        input: Input,
    },
    /// An input was answered.
    Answered {
        /// The room.
        room: Arc<str>,
        /// The input's id.
        id: u64,
        /// How.
        answer: Answer,
    },
    /// The server said that it is about to stop.
    Goaway,
    /// The board of a game; kept by those who were told to.
    Board(Board),
    /// A state came.
    State(State),
}

/// A reliable frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The room.
    pub room: Arc<str>,
    /// Where it is in the room's history.
    pub place: Place,
    /// The digest of what it says, equal in all encodings.
    pub digest: u64,
    /// Its size, roughly.
    pub bytes: u32,
    /// What it is about.
    pub what: What,
    /// The number of the line it says, which the chat itself counts.
    pub line: Option<u64>,
}

/// What a reliable frame is about, as far as that says who gets it and what it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A line of a chat, which all get.
    Said(Arc<str>),
    /// What a chat sends to one newcomer only: the last lines.
    Lines,
    /// Something about this member that all get but itself: that it came, is away, or is back.
    NotFor(u32),
    /// That this member is gone.
    Went(u32),
    /// The last frame of the run.
    Marker,
    /// Anything else, which all get.
    Other,
}

/// An input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Says this text, which nobody else ever says.
    Say(Arc<str>),
    /// Takes a cell.
    Capture(usize),
    /// Begins a match, the first one.
    Start,
    /// Begins another match.
    Rematch,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was applied.
    Applied {
        /// The room's sequence number after it.
        seq: u64,
        /// The room's tick.
        tick: u64,
    },
    /// It had been answered, and nothing else is known of it.
    Repeat,
    /// It was refused, with this code.
    Refused(String),
}

/// A published board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The room.
    pub room: Arc<str>,
    /// The room's epoch.
    pub epoch: u64,
    /// The version of the view.
    pub version: u64,
    /// The tick in which it was published.
    pub tick: u64,
    /// Whether a match goes on or has come to its end.
    pub is_played: bool,
    /// What is left of the match.
    pub remaining_ms: u64,
    /// The owner of each cell.
    pub cells: Vec<Option<u32>>,
}

/// A published state, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The room.
    pub room: Arc<str>,
    /// The room's epoch.
    pub epoch: u64,
    /// The view.
    pub view: Arc<str>,
    /// Its version.
    pub version: u64,
    /// The last sequence number before it.
    pub as_of: u64,
    /// The digest of what it says.
    pub hash: u32,
}

/// What a room told of itself in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The room.
    pub room: Arc<str>,
    /// The last lines of a chat with their numbers, the oldest first.
    pub lines: Vec<(u64, Arc<str>)>,
    /// The board of a game.
    pub board: Option<Board>,
}

impl Frame {
    /// What a record keeps of a reliable frame; `None` of any other. `marker` is the name of the member whose coming ends
    /// the run.
    #[must_use]
    pub fn of(frame: &ServerFrame, room: &Arc<str>, marker: &str) -> Option<Self> {
        let (epoch, seq, what) = match frame {
            ServerFrame::RoomMessage(message) => {
                (message.epoch, message.seq, What::of(&message.data))
            }
            ServerFrame::UserJoined(it) if it.member.name == marker => {
                (it.epoch, it.seq, What::Marker)
            }
            ServerFrame::UserJoined(it) => (it.epoch, it.seq, What::NotFor(it.member.id)),
            ServerFrame::UserChanged(it) => {
                let is_absence = matches!(it.reason.as_deref(), Some("away" | "back"));
                let what = if is_absence {
                    What::NotFor(it.member.id)
                } else {
                    What::Other
                };
                (it.epoch, it.seq, what)
            }
            ServerFrame::UserLeft(it) => (it.epoch, it.seq, What::Went(it.member.id)),
            _ => return None,
        };
        let line = match frame {
            ServerFrame::RoomMessage(message) if matches!(what, What::Said(_)) => {
                let number = message.data.get("n");
                number.and_then(|number| number.to_serde().ok())
            }
            _ => None,
        };
        // Maps compare without order, so that an encoding may change it.
        let canonical = match frame {
            ServerFrame::RoomMessage(message) => {
                let sorted = server::RoomMessage {
                    data: message.data.sorted(),
                    ..message.clone()
                };
                Subprotocol::Binary.encode_server(&sorted.into())
            }
            other => Subprotocol::Binary.encode_server(other),
        };
        let mut hasher = DefaultHasher::new();
        canonical.hash(&mut hasher);
        Some(Self {
            room: Arc::clone(room),
            place: Place { epoch, seq },
            digest: hasher.finish(),
            bytes: u32::try_from(canonical.len()).unwrap_or(u32::MAX),
            what,
            line,
        })
    }
}

impl What {
    fn of(data: &Payload) -> Self {
        let text = |key: &str| data.get(key)?.to_serde::<String>().ok();
        let member = |key: &str| data.get(key)?.to_serde::<u32>().ok();
        match (text("type").as_deref(), text("text"), member("from")) {
            (Some("said"), Some(text), _) => Self::Said(text.into()),
            (Some("history"), ..) => Self::Lines,
            (Some("joined"), _, Some(member)) => Self::NotFor(member),
            _ => Self::Other,
        }
    }
}
