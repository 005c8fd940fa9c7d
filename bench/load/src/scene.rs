//! The work: who says what when, and what must come of it. A scene knows neither sockets nor servers; it is told what was heard, and
//! says what is to be said.

mod arrivals;
mod echo;
mod fanout;
mod game;
mod many;

use crate::account::Faults;
use crate::dialect::Heard;
use crate::samples::Percentiles;
use crate::schedule::Schedule;
use crate::text::Words;

pub(crate) use arrivals::ArrivalScene;
pub(crate) use echo::EchoScene;
pub(crate) use fanout::FanoutScene;
pub(crate) use game::GameScene;
pub(crate) use many::ManyScene;

/// What a client is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Say(Words),
    TakeCell {
        id: u32,
        cell: usize,
    },
    /// Asks for the next board, now that all have seen the end of one.
    NextBoard,
}

/// Something that was heard.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// By whom.
    pub(crate) client: usize,
    pub(crate) heard: Heard<'a>,
    /// In microseconds of the run.
    pub(crate) at_us: u64,
}

/// The times of a run, in its microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) start_us: u64,
    /// What is said from here on is measured.
    pub(crate) measured_us: u64,
    /// Nothing is said any more from here on.
    pub(crate) end_us: u64,
}

impl Times {
    pub(crate) fn is_measured(&self, at_us: u64) -> bool {
        (self.measured_us..self.end_us).contains(&at_us)
    }
}

/// What a run has come to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// What the run is counted in.
    pub(crate) messages: u64,
    /// What was said.
    pub(crate) said: u64,
}

/// Latencies of what was said while it was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Latencies {
    /// Until it was heard, or shown.
    pub(crate) message: Option<Percentiles>,
    /// Until it was answered, where that is another thing.
    pub(crate) answer: Option<Percentiles>,
    /// How far the time between two boards is from that between their ticks.
    pub(crate) unevenness: Option<Percentiles>,
}

pub(crate) trait Scene {
    /// A client begins to connect, perhaps in the place of one that left.
    fn on_connecting(&mut self, _client: usize, _at_us: u64) {}

    /// Takes in what was heard. What comes back is to be said at once.
    fn on_event(&mut self, event: Event<'_>) -> Option<Input>;

    /// How many clients are where they should be, to begin.
    fn ready(&self) -> usize;

    /// Begins.
    fn start(&mut self, times: Times);

    /// What a client says first, without being asked; again and again, up to nothing.
    fn opening(&mut self, _client: usize, _at_us: u64) -> Option<Input> {
        None
    }

    /// When something is to be said, whatever has come by then.
    fn schedule(&self) -> Option<Schedule> {
        None
    }

    /// What is to be said in a slot of the schedule, and by whom; nothing where nobody can just then.
    fn on_due(&mut self, _slot: u64, _at_us: u64) -> Option<(usize, Input)> {
        None
    }

    /// Has somebody say no more, who is to leave. Nobody where all are needed.
    fn begin_leave(&mut self) -> Option<usize> {
        None
    }

    /// Whether nothing is to come any more for what this one said.
    fn may_leave(&self, _client: usize) -> bool {
        false
    }

    /// This one has said goodbye. Its place is somebody else's next.
    fn on_left(&mut self, _client: usize) {}

    fn count(&self) -> Count;

    /// Whether all has come that must.
    fn is_settled(&self) -> bool;

    /// What went wrong. Whatever has not come by now is lost.
    fn audit(&self) -> Faults;

    fn latencies(&self) -> Latencies;
}

/// The clients that are in their rooms, and their numbers there.
#[derive(Debug)]
struct Members {
    numbers: Vec<Option<u32>>,
    joined: usize,
}

impl Members {
    fn new(clients: usize) -> Self {
        Self {
            numbers: vec![None; clients],
            joined: 0,
        }
    }

    /// Whether that is news.
    fn on_joined(&mut self, client: usize, member: u32) -> bool {
        let is_first = self.numbers[client].replace(member).is_none();
        self.joined += usize::from(is_first);
        is_first
    }

    fn joined(&self) -> usize {
        self.joined
    }

    /// The number of a client in its room.
    fn of(&self, client: u32) -> Option<u32> {
        self.numbers.get(client as usize).copied().flatten()
    }
}

/// The beginning of a text that is not what it should be.
fn excerpt(text: &[u8]) -> String {
    const BYTES_MAX: usize = 100;
    String::from_utf8_lossy(&text[..text.len().min(BYTES_MAX)]).into_owned()
}
