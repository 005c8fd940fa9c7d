//! What a test room does about a step's effects: what the host does.

use super::{Answer, Sent, TestRoom};
use crate::{
    Audience, KvRequest, MemberId, Payload, Refusal, Seat, Value, ViewAudience,
    bindings::parlor::room::types as wit,
};

/// The host's defaults.
pub(super) mod limits {
    pub(crate) const PAYLOAD_BYTES: u32 = 64 << 10;
    pub(crate) const OUTPUT_BYTES: u32 = 1 << 20;
    pub(crate) const OUTPUT_EFFECTS: u32 = 10_000;
    pub(crate) const STORAGE_OPERATIONS: usize = 64;
}

impl<R> TestRoom<R> {
    /// Does what a step asked for. Panics on what the host calls a fault.
    #[track_caller]
    pub(super) fn apply(&mut self, step: &str, events: &[wit::Event], effects: Vec<wit::Effect>) {
        self.check_output(step, &effects);
        self.effects_of_last_step = effects.len();
        for effect in effects {
            let event = effect.cause.and_then(|cause| events.get(cause as usize));
            match effect.action {
                wit::ActionEffect::Send(send) => self.deliver(step, send),
                wit::ActionEffect::Reply(answer) => self.answer(step, event, answer),
                wit::ActionEffect::Reject(refusal) => self.reject(step, event, refusal),
                wit::ActionEffect::State(state) => {
                    self.drop_view(step, &state.view, &state.audience);
                    self.views
                        .push((state.view, state.audience, value(&state.value)));
                }
                wit::ActionEffect::DropState((view, audience)) => {
                    self.drop_view(step, &view, &audience)
                }
                wit::ActionEffect::Kick(kick) => {
                    if self.was_given(step, kick.member) {
                        self.leaving.push_back(kick.member);
                        self.kicked.push((kick.member, kick.reason));
                    }
                }
                wit::ActionEffect::SetSeat(change) => {
                    if self.was_given(step, change.member)
                        && let Some(member) = self.members.get_mut(&change.member)
                    {
                        member.seat = change.seat;
                    }
                }
                wit::ActionEffect::SetTimer(timer) => {
                    self.timers
                        .insert(timer.timer, self.now_ms.saturating_add(timer.after_ms));
                }
                wit::ActionEffect::CancelTimer(timer) => {
                    self.timers.remove(&timer);
                }
                wit::ActionEffect::Lock(locked) => self.locked = locked,
                wit::ActionEffect::Metadata(entries) => self.set_metadata(step, &entries),
                wit::ActionEffect::Close(reason) => self.closed = Some(reason),
                wit::ActionEffect::Kv(kv) => self.ask_storage(kv),
            }
        }
    }

    #[track_caller]
    fn deliver(&mut self, step: &str, send: wit::Send) {
        if let Some(from) = send.from {
            self.was_given(step, from);
        }
        let in_seat = |room: &Self, seat: Seat| {
            room.members
                .values()
                .filter(|member| member.seat == seat)
                .map(|member| member.id)
                .collect::<Vec<_>>()
        };
        let to: Vec<MemberId> = match send.to {
            Audience::Everyone => self.members.keys().copied().collect(),
            Audience::Only(only) => only
                .into_iter()
                .filter(|member| self.was_given(step, *member))
                .collect(),
            Audience::Except(except) => {
                except.iter().for_each(|member| {
                    self.was_given(step, *member);
                });
                self.members
                    .keys()
                    .copied()
                    .filter(|member| !except.contains(member))
                    .collect()
            }
            Audience::Seat(seat) => in_seat(self, seat),
        };
        let data = value(&send.payload);
        for member in to {
            self.inboxes.entry(member).or_default().push(Sent {
                from: send.from,
                data: data.clone(),
            });
        }
    }

