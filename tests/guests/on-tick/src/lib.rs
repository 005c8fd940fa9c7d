//! Takes messages only with its ticks, and keeps what it took in order; one message in it is poison.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, MemberId, Result, Room, Tick, export, json};
use serde::{Deserialize, Serialize};

/// What members send.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Input {
    /// Is noted down.
    Note { n: u64 },
    /// Notes down and then traps: none of it may stay.
    Poison { n: u64 },
    /// Is answered with all notes.
    Notes,
    /// Is answered with the tick that the room takes it to be applied in.
    Tick,
}

/// The room.
#[derive(Serialize, Deserialize, Default)]
struct OnTick {
    notes: Vec<(MemberId, u64)>,
    noted_since_tick: u64,
}

impl Room for OnTick {
    type Input = Input;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self::default())
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Note { n } => {
                self.notes.push((from.id, n));
                self.noted_since_tick += 1;
            }
            Input::Poison { n } => {
                self.notes.push((from.id, n));
                panic!("poison {n}");
            }
            Input::Notes => room.reply(&self.notes),
            Input::Tick => room.reply(&room.tick()),
        }
        Ok(())
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        let noted = std::mem::take(&mut self.noted_since_tick);
        room.broadcast(&json!({ "tick": tick.number, "noted": noted }));
    }
}

export!(OnTick {
    name: "on-tick",
    tick_hz: 2,
    delivery: OnTick
});
