//! Panics when it is to describe itself.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// The room, which is never opened.
#[derive(Serialize, Deserialize)]
struct DescribeTraps {}

impl Room for DescribeTraps {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        Ok(())
    }
}

/// The name, which it does not have.
fn name() -> String {
    panic!("no name comes to mind")
}

export!(DescribeTraps { name: name() });
