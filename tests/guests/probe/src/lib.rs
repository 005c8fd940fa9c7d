//! Does on request what well-behaved plugins do, each kind of effect by itself. A room has two players' seats and one
//! spectator's.
#![cfg(target_family = "wasm")]

use parlor_plugin::{
    Bytes, Config, Ctx, LeaveReason, Member, MemberId, Refusal, Result, Room, Seat, TimerId, Value,
    export, json,
};
use serde::{Deserialize, Serialize};

/// What members send.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Input {
    /// Is noted down, and answered with how many notes there are.
    Note { text: String },
    /// Is answered with all notes.
    Notes,
    /// Sends data to members.
    Send { to: Vec<MemberId>, data: Value },
    /// Sends data to a seat.
    SendToSeat { is_spectator: bool, data: Value },
    /// Publishes a view to everyone, filled up to a size.
    Publish {
        view: String,
        n: u64,
        #[serde(default)]
        filler_bytes: usize,
    },
    /// Publishes a view to one member.
    Whisper { view: String, to: MemberId, n: u64 },
    /// Locks or unlocks the room.
    Lock { on: bool },
    /// Sets what listings show.
    Metadata { entries: Value },
    /// Removes a member.
    Kick { member: MemberId },
    /// Moves a member to the spectators, or back.
    Seat {
        member: MemberId,
        is_spectator: bool,
    },
    /// Closes the room.
    Close { reason: String },
    /// Starts a timer, which is announced when it is due.
    Timer { after_ms: u64 },
    /// Is refused with a code of the plugin's own.
    Refuse,
    /// Reads a stored key.
    KvGet,
    /// Is answered with room time and a random number.
    Chance,
}

/// What the room is made with.
#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    refuse_open: bool,
    #[serde(default)]
    refuse_join_of: String,
}

/// The room.
#[derive(Serialize, Deserialize)]
struct Probe {
    notes: Vec<String>,
    refuse_join_of: String,
}

impl Room for Probe {
    type Input = Input;

    fn open(_room: &mut Ctx, config: &Config) -> Result<Self> {
        let options: Options = config.options()?;
        if options.refuse_open {
            return Err("this room was asked not to open".into());
        }
        Ok(Self {
            notes: Vec::new(),
            refuse_join_of: options.refuse_join_of,
        })
    }

    fn join(&mut self, _room: &mut Ctx, member: &Member) -> Result<()> {
        if member.name == self.refuse_join_of {
            return Err(Refusal::new("NOT_YOU", "this name is not let in"));
        }
        self.notes.push(format!("{} joined", member.name));
        Ok(())
    }

    fn leave(&mut self, _room: &mut Ctx, member: &Member, reason: LeaveReason) {
        self.notes.push(format!("{} {reason:?}", member.name));
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Note { text } => {
                self.notes.push(text);
                room.reply(&self.notes.len());
            }
            Input::Notes => room.reply(&self.notes),
            Input::Send { to, data } => room.send_from(from.id, to, &data),
            Input::SendToSeat { is_spectator, data } => room.send(seat(is_spectator), &data),
            Input::Publish {
                view,
                n,
                filler_bytes,
            } => {
                let filler = Bytes::from(vec![0; filler_bytes]);
                room.state(&view, &Numbered { n, filler });
            }
            Input::Whisper { view, to, n } => room.state_for(to, &view, &json!({ "n": n })),
            Input::Lock { on: true } => room.lock(),
            Input::Lock { on: false } => room.unlock(),
            Input::Metadata { entries } => room.metadata(&entries),
            Input::Kick { member } => room.kick(member, "as somebody asked"),
            Input::Seat {
                member,
                is_spectator,
            } => room.set_seat(member, seat(is_spectator)),
            Input::Close { reason } => room.close(reason),
            Input::Timer { after_ms } => room.set_timer(1, after_ms),
            Input::Refuse => return Err(Refusal::new("NOT_TODAY", "ask another day")),
            Input::KvGet => room.kv_get(1, "key"),
            Input::Chance => {
                let (now_ms, number) = (room.now_ms(), room.random().next_u64());
                room.reply(&json!({ "now_ms": now_ms, "number": number.to_string() }));
            }
        }
        Ok(())
    }

    fn timer(&mut self, room: &mut Ctx, timer: TimerId) {
        room.broadcast(&json!({ "timer": timer, "now_ms": room.now_ms() }));
    }

    fn kv_answer(
        &mut self,
        room: &mut Ctx,
        operation: u64,
        outcome: Result<parlor_plugin::KvOutcome, parlor_plugin::KvError>,
    ) {
        room.broadcast(&json!({ "operation": operation, "outcome": format!("{outcome:?}") }));
    }
}

/// What a view shows.
#[derive(Serialize)]
struct Numbered {
    n: u64,
    filler: Bytes,
}

fn seat(is_spectator: bool) -> Seat {
    if is_spectator {
        Seat::Spectator
    } else {
        Seat::Player
    }
}

export!(Probe {
    name: "probe",
    players_max: 2,
    spectators_max: 1
});
