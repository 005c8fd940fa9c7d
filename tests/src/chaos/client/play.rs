//! What a client says, and when.

use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{Payload, server};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::time::Instant;

use super::super::history::{Board, Input};
use super::Pace;
use super::state::Room;

/// Says when it is time for an input.
pub(super) struct Pacer {
    pace: Pace,
    next: Instant,
}

impl Pacer {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, next: now }
    }

    /// Whether an input is due now; if so, how many of a room may be unanswered.
    pub(super) fn due(&mut self, rng: &mut StdRng) -> Option<usize> {
        let now = Instant::now();
        if now < self.next {
            return None;
        }
        let pause: Duration = self.pace.every.mul_f64(rng.random_range(0.0..2.0));
        self.next = now + pause;
        Some(self.pace.unanswered_max)
    }
}

/// Any of the rooms.
pub(super) fn choose(rooms: &[Room], rng: &mut StdRng) -> Option<usize> {
    (!rooms.is_empty()).then(|| rng.random_range(0..rooms.len()))
}

/// What a client sees of a game.
pub(in crate::chaos) struct Game {
    status: String,
    remaining_ms: u64,
    cells: Vec<Option<u32>>,
}

impl Game {
    /// Reads the view `board`; `None` of any other view.
    pub(in crate::chaos) fn read(state: &server::RoomState) -> Option<Self> {
        if state.view != "board" {
            return None;
        }
        let whole = &state.state;
        Some(Self {
            status: whole.get("status")?.to_serde().ok()?,
            remaining_ms: whole.get("time_remaining_ms")?.to_serde().ok()?,
            cells: whole.get("cells")?.to_serde().ok()?,
        })
    }

    pub(in crate::chaos) fn board(&self, room: &Arc<str>, state: &server::RoomState) -> Board {
        Board {
            room: Arc::clone(room),
            epoch: state.epoch,
            version: state.version,
            tick: state.tick,
            is_played: self.status != "waiting",
            remaining_ms: self.remaining_ms,
            cells: self.cells.clone(),
        }
    }

    /// What to do next. The game may have moved on: then the input is refused, which is fine too.
    pub(super) fn play(&self, rng: &mut StdRng) -> Option<Input> {
        match self.status.as_str() {
            "waiting" => Some(Input::Start),
            "active" => {
                let is_free = |cell: &usize| self.cells[*cell].is_none();
                let free: Vec<_> = (0..self.cells.len()).filter(is_free).collect();
                (!free.is_empty()).then(|| Input::Capture(free[rng.random_range(0..free.len())]))
            }
            "completed" => Some(Input::Rematch),
            _ => None,
        }
    }
}

/// An input as a room wants it.
pub(super) fn payload_of(input: &Input) -> Payload {
    let json = match input {
        Input::Say(text) => json!({ "type": "say", "text": **text }),
        Input::Capture(cell) => json!({ "type": "capture", "cell": cell }),
        Input::Start => json!({ "type": "start" }),
        Input::Rematch => json!({ "type": "rematch" }),
    };
    crate::payload(&json)
}
