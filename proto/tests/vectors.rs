//! The golden vectors: the files are what the code says, and every codec obeys them.

use std::{collections::BTreeSet, fmt::Debug, fs, path::Path};

use parlor_proto::{
    ClientFrame, ErrorCode, FrameError, Payload, ServerFrame, State, Subprotocol, Value,
    ValueError, ViewCopies, ViewFault,
};
use serde_json::Value as Json;

#[path = "../examples/write_vectors/cases/mod.rs"]
mod cases;

const ENCODINGS: [(&str, Subprotocol); 3] = [
    ("json", Subprotocol::Json),
    ("msgpack", Subprotocol::Binary),
    ("proto", Subprotocol::Proto),
];

#[test]
fn en6_the_files_are_what_the_code_writes() {
    for (name, expected) in cases::files() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("vectors")
            .join(name);
        let actual = fs::read_to_string(path).expect("the vectors are in the repository");
        assert!(
            actual == expected,
            "{name} is not up to date: cargo run -p parlor-proto --example write_vectors"
        );
    }
}

#[test]
fn en6_every_frame_of_both_directions_has_a_vector() {
    for (direction, types) in [
        ("client", ClientFrame::TYPES),
        ("server", ServerFrame::TYPES),
    ] {
        let vectors = read("frames.json");
        let of_direction = vectors
            .iter()
            .filter(|vector| vector["direction"] == direction);
        let type_of = |vector: &Json| {
            let frame: Json =
                serde_json::from_str(text(vector, "json")).expect("a vector's JSON is JSON");
            // One frame is a list, without its type in it (EN2).
            let name = frame["type"].as_str();
            name.unwrap_or_else(|| {
                assert!(frame.is_array(), "a frame has a type");
                "room_patch"
            })
            .to_owned()
        };
        let seen: BTreeSet<_> = of_direction.map(type_of).collect();
        assert_eq!(seen, types.iter().map(|&name| name.to_owned()).collect());
    }
}

#[test]
fn frames_mean_the_same_in_every_encoding() {
    for vector in read("frames.json") {
        match text(&vector, "direction") {
            "client" => check_frame(
                &vector,
                Subprotocol::decode_client,
                Subprotocol::encode_client,
            ),
            _ => check_frame(
                &vector,
                Subprotocol::decode_server,
                Subprotocol::encode_server,
            ),
        }
    }
}

fn check_frame<F: PartialEq + Debug>(
    vector: &Json,
    decode: fn(Subprotocol, &[u8]) -> Result<F, FrameError>,
    encode: fn(Subprotocol, &F) -> bytes::Bytes,
) {
    let name = text(vector, "name");
    let (_, json) = ENCODINGS[0];
    let frame = decode(json, text(vector, "json").as_bytes()).expect(name);
    for (encoding, subprotocol) in ENCODINGS {
        let bytes = input(encoding, text(vector, encoding));
        assert_eq!(encode(subprotocol, &frame), bytes, "{name} as {encoding}");
        for bytes in [vec![bytes], also(vector, encoding)].concat() {
            assert_eq!(
                decode(subprotocol, &bytes).as_ref(),
                Ok(&frame),
                "{name} from {encoding}"
            );
        }
    }
}

#[test]
fn values_mean_the_same_in_every_encoding() {
    for vector in read("values.json") {
        let name = text(&vector, "name");
        let payload = Payload::from_json(text(&vector, "json")).expect(name);
        assert_eq!(payload.to_json(), text(&vector, "json"), "{name}");
        assert_eq!(
            payload.as_msgpack(),
            input("msgpack", text(&vector, "msgpack")),
            "{name}"
        );
        assert_eq!(
            payload.to_proto(),
            input("proto", text(&vector, "proto")),
            "{name}"
        );
        assert_eq!(u64::from(payload.state_hash()), vector["hash"], "{name}");
        assert_eq!(
            Value::from(&payload).to_payload().as_ref(),
            Ok(&payload),
            "{name}"
        );
        for (encoding, _) in ENCODINGS {
            for bytes in [
                vec![input(encoding, text(&vector, encoding))],
                also(&vector, encoding),
            ]
            .concat()
            {
                assert_eq!(
                    decode_value(encoding, &bytes).as_ref(),
                    Ok(&payload),
                    "{name} from {encoding}"
                );
            }
        }
    }
}

#[test]
fn pt3_patches_lead_to_the_same_state_from_every_encoding() {
    for vector in read("patches.json") {
        let name = text(&vector, "name");
        let old = state(text(&vector, "state"));
        let new = state(text(&vector, "result"));
        for (encoding, _) in ENCODINGS {
            let patch = decode_value(encoding, &input(encoding, text(&vector, encoding)));
            let patched = old.patched(&patch.expect(name));
            assert_eq!(patched.as_ref(), Ok(&new), "{name} from {encoding}");
            assert_eq!(u64::from(new.hash()), vector["hash"], "{name}");
        }
    }
}

