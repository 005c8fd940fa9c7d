//! Wants silent members shown as away, and tells everybody what it hears of members that come and go.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, MemberId, Result, Room, Value, export, json};
use serde::{Deserialize, Serialize};

/// The room.
#[derive(Serialize, Deserialize, Default)]
struct Away;

impl Room for Away {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        Ok(())
    }

    fn away(&mut self, room: &mut Ctx, member: MemberId) {
        room.broadcast(&json!({ "away": member }));
    }

    fn back(&mut self, room: &mut Ctx, member: MemberId) {
        room.broadcast(&json!({ "back": member }));
    }

    fn resync(&mut self, room: &mut Ctx, member: MemberId) {
        room.broadcast(&json!({ "resync": member }));
    }
}

export!(Away {
    name: "away",
    away_after_ms: 1_000
});
