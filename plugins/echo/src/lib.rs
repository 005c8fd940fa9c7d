//! Says everything back to its sender: `{"type":"echo","data":x}` is answered by `{"type":"echo_reply","data":x}`.

use parlor_plugin::{Config, Ctx, Member, Result, Room, Value, export};
use serde::{Deserialize, Serialize};

/// What members send.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// Something to say back.
    Echo {
        /// Anything.
        data: Value,
    },
}

/// What they get.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    EchoReply { data: Value },
}

/// The room, which has nothing to remember.
#[derive(Debug, Serialize, Deserialize)]
pub struct Echo {}

impl Room for Echo {
    type Input = Input;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        let Input::Echo { data } = input;
        room.send(from.id, &Output::EchoReply { data });
        Ok(())
    }
}

export!(Echo {
    name: "echo",
    players_max: 1_000,
    spectators_max: 1_000
});
