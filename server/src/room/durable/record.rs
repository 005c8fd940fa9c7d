//! What is written of a batch: enough to run it again, in the same way, and to see whether the same came of it.
//!
//! The types here are the format on the disk. They are kept apart from those of the plugin contract, so that neither
//! changes the other unseen.

use std::borrow::Cow;

use parlor_proto::Member;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use super::super::delivery::ResetReason;
use super::super::handle::LeaveReason;
use super::super::origin::{Fresh, Origin};
use super::super::roster::{Roster, seat_from_frame, seat_to_frame};
use crate::plugin::{BatchInput, Ran, wit};
use crate::session::SessionId;
use crate::storage::OperationId;

/// One batch, as it was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRecord<'a> {
    /// The number of its first step.
    pub(crate) step: u64,
    pub(crate) now_ms: u64,
    pub(crate) tick: u64,
    pub(crate) events: Vec<EventRecord<'a>>,
    pub(crate) outcome: Outcome,
    /// What was done to the room before the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<Change>,
}

/// What was done to a room that is no event of its plugin's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// The version of this digest took over.
    Switched(String),
    /// The version before it is back.
    RolledBack,
    /// The operator locked the room, or unlocked it.
    Locked(bool),
}

/// What a batch came to, as far as running it again could not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The steps that it was run in; one, unless it had to be split.
    pub(crate) steps: Vec<StepRecord>,
    /// The events that failed by themselves, and are as if they had never been.
    pub(crate) set_aside: Vec<u32>,
    /// Whether the room could not go on after it.
    pub(crate) is_lost: bool,
}

/// One step of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepRecord {
    /// The first of its events, and the one behind its last.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Of everything that it asked for.
    pub(crate) effects_hash: u64,
}

/// An event, and what the host must know of it beyond what the plugin is told. What is written borrows what members say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum EventRecord<'a> {
    Joined {
        member: MemberNote,
        session: SessionId,
    },
    Left {
        member: u32,
        reason: LeaveReason,
    },
    /// The plugin removed it, in an earlier step.
    Kicked(u32),
    Away(u32),
    Back(u32),
    Changed(MemberNote),
    Resync {
        member: u32,
        /// Why it was reset; `None` if it joined once more.
        reset: Option<ResetReason>,
    },
    /// The plugin is to send this member again what it needs.
    Resent(u32),
    Message {
        member: u32,
        id: Option<u64>,
        payload: Cow<'a, Bytes>,
    },
    Timer {
        timer: u32,
        serial: u64,
    },
    Tick {
        number: u64,
        dt_ms: f64,
    },
    Signal {
        name: Cow<'a, str>,
        payload: Cow<'a, Bytes>,
    },
    Stored {
        id: OperationId,
        operation: u64,
        outcome: StoredNote,
    },
}

/// A member as the plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberNote {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) is_player: bool,
    pub(crate) user: Option<String>,
    pub(crate) roles: Vec<String>,
}

/// What a storage operation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredNote {
    Value(Option<ByteBuf>),
    Stored,
    Conflict(Option<ByteBuf>),
    Entries(Vec<(String, ByteBuf)>),
    Unsupported,
    Quota,
    TooLarge,
    Unavailable,
}

impl<'a> BatchRecord<'a> {
    /// What was run, with what came of it and before anything of that is applied: `roster` is as it was for the plugin.
    pub(in crate::room) fn new(
        input: &'a BatchInput,
        origins: &[Origin],
        roster: &Roster,
        ran: &'a Ran,
    ) -> Self {
        let events = ran.events(input).iter().zip(origins);
        let index = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let steps = ran.steps.iter().map(|step| StepRecord {
            start: index(step.events.start),
            end: index(step.events.end),
            effects_hash: step.effects_hash,
        });
        Self {
            step: ran.first_step,
            now_ms: input.now_ms,
            tick: input.tick,
            events: events
                .map(|(event, origin)| EventRecord::new(event, origin, roster))
                .collect(),
            outcome: Outcome {
                steps: steps.collect(),
                set_aside: ran.set_aside.iter().map(|it| index(*it)).collect(),
                is_lost: ran.is_lost,
            },
            change: ran.rolled_back.is_some().then_some(Change::RolledBack),
        }
    }

