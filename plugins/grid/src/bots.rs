//! Players who are no people. They take a random free cell every second or so, which a person beats.

use std::ops::Range;

use parlor_plugin::{Map, Rng};
use serde::{Deserialize, Serialize};

use crate::game::{Game, PLAYERS_MAX};

/// Bots are numbered from here on, far beyond members.
const FIRST_ID: u32 = 1_000_000;
/// A bot thinks this long about a cell.
const PACE_MS: Range<u64> = 600..1_800;

/// The bots of a room.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bots {
    /// How many were asked for. There are fewer while people need the seats.
    pub(crate) wanted: u32,
    /// When each captures next.
    due_ms: Map<u32, u64>,
}

impl Bots {
    /// Seats bots up to the number wanted, as far as people, and those who are `waiting` for a seat, leave room; and takes
    /// away the surplus.
    pub(crate) fn settle(&self, game: &mut Game, waiting: usize) {
        let people = game
            .players
            .iter()
            .filter(|player| !player.is_bot())
            .count();
        let seats = PLAYERS_MAX.saturating_sub(people + waiting);
        let end = FIRST_ID + self.wanted.min(u32::try_from(seats).unwrap_or(0));
        game.players
            .retain(|player| !player.is_bot() || player.id < end);
        for id in FIRST_ID..end {
            if !game.has(id) {
                game.seat(id, format!("Bot {}", id - FIRST_ID + 1), None);
            }
        }
    }

    /// Has every bot think about its first cell.
    pub(crate) fn start(&mut self, game: &Game, now_ms: u64, random: &mut Rng) {
        let bots = game.players.iter().filter(|player| player.is_bot());
        self.due_ms = bots
            .map(|bot| (bot.id, now_ms + random.range(PACE_MS)))
            .collect();
    }

    /// Captures for every bot that is done thinking, and says whether one did.
    pub(crate) fn play(&mut self, game: &mut Game, now_ms: u64, random: &mut Rng) -> bool {
        let mut captured = false;
        for (bot, due_ms) in self
            .due_ms
            .iter_mut()
            .filter(|(_, due_ms)| **due_ms <= now_ms)
        {
            if let Some(cell) = random
                .pick(&game.free_cells())
                .filter(|_| game.is_running(now_ms))
            {
                game.capture(*cell, *bot);
                captured = true;
            }
            *due_ms = now_ms + random.range(PACE_MS);
        }
        captured
    }
}
