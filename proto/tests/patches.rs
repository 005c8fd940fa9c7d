//! Patches: whatever a state becomes, its patch leads there; and whatever is sent as one does no harm.

use parlor_proto::{DEPTH_MAX, Payload, State, Value};
use proptest::{collection, prelude::*, sample::Index};

mod common;
#[path = "common/oracle.rs"]
mod oracle;

fn state(value: &Value) -> State {
    State::new(&value.to_payload().expect("the strategies make only values"))
}

/// What a patch makes of a state, both as they are read: a float may be an integer.
fn plainly(old: &Value, patch: &Payload) -> Option<State> {
    let old = Value::from(state(old).value());
    oracle::patched(&old, &Value::from(patch))
        .as_ref()
        .map(state)
}

/// One thing that becomes of a value, at a place somewhere in it.
#[derive(Debug, Clone)]
enum Turn {
    Set(Value),
    Insert(Value),
    Remove,
    Shift(Value),
}

fn turn() -> impl Strategy<Value = (Vec<Index>, Turn)> {
    let turn = prop_oneof![
        3 => common::value().prop_map(Turn::Set),
        2 => common::value().prop_map(Turn::Insert),
        1 => Just(Turn::Remove),
        1 => common::value().prop_map(Turn::Shift),
    ];
    (collection::vec(any::<Index>(), 0..4), turn)
}

fn take_turn(value: &mut Value, path: &[Index], turn: &Turn) {
    let (index, path) = match path {
        [] => return *value = changed(value, turn),
        [index, path @ ..] => (index, path),
    };
    match value {
        Value::List(items) if !items.is_empty() => {
            let place = index.index(items.len());
            take_turn(&mut items[place], path, turn);
        }
        Value::Map(entries) if !entries.is_empty() => {
            let place = index.index(entries.len());
            take_turn(&mut entries[place].1, path, turn);
        }
        other => *other = changed(other, turn),
    }
}

fn changed(value: &Value, turn: &Turn) -> Value {
    match (value.clone(), turn.clone()) {
        (Value::List(mut items), Turn::Insert(item)) => {
            items.insert(items.len() / 2, item);
            Value::List(items)
        }
        (Value::List(mut items), Turn::Shift(item)) if !items.is_empty() => {
            items.remove(0);
            items.push(item);
            Value::List(items)
        }
        (Value::List(mut items), Turn::Remove) if !items.is_empty() => {
            items.remove(items.len() / 2);
            Value::List(items)
        }
        (Value::Map(mut entries), Turn::Insert(value)) => {
            entries.retain(|(key, _)| key != "new");
            entries.push(("new".to_owned(), value));
            Value::Map(entries)
        }
        (Value::Map(mut entries), Turn::Remove) if !entries.is_empty() => {
            entries.remove(entries.len() / 2);
            Value::Map(entries)
        }
        (_, Turn::Set(value) | Turn::Insert(value) | Turn::Shift(value)) => value,
        (_, Turn::Remove) => Value::Null,
    }
}

/// Something that looks like a patch, and may be one.
fn patch() -> impl Strategy<Value = Value> {
    let place = || {
        prop_oneof![
            4 => (-1..6_i128).prop_map(Value::Int),
            2 => sample_key().prop_map(Value::Text),
            1 => common::value(),
        ]
    };
    let scalar = prop_oneof![
        3 => (0..3_i128).prop_map(Value::Int),
        1 => Just(Value::Map(Vec::new())),
        1 => collection::vec(common::value(), 0..2).prop_map(Value::List),
    ];
    scalar.prop_recursive(4, 40, 6, move |inner| {
        let part = prop_oneof![3 => Just("="), 2 => Just("-"), 2 => Just("+"), 1 => Just("x")];
        let parts = collection::btree_map(part.prop_map(str::to_owned), inner.clone(), 0..3);
        prop_oneof![
            parts.prop_map(|parts| Value::Map(parts.into_iter().collect())),
            collection::vec((place(), inner), 0..4).prop_map(|pairs| {
                Value::List(
                    pairs
                        .into_iter()
                        .flat_map(|(place, change)| [place, change])
                        .collect(),
                )
            }),
        ]
    })
}

fn sample_key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-e]{1}",
        Just(String::new()),
        Just("\u{e000}".to_owned()),
        Just("\u{10000}".to_owned())
    ]
}

