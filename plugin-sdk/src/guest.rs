//! From the host's calls to a room's methods. Native code uses it too: it is what a test room drives.

use std::{cell::RefCell, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    Config, Ctx, Delivery, Description, Durability, Limits, Member, Payload, Plugin, Presence,
    Refusal, Result, Room, bindings::parlor::room::types as wit, decode_state,
};

/// The contract's version, as `describe` names it.
const ABI: &str = "0.1.0";

/// What a plugin is unless `export!` says otherwise.
pub fn default_description(version: &str) -> Description {
    Description {
        name: String::new(),
        version: version.to_owned(),
        abi: ABI.to_owned(),
        tick_hz: 0,
        players_max: 100,
        spectators_max: 0,
        delivery: Delivery::Immediate,
        presence: Presence::Full,
        durability: Durability::None,
        state_schema: 1,
        state_interval_ms: None,
        away_after_ms: None,
        limits: Limits {
            memory_bytes: None,
            step_cpu_ms: None,
            payload_bytes: None,
            output_bytes: None,
            output_effects: None,
        },
        permissions: Vec::new(),
    }
}

/// A room with what the SDK keeps for it.
#[derive(Debug)]
pub struct Instance<R> {
    pub(crate) ctx: Ctx,
    room: R,
}

/// What `save` writes. The room's part is by itself, so that `Room::upgrade` sees nothing else.
#[derive(Serialize, Deserialize)]
struct Saved {
    roster: Vec<Member>,
    #[serde(with = "serde_bytes")]
    room: Vec<u8>,
}

impl<R: Plugin> Instance<R> {
    pub(crate) fn open(config: wit::Config) -> Result<(Self, Vec<wit::Effect>)> {
        let mut ctx = Ctx::new(config.seed);
        let room = R::open(&mut ctx, &Config::from(config))?;
        let effects = ctx.take_effects();
        Ok((Self { ctx, room }, effects))
    }

    pub(crate) fn step(&mut self, batch: wit::Batch) -> Vec<wit::Effect> {
        self.ctx.now_ms = batch.now_ms;
        self.ctx.tick = batch.tick;
        for (cause, event) in (0u32..).zip(batch.events) {
            let is_message = matches!(event, wit::Event::Message(_));
            self.ctx.turn_to(
                cause,
                batch.seed,
                batch.first_event + u64::from(cause),
                is_message,
            );
            self.on_event(event);
        }
        self.ctx.take_effects()
    }

    fn on_event(&mut self, event: wit::Event) {
        let Self { ctx, room } = self;
        match event {
            wit::Event::Joined(member) => on_joined(room, ctx, member),
            wit::Event::Left(departure) => {
                if let Some(member) = ctx.roster.remove(&departure.member) {
                    room.leave(ctx, &member, departure.reason);
                }
            }
            wit::Event::Away(member) => room.away(ctx, member),
            wit::Event::Back(member) => room.back(ctx, member),
            wit::Event::Changed(member) => {
                // Somebody whose join was refused may have changed its name right behind it.
                if let Some(present) = ctx.roster.get_mut(&member.id) {
                    let member = Arc::new(member);
                    *present = Arc::clone(&member);
                    room.changed(ctx, &member);
                }
            }
            wit::Event::Resync(member) => room.resync(ctx, member),
            wit::Event::Message(message) => on_message(room, ctx, message),
            wit::Event::Timer(timer) => room.timer(ctx, timer),
            wit::Event::Tick(tick) => {
                ctx.tick = tick.number;
                room.tick(ctx, tick);
            }
            wit::Event::Signal(signal) => {
                room.signal(ctx, &signal.name, &Payload::trusted(signal.payload))
            }
            wit::Event::KvAnswer(answer) => room.kv_answer(ctx, answer.operation, answer.outcome),
        }
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        let saved = Saved {
            roster: self.ctx.members().cloned().collect(),
            room: encode(&self.room),
        };
        encode(&saved)
    }

    pub(crate) fn load(schema: u32, bytes: &[u8]) -> Result<Self> {
        let saved: Saved = decode_state(bytes)?;
        let room = if schema == R::describe().state_schema {
            decode_state(&saved.room)?
        } else {
            R::upgrade(schema, &saved.room)?
        };
        // Every step brings its own seed, so the one here is never drawn from.
        let mut ctx = Ctx::new(0);
        ctx.roster = saved
            .roster
            .into_iter()
            .map(|member| (member.id, Arc::new(member)))
            .collect();
        Ok(Self { ctx, room })
    }
}

