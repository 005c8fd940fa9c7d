//! The smallest room with a state: counts its messages. For tests with very many rooms.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// The room.
#[derive(Serialize, Deserialize)]
struct Tiny {
    messages: u64,
}

impl Room for Tiny {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self { messages: 0 })
    }

    fn message(&mut self, room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        self.messages += 1;
        room.reply(&self.messages);
        Ok(())
    }
}

export!(Tiny {
    name: "tiny",
    presence: Count
});