    /// What was done to the room between two batches.
    pub(crate) fn of_change(step: u64, now_ms: u64, tick: u64, change: Change) -> Self {
        Self {
            step,
            now_ms,
            tick,
            events: Vec::new(),
            outcome: Outcome::default(),
            change: Some(change),
        }
    }

    /// Whether it is a tick of which nobody could notice anything.
    pub(crate) fn is_quiet(&self, ran: &Ran) -> bool {
        matches!(self.events[..], [EventRecord::Tick { .. }])
            && ran.steps.len() == 1
            && ran.steps[0].effects.is_empty()
            && self.change.is_none()
            && !ran.is_lost
    }

    /// Whether its outcome speaks only of events that it has.
    pub(crate) fn is_sound(&self) -> bool {
        let count = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let mut end = 0;
        let steps_are = self.outcome.steps.iter().all(|step| {
            let is_next = end <= step.start && step.start <= step.end && step.end <= count;
            end = step.end;
            is_next
        });
        steps_are && self.outcome.set_aside.iter().all(|index| *index < count)
    }

    /// What the plugin is given.
    pub(crate) fn input(&self) -> BatchInput {
        BatchInput {
            now_ms: self.now_ms,
            tick: self.tick,
            events: self.events.iter().map(EventRecord::to_plugin).collect(),
        }
    }
}

impl<'a> EventRecord<'a> {
    fn new(event: &'a wit::Event, origin: &Origin, roster: &Roster) -> Self {
        match (event, origin) {
            (wit::Event::Joined(member), _) => Self::Joined {
                // A member who was let go meanwhile is nobody's.
                session: roster
                    .get(member.id)
                    .map_or(SessionId::NOBODY, |it| it.peer.session),
                member: MemberNote::from(member),
            },
            (wit::Event::Left(departure), Origin::Leave { reason, .. }) => Self::Left {
                member: departure.member,
                reason: *reason,
            },
            (wit::Event::Left(departure), _) => Self::Kicked(departure.member),
            (wit::Event::Away(member), _) => Self::Away(*member),
            (wit::Event::Back(member), _) => Self::Back(*member),
            (wit::Event::Changed(member), _) => Self::Changed(MemberNote::from(member)),
            (wit::Event::Resync(member), Origin::Resend) => Self::Resent(*member),
            (wit::Event::Resync(member), origin) => Self::Resync {
                member: *member,
                reset: match origin {
                    Origin::Resync {
                        fresh: Fresh::Reset(reason),
                        ..
                    } => Some(*reason),
                    _ => None,
                },
            },
            (wit::Event::Message(message), _) => Self::Message {
                member: message.member,
                id: message.id,
                payload: Cow::Borrowed(Bytes::new(&message.payload)),
            },
            (wit::Event::Timer(timer), origin) => Self::Timer {
                timer: *timer,
                serial: match origin {
                    Origin::Timer { serial } => *serial,
                    _ => 0,
                },
            },
            (wit::Event::Tick(tick), _) => Self::Tick {
                number: tick.number,
                dt_ms: tick.dt_ms,
            },
            (wit::Event::Signal(signal), _) => Self::Signal {
                name: Cow::Borrowed(&signal.name),
                payload: Cow::Borrowed(Bytes::new(&signal.payload)),
            },
            (wit::Event::KvAnswer(answer), origin) => Self::Stored {
                id: match origin {
                    Origin::Stored { id } => *id,
                    _ => OperationId::default(),
                },
                operation: answer.operation,
                outcome: StoredNote::from(&answer.outcome),
            },
        }
    }

