//! The value model, as properties that hold for any value.

use std::collections::BTreeMap;

use parlor_proto::{DEPTH_MAX, Payload, Value, ValueFault};
use proptest::prelude::*;

mod common;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn vl1_any_value_survives_json_to_messagepack_to_protobuf_to_json(value in common::value()) {
        let json = value.to_payload().expect("the strategy makes only values").to_json();
        let from_json = Payload::from_json(&json).expect("our own JSON");
        let from_msgpack = Payload::from_msgpack(from_json.as_msgpack()).expect("our own MessagePack");
        let from_proto = Payload::from_proto(&from_msgpack.to_proto()).expect("our own protobuf");
        prop_assert_eq!(from_proto.to_json(), json);
        prop_assert_eq!(Value::from(&from_proto), value);
    }

    #[test]
    fn vl2_messagepack_is_canonical_after_one_pass(value in common::value()) {
        let payload = value.to_payload().expect("the strategy makes only values");
        prop_assert_eq!(Payload::from_msgpack(payload.as_msgpack()), Ok(payload.clone()));
        prop_assert_eq!(Payload::from_json(&payload.to_json()), Ok(payload.clone()));
        prop_assert_eq!(Payload::from_proto(&payload.to_proto()), Ok(payload.clone()));
    }

    #[test]
    fn json_is_what_serde_json_reads(value in common::value()) {
        let json = value.to_payload().expect("the strategy makes only values").to_json();
        let parsed: serde_json::Value = serde_json::from_str(&json).expect("RFC 8259");
        // And what another writer makes of it is the same value again, but for the order of keys.
        let again = Payload::from_json(&parsed.to_string()).expect("another writer's JSON");
        prop_assert_eq!(Value::from(&again), value);
    }

    #[test]
    fn st4_the_hash_does_not_hang_on_the_order_of_keys(value in common::value()) {
        let payload = value.to_payload().expect("the strategy makes only values");
        let reversed = reverse(&value).to_payload().expect("the same in another order");
        prop_assert_eq!(payload.state_hash(), reversed.state_hash());
        prop_assert_eq!(payload.sorted(), reversed.sorted());
        prop_assert_eq!(payload.sorted().sorted(), payload.sorted());
        prop_assert_eq!(Value::from(&payload.sorted()), value);
    }

    #[test]
    fn get_finds_what_the_tree_has(value in common::value()) {
        let payload = value.to_payload().expect("the strategy makes only values");
        let Value::Map(entries) = &value else {
            prop_assert!(!payload.is_map());
            prop_assert_eq!(payload.get("a"), None);
            return Ok(());
        };
        prop_assert!(payload.is_map());
        for (key, value) in entries {
            let found = payload.get(key).expect("every key is found");
            prop_assert_eq!(&Value::from(&found), value);
        }
    }
}

fn reverse(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(reverse).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .rev()
                .map(|(key, value)| (key.clone(), reverse(value)))
                .collect(),
        ),
        scalar => scalar.clone(),
    }
}

#[test]
fn vl4_a_tree_must_keep_the_rules_too() {
    let fault = |value: Value| value.to_payload().expect_err("not a value").fault;
    assert_eq!(fault(Value::Float(f64::NAN)), ValueFault::NotFinite);
    assert_eq!(
        fault(Value::Float(f64::NEG_INFINITY)),
        ValueFault::NotFinite
    );
    assert_eq!(fault(Value::Int(1 << 64)), ValueFault::IntegerRange);
    assert_eq!(fault(Value::Int(-(1 << 63) - 1)), ValueFault::IntegerRange);
    let twice = vec![("a".to_owned(), Value::Null), ("a".to_owned(), Value::Null)];
    assert_eq!(
        fault(Value::Map(twice)),
        ValueFault::DuplicateKey("a".to_owned())
    );
    let deep = |depth: usize| (0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    assert_eq!(fault(deep(DEPTH_MAX + 1)), ValueFault::TooDeep);
    assert_eq!(
        Value::from(&deep(DEPTH_MAX).to_payload().expect("deep enough")),
        deep(DEPTH_MAX)
    );
}

#[test]
fn vl3_a_float_with_an_integral_value_is_that_integer() {
    assert_eq!(Value::Float(-0.0), Value::Int(0));
    assert_eq!(Value::Float(9_007_199_254_740_992.0), Value::Int(1 << 53));
    assert_ne!(Value::Float(18_014_398_509_481_984.0), Value::Int(1 << 54));
    assert_eq!(Value::Float(3.0).to_payload(), Value::Int(3).to_payload());
    assert_ne!(Value::Float(0.5), Value::Int(0));
    assert_ne!(Value::Null, Value::Int(0));
}

#[test]
fn rust_types_become_values_and_come_back() {
    let scores = BTreeMap::from([
        ("ada".to_owned(), vec![Some(1.0), None]),
        ("zoë".to_owned(), vec![Some(0.5)]),
    ]);
    let payload = Payload::from_serde(&scores).expect("text keys and floats");
    assert_eq!(payload.to_json(), r#"{"ada":[1,null],"zoë":[0.5]}"#);
    assert_eq!(payload.to_serde().as_ref(), Ok(&scores));
    payload
        .to_serde::<Vec<bool>>()
        .expect_err("a map is no list");
    let fault = Payload::from_serde(&f64::NAN)
        .expect_err("NaN is no value")
        .fault;
    assert_eq!(fault, ValueFault::NotFinite);
}

#[test]
fn null_and_the_empty_map_are_canonical() {
    assert_eq!(Payload::from_json("null"), Ok(Payload::null()));
    assert_eq!(Payload::from_json("{}"), Ok(Payload::empty_map()));
    assert_eq!(format!("{:?}", Payload::empty_map()), "{}");
}
