//! Values that every codec must read as the same, and write in the canonical form.

use parlor_proto::Payload;
use serde_json::{Value as Json, json};

use super::{hex, with_also};

/// Name, JSON as it is written, and by encoding other forms that are read as the same value.
type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)]);

const VALUES: &[Case<'static>] = &[
    ("null", "null", &[("proto", "0800")]),
    ("true", "true", &[("proto", "1002")]),
    ("false", "false", &[]),
    (
        "zero",
        "0",
        &[
            ("json", "-0"),
            ("json", "-0.0"),
            ("json", "0e5"),
            ("msgpack", "cb8000000000000000"),
            ("msgpack", "d000"),
        ],
    ),
    (
        "one",
        "1",
        &[
            ("json", " 1.0 "),
            ("json", "10e-1"),
            ("json", "{\"$int\":\"1\"}"),
            ("msgpack", "cb3ff0000000000000"),
            ("msgpack", "ca3f800000"),
            ("msgpack", "cf0000000000000001"),
            ("msgpack", "d30000000000000001"),
            ("proto", "2001"),
            ("proto", "29000000000000f03f"),
        ],
    ),
    ("minus one", "-1", &[("msgpack", "d3ffffffffffffffff")]),
    (
        "keys that mean something to languages",
        "{\"__proto__\":{\"__proto__\":1},\"constructor\":2,\"length\":[{\"__proto__\":[]}]}",
        &[],
    ),
    ("fixint ends", "[127,128,-32,-33]", &[]),
    ("8 bits end", "[255,256,-128,-129]", &[]),
    ("16 bits end", "[65535,65536,-32768,-32769]", &[]),
    (
        "32 bits end",
        "[4294967295,4294967296,-2147483648,-2147483649]",
        &[],
    ),
    (
        "largest bare integer",
        "9007199254740991",
        &[("json", "9007199254740991.0")],
    ),
    ("smallest bare integer", "-9007199254740991", &[]),
    (
        "smallest tagged integer",
        "{\"$int\":\"9007199254740992\"}",
        &[
            ("json", "9007199254740992"),
            ("json", "9007199254740992.0"),
            ("msgpack", "cb4340000000000000"),
        ],
    ),
    (
        "-2^53",
        "{\"$int\":\"-9007199254740992\"}",
        &[("json", "-9007199254740992.0")],
    ),
    (
        "2^63-1",
        "{\"$int\":\"9223372036854775807\"}",
        &[
            ("json", "9223372036854775807"),
            ("proto", "20ffffffffffffffff7f"),
        ],
    ),
    ("2^63", "{\"$int\":\"9223372036854775808\"}", &[]),
    (
        "2^64-1",
        "{\"$int\":\"18446744073709551615\"}",
        &[("json", "18446744073709551615")],
    ),
    ("-2^63", "{\"$int\":\"-9223372036854775808\"}", &[]),
    (
        "float",
        "0.1",
        &[
            ("json", "1e-1"),
            ("json", "0.1000000000000000055511151231257827"),
        ],
    ),
    ("negative float", "-1.5", &[("msgpack", "cabfc00000")]),
    (
        "float beyond 2^53",
        "9007199254740994.0",
        &[("json", "9.007199254740994e15")],
    ),
    ("large float", "1e300", &[("json", "1E+300")]),
    ("largest float", "1.7976931348623157e308", &[]),
    ("smallest float", "5e-324", &[]),
    (
        "empty text",
        "\"\"",
        &[("proto", "3200"), ("msgpack", "d900")],
    ),
    (
        "text",
        "\"hello\"",
        &[
            ("json", "\"h\\u0065llo\""),
            ("msgpack", "da000568656c6c6f"),
            ("msgpack", "db0000000568656c6c6f"),
        ],
    ),
    (
        "text with escapes",
        "\"\\\"\\\\\\n\\r\\t\\u0000\\u001f/\"",
        &[("json", "\"\\\"\\\\\\u000a\\r\\t\\u0000\\u001F\\/\"")],
    ),
    (
        "text beyond ASCII",
        "\"é ü 漢 🎲\"",
        &[("json", "\"\\u00e9 ü 漢 \\ud83c\\uDFB2\"")],
    ),
    (
        "text of 31 bytes",
        "\"0123456789012345678901234567890\"",
        &[],
    ),
    (
        "text of 32 bytes",
        "\"01234567890123456789012345678901\"",
        &[],
    ),
    (
        "no bytes",
        "{\"$bytes\":\"\"}",
        &[("msgpack", "c50000"), ("proto", "3a00")],
    ),
    (
        "bytes",
        "{\"$bytes\":\"AAH+/w==\"}",
        &[("msgpack", "c6000000040001feff")],
    ),
    ("bytes in a list", "[{\"$bytes\":\"AA==\"},\"AA==\"]", &[]),
    (
        "empty list",
        "[]",
        &[
            ("json", "[ ]"),
            ("msgpack", "dc0000"),
            ("proto", "4200"),
            ("proto", "5200"),
            ("proto", "52020a00"),
        ],
    ),
    (
        "empty map",
        "{}",
        &[("json", "{ }"), ("msgpack", "de0000"), ("proto", "4a00")],
    ),
    (
        "list of unsigned integers",
        "[0,127,128,{\"$int\":\"18446744073709551615\"}]",
        &[
            // As of a writer that knows no short form, of one that does not pack, and of one that does both.
            (
                "proto",
                "421b0a0218000a0318fe010a031880020a0b20ffffffffffffffffff01",
            ),
            ("proto", "52120800087f08800108ffffffffffffffffff01"),
            ("proto", "52130a02007f0880010a0affffffffffffffffff01"),
        ],
    ),
    ("list with a negative integer", "[0,-1]", &[]),
    (
        "mixed list",
        "[null,true,1,2.5,\"x\",{\"$bytes\":\"AQ==\"},[],{}]",
        &[],
    ),
    ("list of 16", "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]", &[]),
    (
        "map",
        "{\"b\":1,\"a\":[true]}",
        &[
            ("json", "{ \"b\" : 1.0 ,\n\t\"a\": [ true ] }"),
            ("msgpack", "df00000002d90162cc01d90161dd00000001c3"),
        ],
    ),
    (
        "map with an empty key",
        "{\"\":null}",
        &[("proto", "4a060a0412020801")],
    ),
    (
        "map of 16",
        "{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":4,\"f\":5,\"g\":6,\"h\":7,\"i\":8,\"j\":9,\"k\":10,\"l\":11,\"m\":12,\"n\":13,\"o\":14,\"p\":15}",
        &[],
    ),
    ("only key is $", "{\"$$\":1}", &[]),
    (
        "only key begins with $",
        "{\"$$bytes\":\"AA==\"}",
        &[("json", "{\"\\u0024$bytes\":\"AA==\"}")],
    ),
    ("only key begins with $$", "{\"$$$int\":\"1\"}", &[]),
    (
        "two keys with $",
        "{\"$bytes\":\"AA==\",\"$int\":\"1\"}",
        &[],
    ),
    (
        "escape within escape",
        "{\"$$a\":{\"$$b\":{\"$int\":\"9007199254740993\"}}}",
        &[],
    ),
    (
        "keys in the order of bytes, not of UTF-16",
        "{\"🎲\":1,\"ﬀ\":2,\"z\":3}",
        &[],
    ),
];

/// The vectors of `values.json`.
pub(crate) fn vectors() -> Vec<Json> {
    let mut vectors: Vec<Json> = VALUES
        .iter()
        .map(|(name, json, also)| vector(name, json, also))
        .collect();
    vectors.push(vector(
        "64 lists deep",
        &format!("{}{}", "[".repeat(64), "]".repeat(64)),
        &[],
    ));
    vectors.push(vector(
        "long text",
        &format!("\"{}\"", "x".repeat(256)),
        &[],
    ));
    vectors
}

fn vector(name: &str, json: &str, also: &[(&str, &str)]) -> Json {
    let payload = Payload::from_json(json).expect("a vector's JSON is a value");
    let vector = json!({
        "name": name,
        "json": json,
        "msgpack": hex(payload.as_msgpack()),
        "proto": hex(&payload.to_proto()),
        "hash": payload.state_hash(),
    });
    with_also(vector, also)
}
