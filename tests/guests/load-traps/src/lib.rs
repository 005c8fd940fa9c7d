//! Its state can be saved and not loaded, so that it cannot be restored after a failure.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export, json};
use serde::{Deserialize, Deserializer, Serialize};

/// The room.
#[derive(Serialize, Deserialize)]
struct LoadTraps {
    #[serde(deserialize_with = "trap")]
    messages: u64,
}

fn trap<'de, D: Deserializer<'de>>(_deserializer: D) -> Result<u64, D::Error> {
    panic!("this state cannot be loaded")
}

impl Room for LoadTraps {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self { messages: 0 })
    }

    fn message(&mut self, room: &mut Ctx, _from: &Member, input: Value) -> Result<()> {
        assert!(input != json!("panic"), "as it was asked to");
        self.messages += 1;
        room.reply(&self.messages);
        Ok(())
    }
}

export!(LoadTraps { name: "load-traps" });
