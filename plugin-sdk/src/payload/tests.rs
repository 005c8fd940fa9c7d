use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::{Bytes, Value, json};

fn problem(value: &impl Serialize) -> String {
    Payload::of(value).unwrap_err().to_string()
}

#[test]
fn a_nan_is_refused_by_the_name_of_its_field() {
    #[derive(Serialize)]
    struct Ball {
        name: &'static str,
        position: Vec<f64>,
    }
    let ball = Ball {
        name: "b",
        position: vec![1.5, f64::NAN],
    };
    assert_eq!(
        problem(&BTreeMap::from([("ball", ball)])),
        "at `ball.position.1`: the number is NaN, which Parlor's values do not have"
    );
    assert!(problem(&f32::INFINITY).contains("inf"));
}

#[test]
fn whole_floats_become_integers_and_others_stay() {
    let bytes = |value: f64| Payload::of(&value).unwrap().into_bytes();
    assert_eq!(bytes(2.0), [2]);
    assert_eq!(bytes(-0.0), [0]);
    assert_eq!(bytes(-5.0), [0xfb]);
    assert_eq!(bytes(0.5)[0], 0xcb);
    assert_eq!(bytes(1e300)[0], 0xcb);
    assert_eq!(Payload::of(&0.5f32).unwrap().as_bytes()[0], 0xcb);
}

#[test]
fn numbers_as_keys_become_text() {
    let scores = BTreeMap::from([(7u32, 1), (1_000_000, 2)]);
    assert_eq!(
        Payload::of(&scores).unwrap().read::<Value>().unwrap(),
        json!({ "7": 1, "1000000": 2 })
    );
    assert_eq!(
        problem(&BTreeMap::from([(true, 1)])),
        "a map's key is neither text nor a whole number"
    );
}

#[test]
fn sixty_four_levels_pass_and_one_more_does_not() {
    let nested = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
    assert!(Payload::from_bytes(&nested(64)).is_ok());
    assert!(
        Payload::from_bytes(&nested(65))
            .unwrap_err()
            .to_string()
            .ends_with("nested more than 64 levels deep")
    );
}

#[test]
fn bytes_that_are_no_single_value_are_refused() {
    for (raw, expected) in [
        (&[][..], "the value ends too early"),
        (&[0xa5, b'h', b'i'], "the value ends too early"),
        (
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            "at `0`: the value ends too early",
        ),
        (&[0xc0, 0xc0], "more than one value"),
        (&[0xa1, 0xff], "text that is not UTF-8"),
        (
            &[0xd4, 0x01, 0x00],
            "an extension type, which Parlor's values do not have",
        ),
        (
            &[0xc1],
            "an extension type, which Parlor's values do not have",
        ),
    ] {
        assert_eq!(
            Payload::from_bytes(raw).unwrap_err().to_string(),
            expected,
            "{raw:02x?}"
        );
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Message {
        Text { text: String, to: Option<u32> },
        File { bytes: Bytes, size: i64, big: u64 },
    }
    for message in [
        Message::Text {
            text: "x".repeat(70_000),
            to: None,
        },
        Message::File {
            bytes: Bytes::from(vec![0; 300]),
            size: i64::MIN,
            big: u64::MAX,
        },
    ] {
        assert_eq!(
            Payload::of(&message).unwrap().read::<Message>().unwrap(),
            message
        );
    }
}
