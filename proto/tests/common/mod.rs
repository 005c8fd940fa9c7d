//! Values for property tests.

use parlor_proto::Value;
use proptest::{collection, prelude::*};

/// Any value of the value model, with the edges of every range, keys that need care, and nesting.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let float =
        any::<f64>().prop_filter("only finite floats are values", |float| float.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integer().prop_map(Value::Int),
        float.prop_map(Value::Float),
        (-1000..1000_i32).prop_map(|quarters| Value::Float(f64::from(quarters) / 4.0)),
        any::<String>().prop_map(Value::Text),
        collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(6, 128, 20, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            collection::hash_map(key(), inner, 0..20)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

fn integer() -> impl Strategy<Value = i128> {
    let edges: Vec<i128> = [0_u32, 5, 7, 8, 15, 16, 31, 32, 53, 63, 64]
        .iter()
        .flat_map(|&bits| [-1, 0, 1].map(|offset| (1_i128 << bits) + offset))
        .flat_map(|edge| [edge, -edge])
        .filter(|edge| (-(1 << 63)..1 << 64).contains(edge))
        .collect();
    prop_oneof![
        proptest::sample::select(edges),
        any::<i64>().prop_map(i128::from),
        any::<u64>().prop_map(i128::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    const SPECIAL: &[&str] = &[
        "", "$", "$$", "$bytes", "$int", "$$int", "type", "\u{0}", "\"\\",
    ];
    prop_oneof![
        "[a-z]{1,3}",
        any::<String>(),
        proptest::sample::select(SPECIAL).prop_map(str::to_owned)
    ]
}
