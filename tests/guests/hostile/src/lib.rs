//! Does harm on request: in a step by a message `{"do": …}`, in `open` by the room option `{"open": {"do": …}}`, and in
//! every tick by `{"tick": {"do": …}}`. Between that it counts, so that tests see whether its state survived.
#![cfg(target_family = "wasm")]

mod harm;

use parlor_plugin::bindings::exports::parlor::room::guest::Guest;
use parlor_plugin::bindings::parlor::room::types as wit;
use parlor_plugin::guest::{self, Slot};
use parlor_plugin::{
    Config, Ctx, Description, KvError, KvOutcome, Limits, Map, Member, Plugin, Result, Room, Tick,
};
use serde::{Deserialize, Serialize, Serializer};

use harm::{Forgery, Harm};

/// What members send.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Harm(Harm),
    Harmless(Harmless),
}

/// What does no harm.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Harmless {
    /// Adds to the sum, and answers with it.
    Add { n: i64 },
    /// Is so large that few of these fill the flight recorder, and the room has to be saved.
    Fill { filler: String },
    /// From now on the state cannot be saved.
    SpoilSave,
    /// From now on the storage is asked again with each of its answers.
    AskStorageForEver,
}

/// What the room is made with.
#[derive(Deserialize)]
struct Options {
    open: Option<Harm>,
    tick: Option<Harm>,
}

/// The room.
#[derive(Serialize, Deserialize)]
struct Hostile {
    sum: i64,
    tick: Option<Harm>,
    is_asking: bool,
    #[serde(serialize_with = "trap_if_set")]
    is_save_spoilt: bool,
}

fn trap_if_set<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    assert!(!flag, "this state cannot be saved any more");
    serializer.serialize_bool(*flag)
}

impl Room for Hostile {
    type Input = Input;

    fn open(room: &mut Ctx, config: &Config) -> Result<Self> {
        let Options { open, tick } = config.options()?;
        if let Some(harm) = open {
            harm.act(room);
        }
        Ok(Self {
            sum: 0,
            tick,
            is_asking: false,
            is_save_spoilt: false,
        })
    }

    fn message(&mut self, room: &mut Ctx, _from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Harmless(Harmless::Add { n }) => {
                self.sum += n;
                room.reply(&self.sum);
            }
            Input::Harmless(Harmless::Fill { filler }) => room.reply(&filler.len()),
            Input::Harmless(Harmless::SpoilSave) => self.is_save_spoilt = true,
            Input::Harmless(Harmless::AskStorageForEver) => {
                self.is_asking = true;
                room.kv_get(1, "key");
            }
            Input::Harm(harm) => {
                // What a failed input changed must not stay.
                self.sum += 1_000_000;
                harm.act(room);
                self.sum -= 1_000_000;
                room.reply(&Map::from([("survived", true)]));
            }
        }
        Ok(())
    }

    fn tick(&mut self, room: &mut Ctx, _tick: Tick) {
        if let Some(harm) = &self.tick {
            harm.act(room);
        }
    }

    fn kv_answer(&mut self, room: &mut Ctx, _operation: u64, _outcome: Result<KvOutcome, KvError>) {
        if self.is_asking {
            room.kv_get(1, "key");
        }
    }
}

impl Plugin for Hostile {
    fn describe() -> Description {
        let defaults = guest::default_description(env!("CARGO_PKG_VERSION"));
        Description {
            name: "hostile".to_owned(),
            tick_hz: 5,
            limits: Limits {
                // Harm that is not about time takes its time too, on a slow machine, and has to fail for its own reason.
                step_cpu_ms: Some(60),
                ..defaults.limits
            },
            ..defaults
        }
    }
}

thread_local! {
    static ROOM: Slot<Hostile> = const { Slot::new() };
}

/// The exports as `export!` writes them, but for what the SDK would never let through.
struct Exports;

impl Guest for Exports {
    fn describe() -> Description {
        guest::describe::<Hostile>()
    }

    fn open(config: wit::Config) -> Result<Vec<wit::Effect>, wit::Failure> {
        Forgery::commit(ROOM.with(|room| room.open(config)))
    }

    fn step(batch: wit::Batch) -> Result<Vec<wit::Effect>, wit::Failure> {
        Forgery::commit(ROOM.with(|room| room.step(batch)))
    }

    fn save() -> Vec<u8> {
        ROOM.with(Slot::save)
    }

    fn load(schema: u32, bytes: Vec<u8>) -> Result<(), wit::Failure> {
        ROOM.with(|room| room.load(schema, &bytes))
    }
}

parlor_plugin::bindings::export_guest!(Exports with_types_in parlor_plugin::bindings);
