//! Publishes the number of every tick, once a second: as little as a room with a clock can do, of which a server has many.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Tick, Value, export};
use serde::{Deserialize, Serialize};

/// The room, which has nothing to remember.
#[derive(Serialize, Deserialize)]
struct Metronome {}

impl Room for Metronome {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        Ok(())
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        room.state("beat", &tick.number);
    }
}

export!(Metronome {
    name: "metronome",
    tick_hz: 1,
    presence: None
});
