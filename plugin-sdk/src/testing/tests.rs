use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{Deserialize, Serialize};

use super::*;
use crate::{Config, Ctx, KvError, KvOutcome, Member, Result, Room, Tick, export, json};

/// A room that does what the test says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Probe {
    seen: Vec<String>,
    #[serde(skip)]
    forgotten: u32,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Input {
    Forget,
    Show,
    SendTo { member: MemberId },
    ReplyTwice,
    Refuse { code: Option<String> },
    Kick { member: MemberId },
    Timer { after_ms: u64 },
    Random,
    Real,
    Nan,
    View { name: String },
    Lock,
    Close,
}

thread_local! {
    static REAL: Cell<u32> = const { Cell::new(0) };
}

impl Room for Probe {
    type Input = Input;

    fn open(room: &mut Ctx, config: &Config) -> Result<Self> {
        if config.room() == "refused" {
            return Err("not this name".into());
        }
        room.info("opened");
        Ok(Self::default())
    }

    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        room.send(member.id, &json!("welcome"));
        if member.name == "mallory" {
            Err(Refusal::new("BANNED", "go away"))
        } else {
            Ok(())
        }
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Forget => self.forgotten += 1,
            Input::Show => room.broadcast(&self.forgotten),
            Input::SendTo { member } => room.send(member, &"hi"),
            Input::ReplyTwice => {
                room.reply(&1);
                room.reply(&json!({ "n": 2 }));
            }
            Input::Refuse { code: None } => return Err(format!("not now, {}", from.name).into()),
            Input::Refuse { code: Some(code) } => {
                room.reply(&"not seen");
                return Err(Refusal::new(code, "no"));
            }
            Input::Kick { member } => room.kick(member, "out"),
            Input::Timer { after_ms } => room.set_timer(1, after_ms),
            Input::Random => {
                let numbers = [
                    room.random().next_u64() >> 12,
                    room.random().next_u64() >> 12,
                ];
                room.broadcast(&numbers);
            }
            Input::Real => REAL.with(|real| {
                real.set(real.get() + 1);
                room.broadcast(&real.get());
            }),
            Input::Nan => room.broadcast(&json!({ "a": 1 }).as_object().map(|_| f64::NAN)),
            Input::View { name } => room.state_for(from.id, &name, &room.now_ms()),
            Input::Lock => room.lock(),
            Input::Close => room.close("done"),
        }
        Ok(())
    }

    fn leave(&mut self, _room: &mut Ctx, member: &Member, reason: LeaveReason) {
        self.seen.push(format!("{} {reason:?}", member.name));
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        self.seen
            .push(format!("tick {} at {} ms", tick.number, room.now_ms()));
        assert_eq!(tick.number, room.tick());
    }

    fn timer(&mut self, room: &mut Ctx, timer: TimerId) {
        self.seen
            .push(format!("timer {timer} at {} ms", room.now_ms()));
    }

    fn signal(&mut self, room: &mut Ctx, name: &str, data: &Payload) {
        room.broadcast(&json!({ "signal": name, "data": data.read::<i64>().ok() }));
    }

    fn kv_answer(&mut self, _room: &mut Ctx, operation: u64, outcome: Result<KvOutcome, KvError>) {
        self.seen
            .push(format!("kv {operation} {}", outcome.is_ok()));
    }

    fn upgrade(schema: u32, bytes: &[u8]) -> Result<Self> {
        match schema {
            1 => Ok(Self {
                seen: vec![crate::decode_state::<StateV1>(bytes)?.last],
                forgotten: 0,
            }),
            _ => Err("unknown".into()),
        }
    }
}

/// What version 1 of the probe saved.
#[derive(Debug, Serialize, Deserialize)]
struct StateV1 {
    last: String,
}

impl Room for StateV1 {
    type Input = ();

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self {
            last: "from version 1".to_owned(),
        })
    }

    fn message(&mut self, _room: &mut Ctx, _from: &Member, (): ()) -> Result<()> {
        Ok(())
    }
}

export!(Probe { name: "probe", tick_hz: 4, players_max: 3, state_schema: 2, limits: { payload_bytes: 100 } });
export!(StateV1 { name: "probe" });

fn open() -> (TestRoom<Probe>, MemberId, MemberId) {
    let mut room = TestRoom::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    (room, ann, bob)
}

/// What a step panics with.
#[track_caller]
fn panic_of(step: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(step)).expect_err("nothing panicked");
    payload
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| (*payload.downcast::<&str>().unwrap()).to_owned())
}

#[test]
fn a_room_that_forgets_is_found_at_the_step() {
    let (mut room, ann, _) = open();
    room.push(ann, &json!({ "do": "forget" }));
    let panic = panic_of(|| drop(room.push(ann, &json!({ "do": "show" }))));
    assert!(
        panic.starts_with(
            "step 4 at 0 ms (message from member 1: {\"do\":\"show\"}): not deterministic"
        ),
        "{panic}"
    );
    assert!(
        panic.contains(
            "first: send to Audience::Everyone: 1\n  again: send to Audience::Everyone: 0"
        ),
        "{panic}"
    );
}