/// A small state with keys and places that such patches hit.
fn small_state() -> impl Strategy<Value = Value> {
    let leaf = (0..3_i128).prop_map(Value::Int);
    leaf.prop_recursive(4, 60, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            collection::btree_map(sample_key(), inner, 0..6)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn pt1_a_patch_leads_from_one_state_to_the_next(
        old in common::value(),
        turns in collection::vec(turn(), 0..5),
    ) {
        let mut new = old.clone();
        for (path, turn) in &turns {
            take_turn(&mut new, path, turn);
        }
        let (old, new) = (state(&old), state(&new));
        let Some(patch) = old.patch_to(&new) else {
            return Ok(());
        };
        prop_assert!(patch.as_msgpack().len() < new.value().as_msgpack().len());
        // In whatever encoding it comes.
        for patch in [
            Payload::from_json(&patch.to_json()),
            Payload::from_proto(&patch.to_proto()),
            Ok(patch),
        ] {
            let patched = old.patched(&patch.expect("our own encoding"));
            prop_assert_eq!(patched, Ok(new.clone()));
        }
    }

    #[test]
    fn pt2_pt6_what_looks_like_a_patch_means_what_the_specification_says(
        old in small_state(),
        patch in patch(),
    ) {
        let payload = patch.to_payload().expect("the strategies make only values");
        let patched = state(&old).patched(&payload);
        let wanted = plainly(&old, &payload);
        prop_assert_eq!(patched.as_ref().ok(), wanted.as_ref());
        if let Ok(patched) = patched {
            prop_assert_eq!(patched.value(), &patched.value().sorted());
            let again = Payload::from_msgpack(patched.value().as_msgpack());
            prop_assert_eq!(again.as_ref(), Ok(patched.value()));
        }
    }

    #[test]
    fn any_value_as_a_patch_is_applied_or_refused(old in common::value(), patch in common::value()) {
        let payload = patch.to_payload().expect("the strategies make only values");
        let patched = state(&old).patched(&payload).ok();
        prop_assert_eq!(patched, plainly(&old, &payload));
    }
}

fn numbers(count: i64) -> Vec<Value> {
    (0..count)
        .map(|n| Value::Int((n * 7919 % 104_729).into()))
        .collect()
}

/// The bytes of the patch between two lists, which must be there and lead where it should.
fn bytes_between(old: Vec<Value>, new: Vec<Value>) -> usize {
    let (old, new) = (state(&Value::List(old)), state(&Value::List(new)));
    let patch = old.patch_to(&new).expect("a small change has a patch");
    assert_eq!(old.patched(&patch), Ok(new));
    patch.as_msgpack().len()
}

#[test]
fn pt5_a_small_change_of_a_large_list_is_a_small_patch() {
    let old = numbers(10_000);
    let with = |change: fn(&mut Vec<Value>)| {
        let mut new = old.clone();
        change(&mut new);
        bytes_between(old.clone(), new)
    };
    assert_eq!(with(|_| ()), 1);
    assert!(with(|it| it[5_000] = Value::Null) < 8);
    assert!(with(|it| it.insert(5_000, Value::Null)) < 12);
    assert!(with(|it| drop(it.remove(5_000))) < 8);
    assert!(with(|it| drop(it.drain(2_000..4_000))) < 12);
    let shifted = with(|it| {
        it.remove(0);
        it.push(Value::Null);
    });
    assert!(shifted < 12, "what moved on by one: {shifted}");
    let scattered = with(|it| {
        it.remove(9_000);
        it[6_000] = Value::Null;
        it.insert(3_000, Value::Bool(true));
        it.remove(10);
    });
    assert!(scattered < 30, "here and there: {scattered}");
}

#[test]
fn pt4_a_small_change_of_a_large_map_is_a_small_patch() {
    let entry = |n: u32| (n.to_string(), Value::List(numbers(10)));
    let old: Vec<_> = (0..10_000).map(entry).collect();
    let mut new = old.clone();
    new.remove(4_000);
    new[7_000].1 = Value::Null;
    new.push(("extra".to_owned(), Value::Int(1)));
    let (old, new) = (state(&Value::Map(old)), state(&Value::Map(new)));
    let patch = old.patch_to(&new).expect("a small change has a patch");
    assert_eq!(old.patched(&patch), Ok(new));
    assert!(patch.as_msgpack().len() < 24, "{patch:?}");
}

#[test]
fn where_a_patch_would_not_be_smaller_there_is_none() {
    let payload = |json| State::new(&Payload::from_json(json).expect("a value"));
    assert_eq!(payload("[1,2]").patch_to(&payload("[3,4]")), None);
    assert_eq!(payload("1").patch_to(&payload("2")), None);
    assert_eq!(payload("[]").patch_to(&payload("{}")), None);
}

#[test]
fn where_a_patch_would_lie_too_deep_there_is_none() {
    let deep = |inner: Value, depth| (0..depth).fold(inner, |inner, _| Value::List(vec![inner]));
    let long = || Value::Text("x".repeat(200));
    let pair = |inner| deep(Value::List(vec![inner, long()]), DEPTH_MAX - 2);
    let [nothing, list, number] =
        [Value::Null, Value::List(vec![]), Value::Int(1)].map(|inner| state(&pair(inner)));
    assert!(
        nothing.patch_to(&number).is_some(),
        "a scalar is as deep as before"
    );
    assert!(list.patch_to(&nothing).is_some());
    assert_eq!(
        nothing.patch_to(&list),
        None,
        "one level more than a payload may nest"
    );
}
