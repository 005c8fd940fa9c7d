//! Its state cannot be saved, so that no room of it can be opened.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize, Serializer};

/// The room.
#[derive(Serialize, Deserialize)]
struct SaveTraps {
    #[serde(serialize_with = "trap")]
    messages: u64,
}

fn trap<S: Serializer>(_messages: &u64, _serializer: S) -> Result<S::Ok, S::Error> {
    panic!("this state cannot be saved")
}

impl Room for SaveTraps {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self { messages: 0 })
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        self.messages += 1;
        Ok(())
    }
}

export!(SaveTraps { name: "save-traps" });
