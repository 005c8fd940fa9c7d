//! The 9x9 capture game: 2 to 8 players race for cells for 30 seconds, and a captured cell stays its owner's.
//!
//! Whoever asks first gets a cell, which is the order in which the messages reach the room. Everybody sees the view
//! `board`, from the waiting room to the result. Who comes during a match watches it, and plays the next one.

use parlor_plugin::export;

mod board;
mod bots;
mod game;
mod leaderboard;
mod room;

pub use room::{Grid, Input};

export!(Grid {
    name: "grid",
    tick_hz: room::TICK_HZ,
    players_max: 8,
    spectators_max: 64,
    delivery: OnTick,
    durability: Journal,
});
