//! What must be refused, and with which code. Inputs are text for JSON, and hex for the others.

use serde_json::{Value as Json, json};

const SYNTAX: &str = "INVALID_MESSAGE_FORMAT";
const VALUE: &str = "INVALID_VALUE";
const UNKNOWN: &str = "UNKNOWN_MESSAGE_TYPE";

/// Name, encoding, input, code.
type Refusal<'r> = (&'r str, &'r str, &'r str, &'r str);

const VALUES: &[Refusal<'static>] = &[
    ("nothing", "json", "", SYNTAX),
    ("two values", "json", "1 2", SYNTAX),
    ("trailing comma", "json", "[1,]", SYNTAX),
    ("comment", "json", "[1/**/]", SYNTAX),
    ("single quotes", "json", "{'a':1}", SYNTAX),
    ("leading zero", "json", "01", SYNTAX),
    ("plus sign", "json", "+1", SYNTAX),
    ("bare point", "json", "1.", SYNTAX),
    ("NaN", "json", "NaN", SYNTAX),
    ("cut off", "json", "{\"a\":[tru", SYNTAX),
    ("control character", "json", "\"\u{1}\"", SYNTAX),
    ("unknown escape", "json", "\"\\x41\"", SYNTAX),
    ("byte order mark", "json", "\u{feff}1", SYNTAX),
    ("number beyond a double", "json", "1e400", VALUE),
    ("integer of 2^64", "json", "18446744073709551616", VALUE),
    ("integer below -2^63", "json", "-9223372036854775809", VALUE),
    ("lone high surrogate", "json", "\"\\ud800\"", VALUE),
    ("lone low surrogate", "json", "\"\\udc00\"", VALUE),
    (
        "surrogates in the wrong order",
        "json",
        "\"\\udc00\\ud800\"",
        VALUE,
    ),
    ("duplicate key", "json", "{\"a\":1,\"b\":2,\"a\":3}", VALUE),
    (
        "duplicate key by escape",
        "json",
        "{\"a\":1,\"\\u0061\":3}",
        VALUE,
    ),
    (
        "duplicate key in a long map",
        "json",
        "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"c\":0}",
        VALUE,
    ),
    ("unknown tag", "json", "{\"$float\":\"1\"}", VALUE),
    (
        "$bytes without padding",
        "json",
        "{\"$bytes\":\"AA\"}",
        VALUE,
    ),
    (
        "$bytes in the URL alphabet",
        "json",
        "{\"$bytes\":\"__8=\"}",
        VALUE,
    ),
    ("$bytes of a number", "json", "{\"$bytes\":1}", VALUE),
    ("$int of a number", "json", "{\"$int\":1}", VALUE),
    ("$int with a plus sign", "json", "{\"$int\":\"+1\"}", VALUE),
    (
        "$int with leading zeros",
        "json",
        "{\"$int\":\"01\"}",
        VALUE,
    ),
    ("$int of minus zero", "json", "{\"$int\":\"-0\"}", VALUE),
    (
        "$int of 2^64",
        "json",
        "{\"$int\":\"18446744073709551616\"}",
        VALUE,
    ),
    ("nothing", "msgpack", "", SYNTAX),
    ("two values", "msgpack", "0102", SYNTAX),
    ("reserved marker", "msgpack", "c1", SYNTAX),
    ("cut off", "msgpack", "9201", SYNTAX),
    (
        "list longer than the message",
        "msgpack",
        "ddffffffff01",
        SYNTAX,
    ),
    (
        "map longer than the message",
        "msgpack",
        "dfffffffffa16101",
        SYNTAX,
    ),
    (
        "text longer than the message",
        "msgpack",
        "dbffffffff61",
        SYNTAX,
    ),
    (
        "bytes longer than the message",
        "msgpack",
        "c6ffffffff61",
        SYNTAX,
    ),
    ("text that is not UTF-8", "msgpack", "a2c328", SYNTAX),
    ("surrogate in text", "msgpack", "a3eda080", SYNTAX),
    ("fixext 1", "msgpack", "d40100", VALUE),
    ("timestamp", "msgpack", "d6ff00000000", VALUE),
    ("ext 8", "msgpack", "c70001", VALUE),
    ("NaN", "msgpack", "cb7ff8000000000000", VALUE),
    ("infinity", "msgpack", "ca7f800000", VALUE),
    ("integer key", "msgpack", "810101", VALUE),
    ("bytes as a key", "msgpack", "81c4016101", VALUE),
    ("duplicate key", "msgpack", "82a16101a16102", VALUE),
    (
        "duplicate key in two forms",
        "msgpack",
        "82a16101d9016102",
        VALUE,
    ),
    ("no kind", "proto", "", VALUE),
    ("only an unknown field", "proto", "d83e01", VALUE),
    ("two kinds", "proto", "08011001", VALUE),
    ("one kind twice", "proto", "10011000", VALUE),
    ("wrong wire type", "proto", "120101", SYNTAX),
    (
        "integers in another wire type",
        "proto",
        "52050d00000000",
        SYNTAX,
    ),
    ("one integer for a list", "proto", "5001", SYNTAX),
    (
        "packed integers that are cut off",
        "proto",
        "52030a0180",
        SYNTAX,
    ),
    ("cut off", "proto", "2900000000", SYNTAX),
    (
        "text longer than the message",
        "proto",
        "32ffffffff0f61",
        SYNTAX,
    ),
    (
        "text longer than its list",
        "proto",
        "42040a02320561616161",
        SYNTAX,
    ),
    (
        "number of 65 bits",
        "proto",
        "20ffffffffffffffffff02",
        SYNTAX,
    ),
    ("field zero", "proto", "0001", SYNTAX),
    ("group", "proto", "0b0c", SYNTAX),
    ("text that is not UTF-8", "proto", "3202c328", SYNTAX),
    ("NaN", "proto", "29000000000000f87f", VALUE),
    ("item without a kind", "proto", "42020a00", VALUE),
    ("entry without a value", "proto", "4a050a030a0161", VALUE),
    (
        "duplicate key",
        "proto",
        "4a120a070a0161120208010a070a016112020801",
        VALUE,
    ),
];

