//! What a step asked for, checked: every id was given out, every payload is of the value model, every answer answers
//! something. An effect that no correct plugin can produce is a fault, like a trap.

use parlor_proto::Payload;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, FaultKind};
use super::limits::PluginLimits;
use super::wit;

/// A checked effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    /// Which event of its batch it answers.
    pub(crate) cause: Option<usize>,
    pub(crate) action: Action,
}

/// What the host is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Send {
        to: Audience,
        from: Option<u32>,
        payload: Payload,
    },
    Reply(Result<Payload, Refusal>),
    Reject(Refusal),
    State {
        view: String,
        audience: ViewAudience,
        value: Payload,
    },
    DropState {
        view: String,
        audience: ViewAudience,
    },
    Kick {
        member: u32,
        reason: String,
    },
    SetSeat {
        member: u32,
        seat: wit::Seat,
    },
    SetTimer {
        timer: u32,
        after_ms: u64,
    },
    CancelTimer(u32),
    Lock(bool),
    Metadata(Payload),
    Close(String),
    Kv {
        operation: u64,
        /// What is too long in it is refused by the storage, with an answer.
        request: wit::KvRequest,
    },
}

/// Who gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    Everyone,
    Only(Vec<u32>),
    Except(Vec<u32>),
    Seat(wit::Seat),
}

/// Who sees a view. Of several views of one name a member sees the most specific: its own, then its seat's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ViewAudience {
    Everyone,
    Seat(#[serde(with = "seat_note")] wit::Seat),
    Member(u32),
}

/// How a seat is written down.
mod seat_note {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::wit::Seat;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(seat: &Seat, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*seat == Seat::Player)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Seat, D::Error> {
        let is_player = bool::deserialize(from)?;
        Ok(if is_player {
            Seat::Player
        } else {
            Seat::Spectator
        })
    }
}

/// A coded refusal of the plugin's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The most storage operations of one step: as many as a batch takes answers, so that they never pile up.
const STORAGE_OPERATIONS_MAX: usize = 64;
/// The longest text a plugin may put where a person or a log reads it.
const TEXT_BYTES_MAX: usize = 1024;
/// The longest code of a refusal.
const CODE_BYTES_MAX: usize = 48;
/// The longest name of a view.
const VIEW_BYTES_MAX: usize = 64;
/// The most that listings show of a room.
const METADATA_BYTES_MAX: usize = 4096;

/// What effects send, answer and publish, in bytes.
pub(super) fn bytes(effects: &[Effect]) -> usize {
    let bytes = |effect: &Effect| match &effect.action {
        Action::Send { payload, .. }
        | Action::Reply(Ok(payload))
        | Action::State { value: payload, .. }
        | Action::Metadata(payload) => payload.as_msgpack().len(),
        Action::Kv { request, .. } => request.payload_bytes(),
        _ => 0,
    };
    effects.iter().map(bytes).sum()
}

/// The highest id among those who come in with these events.
pub(super) fn last_member(events: &[wit::Event]) -> u32 {
    let joined = events.iter().filter_map(|event| match event {
        wit::Event::Joined(member) => Some(member.id),
        _ => None,
    });
    joined.max().unwrap_or(0)
}

/// Checks the effects of one step over `events`; `last_member` is the highest id that the plugin was told of.
pub(super) fn check(
    effects: Vec<wit::Effect>,
    events: &[wit::Event],
    last_member: u32,
    limits: &PluginLimits,
) -> Result<Vec<Effect>, Fault> {
    if effects.len() > limits.output_effects_max {
        return Err(Fault::new(
            FaultKind::Output,
            format!(
                "{} effects in one step; the most is {}",
                effects.len(),
                limits.output_effects_max
            ),
        ));
    }
    let mut check = Check {
        events,
        last_member,
        output_bytes: 0,
        output_bytes_max: limits.output_bytes_max,
        storage_operations: 0,
    };
    effects.into_iter().map(|it| check.effect(it)).collect()
}

struct Check<'a> {
    events: &'a [wit::Event],
    last_member: u32,
    output_bytes: usize,
    output_bytes_max: usize,
    storage_operations: usize,
}

