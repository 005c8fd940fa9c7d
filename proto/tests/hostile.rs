//! Input that was made to break a decoder: it is refused with an error, quickly, and without a panic.

use parlor_proto::{Payload, Subprotocol, ValueError, ValueFault};
use proptest::{collection, prelude::*};

mod common;

fn decode_all(bytes: &[u8]) -> [Option<Payload>; 3] {
    let json = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Payload::from_json(text).ok());
    [
        json,
        Payload::from_msgpack(bytes).ok(),
        Payload::from_proto(bytes).ok(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in collection::vec(any::<u8>(), 0..64)) {
        for payload in decode_all(&bytes).into_iter().flatten() {
            prop_assert_eq!(Payload::from_json(&payload.to_json()), Ok(payload.clone()));
            prop_assert_eq!(Payload::from_proto(&payload.to_proto()), Ok(payload.clone()));
        }
        for subprotocol in Subprotocol::ALL {
            if let Ok(frame) = subprotocol.decode_client(&bytes) {
                let message = subprotocol.encode_client(&frame);
                prop_assert_eq!(subprotocol.decode_client(&message), Ok(frame.clone()));
            }
        }
    }

    #[test]
    fn a_changed_byte_is_read_as_a_value_or_refused(value in common::value(), place: prop::sample::Index, byte: u8) {
        let payload = value.to_payload().expect("the strategy makes only values");
        for mut bytes in [payload.to_json().into_bytes(), payload.as_msgpack().to_vec(), payload.to_proto()] {
            let place = place.index(bytes.len());
            bytes[place] = byte;
            for payload in decode_all(&bytes).into_iter().flatten() {
                prop_assert_eq!(Payload::from_msgpack(payload.as_msgpack()), Ok(payload.clone()));
            }
        }
    }

    #[test]
    fn a_message_that_ends_early_is_refused(value in common::value()) {
        let payload = value.to_payload().expect("the strategy makes only values");
        let msgpack = payload.as_msgpack();
        for end in 0..msgpack.len() {
            prop_assert_eq!(Payload::from_msgpack(&msgpack[..end]).map_err(|error| error.fault), Err(ValueFault::Truncated));
        }
        let proto = payload.to_proto();
        for end in 0..proto.len() {
            prop_assert!(Payload::from_proto(&proto[..end]).is_err());
        }
        // A JSON number has no end of its own, hence the brackets.
        let json = format!("[{}]", payload.to_json());
        for end in (0..json.len()).filter(|&end| json.is_char_boundary(end)) {
            prop_assert!(Payload::from_json(&json[..end]).is_err());
        }
    }
}

#[test]
fn lm3_nothing_is_allocated_by_a_declared_length() {
    // Each declares 4 GiB or 4 billion items; trusting any of them would end this process.
    for msgpack in [
        "dbffffffff",
        "c6ffffffff",
        "ddffffffff",
        "dfffffffff",
        "91ddffffffff",
        "81a161dfffffffff",
    ] {
        let error = Payload::from_msgpack(hex(msgpack)).expect_err(msgpack);
        assert_eq!(
            error,
            ValueError {
                fault: ValueFault::Truncated,
                at: msgpack.len() / 2
            }
        );
    }
    for proto in [
        "32ffffffff0f",
        "3affffffffffffffffff01",
        "42ffffffff0f",
        "4affffffff0f",
    ] {
        let error = Payload::from_proto(&hex(proto)).expect_err(proto);
        assert_eq!(error.fault, ValueFault::Truncated);
    }
    // The same inside of a frame, which prost reads.
    Subprotocol::Proto
        .decode_client(&hex("220812ffffffffffffffff7f"))
        .expect_err("longer than the message");
}

#[test]
fn lm2_nesting_ends_at_64_and_costs_no_stack() {
    let lists = "[".repeat(1 << 20);
    assert_eq!(
        Payload::from_json(&lists).expect_err("far too deep").fault,
        ValueFault::TooDeep
    );
    let maps = "{\"a\":".repeat(1 << 18);
    assert_eq!(
        Payload::from_json(&maps).expect_err("far too deep").fault,
        ValueFault::TooDeep
    );
    assert_eq!(
        Payload::from_msgpack(vec![0x91; 1 << 20])
            .expect_err("far too deep")
            .fault,
        ValueFault::TooDeep
    );
    assert_eq!(
        Payload::from_msgpack([0x81, 0xa0].repeat(1 << 19))
            .expect_err("far too deep")
            .fault,
        ValueFault::TooDeep
    );
}

#[test]
fn lm2_a_payload_may_be_as_deep_in_a_frame_as_alone() {
    let message = |depth: usize| {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"type":"room_message","room":"r","data":{data}}}"#)
    };
    let frame = Subprotocol::Json
        .decode_client(message(64).as_bytes())
        .expect("64 deep");
    for subprotocol in Subprotocol::ALL {
        let encoded = subprotocol.encode_client(&frame);
        assert_eq!(subprotocol.decode_client(&encoded).as_ref(), Ok(&frame));
    }
    Subprotocol::Json
        .decode_client(message(65).as_bytes())
        .expect_err("65 deep");
}

#[test]
fn a_map_of_many_equal_keys_is_refused_in_one_sort() {
    let entries = vec!["\"a\":1"; 100_000].join(",");
    let error = Payload::from_json(&format!("{{{entries}}}")).expect_err("equal keys");
    assert_eq!(
        error,
        ValueError {
            fault: ValueFault::DuplicateKey("a".to_owned()),
            at: 7
        }
    );
}

#[test]
fn an_error_quotes_only_the_start_of_what_was_sent() {
    let name = "x".repeat(100_000);
    let unknown = Subprotocol::Json.decode_client(format!(r#"{{"type":"{name}"}}"#).as_bytes());
    assert!(unknown.expect_err("no such type").to_string().len() < 300);
    let duplicate = Payload::from_json(&format!(r#"{{"{name}":1,"{name}":1}}"#));
    assert!(duplicate.expect_err("equal keys").to_string().len() < 300);
    let seat = Subprotocol::Json
        .decode_client(format!(r#"{{"type":"join_room","seat":"{name}"}}"#).as_bytes());
    assert!(seat.expect_err("no such seat").to_string().len() < 300);
}

fn hex(hex: &str) -> Vec<u8> {
    let digits = (0..hex.len())
        .step_by(2)
        .map(|start| &hex[start..start + 2]);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).expect("hex"))
        .collect()
}