#[test]
fn a_batch_that_differs_from_its_events_is_found() {
    let (mut room, ann, _) = open();
    let panic = panic_of(|| {
        room.push_all(&[
            (ann, json!({ "do": "forget" })),
            (ann, json!({ "do": "show" })),
        ])
    });
    assert!(
        panic.contains("one event at a time, effect 0 differs"),
        "{panic}"
    );
}

#[test]
fn what_the_world_outside_decides_is_found() {
    let (mut room, ann, _) = open();
    let panic = panic_of(|| drop(room.push(ann, &json!({ "do": "real" }))));
    assert!(panic.contains("not deterministic"), "{panic}");
}

#[test]
fn random_numbers_hang_on_the_event_and_the_seed() {
    let numbers = |seed: u64| {
        let mut room = TestRoom::<Probe>::open_with(&Setup::new().seed(seed)).unwrap();
        let ann = room.join("ann");
        room.take_sent(ann);
        room.push_all(&[
            (ann, json!({ "do": "random" })),
            (ann, json!({ "do": "random" })),
        ]);
        room.take_sent(ann)
    };
    assert_eq!(numbers(1), numbers(1));
    assert_ne!(numbers(1), numbers(2));
    let first = numbers(1);
    assert_ne!(first[0], first[1]);
}

#[test]
fn a_member_who_never_was_is_a_fault_and_one_who_left_is_not() {
    let (mut room, ann, bob) = open();
    room.leave(bob);
    room.push(ann, &json!({ "do": "send_to", "member": bob }))
        .data();
    assert_eq!(room.sent_to(bob).len(), 1, "only the welcome");
    let panic = panic_of(|| drop(room.push(ann, &json!({ "do": "send_to", "member": 9 }))));
    assert!(panic.ends_with("member 9 never was; the last one to join was 2. The host would stop this room with PLUGIN_FAILED"));
}

#[test]
fn answers_come_once_and_a_refusal_overrides() {
    let (mut room, ann, _) = open();
    assert_eq!(
        room.push(ann, &json!({ "do": "reply_twice" })).data(),
        json!({ "n": 2 })
    );
    let refused = room.push(ann, &json!({ "do": "refuse" }));
    assert_eq!(refused, Answer::Refused("not now, ann".into()));
    assert_eq!(refused.code(), Some("REFUSED"));
    assert_eq!(
        room.push(ann, &json!({ "do": "refuse", "code": "BUSY" }))
            .code(),
        Some("BUSY")
    );
    assert_eq!(
        room.push(ann, &json!({ "do": "lock" })).data(),
        &Value::Null
    );
    let panic = panic_of(|| drop(room.push(ann, &json!({ "do": "refuse", "code": "busy" }))));
    assert!(panic.starts_with("`busy` is not a refusal code"), "{panic}");
}

#[test]
fn an_unreadable_payload_is_refused_and_an_impossible_one_panics() {
    let (mut room, ann, _) = open();
    let answer = room.push(ann, &json!({ "do": "dance" }));
    assert_eq!(answer.code(), Some("INVALID_PAYLOAD"));
    assert!(
        format!("{answer:?}").contains("unknown variant `dance`"),
        "{answer:?}"
    );
    assert!(panic_of(|| drop(room.push(ann, &f64::NAN))).contains("no client can send this"));
    assert!(
        panic_of(|| drop(room.push_raw(ann, &[0xc1])))
            .contains("the host would refuse this payload")
    );
    assert!(
        panic_of(|| drop(room.push(ann, &"x".repeat(99)))).contains("limits.payload_bytes is 100")
    );
}

#[test]
fn a_nan_panics_and_says_so() {
    let (mut room, ann, _) = open();
    let panic = panic_of(|| drop(room.push(ann, &json!({ "do": "nan" }))));
    assert_eq!(
        panic,
        "the message cannot be sent: the number is NaN, which Parlor's values do not have"
    );
}

#[test]
fn who_is_refused_never_was_there() {
    let (mut room, ann, _) = open();
    let refusal = room.join_as(&Newcomer::new("mallory")).unwrap_err();
    assert_eq!(refusal, Refusal::new("BANNED", "go away"));
    let cid = room.join("cid");
    assert_eq!(room.seat(cid), Some(Seat::Player));
    assert_eq!(
        room.join_as(&Newcomer::new("dee")).unwrap_err().code(),
        "ROOM_FULL"
    );
    room.push(ann, &json!({ "do": "lock" })).data();
    room.leave(cid);
    assert!(room.is_locked());
    assert_eq!(
        room.join_as(&Newcomer::new("dee")).unwrap_err().code(),
        "ROOM_FULL"
    );
    assert_eq!(
        TestRoom::<Probe>::open_with(&Setup::new().room("refused"))
            .unwrap_err()
            .message(),
        "not this name"
    );
}

