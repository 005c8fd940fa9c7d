//! Shows whom it is told what it is told, whatever that is. A room has many seats of both kinds.
#![cfg(target_family = "wasm")]

use parlor_plugin::{
    Config, Ctx, Member, MemberId, Result, Room, Seat, Value, ViewAudience, export,
};
use serde::{Deserialize, Serialize};

/// What members send: things to do, in one step.
#[derive(Deserialize)]
struct Input {
    deeds: Vec<Deed>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Deed {
    /// Publishes a view.
    Show { view: String, to: To, value: Value },
    /// Withdraws it.
    Withdraw { view: String, to: To },
    /// Moves a member to another seat.
    Seat { member: MemberId, seat: Place },
}

/// Who sees a view.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    Everyone,
    Seat(Place),
    Member(MemberId),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Player,
    Spectator,
}

impl From<Place> for Seat {
    fn from(place: Place) -> Self {
        match place {
            Place::Player => Self::Player,
            Place::Spectator => Self::Spectator,
        }
    }
}

impl From<To> for ViewAudience {
    fn from(to: To) -> Self {
        match to {
            To::Everyone => Self::Everyone,
            To::Seat(place) => Self::Seat(place.into()),
            To::Member(member) => Self::Member(member),
        }
    }
}

/// The room, which keeps nothing: the host has its views.
#[derive(Serialize, Deserialize)]
struct Shows;

impl Room for Shows {
    type Input = Input;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn message(&mut self, room: &mut Ctx, _from: &Member, input: Input) -> Result<()> {
        for deed in input.deeds {
            match deed {
                Deed::Show { view, to, value } => room.state_for(to, &view, &value),
                Deed::Withdraw { view, to } => room.drop_state(to, &view),
                Deed::Seat { member, seat } => room.set_seat(member, seat.into()),
            }
        }
        Ok(())
    }
}

export!(Shows {
    name: "shows",
    players_max: 64,
    spectators_max: 64,
    limits: { payload_bytes: 256 << 10, memory_bytes: 32 << 20 }
});
