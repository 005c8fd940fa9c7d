//! Says the number of every tick, five times a second: whoever listens hears at once when a room was held up.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Tick, Value, export, json};
use serde::{Deserialize, Serialize};

/// The room, which has nothing to remember.
#[derive(Serialize, Deserialize)]
struct Ticker {}

impl Room for Ticker {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        Ok(())
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        room.broadcast(&json!({ "tick": tick.number, "dt_ms": tick.dt_ms }));
    }
}

export!(Ticker {
    name: "ticker",
    tick_hz: 5,
    presence: None
});
