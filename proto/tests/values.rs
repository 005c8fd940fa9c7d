//! The value model, as properties that hold for any value.

use std::collections::BTreeMap;

use parlor_proto::{DEPTH_MAX, ErrorCode, Payload, Value, ValueFault};
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

/// VL3, where the value comes from outside: whatever form a number has, it is one integer.
#[test]
fn vl5_in_json_a_number_without_fraction_and_exponent_is_an_integer() {
    let value = |json: &str| Value::from(&Payload::from_json(json).expect(json));
    assert_eq!(value("7"), Value::Int(7));
    assert_eq!(value("7.5"), Value::Float(7.5));
    // Beyond 2^53 only an integer can be told from a float.
    assert_eq!(value("9007199254740994"), Value::Int((1 << 53) + 2));
    assert_eq!(
        value("9007199254740994.0"),
        Value::Float(9_007_199_254_740_994.0)
    );
    assert_eq!(value("1e20"), Value::Float(1e20));
}

#[test]
fn vl5_in_json_bytes_and_large_integers_are_tagged() {
    let json = |value: Value| value.to_payload().expect("a value").to_json();
    assert_eq!(
        json(Value::Bytes(vec![0xfb, 0xff])),
        r#"{"$bytes":"+/8="}"#,
        "the standard alphabet, with padding"
    );
    assert_eq!(json(Value::Int((1 << 53) - 1)), "9007199254740991");
    assert_eq!(json(Value::Int(1 << 53)), r#"{"$int":"9007199254740992"}"#);
    for either in ["9007199254740992", r#"{"$int":"9007199254740992"}"#] {
        let read = Payload::from_json(either).expect(either);
        assert_eq!(Value::from(&read), Value::Int(1 << 53));
    }
}

#[test]
fn vl6_a_map_whose_only_key_begins_with_a_dollar_is_escaped() {
    let map = |key: &str| Value::Map(vec![(key.to_owned(), Value::Null)]);
    for (key, json) in [
        ("$", r#"{"$$":null}"#),
        ("$bytes", r#"{"$$bytes":null}"#),
        ("$$x", r#"{"$$$x":null}"#),
        ("x$", r#"{"x$":null}"#),
    ] {
        assert_eq!(map(key).to_payload().expect("a value").to_json(), json);
        assert_eq!(
            Value::from(&Payload::from_json(json).expect(json)),
            map(key)
        );
    }
    for refused in [r#"{"$":1}"#, r#"{"$date":1}"#, r#"{"$int":7}"#] {
        let error = Payload::from_json(refused).expect_err(refused);
        assert_eq!(error.code(), ErrorCode::InvalidValue, "{refused}");
    }
    let two = r#"{"$int":7,"more":1}"#;
    assert_eq!(Payload::from_json(two).expect("as it is").to_json(), two);
}

#[test]
fn vl7_in_protobuf_integers_beyond_an_i64_are_unsigned() {
    let first_byte = |value: i128| {
        let payload = Value::Int(value).to_payload().expect("a value");
        payload.to_proto()[0]
    };
    // The tags of `int_value` (3) and `uint_value` (4), both varints.
    let [int, uint] = [3 << 3, 4 << 3];
    assert_eq!(first_byte(i128::from(i64::MIN)), int);
    assert_eq!(first_byte(i128::from(i64::MAX)), int);
    assert_eq!(first_byte(i128::from(i64::MAX) + 1), uint);
    assert_eq!(first_byte(i128::from(u64::MAX)), uint);
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
