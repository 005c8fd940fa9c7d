//! Describes itself with another version each time.
#![cfg(target_family = "wasm")]

use std::sync::atomic::{AtomicU32, Ordering};

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// The room, which is never opened.
#[derive(Serialize, Deserialize)]
struct DescribeChanges {}

impl Room for DescribeChanges {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        Ok(())
    }
}

/// Counts the calls.
fn next_version() -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    format!("1.0.{}", CALLS.fetch_add(1, Ordering::Relaxed))
}

export!(DescribeChanges {
    name: "describe-changes",
    version: next_version(),
});
