//! Every frame with all of its fields, and with as few as it can have.

mod from_client;
mod from_server;

use parlor_proto::{Payload, Subprotocol};
use serde_json::{Value as Json, json};

use super::{hex, with_also};

/// Other forms that are read as the same frame: the frame's name here, the encoding, the input.
const ALSO: &[(&str, &str, &str)] = &[
    (
        "client ping",
        "json",
        "{\"timestamp\":1700000000000,\"type\":\"ping\"}",
    ),
    (
        "client ping",
        "json",
        "{\"type\":\"ping\",\"timestamp\":1.7e12}",
    ),
    (
        "client ping",
        "json",
        " {\"type\":\"ping\",\"timestamp\":{\"$int\":\"1700000000000\"},\"unknown\":[{}]} ",
    ),
    (
        "client ping",
        "msgpack",
        "82a474797065a470696e67a974696d657374616d70cb4278bcfe56800000",
    ),
    (
        "client ping",
        "msgpack",
        "82a974696d657374616d70cf0000018bcfe56800a474797065a470696e67",
    ),
    (
        "client auth, least",
        "json",
        "{\"type\":\"auth\",\"token\":null,\"name\":null}",
    ),
    (
        "client auth, least",
        "msgpack",
        "82a474797065a461757468a46e616d65c0",
    ),
    (
        "client resume, least",
        "json",
        "{\"type\":\"resume\",\"session\":\"s-1\",\"resume_token\":\"t-1\"}",
    ),
    ("client auth, least", "proto", "0a03d83e01"),
];

/// The vectors of `frames.json`.
pub(crate) fn vectors() -> Vec<Json> {
    let client = from_client::all().into_iter().map(|(name, frame)| {
        let encode = |subprotocol: Subprotocol| subprotocol.encode_client(&frame).to_vec();
        vector("client", name, frame.type_name(), encode)
    });
    let server = from_server::all().into_iter().map(|(name, frame)| {
        let encode = |subprotocol: Subprotocol| subprotocol.encode_server(&frame).to_vec();
        vector("server", name, frame.type_name(), encode)
    });
    client.chain(server).collect()
}

/// A named frame. The name is what sets it apart from others of its type.
type Case<F> = (&'static str, F);

fn vector(
    direction: &str,
    variant: &str,
    type_name: &str,
    encode: impl Fn(Subprotocol) -> Vec<u8>,
) -> Json {
    let comma = if variant.is_empty() { "" } else { ", " };
    let name = format!("{direction} {type_name}{comma}{variant}");
    let json = String::from_utf8(encode(Subprotocol::Json)).expect("JSON is text");
    let also: Vec<_> = ALSO
        .iter()
        .filter(|also| also.0 == name)
        .map(|also| (also.1, also.2))
        .collect();
    let vector = json!({
        "name": name,
        "direction": direction,
        "json": json,
        "msgpack": hex(&encode(Subprotocol::Binary)),
        "proto": hex(&encode(Subprotocol::Proto)),
    });
    with_also(vector, &also)
}

fn payload(json: &str) -> Payload {
    Payload::from_json(json).expect("a vector's JSON is a value")
}
