//! Wants more ticks a second than there are.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// The room, which is never opened.
#[derive(Serialize, Deserialize)]
struct DescribeLies {}

impl Room for DescribeLies {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        Ok(())
    }
}

export!(DescribeLies {
    name: "describe-lies",
    tick_hz: 500,
});
