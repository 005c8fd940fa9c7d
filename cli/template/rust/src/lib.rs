//! {{name}}: a room that counts clicks, to make something else of.

use parlor_plugin::{Config, Ctx, Map, Member, MemberId, Result, Room, export, json};
use serde::{Deserialize, Serialize};

/// What members send.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    Click,
}

/// The room's state: saved, restored, and handed on to the next version.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    clicks: Map<MemberId, u64>,
}

impl Room for Counter {
    type Input = Input;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self::default())
    }

    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        room.send(member.id, &json!({ "type": "hello", "name": member.name }));
        Ok(())
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Click => *self.clicks.entry(from.id).or_default() += 1,
        }
        room.state("clicks", &self.clicks);
        Ok(())
    }
}

export!(Counter { name: "{{name}}", durability: Snapshot });