/// ST2, ST4, ST5: whatever gets lost or is wrong, a client notices it, and has after each frame what the server has.
#[test]
fn st4_histories_lead_where_they_should() {
    for vector in read("histories.json") {
        let (name, encoding) = (text(&vector, "name"), text(&vector, "encoding"));
        let known = ENCODINGS.into_iter().find(|known| known.0 == encoding);
        let (_, subprotocol) = known.expect("a known encoding");
        let mut copies = ViewCopies::default();
        let mut is_lost = false;
        for step in vector["frames"].as_array().expect("a list") {
            let message = input(encoding, text(step, "frame"));
            let frame = subprotocol.decode_server(&message).expect(name);
            let taken = copies.take(frame);
            let now = copies.get("room", "view").map(|copy| &copy.state);
            match (taken, step["state"].as_str()) {
                (Ok(Some(_)), Some(wanted)) => {
                    assert_eq!(now, Some(&state(wanted)), "{name}");
                    is_lost = false;
                }
                (Err(ViewFault::Wrong { .. }), None) => is_lost = true,
                (Ok(None), None) if is_lost => {}
                (other, wanted) => panic!("{name}: {other:?}, but wanted {wanted:?}"),
            }
        }
    }
}

/// PT7, PT8
#[test]
fn refused_patches_are_refused_with_their_code() {
    for vector in read("refused-patches.json") {
        let name = text(&vector, "name");
        for (encoding, _) in ENCODINGS {
            let patch = decode_value(encoding, &input(encoding, text(&vector, encoding)));
            let error = state(text(&vector, "state")).patched(&patch.expect(name));
            let error = error.expect_err(name);
            assert_eq!(error.code(), text(&vector, "code"), "{name}: {error}");
        }
    }
}

#[test]
fn refused_values_are_refused_with_their_code() {
    for vector in read("refused-values.json") {
        let (name, encoding) = (text(&vector, "name"), text(&vector, "encoding"));
        let error =
            decode_value(encoding, &input(encoding, text(&vector, "input"))).expect_err(name);
        assert_eq!(
            error.code().as_str(),
            text(&vector, "code"),
            "{name} in {encoding}: {error}"
        );
    }
}

#[test]
fn refused_frames_are_refused_with_their_code() {
    for vector in read("refused-frames.json") {
        let (name, encoding) = (text(&vector, "name"), text(&vector, "encoding"));
        let (_, subprotocol) = ENCODINGS
            .into_iter()
            .find(|known| known.0 == encoding)
            .expect("a known encoding");
        let error = subprotocol
            .decode_client(&input(encoding, text(&vector, "input")))
            .expect_err(name);
        assert_eq!(
            error.code().as_str(),
            text(&vector, "code"),
            "{name} in {encoding}: {error}"
        );
        assert!(ErrorCode::from_name(text(&vector, "code")).is_some());
    }
}

#[test]
fn er2_errors_name_the_field_and_what_was_wrong() {
    let error = |json: &str| {
        Subprotocol::Json
            .decode_client(json.as_bytes())
            .expect_err(json)
            .to_string()
    };
    assert_eq!(
        error(r#"{"type":"join_room","room":7}"#),
        r#"field "room" of join_room: expected text, got integer"#
    );
    assert_eq!(
        error(r#"{"type":"room_message","room":"r"}"#),
        r#"field "data" of room_message: missing"#
    );
    assert_eq!(
        error(
            r#"{"type":"resume","session":"s","resume_token":"t","rooms":[{"room":"r","epoch":true,"seq":1}]}"#
        ),
        r#"field "rooms[0].epoch" of resume: expected integer, got bool"#
    );
    assert_eq!(
        error(r#"{"type":"join_room","seat":"king"}"#),
        r#"field "seat" of join_room: expected one of "player", "spectator", got "king""#
    );
    assert_eq!(
        error(r#"{"type":"ping","timestamp":9007199254740992}"#),
        r#"field "timestamp" of ping: expected a number from 0 to 9007199254740991, got 9007199254740992"#
    );
    assert_eq!(
        error(r#"{"type":"ping""#),
        "not a v1.json message: the message ends in the middle of a value, at byte 14"
    );
    assert_eq!(
        error(r#"{"a":1,"a":2}"#),
        r#"key "a" appears twice in a map, at byte 7"#
    );
}

fn read(file: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(file);
    let content = fs::read_to_string(path).expect("the vectors are in the repository");
    let vectors: Vec<Json> = serde_json::from_str(&content).expect("the vectors are JSON");
    assert!(!vectors.is_empty());
    vectors
}

fn text<'v>(vector: &'v Json, field: &str) -> &'v str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {vector} is text"))
}

fn also(vector: &Json, encoding: &str) -> Vec<Vec<u8>> {
    let forms = vector["also"][encoding].as_array().into_iter().flatten();
    forms
        .map(|form| input(encoding, form.as_str().expect("inputs are text")))
        .collect()
}

/// The bytes of an input: JSON is text, the others are in hex.
fn input(encoding: &str, text: &str) -> Vec<u8> {
    if encoding == "json" {
        return text.into();
    }
    assert!(text.len().is_multiple_of(2), "{text} is hex");
    let digits = (0..text.len())
        .step_by(2)
        .map(|start| &text[start..start + 2]);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).expect("hex"))
        .collect()
}

fn state(json: &str) -> State {
    State::new(&Payload::from_json(json).expect("a vector's JSON is a value"))
}

fn decode_value(encoding: &str, bytes: &[u8]) -> Result<Payload, ValueError> {
    match encoding {
        "json" => Payload::from_json(std::str::from_utf8(bytes).expect("text")),
        "msgpack" => Payload::from_msgpack(bytes),
        _ => Payload::from_proto(bytes),
    }
}