#[test]
fn who_is_kicked_leaves() {
    let (mut room, ann, bob) = open();
    room.push(ann, &json!({ "do": "kick", "member": bob }))
        .data();
    assert_eq!(room.kicked(), [(bob, "out".to_owned())]);
    assert_eq!(room.seat(bob), None);
    assert_eq!(seen(&room), ["bob LeaveReason::Kicked"]);
}

#[test]
fn timers_and_ticks_happen_in_the_order_they_are_due() {
    let (mut room, ann, _) = open();
    room.push(ann, &json!({ "do": "timer", "after_ms": 500 }))
        .data();
    room.advance(600);
    assert_eq!(room.now_ms(), 600);
    room.tick(1);
    assert_eq!(
        seen(&room),
        [
            "tick 1 at 250 ms",
            "timer 1 at 500 ms",
            "tick 2 at 500 ms",
            "tick 3 at 750 ms"
        ]
    );
}

#[test]
fn a_view_for_one_is_not_seen_by_another() {
    let (mut room, ann, bob) = open();
    room.push(ann, &json!({ "do": "view", "name": "v" })).data();
    assert_eq!(room.view_for(ann, "v"), json!(0));
    assert!(panic_of(|| drop(room.view_for(bob, "v").clone())).contains("no view `v`"));
    let panic = panic_of(|| drop(room.push(ann, &json!({ "do": "view", "name": "a b" }))));
    assert!(panic.contains("the view's name `a b`"), "{panic}");
}

#[test]
fn a_closed_room_takes_nothing_more() {
    let (mut room, ann, _) = open();
    room.push(ann, &json!({ "do": "close" })).data();
    assert_eq!(room.closed(), Some("done"));
    assert_eq!(
        panic_of(|| _ = room.join("cid")),
        "the room is closed: done"
    );
}

#[test]
fn signals_storage_and_logs_come_through() {
    let (mut room, ann, _) = open();
    room.signal("tune", &3);
    room.assert_sent(ann, &json!({ "signal": "tune", "data": 3 }));
    room.kv_answer(7, Err(KvError::Unavailable));
    assert_eq!(seen(&room), ["kv 7 false"]);
    assert_eq!(room.logs(), [(Level::Info, "opened".to_owned())]);
}

#[test]
fn an_older_state_is_upgraded_with_its_members() {
    let mut old = TestRoom::<StateV1>::open();
    let ann = old.join("ann");
    let mut room =
        TestRoom::<Probe>::open_with(&Setup::new().resumed_from(1, old.saved())).unwrap();
    assert_eq!(seen(&room), ["from version 1"]);
    room.push(ann, &json!({ "do": "view", "name": "v" })).data();
    assert_eq!(room.join("bob"), 2);
    let refusal =
        TestRoom::<Probe>::open_with(&Setup::new().resumed_from(9, old.saved())).unwrap_err();
    assert_eq!(refusal.message(), "unknown");
    let refusal = TestRoom::<Probe>::open_with(&Setup::new().resumed_from(2, &[0xc0])).unwrap_err();
    assert!(
        refusal
            .message()
            .starts_with("the saved state cannot be read"),
        "{refusal}"
    );
}

/// A room that takes its messages with its ticks.
#[derive(Debug, Serialize, Deserialize)]
struct Gathering;

impl Room for Gathering {
    type Input = ();

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn message(&mut self, room: &mut Ctx, _from: &Member, (): ()) -> Result<()> {
        room.reply(&room.tick());
        Ok(())
    }
}

export!(Gathering {
    name: "gathering",
    tick_hz: 10,
    delivery: OnTick
});

#[test]
fn a_gathered_message_is_applied_in_the_tick_that_it_comes_with() {
    let mut room = TestRoom::<Gathering>::open();
    let ann = room.join("ann");
    room.tick(3);
    assert_eq!(room.push(ann, &json!(null)), Answer::Waiting);
    room.tick(1);
    assert_eq!(room.last_answer(ann).data(), &json!(4));
}

#[test]
fn a_description_no_host_takes_panics() {
    let mut description = Probe::describe();
    assert_eq!(description.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(description.abi, "0.1.0");
    assert_eq!(description.limits.payload_bytes, Some(100));
    description.name = "Probe".to_owned();
    assert!(panic_of(|| newcomer::check(&description)).contains("the plugin's name `Probe`"));
}

fn seen(room: &TestRoom<Probe>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Saved {
        #[serde(with = "serde_bytes")]
        room: Vec<u8>,
    }
    let saved: Saved = crate::decode_state(room.saved()).unwrap();
    crate::decode_state::<Probe>(&saved.room).unwrap().seen
}
