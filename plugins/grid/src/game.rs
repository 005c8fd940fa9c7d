//! The rules: a board, the players, and a clock. Knows no members and sends nothing.

use serde::{Deserialize, Serialize};

/// How many cells the board has: 9 by 9.
pub(crate) const CELLS: usize = 81;
/// How many can play.
pub(crate) const PLAYERS_MAX: usize = 8;
/// How many it takes.
pub(crate) const PLAYERS_MIN: usize = 2;
/// How long a match takes.
pub(crate) const MATCH_MS: u64 = 30_000;

/// Where a room is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Gathers players.
    Waiting,
    /// Plays.
    Active,
    /// Shows the result.
    Completed,
}

/// The colours; each player has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Color {
    Red,
    Blue,
    Green,
    Yellow,
    Purple,
    Orange,
    Teal,
    Pink,
}

impl Color {
    const ALL: [Self; PLAYERS_MAX] = [
        Self::Red,
        Self::Blue,
        Self::Green,
        Self::Yellow,
        Self::Purple,
        Self::Orange,
        Self::Teal,
        Self::Pink,
    ];
}

/// Somebody who plays: a member, or a bot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Player {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) color: Color,
    pub(crate) score: u32,
    /// How a member who left is known again; a bot has none.
    pub(crate) key: Option<String>,
    /// Whether the member is here.
    pub(crate) present: bool,
}

impl Player {
    pub(crate) fn is_bot(&self) -> bool {
        self.key.is_none()
    }
}

/// A match, or what comes before and after one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Game {
    pub(crate) status: Status,
    /// The owner of each cell.
    pub(crate) cells: Vec<Option<u32>>,
    pub(crate) players: Vec<Player>,
    pub(crate) winner: Option<u32>,
    ends_at_ms: u64,
}

impl Game {
    pub(crate) fn new() -> Self {
        Self {
            status: Status::Waiting,
            cells: vec![None; CELLS],
            players: Vec::new(),
            winner: None,
            ends_at_ms: 0,
        }
    }

    pub(crate) fn has(&self, id: u32) -> bool {
        self.players.iter().any(|player| player.id == id)
    }

    /// Whether any member, not only bots, is here to play.
    pub(crate) fn has_people(&self) -> bool {
        self.players
            .iter()
            .any(|player| player.present && !player.is_bot())
    }

    /// Gives out a seat and the first free colour; a full table gives none.
    pub(crate) fn seat(&mut self, id: u32, name: String, key: Option<String>) -> bool {
        let is_free = |color: &Color| self.players.iter().all(|player| player.color != *color);
        let Some(color) = Color::ALL.into_iter().find(is_free) else {
            return false;
        };
        self.players.push(Player {
            id,
            name,
            color,
            score: 0,
            key,
            present: true,
        });
        true
    }

    /// Takes a player off the table; during a match and after it the cells and the score stay.
    pub(crate) fn unseat(&mut self, id: u32) {
        if self.status == Status::Waiting {
            self.players.retain(|player| player.id != id);
        } else if let Some(player) = self.players.iter_mut().find(|player| player.id == id) {
            player.present = false;
        }
    }

    /// Gives a player another name, and the key it will be known again by.
    pub(crate) fn rename(&mut self, id: u32, name: &str, key: String) {
        if let Some(player) = self.players.iter_mut().find(|player| player.id == id) {
            name.clone_into(&mut player.name);
            player.key = Some(key);
        }
    }

    /// Gives a player who left and came back, under a new number, all that was theirs.
    pub(crate) fn reclaim(&mut self, key: &str, id: u32, name: &str) -> bool {
        let is_theirs =
            |player: &&mut Player| !player.present && player.key.as_deref() == Some(key);
        let Some(player) = self.players.iter_mut().find(is_theirs) else {
            return false;
        };
        let before = std::mem::replace(&mut player.id, id);
        player.present = true;
        name.clone_into(&mut player.name);
        for owner in self
            .cells
            .iter_mut()
            .chain([&mut self.winner])
            .flatten()
            .filter(|owner| **owner == before)
        {
            *owner = id;
        }
        true
    }

    /// Goes back to the waiting room: an empty board, and only those who are here.
    pub(crate) fn clear(&mut self) {
        self.players.retain(|player| player.present);
        self.players.iter_mut().for_each(|player| player.score = 0);
        *self = Self {
            players: std::mem::take(&mut self.players),
            ..Self::new()
        };
    }

    pub(crate) fn start(&mut self, now_ms: u64) {
        self.status = Status::Active;
        self.ends_at_ms = now_ms + MATCH_MS;
    }

    /// What is left of the match.
    pub(crate) fn time_remaining_ms(&self, now_ms: u64) -> u64 {
        match self.status {
            Status::Waiting => MATCH_MS,
            Status::Active => self.ends_at_ms.saturating_sub(now_ms),
            Status::Completed => 0,
        }
    }

    pub(crate) fn is_running(&self, now_ms: u64) -> bool {
        self.status == Status::Active && self.time_remaining_ms(now_ms) > 0
    }

    /// The cells nobody has.
    pub(crate) fn free_cells(&self) -> Vec<usize> {
        (0..CELLS)
            .filter(|cell| self.cells[*cell].is_none())
            .collect()
    }

    /// Makes a free cell a player's. The last cell ends the match.
    pub(crate) fn capture(&mut self, cell: usize, id: u32) {
        self.cells[cell] = Some(id);
        if let Some(player) = self.players.iter_mut().find(|player| player.id == id) {
            player.score += 1;
        }
        if self.cells.iter().all(Option::is_some) {
            self.finish();
        }
    }

    /// Ends the match: the highest score wins, and two of them are a draw.
    pub(crate) fn finish(&mut self) {
        self.status = Status::Completed;
        let best = self.players.iter().map(|player| player.score).max();
        let mut leaders = self
            .players
            .iter()
            .filter(|player| Some(player.score) == best);
        self.winner = match (leaders.next(), leaders.next()) {
            (Some(player), None) => Some(player.id),
            _ => None,
        };
    }
}
