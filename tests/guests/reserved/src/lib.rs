//! Lets nobody in without a role: hosts make rooms, hosts and players play, and viewers may watch, too. Tells members who
//! the host says they are.
#![cfg(target_family = "wasm")]

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export, json};
use serde::{Deserialize, Serialize};

/// The room, which has nothing to remember.
#[derive(Serialize, Deserialize)]
struct Reserved {}

impl Room for Reserved {
    type Input = Value;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, _input: Value) -> Result<()> {
        room.reply(&shown(from));
        Ok(())
    }

    fn changed(&mut self, room: &mut Ctx, member: &Member) {
        room.broadcast(&json!({ "changed": true, "roles": member.roles }));
    }
}

fn shown(member: &Member) -> impl Serialize {
    json!({ "name": member.name, "user": member.user, "roles": member.roles })
}

export!(Reserved {
    name: "reserved",
    players_max: 4,
    spectators_max: 4,
    permissions: [Create: ["host"], Join: ["host", "player"], Watch: ["host", "player", "viewer"]]
});
