//! What a step asked for, as one number: running the step again must bring the same. The number is kept in journals, so
//! that how it comes about may not change.

use parlor_proto::Payload;
use xxhash_rust::xxh3::xxh3_64;

use super::effect::{self, Action, Audience, Effect, Refusal, ViewAudience};
use super::wit;

/// The hash of all effects of a step, in their order.
pub(super) fn hash(effects: &[Effect]) -> u64 {
    let mut hash = Hash(Vec::with_capacity(bytes_about(effects)));
    for effect in effects {
        hash.number(effect.cause.map_or(u64::MAX, |cause| cause as u64));
        hash.action(&effect.action);
    }
    xxh3_64(&hash.0)
}

/// The hash of what a storage operation asks.
pub(super) fn of_request(request: &wit::KvRequest) -> u64 {
    let mut hash = Hash(Vec::new());
    hash.request(request);
    xxh3_64(&hash.0)
}

/// What an effect takes here beside its payload, or about that.
const EFFECT_BYTES: usize = 64;

fn bytes_about(effects: &[Effect]) -> usize {
    effects.len() * EFFECT_BYTES + effect::bytes(effects)
}

/// What is hashed, gathered: to hash many small pieces one by one takes several times as long.
struct Hash(Vec<u8>);

impl Hash {
    fn action(&mut self, action: &Action) {
        match action {
            Action::Send { to, from, payload } => {
                self.tag(0);
                self.audience(to);
                self.number(from.map_or(0, u64::from));
                self.payload(payload);
            }
            Action::Reply(Ok(payload)) => {
                self.tag(1);
                self.payload(payload);
            }
            Action::Reply(Err(refusal)) => self.refusal(2, refusal),
            Action::Reject(refusal) => self.refusal(3, refusal),
            Action::State {
                view,
                audience,
                value,
            } => {
                self.tag(4);
                self.text(view);
                self.view_audience(*audience);
                self.payload(value);
            }
            Action::DropState { view, audience } => {
                self.tag(5);
                self.text(view);
                self.view_audience(*audience);
            }
            Action::Kick { member, reason } => {
                self.tag(6);
                self.number(u64::from(*member));
                self.text(reason);
            }
            Action::SetSeat { member, seat } => {
                self.tag(7);
                self.number(u64::from(*member));
                self.seat(*seat);
            }
            Action::SetTimer { timer, after_ms } => {
                self.tag(8);
                self.number(u64::from(*timer));
                self.number(*after_ms);
            }
            Action::CancelTimer(timer) => {
                self.tag(9);
                self.number(u64::from(*timer));
            }
            Action::Lock(is_locked) => {
                self.tag(10);
                self.tag(u8::from(*is_locked));
            }
            Action::Metadata(metadata) => {
                self.tag(11);
                self.payload(metadata);
            }
            Action::Close(reason) => {
                self.tag(12);
                self.text(reason);
            }
            Action::Kv { operation, request } => {
                self.tag(13);
                self.number(*operation);
                self.request(request);
            }
        }
    }

    fn tag(&mut self, tag: u8) {
        self.0.push(tag);
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn payload(&mut self, payload: &Payload) {
        self.bytes(payload.as_msgpack());
    }

    fn refusal(&mut self, tag: u8, refusal: &Refusal) {
        self.tag(tag);
        self.text(&refusal.code);
        self.text(&refusal.message);
    }

    fn seat(&mut self, seat: wit::Seat) {
        self.tag(u8::from(seat == wit::Seat::Player));
    }

    fn audience(&mut self, audience: &Audience) {
        let mut members = |tag, ids: &[u32]| {
            self.tag(tag);
            self.number(ids.len() as u64);
            ids.iter().for_each(|id| self.number(u64::from(*id)));
        };
        match audience {
            Audience::Everyone => members(0, &[]),
            Audience::Only(ids) => members(1, ids),
            Audience::Except(ids) => members(2, ids),
            Audience::Seat(seat) => {
                self.tag(3);
                self.seat(*seat);
            }
        }
    }

    fn request(&mut self, request: &wit::KvRequest) {
        match request {
            wit::KvRequest::Get(key) => {
                self.tag(0);
                self.text(key);
            }
            wit::KvRequest::Put((key, value)) => {
                self.tag(1);
                self.text(key);
                self.value(value.as_deref());
            }
            wit::KvRequest::CompareAndPut((key, expected, value)) => {
                self.tag(2);
                self.text(key);
                self.value(expected.as_deref());
                self.value(value.as_deref());
            }
            wit::KvRequest::List((prefix, after, count)) => {
                self.tag(3);
                self.text(prefix);
                self.text(after);
                self.number(u64::from(*count));
            }
        }
    }

    fn value(&mut self, value: Option<&[u8]>) {
        self.tag(u8::from(value.is_some()));
        self.bytes(value.unwrap_or_default());
    }

    fn view_audience(&mut self, audience: ViewAudience) {
        match audience {
            ViewAudience::Everyone => self.tag(0),
            ViewAudience::Seat(seat) => {
                self.tag(1);
                self.seat(seat);
            }
            ViewAudience::Member(id) => {
                self.tag(2);
                self.number(u64::from(id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(text: &str) -> Effect {
        Effect {
            cause: None,
            action: Action::Send {
                to: Audience::Everyone,
                from: None,
                payload: Payload::from_serde(&text).unwrap(),
            },
        }
    }

    #[test]
    fn the_hash_is_of_what_is_asked_for_and_of_its_order() {
        let (a, b) = (send("a"), send("b"));
        let both = hash(&[a.clone(), b.clone()]);
        assert_eq!(both, hash(&[a.clone(), b.clone()]));
        assert_ne!(both, hash(&[b, a.clone()]));
        assert_ne!(both, hash(&[a]));
    }

    #[test]
    fn the_hash_does_not_change_from_one_server_to_the_next() {
        assert_eq!(hash(&[]), 0x2d06_8005_38d3_94c2);
        assert_eq!(hash(&[send("a")]), 0xe6cf_3f5c_acd9_8cd7);
    }
}
