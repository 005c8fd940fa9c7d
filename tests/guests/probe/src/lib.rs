//! Does on request what well-behaved plugins do, each kind of effect by itself. A room has two players' seats and one
//! spectator's.
#![cfg(target_family = "wasm")]

use parlor_plugin::{
    Bytes, Config, Ctx, KvError, KvOutcome, LeaveReason, Member, MemberId, Payload, Refusal,
    Result, Room, Seat, TimerId, Value, export, json,
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
    /// Publishes a view to everyone, filled up to a size with the last byte of `n`.
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
    /// Uses the storage; the answer is announced.
    Kv { operation: u64, request: Request },
    /// Is answered with room time and a random number.
    Chance,
}

/// What the storage is asked for. Values are stored as MessagePack; null is no value.
#[derive(Deserialize)]
#[serde(tag = "kv", rename_all = "snake_case")]
enum Request {
    Get {
        key: String,
    },
    Put {
        key: String,
        value: Value,
    },
    /// A value of so many bytes that are nothing in particular.
    Fill {
        key: String,
        bytes: usize,
    },
    Swap {
        key: String,
        expected: Value,
        value: Value,
    },
    List {
        prefix: String,
        after: String,
        count: u32,
    },
}

impl Request {
    fn act(self, room: &mut Ctx, operation: u64) -> Result<()> {
        match self {
            Self::Get { key } => room.kv_get(operation, key),
            Self::Put { key, value } => match stored(&value)? {
                Some(value) => room.kv_put(operation, key, value),
                None => room.kv_delete(operation, key),
            },
            Self::Fill { key, bytes } => room.kv_put(operation, key, vec![0xc1; bytes]),
            Self::Swap {
                key,
                expected,
                value,
            } => room.kv_compare_and_put(operation, key, stored(&expected)?, stored(&value)?),
            Self::List {
                prefix,
                after,
                count,
            } => room.kv_list(operation, prefix, after, count),
        }
        Ok(())
    }
}

fn stored(value: &Value) -> Result<Option<Vec<u8>>> {
    if *value == Value::Null {
        return Ok(None);
    }
    let payload = Payload::of(value).map_err(|error| Refusal::from(error.to_string()))?;
    Ok(Some(payload.into_bytes()))
}

/// A value as it was stored, or its length if it is none.
fn shown(bytes: &[u8]) -> Value {
    let payload = Payload::from_bytes(bytes).and_then(|payload| payload.read());
    payload.unwrap_or(Value::Int(bytes.len() as i128))
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
                let filler = Bytes::from(vec![n.to_le_bytes()[0]; filler_bytes]);
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
            Input::Kv { operation, request } => request.act(room, operation)?,
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

    fn kv_answer(&mut self, room: &mut Ctx, operation: u64, outcome: Result<KvOutcome, KvError>) {
        let value = |bytes: Option<Vec<u8>>| bytes.map(|it| shown(&it));
        let outcome = match outcome {
            Ok(KvOutcome::Value(bytes)) => json!({ "value": value(bytes) }),
            Ok(KvOutcome::Stored) => json!("stored"),
            Ok(KvOutcome::Conflict(bytes)) => json!({ "conflict": value(bytes) }),
            Ok(KvOutcome::Entries(entries)) => {
                let keys: Vec<_> = entries.iter().map(|entry| &entry.key).collect();
                json!({ "keys": keys })
            }
            Err(error) => json!(format!("{error:?}")),
        };
        room.broadcast(&json!({ "operation": operation, "outcome": outcome }));
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
