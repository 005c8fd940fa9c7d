//! The game of a room of `grid`, as one of its players has it. The first of them has the first match begin when all are seated.

use parlor_proto::{Payload, ServerFrame, ViewCopies};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Misread, payload};
use crate::account::{CELLS, Cells};

/// The view with the board.
pub(super) const VIEW: &str = "board";

#[derive(Debug)]
pub(super) struct Game {
    is_leader: bool,
    players: usize,
    /// What states and patches have made of each view.
    views: ViewCopies,
    status: Status,
    /// How many are seated.
    seated: usize,
    cells: Cells,
    /// Whether it has had a match begin.
    has_started: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Waiting,
    Active,
    Completed,
}

/// The view, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Board {
    status: Status,
    cells: Vec<Option<u32>>,
    players: Vec<IgnoredAny>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Input {
    Start,
    Rematch,
    Capture { cell: usize },
}

/// What asks for a cell.
pub(super) fn capture(cell: usize) -> Payload {
    payload(&Input::Capture { cell })
}

/// What asks for another match.
pub(super) fn rematch() -> Payload {
    payload(&Input::Rematch)
}

impl Game {
    pub(super) fn new(place: usize, players: usize) -> Self {
        Self {
            is_leader: place == 0,
            players,
            views: ViewCopies::default(),
            status: Status::Waiting,
            seated: 0,
            cells: [0; CELLS],
            has_started: false,
        }
    }

    pub(super) fn cells(&self) -> &Cells {
        &self.cells
    }

    pub(super) fn is_open(&self) -> bool {
        self.status == Status::Active
    }

    /// Makes a whole state of a patch, and hands on all other frames.
    pub(super) fn follow(&mut self, frame: ServerFrame) -> Result<Option<ServerFrame>, Misread> {
        let followed = self.views.take(frame);
        followed.map_err(|fault| Misread::Protocol(fault.to_string()))
    }

    pub(super) fn on_board(&mut self, state: &Payload) -> Result<(), Misread> {
        let unreadable = |problem: &str| Misread::unreadable(problem, state.to_json().as_bytes());
        let board: Board = state
            .to_serde()
            .map_err(|error| unreadable(&error.to_string()))?;
        if board.cells.len() != CELLS {
            return Err(unreadable("a board has 81 cells"));
        }
        for (cell, owner) in self.cells.iter_mut().zip(board.cells) {
            *cell = owner.unwrap_or_default();
        }
        (self.status, self.seated) = (board.status, board.players.len());
        Ok(())
    }

    /// What the first of the players says to a board that waits, once.
    pub(super) fn start(&mut self) -> Option<Payload> {
        let may_start = self.status == Status::Waiting && self.seated == self.players;
        if !self.is_leader || !may_start || std::mem::replace(&mut self.has_started, true) {
            return None;
        }
        Some(payload(&Input::Start))
    }
}
