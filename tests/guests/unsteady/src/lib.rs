//! Not deterministic: an instance that opened its room behaves otherwise than one that was loaded from what it saved.
#![cfg(target_family = "wasm")]

use std::sync::atomic::{AtomicBool, Ordering};

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export, json};
use serde::{Deserialize, Serialize};

/// What no save has.
static HAS_OPENED: AtomicBool = AtomicBool::new(false);

/// The room.
#[derive(Serialize, Deserialize)]
struct Unsteady {
    messages: u64,
}

impl Room for Unsteady {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        HAS_OPENED.store(true, Ordering::Relaxed);
        Ok(Self { messages: 0 })
    }

    /// Every tenth message is answered by what is not in the state.
    fn message(&mut self, room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        self.messages += 1;
        if self.messages.is_multiple_of(10) {
            room.reply(&json!({ "opened": HAS_OPENED.load(Ordering::Relaxed) }));
        } else {
            room.reply(&self.messages);
        }
        Ok(())
    }
}

export!(Unsteady {
    name: "unsteady",
    durability: Journal
});