impl Check<'_> {
    fn effect(&mut self, effect: wit::Effect) -> Result<Effect, Fault> {
        let cause = effect.cause.map(|cause| cause as usize);
        let event = match cause {
            None => None,
            Some(cause) => Some(self.events.get(cause).ok_or_else(|| {
                invalid(format!(
                    "an effect names event {cause} of a batch of {}",
                    self.events.len()
                ))
            })?),
        };
        let action = match effect.action {
            wit::ActionEffect::Reply(reply) => {
                if !matches!(event, Some(wit::Event::Message(_))) {
                    return Err(invalid("a reply must name the message it answers"));
                }
                Action::Reply(match reply {
                    Ok(payload) => Ok(self.payload(&payload)?),
                    Err(refusal) => Err(self.refusal(refusal)?),
                })
            }
            wit::ActionEffect::Reject(refusal) => {
                if !matches!(event, Some(wit::Event::Joined(_))) {
                    return Err(invalid("a reject must name the join it refuses"));
                }
                Action::Reject(self.refusal(refusal)?)
            }
            other => self.action(other)?,
        };
        Ok(Effect { cause, action })
    }

    fn action(&mut self, action: wit::ActionEffect) -> Result<Action, Fault> {
        Ok(match action {
            wit::ActionEffect::Send(send) => Action::Send {
                to: self.audience(send.to)?,
                from: send.from.map(|from| self.member(from)).transpose()?,
                payload: self.payload(&send.payload)?,
            },
            wit::ActionEffect::State(state) => Action::State {
                view: self.view(state.view)?,
                audience: self.view_audience(state.audience)?,
                value: self.payload(&state.value)?,
            },
            wit::ActionEffect::DropState((view, audience)) => Action::DropState {
                view: self.view(view)?,
                audience: self.view_audience(audience)?,
            },
            wit::ActionEffect::Kick(kick) => Action::Kick {
                member: self.member(kick.member)?,
                reason: self.text(kick.reason)?,
            },
            wit::ActionEffect::SetSeat(set) => Action::SetSeat {
                member: self.member(set.member)?,
                seat: set.seat,
            },
            wit::ActionEffect::SetTimer(set) => Action::SetTimer {
                timer: set.timer,
                after_ms: set.after_ms,
            },
            wit::ActionEffect::CancelTimer(timer) => Action::CancelTimer(timer),
            wit::ActionEffect::Lock(is_locked) => Action::Lock(is_locked),
            wit::ActionEffect::Metadata(payload) => {
                let payload = self.payload(&payload)?;
                if !payload.is_map() || payload.as_msgpack().len() > METADATA_BYTES_MAX {
                    return Err(invalid("metadata must be a map of at most 4 KiB"));
                }
                Action::Metadata(payload)
            }
            wit::ActionEffect::Close(reason) => Action::Close(self.text(reason)?),
            wit::ActionEffect::Kv(kv) => {
                self.storage_operations += 1;
                if self.storage_operations > STORAGE_OPERATIONS_MAX {
                    return Err(Fault::new(
                        FaultKind::Output,
                        format!(
                            "more than {STORAGE_OPERATIONS_MAX} storage operations in one step"
                        ),
                    ));
                }
                self.count(kv.request.payload_bytes())?;
                Action::Kv {
                    operation: kv.operation,
                    request: kv.request,
                }
            }
            wit::ActionEffect::Reply(_) | wit::ActionEffect::Reject(_) => {
                unreachable!("answers were taken out by the caller, which knows their cause")
            }
        })
    }

    fn count(&mut self, bytes: usize) -> Result<(), Fault> {
        self.output_bytes += bytes;
        if self.output_bytes > self.output_bytes_max {
            return Err(Fault::new(
                FaultKind::Output,
                format!(
                    "more than {} bytes of output in one step",
                    self.output_bytes_max
                ),
            ));
        }
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<Payload, Fault> {
        self.count(bytes.len())?;
        Payload::from_msgpack(bytes)
            .map_err(|error| invalid(format!("a payload is not of the value model: {error}")))
    }

    fn text(&mut self, text: String) -> Result<String, Fault> {
        self.count(text.len())?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(invalid(format!(
                "a text of {} bytes; the most is {TEXT_BYTES_MAX}",
                text.len()
            )));
        }
        Ok(text)
    }

    fn refusal(&mut self, refusal: wit::Refusal) -> Result<Refusal, Fault> {
        let code = refusal.code;
        let is_code = code.starts_with(|first: char| first.is_ascii_uppercase())
            && code.len() <= CODE_BYTES_MAX
            && code
                .chars()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_');
        if !is_code {
            return Err(invalid(format!(
                "the code {code:?} must be [A-Z][A-Z0-9_]{{0,47}}"
            )));
        }
        Ok(Refusal {
            code,
            message: self.text(refusal.message)?,
        })
    }

    fn view(&mut self, view: String) -> Result<String, Fault> {
        self.count(view.len())?;
        let is_view = |it: char| it.is_ascii_alphanumeric() || "._:-".contains(it);
        if view.is_empty() || view.len() > VIEW_BYTES_MAX || !view.chars().all(is_view) {
            return Err(invalid(format!(
                "the view {view:?} must be 1 to {VIEW_BYTES_MAX} of A-Z a-z 0-9 . _ : -"
            )));
        }
        Ok(view)
    }

    fn member(&self, member: u32) -> Result<u32, Fault> {
        if member == 0 || member > self.last_member {
            return Err(invalid(format!(
                "member {member} never was in this room; the last id given out is {}",
                self.last_member
            )));
        }
        Ok(member)
    }

    /// Named twice is meant once.
    fn members(&self, mut members: Vec<u32>) -> Result<Vec<u32>, Fault> {
        members.sort_unstable();
        members.dedup();
        members.into_iter().map(|it| self.member(it)).collect()
    }

    fn audience(&self, audience: wit::Audience) -> Result<Audience, Fault> {
        Ok(match audience {
            wit::Audience::Everyone => Audience::Everyone,
            wit::Audience::Only(members) => Audience::Only(self.members(members)?),
            wit::Audience::Except(members) => Audience::Except(self.members(members)?),
            wit::Audience::Seat(seat) => Audience::Seat(seat),
        })
    }

    fn view_audience(&self, audience: wit::ViewAudience) -> Result<ViewAudience, Fault> {
        Ok(match audience {
            wit::ViewAudience::Everyone => ViewAudience::Everyone,
            wit::ViewAudience::Seat(seat) => ViewAudience::Seat(seat),
            wit::ViewAudience::Member(member) => ViewAudience::Member(self.member(member)?),
        })
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::InvalidEffect, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> PluginLimits {
        PluginLimits {
            step_cpu: std::time::Duration::from_millis(20),
            memory_bytes_max: 1 << 20,
            payload_bytes_max: 1 << 10,
            output_bytes_max: 16,
            output_effects_max: 2,
        }
    }

    fn checked(cause: Option<u32>, action: wit::ActionEffect) -> Result<Vec<Effect>, FaultKind> {
        let events = [
            wit::Event::Away(1),
            wit::Event::Message(wit::Message {
                member: 1,
                payload: vec![0xc0],
                id: None,
            }),
        ];
        check(vec![wit::Effect { cause, action }], &events, 3, &limits())
            .map_err(|fault| fault.kind)
    }

    fn send_to(member: u32, payload: Vec<u8>) -> wit::ActionEffect {
        wit::ActionEffect::Send(wit::Send {
            to: wit::Audience::Only(vec![member]),
            from: None,
            payload,
        })
    }

    #[test]
    fn an_id_that_was_given_out_is_taken_and_one_that_never_was_is_a_fault() {
        assert!(checked(None, send_to(3, vec![0xc0])).is_ok());
        assert_eq!(
            checked(None, send_to(4, vec![0xc0])),
            Err(FaultKind::InvalidEffect)
        );
        assert_eq!(
            checked(None, send_to(0, vec![0xc0])),
            Err(FaultKind::InvalidEffect)
        );
    }

    #[test]
    fn invalid_messagepack_is_a_fault() {
        assert_eq!(
            checked(None, send_to(1, vec![0xc1])),
            Err(FaultKind::InvalidEffect)
        );
    }

    #[test]
    fn a_reply_answers_a_message_and_nothing_else() {
        let reply = || wit::ActionEffect::Reply(Ok(vec![0xc0]));
        assert!(checked(Some(1), reply()).is_ok());
        for cause in [None, Some(0), Some(2)] {
            assert_eq!(checked(cause, reply()), Err(FaultKind::InvalidEffect));
        }
    }

    #[test]
    fn output_is_bounded_in_bytes_and_in_effects() {
        let long = vec![0xc4, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(checked(None, send_to(1, long)), Err(FaultKind::Output));
        let effects = vec![
            wit::Effect {
                cause: None,
                action: wit::ActionEffect::Lock(true)
            };
            3
        ];
        let fault = check(effects, &[], 0, &limits()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Output);
    }
}