fn on_joined<R: Room>(room: &mut R, ctx: &mut Ctx, member: Member) {
    let member = Arc::new(member);
    ctx.roster.insert(member.id, Arc::clone(&member));
    if let Err(refusal) = room.join(ctx, &member) {
        ctx.roster.remove(&member.id);
        ctx.act(wit::ActionEffect::Reject(refusal.into()));
    }
}

fn on_message<R: Room>(room: &mut R, ctx: &mut Ctx, message: wit::Message) {
    let Some(from) = ctx.roster.get(&message.member).map(Arc::clone) else {
        return; // The host speaks of members only after it said that they joined.
    };
    let handled = Payload::trusted(message.payload)
        .read::<R::Input>()
        .map_err(|error| Refusal::new(Refusal::INVALID_PAYLOAD, error.to_string()))
        .and_then(|input| room.message(ctx, &from, input));
    match (handled, ctx.take_answer()) {
        (Err(refusal), _) => ctx.act(wit::ActionEffect::Reply(Err(refusal.into()))),
        (Ok(()), Some(data)) => ctx.act(wit::ActionEffect::Reply(Ok(data.into_bytes()))),
        (Ok(()), None) => {}
    }
}

fn encode(state: &impl Serialize) -> Vec<u8> {
    match rmp_serde::to_vec_named(state) {
        Ok(bytes) => bytes,
        Err(error) => panic!("the room's state cannot be saved: {error}"),
    }
}

/// Where a component keeps its one room. Natively it can be sent to another thread if the room can.
#[derive(Debug)]
pub struct Slot<R>(RefCell<Option<Instance<R>>>);

impl<R> Slot<R> {
    /// No room yet.
    #[expect(
        clippy::new_without_default,
        reason = "only `export!` makes one, as a constant"
    )]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }
}

/// The component's exports.
impl<R: Plugin> Slot<R> {
    pub fn open(&self, config: wit::Config) -> Result<Vec<wit::Effect>, wit::Failure> {
        log_panics();
        let (instance, effects) = Instance::open(config).map_err(failure)?;
        *self.0.borrow_mut() = Some(instance);
        Ok(effects)
    }

    pub fn step(&self, batch: wit::Batch) -> Result<Vec<wit::Effect>, wit::Failure> {
        let mut slot = self.0.borrow_mut();
        let instance = slot
            .as_mut()
            .ok_or_else(|| failure("`step` before `open` or `load`".into()))?;
        Ok(instance.step(batch))
    }

    pub fn save(&self) -> Vec<u8> {
        self.0
            .borrow()
            .as_ref()
            .expect("the host calls `save` after `open` or `load`")
            .save()
    }

    pub fn load(&self, schema: u32, bytes: &[u8]) -> Result<(), wit::Failure> {
        log_panics();
        *self.0.borrow_mut() = Some(Instance::load(schema, bytes).map_err(failure)?);
        Ok(())
    }
}

#[cfg(not(target_family = "wasm"))]
impl<R> Slot<R> {
    /// What the room has logged since the last call of this, which a component's host is told at once.
    pub fn take_logs(&self) -> Vec<(crate::Level, String)> {
        let mut slot = self.0.borrow_mut();
        let logs = slot.as_mut().map(|it| &mut it.ctx.logs);
        logs.map(std::mem::take).unwrap_or_default()
    }
}

/// The component's `describe`.
pub fn describe<R: Plugin>() -> Description {
    log_panics();
    R::describe()
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failure(refusal: Refusal) -> wit::Failure {
    wit::Failure {
        message: refusal.message().to_owned(),
    }
}

/// Has the text and the place of a panic logged before it becomes a trap, which has neither.
#[cfg(target_family = "wasm")]
fn log_panics() {
    use crate::bindings::parlor::room::host;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let text = info.payload_as_str().unwrap_or("(no text)");
            let place = info
                .location()
                .map(|place| format!(" at {}:{}", place.file(), place.line()))
                .unwrap_or_default();
            host::log(host::Level::Error, &format!("panic: {text}{place}"));
        }));
    });
}

#[cfg(not(target_family = "wasm"))]
fn log_panics() {}
