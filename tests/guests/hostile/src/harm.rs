//! The harm, one case each.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use parlor_plugin::bindings::parlor::room::types as wit;
use parlor_plugin::{Bytes, Ctx, Result};
use serde::{Deserialize, Serialize};
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll;
use wasip2::random::random;

/// What to do.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Harm {
    /// Loops for ever.
    Spin,
    /// Loops this often, which takes time and comes to an end.
    Burn { loops: u64 },
    /// Sleeps for a day.
    Sleep,
    /// Waits for a day on a pollable.
    Poll,
    /// Takes this much memory and gives it back.
    Allocate { mib: usize },
    /// Holds this many handles at a time.
    Handles { count: usize },
    /// Asks for this much randomness at once.
    Random { bytes: u64 },
    /// Logs that many lines of that many bytes.
    Log { lines: usize, bytes: usize },
    /// Never comes back from calling itself.
    Recurse,
    /// Panics.
    Panic,
    /// Ends the program.
    Exit,
    /// Asks for this many effects.
    Effects { count: usize },
    /// Sends this many messages to everyone, numbered from 0.
    Sends { count: u64 },
    /// Sends this many bytes to everyone.
    Output { bytes: usize },
    /// Asks this many times for a stored key.
    Storage { count: u64 },
    /// Publishes a view of its own name with this many bytes.
    Publish { view: String, bytes: usize },
    /// Sends to a member who never was.
    UnknownMember,
    /// Sends what is no MessagePack.
    BadMsgpack,
    /// Answers an event that its batch does not have.
    UnknownCause,
    /// Calls the step a failure.
    Fail,
}

impl Harm {
    pub(crate) fn act(&self, room: &mut Ctx) {
        match self {
            Self::Spin => loop {
                black_box(0);
            },
            Self::Burn { loops } => {
                for _ in 0..*loops {
                    black_box(0);
                }
            }
            Self::Sleep => sleep(),
            Self::Poll => {
                let pollable = monotonic_clock::subscribe_duration(DAY_NS);
                poll::poll(&[&pollable]);
            }
            Self::Allocate { mib } => {
                let taken: Vec<_> = (0..*mib).map(|_| black_box(vec![1_u8; 1 << 20])).collect();
                black_box(taken);
            }
            Self::Handles { count } => {
                let held: Vec<_> = (0..*count)
                    .map(|_| monotonic_clock::subscribe_duration(0))
                    .collect();
                black_box(held);
            }
            Self::Random { bytes } => {
                black_box(random::get_random_bytes(*bytes));
            }
            Self::Log { lines, bytes } => {
                let line = "x".repeat(*bytes);
                for _ in 0..*lines {
                    room.info(&line);
                }
            }
            Self::Recurse => {
                black_box(recurse(1));
            }
            Self::Panic => panic!("this panic was asked for"),
            Self::Exit => std::process::exit(1),
            Self::Effects { count } => {
                for _ in 0..*count {
                    room.unlock();
                }
            }
            Self::Sends { count } => {
                for n in 0..*count {
                    room.broadcast(&n);
                }
            }
            Self::Output { bytes } => room.broadcast(&filler(*bytes)),
            Self::Storage { count } => {
                for operation in 0..*count {
                    room.kv_get(operation, "key");
                }
            }
            Self::Publish { view, bytes } => room.state(view, &filler(*bytes)),
            Self::UnknownMember => room.send(1_000_000, "nobody"),
            Self::BadMsgpack => Forgery::BadMsgpack.plan(),
            Self::UnknownCause => Forgery::UnknownCause.plan(),
            Self::Fail => Forgery::Fail.plan(),
        }
    }
}

const DAY_NS: u64 = 86_400_000_000_000;

#[expect(
    clippy::disallowed_methods,
    reason = "that a plugin may not do this is what is tested"
)]
fn sleep() {
    std::thread::sleep(Duration::from_nanos(DAY_NS));
}

#[expect(
    unconditional_recursion,
    reason = "that it never ends is what is tested"
)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(depth + 1)) + depth
}

fn filler(bytes: usize) -> Bytes {
    Bytes::from(vec![0; bytes])
}

/// An answer to the host that the SDK would not give.
#[derive(Clone, Copy)]
pub(crate) enum Forgery {
    BadMsgpack,
    UnknownCause,
    Fail,
}

thread_local! {
    static PLANNED: Cell<Option<Forgery>> = const { Cell::new(None) };
}

impl Forgery {
    fn plan(self) {
        PLANNED.set(Some(self));
    }

    /// Falsifies the answer as planned.
    pub(crate) fn commit(
        answer: Result<Vec<wit::Effect>, wit::Failure>,
    ) -> Result<Vec<wit::Effect>, wit::Failure> {
        let mut effects = answer?;
        let (cause, payload) = match PLANNED.take() {
            None => return Ok(effects),
            Some(Self::Fail) => {
                let message = "this failure was asked for".to_owned();
                return Err(wit::Failure { message });
            }
            // 0xc1 is the one byte that MessagePack never uses.
            Some(Self::BadMsgpack) => (None, vec![0xc1]),
            Some(Self::UnknownCause) => (Some(1_000_000), vec![0xc0]),
        };
        let action = wit::ActionEffect::Send(wit::Send {
            to: wit::Audience::Everyone,
            from: None,
            payload,
        });
        effects.push(wit::Effect { cause, action });
        Ok(effects)
    }
}
