//! Wants the network, which no plugin gets.
#![cfg(target_family = "wasm")]

use std::net::TcpStream;

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// The room, which is never opened.
#[derive(Serialize, Deserialize)]
struct ImportsSockets {}

impl Room for ImportsSockets {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, _input: Value) -> Result<()> {
        TcpStream::connect("127.0.0.1:1").map_err(|error| error.to_string())?;
        Ok(())
    }
}

export!(ImportsSockets {
    name: "imports-sockets",
});
