//! Sends whatever a member says to all the others; to all, where the room was made with `{"include_self":true}`.

use parlor_plugin::{Audience, Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// What the room was made with, and all it remembers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Broadcast {
    #[serde(default)]
    include_self: bool,
}

impl Room for Broadcast {
    type Input = Value;

    fn open(_room: &mut Ctx, config: &Config) -> Result<Self> {
        config.options()
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Value) -> Result<()> {
        let to = if self.include_self {
            Audience::Everyone
        } else {
            Audience::except(from.id)
        };
        room.send_from(from.id, to, &input);
        Ok(())
    }
}

export!(Broadcast {
    name: "broadcast",
    players_max: 10_000,
    spectators_max: 10_000
});
