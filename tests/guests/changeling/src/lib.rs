//! One version of many: what it calls itself, and what is wrong with it, stands in the component itself, where tests write
//! something else. It counts, and says so to everybody.
#![cfg(target_family = "wasm")]

use std::cell::Cell;
use std::hint::black_box;

use parlor_plugin::bindings::exports::parlor::room::guest::Guest;
use parlor_plugin::bindings::parlor::room::types as wit;
use parlor_plugin::guest::{self, Slot};
use parlor_plugin::{
    Config, Ctx, Description, KvError, KvOutcome, Member, Plugin, Result, Room, decode_state, json,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `version`, padded with spaces to 8 bytes, and what it does, to 16.
static TRAITS: [u8; 40] = *b"@@changeling@@; 1.0.0   ;good           ";
/// Where they begin.
const VERSION: std::ops::Range<usize> = 16..24;
const TRICK: std::ops::Range<usize> = 25..40;

thread_local! {
    static ROOM: Slot<Changeling> = const { Slot::new() };
    static STEPS: Cell<u32> = const { Cell::new(0) };
}

fn traits(range: std::ops::Range<usize>) -> &'static str {
    // Not known before the component runs.
    let bytes = &black_box(&TRAITS)[range];
    std::str::from_utf8(bytes).unwrap_or("").trim_end()
}

fn does(trick: &str) -> bool {
    traits(TRICK) == trick
}

/// The room.
struct Changeling {
    sum: i64,
    timers: u32,
    /// How often something was added, as far as it is known.
    adds: u32,
}

/// What is saved of it.
#[derive(Serialize, Deserialize)]
struct First {
    sum: i64,
    timers: u32,
}

/// What is saved by a version of the next shape: a field has another name, and one came.
#[derive(Serialize, Deserialize)]
struct Second {
    total: i64,
    timers: u32,
    adds: u32,
}

fn is_of_next_shape() -> bool {
    does("next-shape")
}

impl Serialize for Changeling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { sum, timers, adds } = *self;
        if is_of_next_shape() {
            let total = sum;
            return Second {
                total,
                timers,
                adds,
            }
            .serialize(serializer);
        }
        let sum = if does("lies") { 0 } else { sum };
        First { sum, timers }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Changeling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if is_of_next_shape() {
            let Second {
                total,
                timers,
                adds,
            } = Second::deserialize(deserializer)?;
            let sum = total;
            return Ok(Self { sum, timers, adds });
        }
        First::deserialize(deserializer).map(Self::from)
    }
}

impl From<First> for Changeling {
    fn from(First { sum, timers }: First) -> Self {
        let adds = 0;
        Self { sum, timers, adds }
    }
}

/// What members send.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Input {
    /// Adds, answers with the sum, and tells everybody.
    Add { n: i64 },
    /// Sets a timer, of which everybody is told.
    Timer { after_ms: u64 },
    /// Writes the sum into the storage, and tells everybody when that is done.
    Store,
    /// Says which version this is.
    Version,
    /// Says what would be saved.
    Saved,
}

impl Changeling {
    fn show(&self, room: &mut Ctx) {
        room.state(
            "sum",
            &json!({ "sum": self.sum, "version": traits(VERSION) }),
        );
    }
}

impl Room for Changeling {
    type Input = Input;

    fn open(room: &mut Ctx, _config: &Config) -> Result<Self> {
        let it = Self::from(First { sum: 0, timers: 0 });
        it.show(room);
        Ok(it)
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Add { n } => {
                self.sum += n;
                self.adds += 1;
                room.reply(&self.sum);
                let filler = if does("ten-times") { 30_000 } else { 0 };
                room.broadcast(
                    &json!({ "sum": self.sum, "from": from.id, "filler": "x".repeat(filler) }),
                );
                self.show(room);
            }
            Input::Timer { after_ms } => room.set_timer(1, after_ms),
            Input::Store => room.kv_put(7, "sum", self.sum.to_string().into_bytes()),
            Input::Version => room.reply(&traits(VERSION)),
            Input::Saved => room.reply(self),
        }
        Ok(())
    }

    fn timer(&mut self, room: &mut Ctx, _timer: u32) {
        self.timers += 1;
        room.broadcast(&json!({ "timers": self.timers }));
    }

    fn kv_answer(&mut self, room: &mut Ctx, operation: u64, outcome: Result<KvOutcome, KvError>) {
        room.broadcast(&json!({ "stored": operation, "is_ok": outcome.is_ok() }));
    }

    fn upgrade(schema: u32, bytes: &[u8]) -> Result<Self> {
        match schema {
            1 => Ok(decode_state::<First>(bytes)?.into()),
            other => Err(format!("it knows no such state as that of schema {other}").into()),
        }
    }
}

impl Plugin for Changeling {
    fn describe() -> Description {
        Description {
            name: "changeling".to_owned(),
            state_schema: if is_of_next_shape() { 2 } else { 1 },
            ..guest::default_description(traits(VERSION))
        }
    }
}

/// The exports as `export!` writes them, with what is wrong with the version.
struct Exports;

impl Guest for Exports {
    fn describe() -> Description {
        guest::describe::<Changeling>()
    }

    fn open(config: wit::Config) -> Result<Vec<wit::Effect>, wit::Failure> {
        ROOM.with(|room| room.open(config))
    }

    fn step(batch: wit::Batch) -> Result<Vec<wit::Effect>, wit::Failure> {
        STEPS.set(STEPS.get() + 1);
        assert!(!does("traps"), "it traps at once");
        assert!(
            !does("traps-tenth") || STEPS.get() < 10,
            "it traps in its tenth step"
        );
        while does("loops") {
            black_box(0);
        }
        if does("eats-memory") {
            std::mem::forget(black_box(vec![1_u8; 4 << 20]));
        }
        ROOM.with(|room| room.step(batch))
    }

    fn save() -> Vec<u8> {
        ROOM.with(Slot::save)
    }

    fn load(schema: u32, bytes: Vec<u8>) -> Result<(), wit::Failure> {
        if does("refuses") {
            return Err(wit::Failure {
                message: "it knows no such state".to_owned(),
            });
        }
        ROOM.with(|room| room.load(schema, &bytes))
    }
}

parlor_plugin::bindings::export_guest!(Exports with_types_in parlor_plugin::bindings);