    #[track_caller]
    fn answer(
        &mut self,
        step: &str,
        event: Option<&wit::Event>,
        answer: Result<Vec<u8>, wit::Refusal>,
    ) {
        let Some(wit::Event::Message(message)) = event else {
            fault(step, "a reply to something that is no message");
        };
        let answer = match answer {
            Ok(data) => Answer::Done(value(&data)),
            Err(refusal) => Answer::Refused(Refusal::from(refusal)),
        };
        self.answers.insert(message.member, answer);
    }

    #[track_caller]
    fn reject(&mut self, step: &str, event: Option<&wit::Event>, refusal: wit::Refusal) {
        let Some(wit::Event::Joined(member)) = event else {
            fault(step, "a rejection of something that is no join");
        };
        self.members.remove(&member.id);
        self.rejected = Some(Refusal::from(refusal));
    }

    #[track_caller]
    fn drop_view(&mut self, step: &str, name: &str, audience: &ViewAudience) {
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_name_byte) {
            fault(
                step,
                &format!("the view's name `{name}` is not 1 to 64 of A-Z a-z 0-9 . _ : -"),
            );
        }
        if let ViewAudience::Member(member) = audience {
            self.was_given(step, *member);
        }
        self.views
            .retain(|(view, of, _)| view != name || of != audience);
    }

    #[track_caller]
    fn set_metadata(&mut self, step: &str, entries: &[u8]) {
        self.metadata = value(entries);
        if !matches!(self.metadata, Value::Map(_)) {
            fault(step, &format!("metadata is a map, not {}", self.metadata));
        }
    }

    /// Whether a member is here. A number the room never gave out is a fault.
    #[track_caller]
    fn was_given(&self, step: &str, member: MemberId) -> bool {
        if member == 0 || member > self.last_member {
            fault(
                step,
                &format!(
                    "member {member} never was; the last one to join was {}",
                    self.last_member
                ),
            );
        }
        self.members.contains_key(&member)
    }

    #[track_caller]
    fn check_output(&self, step: &str, effects: &[wit::Effect]) {
        let is_kv = |effect: &&wit::Effect| matches!(effect.action, wit::ActionEffect::Kv(_));
        if effects.iter().filter(is_kv).count() > limits::STORAGE_OPERATIONS {
            let most = limits::STORAGE_OPERATIONS;
            fault(step, &format!("more than {most} storage operations"));
        }
        let limits = &self.description.limits;
        let effects_max = limits.output_effects.unwrap_or(limits::OUTPUT_EFFECTS) as usize;
        if effects.len() > effects_max {
            fault(
                step,
                &format!(
                    "{} effects; limits.output_effects is {effects_max}",
                    effects.len()
                ),
            );
        }
        let bytes: usize = effects.iter().map(payload_len).sum();
        let bytes_max = limits.output_bytes.unwrap_or(limits::OUTPUT_BYTES) as usize;
        if bytes > bytes_max {
            fault(
                step,
                &format!("{bytes} bytes of output; limits.output_bytes is {bytes_max}"),
            );
        }
    }
}

fn payload_len(effect: &wit::Effect) -> usize {
    match &effect.action {
        wit::ActionEffect::Send(send) => send.payload.len(),
        wit::ActionEffect::Reply(Ok(data)) => data.len(),
        wit::ActionEffect::State(state) => state.value.len(),
        wit::ActionEffect::Metadata(entries) => entries.len(),
        wit::ActionEffect::Kv(kv) => match &kv.request {
            KvRequest::Get(key) => key.len(),
            KvRequest::Put((key, value)) => key.len() + len(value),
            KvRequest::CompareAndPut((key, expected, value)) => {
                key.len() + len(expected) + len(value)
            }
            KvRequest::List((prefix, after, _)) => prefix.len() + after.len(),
        },
        _ => 0,
    }
}

fn len(value: &Option<Vec<u8>>) -> usize {
    value.as_ref().map_or(0, Vec::len)
}

fn value(payload: &[u8]) -> Value {
    Payload::trusted(payload.to_owned())
        .read()
        .expect("the SDK checked it")
}

#[track_caller]
fn fault(step: &str, problem: &str) -> ! {
    panic!("{step}: {problem}. The host would stop this room with PLUGIN_FAILED")
}