    fn to_plugin(&self) -> wit::Event {
        let left = |member: u32, reason| wit::Event::Left(wit::Departure { member, reason });
        match self {
            Self::Joined { member, .. } => wit::Event::Joined(member.to_plugin()),
            Self::Left { member, reason } => left(*member, reason.to_plugin()),
            Self::Kicked(member) => left(*member, wit::LeaveReason::Kicked),
            Self::Away(member) => wit::Event::Away(*member),
            Self::Back(member) => wit::Event::Back(*member),
            Self::Changed(member) => wit::Event::Changed(member.to_plugin()),
            Self::Resync { member, .. } | Self::Resent(member) => wit::Event::Resync(*member),
            Self::Message {
                member,
                id,
                payload,
            } => wit::Event::Message(wit::Message {
                member: *member,
                payload: payload.to_vec(),
                id: *id,
            }),
            Self::Timer { timer, .. } => wit::Event::Timer(*timer),
            Self::Tick { number, dt_ms } => wit::Event::Tick(wit::Tick {
                number: *number,
                dt_ms: *dt_ms,
            }),
            Self::Signal { name, payload } => wit::Event::Signal(wit::Signal {
                name: name.to_string(),
                payload: payload.to_vec(),
            }),
            Self::Stored {
                operation, outcome, ..
            } => wit::Event::KvAnswer(wit::KvAnswer {
                operation: *operation,
                outcome: outcome.to_plugin(),
            }),
        }
    }
}

impl From<&wit::Member> for MemberNote {
    fn from(member: &wit::Member) -> Self {
        Self {
            id: member.id,
            name: member.name.clone(),
            is_player: member.seat == wit::Seat::Player,
            user: member.user.clone(),
            roles: member.roles.clone(),
        }
    }
}

impl From<&Member> for MemberNote {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id,
            name: member.name.clone(),
            is_player: seat_from_frame(member.seat) == wit::Seat::Player,
            user: member.user.clone(),
            roles: Vec::new(),
        }
    }
}

impl MemberNote {
    pub(crate) fn seat(&self) -> wit::Seat {
        if self.is_player {
            wit::Seat::Player
        } else {
            wit::Seat::Spectator
        }
    }

    fn to_plugin(&self) -> wit::Member {
        wit::Member {
            id: self.id,
            name: self.name.clone(),
            seat: self.seat(),
            user: self.user.clone(),
            roles: self.roles.clone(),
        }
    }

    pub(crate) fn to_frame(&self, is_away: bool) -> Member {
        Member {
            id: self.id,
            name: self.name.clone(),
            seat: seat_to_frame(self.seat()),
            away: is_away,
            user: self.user.clone(),
        }
    }
}

impl From<&Result<wit::KvOutcome, wit::KvError>> for StoredNote {
    fn from(outcome: &Result<wit::KvOutcome, wit::KvError>) -> Self {
        let bytes = |it: &Option<Vec<u8>>| it.clone().map(ByteBuf::from);
        match outcome {
            Ok(wit::KvOutcome::Value(value)) => Self::Value(bytes(value)),
            Ok(wit::KvOutcome::Stored) => Self::Stored,
            Ok(wit::KvOutcome::Conflict(value)) => Self::Conflict(bytes(value)),
            Ok(wit::KvOutcome::Entries(entries)) => Self::Entries(
                entries
                    .iter()
                    .map(|it| (it.key.clone(), ByteBuf::from(it.value.clone())))
                    .collect(),
            ),
            Err(wit::KvError::Unsupported) => Self::Unsupported,
            Err(wit::KvError::Quota) => Self::Quota,
            Err(wit::KvError::TooLarge) => Self::TooLarge,
            Err(wit::KvError::Unavailable) => Self::Unavailable,
        }
    }
}

impl StoredNote {
    pub(crate) fn to_plugin(&self) -> Result<wit::KvOutcome, wit::KvError> {
        let bytes = |it: &Option<ByteBuf>| it.clone().map(ByteBuf::into_vec);
        match self {
            Self::Value(value) => Ok(wit::KvOutcome::Value(bytes(value))),
            Self::Stored => Ok(wit::KvOutcome::Stored),
            Self::Conflict(value) => Ok(wit::KvOutcome::Conflict(bytes(value))),
            Self::Entries(entries) => Ok(wit::KvOutcome::Entries(
                entries
                    .iter()
                    .map(|(key, value)| wit::KvEntry {
                        key: key.clone(),
                        value: value.to_vec(),
                    })
                    .collect(),
            )),
            Self::Unsupported => Err(wit::KvError::Unsupported),
            Self::Quota => Err(wit::KvError::Quota),
            Self::TooLarge => Err(wit::KvError::TooLarge),
            Self::Unavailable => Err(wit::KvError::Unavailable),
        }
    }
}