const FRAMES: &[Refusal<'static>] = &[
    ("no JSON", "json", "hello", SYNTAX),
    ("not a map", "json", "[\"ping\"]", SYNTAX),
    ("no type", "json", "{\"timestamp\":1}", SYNTAX),
    ("type that is not text", "json", "{\"type\":1}", SYNTAX),
    ("unknown type", "json", "{\"type\":\"dance\"}", UNKNOWN),
    (
        "frame of the other direction",
        "json",
        "{\"type\":\"pong\",\"timestamp\":1,\"server_time_ms\":1}",
        UNKNOWN,
    ),
    (
        "missing field",
        "json",
        "{\"type\":\"room_message\",\"room\":\"lobby\"}",
        SYNTAX,
    ),
    (
        "null for a field that is needed",
        "json",
        "{\"type\":\"leave_room\",\"room\":null}",
        SYNTAX,
    ),
    (
        "wrong type",
        "json",
        "{\"type\":\"join_room\",\"room\":1}",
        SYNTAX,
    ),
    (
        "wrong type in a list",
        "json",
        "{\"type\":\"resume\",\"session\":\"s\",\"resume_token\":\"t\",\"rooms\":[{\"room\":\"r\",\"epoch\":\"1\",\"seq\":1}]}",
        SYNTAX,
    ),
    (
        "unknown name",
        "json",
        "{\"type\":\"join_room\",\"seat\":\"king\"}",
        SYNTAX,
    ),
    (
        "negative number",
        "json",
        "{\"type\":\"ping\",\"timestamp\":-1}",
        SYNTAX,
    ),
    (
        "fraction",
        "json",
        "{\"type\":\"ping\",\"timestamp\":1.5}",
        SYNTAX,
    ),
    (
        "number of 2^53",
        "json",
        "{\"type\":\"ping\",\"timestamp\":9007199254740992}",
        SYNTAX,
    ),
    (
        "duplicate type",
        "json",
        "{\"type\":\"ping\",\"type\":\"ping\",\"timestamp\":1}",
        VALUE,
    ),
    (
        "duplicate key in a payload",
        "json",
        "{\"type\":\"room_message\",\"room\":\"r\",\"data\":{\"a\":1,\"a\":1}}",
        VALUE,
    ),
    ("not a map", "msgpack", "01", SYNTAX),
    ("cut off", "msgpack", "82a474797065a470696e67", SYNTAX),
    (
        "number of 2^53",
        "msgpack",
        "82a474797065a470696e67a974696d657374616d70cf0020000000000000",
        SYNTAX,
    ),
    (
        "ext type in a payload",
        "msgpack",
        "83a474797065ac726f6f6d5f6d657373616765a4726f6f6da172a464617461d40100",
        VALUE,
    ),
    ("no frame", "proto", "", UNKNOWN),
    ("unknown frame", "proto", "c23e00", UNKNOWN),
    ("cut off", "proto", "0a05", SYNTAX),
    ("text that is not UTF-8", "proto", "1a040a02c328", SYNTAX),
    ("message without data", "proto", "22030a0172", SYNTAX),
    (
        "payload without a kind in a list",
        "proto",
        "22090a0172120442020a00",
        VALUE,
    ),
    ("unknown name", "proto", "120632046b696e67", SYNTAX),
    ("number of 2^53", "proto", "4a09088080808080808010", SYNTAX),
];

