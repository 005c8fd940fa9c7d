//! A player of the grid game: captures random free cells, match after match. The first bot of a room starts the matches.
//!
//! A capture is sent when it is due even if no match is running or no cell is free, and is refused then: were it left
//! out, a slow server would get less to do.

use parlor_proto::Payload;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Stamp, payload};
use crate::room::Room;

/// How many cells the board has.
pub(crate) const CELLS: usize = 81;

/// A board that came in, and what is known of who plays.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    /// The view `board`.
    pub(crate) state: &'a Payload,
    /// The bot's number in the room.
    pub(crate) me: u32,
    /// The bot's place in the room.
    pub(crate) place: usize,
    pub(crate) room: &'a Room,
}

/// A cell that is on a screen for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// When it was to be asked for.
    pub(crate) at_us: u64,
    /// Whether by the bot whose screen it is.
    pub(crate) is_own: bool,
}

/// A capture.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) cell: usize,
    /// Whether the time from here until it shows can be measured.
    pub(crate) is_timed: bool,
    pub(crate) data: Payload,
}

/// What a player knows of the game.
#[derive(Debug)]
pub(crate) struct Grid {
    is_leader: bool,
    status: Status,
    cells: [Option<u32>; CELLS],
    /// What this bot asked for and has not seen yet.
    asked: [Option<Asked>; CELLS],
    urge: Urge,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    id: u64,
    at_us: u64,
    is_answered: bool,
}

/// Where a `start` or `rematch` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urge {
    None,
    Sent(u64),
    /// Accepted; the next board shows what came of it.
    Accepted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Waiting,
    Active,
    Completed,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    Start,
    Rematch,
    Capture { cell: usize },
}

/// The view `board`, as far as a player looks at it.
#[derive(Deserialize)]
struct Board {
    status: Status,
    cells: Cells,
}

/// The owner of each cell, read without an allocation.
struct Cells([Option<u32>; CELLS]);

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Owners;

        impl<'de> Visitor<'de> for Owners {
            type Value = Cells;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{CELLS} owners of cells")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut owners: A) -> Result<Cells, A::Error> {
                let mut cells = [None; CELLS];
                for (index, cell) in cells.iter_mut().enumerate() {
                    *cell = owners
                        .next_element()?
                        .ok_or_else(|| A::Error::invalid_length(index, &self))?;
                }
                Ok(Cells(cells))
            }
        }

        deserializer.deserialize_seq(Owners)
    }
}

impl Grid {
    pub(super) fn new(place: usize) -> Self {
        Self {
            is_leader: place == 0,
            status: Status::Waiting,
            cells: [None; CELLS],
            asked: [None; CELLS],
            urge: Urge::None,
        }
    }

    /// Asks for a cell that is free, as far as this bot knows; for any one if none is.
    pub(super) fn next(&mut self, stamp: Stamp) -> Ask {
        let is_free = |cell: &usize| self.cells[*cell].is_none() && self.asked[*cell].is_none();
        let free = (0..CELLS).filter(is_free).count();
        let cell = match free {
            0 => rand::random_range(0..CELLS),
            _ => (0..CELLS)
                .filter(is_free)
                .nth(rand::random_range(0..free))
                .expect("the index is below the count"),
        };
        if free > 0 {
            self.asked[cell] = Some(Asked {
                id: stamp.id,
                at_us: stamp.at_us,
                is_answered: false,
            });
        }
        // If nothing seems free, the cell may have been taken before, and shown as taken only later: which of the two
        // times belongs to what is shown could not be told.
        Ask {
            cell,
            is_timed: free > 0,
            data: payload(&Output::Capture { cell }),
        }
    }

    /// Which cell an input asked for, while that is not settled.
    fn cell_of(&self, id: u64) -> Option<usize> {
        self.asked
            .iter()
            .position(|asked| asked.is_some_and(|asked| asked.id == id))
    }

    /// What the first bot of a room says when no match is running.
    pub(super) fn urge(&mut self, id: u64) -> Option<Payload> {
        if !self.is_leader || self.urge != Urge::None {
            return None;
        }
        let output = match self.status {
            Status::Active => return None,
            Status::Waiting => Output::Start,
            Status::Completed => Output::Rematch,
        };
        self.urge = Urge::Sent(id);
        Some(payload(&output))
    }

    pub(super) fn on_answer(&mut self, id: u64, is_accepted: bool) {
        if self.urge == Urge::Sent(id) {
            self.urge = if is_accepted {
                Urge::Accepted
            } else {
                Urge::None
            };
            return;
        }
        let Some(cell) = self.cell_of(id) else {
            return;
        };
        match &mut self.asked[cell] {
            Some(asked) if is_accepted => asked.is_answered = true,
            asked => *asked = None,
        }
    }

    /// Looks at the board: calls `shown` for each cell of this bot, or of its neighbour, that is on it for the first time.
    /// `false` if this is no board.
    pub(crate) fn on_board(&mut self, sight: &Sight<'_>, mut shown: impl FnMut(Shown)) -> bool {
        let Ok(board) = sight.state.to_serde::<Board>() else {
            return false;
        };
        let Cells(cells) = board.cells;
        // A cell never changes hands within a match.
        let is_new_match = self
            .cells
            .iter()
            .zip(&cells)
            .any(|(before, now)| before.is_some() && before != now);
        if is_new_match {
            self.cells = [None; CELLS];
        }
        let (neighbour, neighbours_id) = sight.room.neighbour(sight.place);
        for (cell, owner) in cells.iter().enumerate() {
            let (None, Some(owner)) = (self.cells[cell], *owner) else {
                continue;
            };
            let at_us = if owner == sight.me {
                self.asked[cell].take().map(|asked| asked.at_us)
            } else if owner == neighbours_id {
                sight.room.asked_us(neighbour, cell)
            } else {
                None
            };
            if let Some(at_us) = at_us {
                let is_own = owner == sight.me;
                shown(Shown { at_us, is_own });
            }
        }
        if is_new_match {
            // What was captured in the last match and never seen will not be seen any more.
            for asked in &mut self.asked {
                *asked = asked.filter(|asked| !asked.is_answered);
            }
        }
        (self.cells, self.status) = (cells, board.status);
        if self.urge == Urge::Accepted {
            self.urge = Urge::None;
        }
        true
    }
}

#[cfg(test)]
mod tests;
