//! The three decoders. Whatever one of them reads means the same in the other two, and is written in one way only.

use std::fmt::Debug;

use parlor_proto::{FrameError, Payload, Subprotocol, Value, ValueError};

/// Longer errors would let a client choose what the server sends it.
const ERROR_BYTES_MAX: usize = 1024;

/// Reads the bytes as `v1.json`.
pub fn decode_json(message: &[u8]) {
    check_frames(Subprotocol::Json, message);
    let Ok(text) = std::str::from_utf8(message) else {
        return;
    };
    if check_payload(Payload::from_json(text)) {
        serde_json::from_str::<serde::de::IgnoredAny>(text).expect("what we take for JSON is JSON");
    }
}

/// Reads the bytes as `v1.binary`.
pub fn decode_msgpack(message: &[u8]) {
    check_frames(Subprotocol::Binary, message);
    if check_payload(Payload::from_msgpack(message)) {
        rmp_serde::from_slice::<serde::de::IgnoredAny>(message)
            .expect("what we take for MessagePack is MessagePack");
    }
}

/// Reads the bytes as `v2.proto`.
pub fn decode_proto(message: &[u8]) {
    check_frames(Subprotocol::Proto, message);
    check_payload(Payload::from_proto(message));
}

fn check_frames(from: Subprotocol, message: &[u8]) {
    check_frame(
        from,
        message,
        Subprotocol::decode_client,
        Subprotocol::encode_client,
    );
    check_frame(
        from,
        message,
        Subprotocol::decode_server,
        Subprotocol::encode_server,
    );
}

/// EN1: a frame that was read from one encoding is the same frame after any other.
fn check_frame<F: PartialEq + Debug, B: AsRef<[u8]>>(
    from: Subprotocol,
    message: &[u8],
    decode: fn(Subprotocol, &[u8]) -> Result<F, FrameError>,
    encode: fn(Subprotocol, &F) -> B,
) {
    let frame = match decode(from, message) {
        Ok(frame) => frame,
        Err(error) => return check_error(&error),
    };
    for subprotocol in Subprotocol::ALL {
        let written = encode(subprotocol, &frame);
        let again = decode(subprotocol, written.as_ref()).expect("what we write we read");
        assert_eq!(again, frame, "by way of {subprotocol:?}");
        let rewritten = encode(subprotocol, &again);
        assert_eq!(
            written.as_ref(),
            rewritten.as_ref(),
            "one frame has one form"
        );
    }
}

/// VL1 and VL2: a payload survives any way through the encodings, and its canonical form is the only one. Says whether
/// there is a payload.
fn check_payload(payload: Result<Payload, ValueError>) -> bool {
    let payload = match payload {
        Ok(payload) => payload,
        Err(error) => {
            check_error(&error);
            return false;
        }
    };
    let same = Ok(&payload);
    assert_eq!(Payload::from_json(&payload.to_json()).as_ref(), same);
    assert_eq!(Payload::from_proto(&payload.to_proto()).as_ref(), same);
    assert_eq!(Payload::from_msgpack(payload.as_msgpack()).as_ref(), same);
    assert_eq!(Value::from(&payload).to_payload().as_ref(), same);
    let sorted = payload.sorted();
    assert_eq!(sorted.sorted(), sorted, "sorting twice changes nothing");
    assert_eq!(
        Value::from(&sorted),
        Value::from(&payload),
        "maps have no order"
    );
    assert_eq!(sorted.state_hash(), payload.state_hash());
    true
}

/// An error can be shown, and is short whatever was sent.
fn check_error(error: &impl std::error::Error) {
    let length = error.to_string().len();
    assert!(length <= ERROR_BYTES_MAX, "an error of {length} bytes");
}
