//! What members and listings see of a game.

use serde::{Deserialize, Serialize};

use crate::game::{Color, Game, Status};

/// The view `board`.
#[derive(Debug, Serialize)]
pub(crate) struct Board<'a> {
    status: Status,
    time_remaining_ms: u64,
    /// The owner of each of the 81 cells.
    cells: &'a [Option<u32>],
    players: Vec<Entry<'a>>,
    /// Who won; nobody while there is no result, and in a draw.
    winner: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    id: u32,
    name: &'a str,
    color: Color,
    score: u32,
    bot: bool,
    /// Whether the player is here; one who left keeps cells and score until the next match.
    present: bool,
}

impl<'a> Board<'a> {
    pub(crate) fn of(game: &'a Game, now_ms: u64) -> Self {
        let players = game.players.iter().map(|player| Entry {
            id: player.id,
            name: &player.name,
            color: player.color,
            score: player.score,
            bot: player.is_bot(),
            present: player.present,
        });
        Self {
            status: game.status,
            time_remaining_ms: game.time_remaining_ms(now_ms),
            cells: &game.cells,
            players: players.collect(),
            winner: game.winner,
        }
    }
}

/// What listings show.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    status: Status,
    players: usize,
}

impl Listing {
    pub(crate) fn of(game: &Game) -> Self {
        Self {
            status: game.status,
            players: game.players.len(),
        }
    }
}