/// The vectors of `refused-values.json`.
pub(crate) fn values() -> Vec<Json> {
    let mut vectors = vectors(VALUES);
    let lists = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let maps = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
    vectors.extend(self::vectors(&[
        ("65 lists deep", "json", &lists, VALUE),
        ("65 maps deep", "json", &maps, VALUE),
        (
            "65 lists deep",
            "msgpack",
            &format!("{}90", "91".repeat(64)),
            VALUE,
        ),
        (
            "65 maps deep",
            "msgpack",
            &format!("{}01", "81a161".repeat(65)),
            VALUE,
        ),
        ("65 lists deep", "proto", &nested_proto_lists(65), VALUE),
    ]));
    vectors
}

/// The vectors of `refused-frames.json`; all are sent by a client.
pub(crate) fn frames() -> Vec<Json> {
    let mut vectors = vectors(FRAMES);
    let deep = format!(
        "{{\"type\":\"room_message\",\"room\":\"r\",\"data\":{}{}}}",
        "[".repeat(65),
        "]".repeat(65)
    );
    vectors.extend(self::vectors(&[("payload 65 deep", "json", &deep, VALUE)]));
    for vector in &mut vectors {
        vector["direction"] = json!("client");
    }
    vectors
}

fn vectors(refusals: &[Refusal<'_>]) -> Vec<Json> {
    let vector = |(name, encoding, input, code): &Refusal<'_>| json!({ "name": name, "encoding": encoding, "input": input, "code": code });
    refusals.iter().map(vector).collect()
}

/// So many lists in each other, in hex, from the inside out.
fn nested_proto_lists(depth: usize) -> String {
    let mut value = vec![0x42, 0];
    for _ in 1..depth {
        value = delimited(0x42, &delimited(0x0a, &value));
    }
    super::hex(&value)
}

fn delimited(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![tag];
    let mut length = content.len();
    while length > 0x7f {
        field.push(0x80 | length.to_le_bytes()[0]);
        length >>= 7;
    }
    field.push(length.to_le_bytes()[0]);
    field.extend_from_slice(content);
    field
}
