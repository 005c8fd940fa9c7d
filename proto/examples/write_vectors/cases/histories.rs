//! What a server may send a client about one view, at random but always the same: states and patches, of which some get
//! lost, and some are not what the server meant. With each frame stands what the client has then. Where that is nothing,
//! it asks for the whole, once; until that comes it takes no notice of patches.

use parlor_proto::{Payload, ServerFrame, State, Subprotocol, Value, server};
use serde_json::{Value as Json, json};

use super::hex;

const HISTORIES: u64 = 30;
const FRAMES: u64 = 12;
const HANDLE: u64 = 3;

/// The vectors of `histories.json`.
pub(crate) fn vectors() -> Vec<Json> {
    (1..=HISTORIES).map(history).collect()
}

fn history(number: u64) -> Json {
    let mut chance = Chance(number);
    let subprotocol = Subprotocol::ALL[chance.below(3)];
    let mut value = some_map(&mut chance, 3);
    let mut sent = state_of(&value);
    let mut version = 1;
    let mut has = Some(sent.clone());
    let mut steps = vec![step(subprotocol, &whole(version, &sent), Some(&sent))];
    for _ in 0..FRAMES {
        for _ in 0..=chance.below(3) {
            turn(&mut value, &mut chance);
        }
        let new = state_of(&value);
        version += 1 + chance.below(2) as u64;
        let patch = sent.patch_to(&new);
        sent = new;
        let lie = match chance.below(8) {
            // It gets lost.
            0 => continue,
            1 => 1,
            _ => 0,
        };
        let hash = sent.hash() ^ lie;
        let (frame, came) = match patch {
            Some(patch) => {
                let came = has.and_then(|has| has.patched(&patch).ok());
                (patched(version, patch, hash), came)
            }
            None => (whole_as(version, &sent, hash), Some(sent.clone())),
        };
        has = came.filter(|it| it.hash() == hash);
        steps.push(step(subprotocol, &frame, has.as_ref()));
        assert!(
            has.is_none() || has.as_ref() == Some(&sent),
            "no other state has its hash"
        );
        if has.is_none() && chance.below(2) == 0 {
            steps.push(step(subprotocol, &whole(version, &sent), Some(&sent)));
            has = Some(sent.clone());
        }
    }
    json!({ "name": format!("history {number}"), "encoding": encoding(subprotocol), "frames": steps })
}

fn encoding(subprotocol: Subprotocol) -> &'static str {
    match subprotocol {
        Subprotocol::Json => "json",
        Subprotocol::Binary => "msgpack",
        Subprotocol::Proto => "proto",
    }
}

fn step(subprotocol: Subprotocol, frame: &ServerFrame, state: Option<&State>) -> Json {
    let message = subprotocol.encode_server(frame);
    let message = match subprotocol {
        Subprotocol::Json => String::from_utf8(message.to_vec()).expect("JSON is text"),
        Subprotocol::Binary | Subprotocol::Proto => hex(&message),
    };
    json!({ "frame": message, "state": state.map(|it| it.value().to_json()) })
}

fn whole(version: u64, state: &State) -> ServerFrame {
    whole_as(version, state, state.hash())
}

fn whole_as(version: u64, state: &State, hash: u32) -> ServerFrame {
    ServerFrame::RoomState(server::RoomState {
        room: "room".into(),
        epoch: 1,
        tick: version,
        view: "view".into(),
        version,
        as_of: 0,
        hash,
        handle: HANDLE,
        state: state.value().clone(),
    })
}

fn patched(version: u64, patch: Payload, hash: u32) -> ServerFrame {
    ServerFrame::RoomPatch(server::RoomPatch {
        handle: HANDLE,
        tick: version,
        version,
        as_of: 0,
        hash,
        patch,
    })
}

fn state_of(value: &Value) -> State {
    State::new(&value.to_payload().expect("only values are made here"))
}

/// Numbers that look random.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(0x1234_5678_9ABC_DEF1);
        self.0 ^= self.0 >> 29;
        usize::try_from((self.0 >> 33) % end as u64).expect("below `end`")
    }
}

const KEYS: [&str; 11] = [
    "a",
    "b",
    "10",
    "9",
    "",
    "=",
    "-",
    "$",
    "ﬀ",
    "🎲",
    "constructor",
];

fn some_value(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(if depth == 0 { 7 } else { 11 }) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::Int(chance.below(300) as i128 - 150),
        3 => Value::Int([1 << 53, u64::MAX.into(), i64::MIN.into(), 70_000][chance.below(4)]),
        4 => Value::Float([0.5, -1e300, 0.1, 3.25][chance.below(4)]),
        5 => Value::Text(KEYS[chance.below(KEYS.len())].repeat(3)),
        6 => Value::Bytes(vec![7; chance.below(3)]),
        7 | 8 => Value::List(
            (0..chance.below(8))
                .map(|_| some_value(chance, depth - 1))
                .collect(),
        ),
        _ => some_map(chance, depth - 1),
    }
}

fn some_map(chance: &mut Chance, depth: usize) -> Value {
    let mut entries: Vec<(String, Value)> = Vec::new();
    for _ in 0..2 + chance.below(5) {
        set(&mut entries, chance, depth);
    }
    Value::Map(entries)
}

fn set(entries: &mut Vec<(String, Value)>, chance: &mut Chance, depth: usize) {
    let key = KEYS[chance.below(KEYS.len())];
    entries.retain(|(other, _)| other != key);
    entries.push((key.to_owned(), some_value(chance, depth)));
}

/// Changes something, somewhere.
fn turn(value: &mut Value, chance: &mut Chance) {
    match value {
        Value::List(items) => match chance.below(5) {
            0 => items.insert(chance.below(items.len() + 1), some_value(chance, 1)),
            1 if !items.is_empty() => drop(items.remove(chance.below(items.len()))),
            2 if !items.is_empty() => {
                let first = items.remove(0);
                items.push(first);
            }
            _ if !items.is_empty() => {
                let place = chance.below(items.len());
                turn(&mut items[place], chance);
            }
            _ => items.push(some_value(chance, 1)),
        },
        Value::Map(entries) => match chance.below(5) {
            0 => set(entries, chance, 1),
            1 if entries.len() > 1 => drop(entries.remove(chance.below(entries.len()))),
            _ if !entries.is_empty() => {
                let place = chance.below(entries.len());
                turn(&mut entries[place].1, chance);
            }
            _ => set(entries, chance, 1),
        },
        scalar => *scalar = some_value(chance, 1),
    }
}
