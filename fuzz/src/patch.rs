//! Patches: whatever is sent as one is applied as the specification says, or refused; and what one state becomes of
//! another has a patch that leads there.

use parlor_proto::{Payload, State, Value};

use crate::oracle;

/// Lists and maps are at most so long and so deep: small ones reach everything.
const LENGTH_MAX: u8 = 12;
const DEPTH_MAX: u8 = 6;

/// Reads the bytes as a state, another one, and a patch; each byte is a choice.
pub fn patch(input: &[u8]) {
    let mut choices = Choices(input);
    let old = choices.value(DEPTH_MAX);
    let new = choices.change_of(&old, DEPTH_MAX);
    let patch = choices.patch_of(&old, DEPTH_MAX);
    check_way(&old, &new);
    check_way(&new, &old);
    check_patch(&old, &patch);
    check_patch(&new, &patch);
    check_patch(&old, &new);
}

/// PT1: the patch from one state to another leads there.
fn check_way(old: &Value, new: &Value) {
    let (old, new) = (state(old), state(new));
    let Some(patch) = old.patch_to(&new) else {
        return;
    };
    assert!(patch.as_msgpack().len() < new.value().as_msgpack().len());
    let patched = old.patched(&patch).expect("our own patch");
    assert_eq!(patched, new);
}

/// PT2 to PT8: the fast way and the plain one agree, and what comes of it is a state.
fn check_patch(old: &Value, patch: &Value) {
    let payload = patch.to_payload().expect("only values are made here");
    let patched = state(old).patched(&payload);
    // As it is read: a float may be an integer.
    let wanted = oracle::patched(&Value::from(state(old).value()), &Value::from(&payload));
    match (patched, wanted) {
        (Ok(patched), Some(wanted)) => {
            assert_eq!(Value::from(patched.value()), wanted);
            let again = Payload::from_msgpack(patched.value().as_msgpack());
            assert_eq!(again.as_ref(), Ok(patched.value()));
            assert_eq!(State::new(patched.value()), patched, "it is in order");
        }
        (Err(error), None) => {
            assert!(matches!(error.code(), "INVALID_PATCH" | "PATCH_MISMATCH"));
            assert!(error.to_string().len() < 200);
        }
        (patched, wanted) => panic!(
            "{:?} with {payload:?}: {patched:?}, but the plain way says {wanted:?}",
            state(old).value()
        ),
    }
}

fn state(value: &Value) -> State {
    State::new(&value.to_payload().expect("only values are made here"))
}

/// Bytes as choices; behind their end each is 0.
struct Choices<'i>(&'i [u8]);

const KEYS: [&str; 8] = ["a", "b", "c", "10", "9", "=", "\u{e000}", "\u{10000}"];

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.next()) % end.max(1)
    }

    fn number(&mut self) -> i128 {
        match self.next() {
            0xff => u64::MAX.into(),
            0xfe => i64::MIN.into(),
            small => i128::from(small) - 4,
        }
    }

    fn key(&mut self) -> String {
        match self.below(KEYS.len() + 2) {
            index if index < KEYS.len() => KEYS[index].to_owned(),
            _ => char::from(self.next())
                .to_string()
                .repeat(1 + self.below(40)),
        }
    }

    fn value(&mut self, depth: u8) -> Value {
        match self.next() % if depth == 0 { 6 } else { 10 } {
            0 => Value::Null,
            1 => Value::Bool(true),
            2 | 3 => Value::Int(self.number()),
            4 => Value::Float(f64::from(self.next()) / 2.0),
            5 => Value::Text(self.key()),
            6 | 7 => {
                let length = self.next() % LENGTH_MAX;
                Value::List((0..length).map(|_| self.value(depth - 1)).collect())
            }
            _ => self.map(|choices| choices.value(depth - 1)),
        }
    }

    fn map(&mut self, mut value: impl FnMut(&mut Self) -> Value) -> Value {
        let mut entries: Vec<(String, Value)> = Vec::new();
        for _ in 0..self.next() % LENGTH_MAX {
            let (key, value) = (self.key(), value(self));
            entries.retain(|(other, _)| *other != key);
            entries.push((key, value));
        }
        Value::Map(entries)
    }

    /// What a value becomes.
    fn change_of(&mut self, value: &Value, depth: u8) -> Value {
        if depth == 0 || self.next().is_multiple_of(8) {
            return self.value(depth);
        }
        let mut changed = value.clone();
        match &mut changed {
            Value::List(items) => {
                for _ in 0..self.next() % 4 {
                    let place = self.below(items.len());
                    match self.next() % 4 {
                        0 => items.insert(place, self.value(depth - 1)),
                        1 if !items.is_empty() => drop(items.remove(place)),
                        2 => items.rotate_left(place),
                        _ => {
                            if let Some(item) = items.get_mut(place) {
                                *item = self.change_of(item, depth - 1);
                            }
                        }
                    }
                }
            }
            Value::Map(entries) => {
                for _ in 0..self.next() % 4 {
                    let place = self.below(entries.len());
                    match self.next() % 3 {
                        0 => {
                            let (key, value) = (self.key(), self.value(depth - 1));
                            entries.retain(|(other, _)| *other != key);
                            entries.push((key, value));
                        }
                        1 if !entries.is_empty() => drop(entries.remove(place)),
                        _ => {
                            if let Some((_, value)) = entries.get_mut(place) {
                                *value = self.change_of(value, depth - 1);
                            }
                        }
                    }
                }
            }
            scalar => *scalar = self.value(depth),
        }
        changed
    }

    /// Something that is nearly a patch of a value.
    fn patch_of(&mut self, value: &Value, depth: u8) -> Value {
        if depth == 0 || self.next() % 16 == 15 {
            return self.value(depth);
        }
        let mut pairs = Vec::new();
        let mut place = i128::from(self.next() % 3);
        for _ in 0..self.next() % 5 {
            let inner = match value {
                Value::List(items) => usize::try_from(place).ok().and_then(|it| items.get(it)),
                Value::Map(entries) => self.entry_of(entries, place),
                _ => None,
            };
            let inner = inner.cloned().unwrap_or(Value::Null);
            pairs.push(match self.next() % 8 {
                0..6 => Value::Int(place),
                6 => Value::Text(self.key()),
                _ => self.value(1),
            });
            pairs.push(self.change(&inner, depth));
            place += i128::from(self.next() % 4);
        }
        if self.next() % 16 == 15 {
            pairs.pop();
        }
        Value::List(pairs)
    }

    /// The entry of this number, by the order of bytes.
    fn entry_of<'v>(&self, entries: &'v [(String, Value)], place: i128) -> Option<&'v Value> {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(|(key, _)| key.as_bytes());
        let (_, value) = sorted.get(usize::try_from(place).ok()?)?;
        Some(value)
    }

    fn change(&mut self, old: &Value, depth: u8) -> Value {
        let part = |key: &str, value| (key.to_owned(), value);
        match self.next() % 8 {
            0 | 1 => self.patch_of(old, depth - 1),
            2 => Value::Map(vec![part("=", self.value(1))]),
            3 => Value::Map(Vec::new()),
            4 => Value::Map(vec![part("-", Value::Int(self.number()))]),
            5 => {
                let items = (0..self.next() % 3).map(|_| self.value(1)).collect();
                let count = i128::from(self.next() % 4);
                Value::Map(vec![
                    part("+", Value::List(items)),
                    part("-", Value::Int(count)),
                ])
            }
            6 => self.map(|choices| choices.value(1)),
            _ => self.value(1),
        }
    }
}
