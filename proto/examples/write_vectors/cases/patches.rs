//! Patches, what they make of a state, and what is none.

use parlor_proto::{Payload, State};
use serde_json::{Value as Json, json};

use super::hex;

/// Name, the state before, and the state after. The patch is the one that the server writes.
const WRITTEN: &[(&str, &str, &str)] = &[
    ("nothing changed", "[1,2,3]", "[1,2,3]"),
    (
        "a captured cell",
        r#"{"cells":[null,1,null,null,2,null],"players":[{"id":1,"name":"Ann","score":1},{"id":2,"name":"Bob","score":1}],"status":"active","time_remaining_ms":21050,"winner":null}"#,
        r#"{"cells":[null,1,null,2,2,null],"players":[{"id":1,"name":"Ann","score":1},{"id":2,"name":"Bob","score":2}],"status":"active","time_remaining_ms":21000,"winner":null}"#,
    ),
    (
        "an entry comes, one goes, one becomes a list",
        r#"{"gone":"xxxxxxxxxxxxxxxx","list":1,"stays":"xxxxxxxxxxxxxxxx"}"#,
        r#"{"come":true,"list":[1,2],"stays":"xxxxxxxxxxxxxxxx"}"#,
    ),
    (
        "keys in the order of bytes, not of UTF-16",
        r#"{"z":1,"ﬀ":2,"🎲":3,"stays":"xxxxxxxxxxxxxxxx"}"#,
        r#"{"z":1,"ﬀ":"ligature","🎲":"die","stays":"xxxxxxxxxxxxxxxx"}"#,
    ),
    (
        "keys that look like numbers",
        r#"{"1":"a","10":"b","2":"c","stays":"xxxxxxxxxxxxxxxx"}"#,
        r#"{"1":"a","10":"b","2":{"c":true},"stays":"xxxxxxxxxxxxxxxx"}"#,
    ),
    (
        "items in the middle come",
        "[100,101,102,103,104,105,106,107,108,109]",
        "[100,101,102,103,\"new\",[],104,105,106,107,108,109]",
    ),
    (
        "items in the middle go",
        "[1000,1001,1002,1003,1004,1005,1006,1007,1008,1009]",
        "[1000,1001,1002,1007,1008,1009]",
    ),
    (
        "a list moves on by one",
        "[1000,1001,1002,1003,1004,1005,1006,1007,1008,1009]",
        "[1001,1002,1003,1004,1005,1006,1007,1008,1009,1010]",
    ),
    (
        "items in the middle are others",
        "[1000,1001,1002,1003,1004,1005,1006,1007,1008,1009,\"xxxxxxxxxxxxxxxx\"]",
        "[1000,1001,{\"n\":1002},1003,{\"n\":1004},1005,1006,1007,1008,1009,\"xxxxxxxxxxxxxxxx\"]",
    ),
    (
        "a list of more than 15 comes from one of fewer",
        "[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",1,2,3,4,5,6,7,8,9,10,11,12,13]",
        "[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]",
    ),
    (
        "deep inside",
        r#"{"a":{"b":{"c":[{"d":[0,{"e":"xxxxxxxxxxxxxxxx"}]}]}}}"#,
        r#"{"a":{"b":{"c":[{"d":[0,{"e":null}]}]}}}"#,
    ),
    (
        "bytes, a float and a large integer",
        r#"{"bytes":{"$bytes":"AQ=="},"float":0.5,"int":1,"stays":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
        r#"{"bytes":{"$bytes":"Ag=="},"float":-1.25,"int":{"$int":"18446744073709551615"},"stays":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    ),
];

/// Name, the state before, and a patch that another server may write.
const ACCEPTED: &[(&str, &str, &str)] = &[
    (
        "a key that is there, as text",
        r#"{"a":1,"b":2}"#,
        r#"["a",3]"#,
    ),
    (
        "an entry that comes before the one of the next place",
        r#"{"b":1,"d":2}"#,
        r#"["a",0,0,5,"c",{"=":{}},1,6]"#,
    ),
    (
        "a list in the place of a list",
        r#"{"a":[1,2]}"#,
        r#"[0,{"=":[3]}]"#,
    ),
    (
        "a patch that changes nothing inside",
        r#"[[1],{"a":1}]"#,
        "[0,[],1,[]]",
    ),
    ("an item as a whole", "[1,2]", r#"[1,{"=":null}]"#),
    (
        "a splice, and a change at the same place",
        "[1,2,3]",
        r#"[1,{"+":[9]},1,8]"#,
    ),
    (
        "a splice that does nothing",
        "[1,2]",
        r#"[1,{"-":0,"+":[]}]"#,
    ),
    ("a splice behind the last item", "[1,2]", r#"[2,{"+":[3]}]"#),
    ("all items go", "[1,2]", r#"[0,{"-":2}]"#),
    (
        "a whole value whose own keys are out of order",
        r#"{"a":1}"#,
        r#"["b",{"=":{"z":1,"y":{"x":1,"w":2}}}]"#,
    ),
    (
        "keys that are named like changes",
        r#"{"+":1,"-":2,"=":3}"#,
        r#"[0,{"=":[4]},"-",{},2,5]"#,
    ),
];

/// Name, the state before, a patch that is none or not for this state, and the code.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("no list", "[1]", r#"{"=":[2]}"#, "INVALID_PATCH"),
    ("a place without a change", "[1]", "[0]", "INVALID_PATCH"),
    (
        "a place that is text in a list",
        "[1]",
        r#"["0",2]"#,
        "INVALID_PATCH",
    ),
    (
        "a place that is neither",
        r#"{"a":1}"#,
        "[null,2]",
        "INVALID_PATCH",
    ),
    (
        "a place between two items",
        "[1,2]",
        "[0.5,2]",
        "INVALID_PATCH",
    ),
    (
        "an unknown change",
        "[1]",
        r#"[0,{"!":1}]"#,
        "INVALID_PATCH",
    ),
    (
        "a whole value and more",
        "[1]",
        r#"[0,{"=":1,"-":1}]"#,
        "INVALID_PATCH",
    ),
    (
        "a splice in a map",
        r#"{"a":1}"#,
        r#"["a",{"-":1}]"#,
        "INVALID_PATCH",
    ),
    (
        "items to come that are no list",
        "[1]",
        r#"[0,{"+":1}]"#,
        "INVALID_PATCH",
    ),
    (
        "items to go that are no number",
        "[1]",
        r#"[0,{"-":[]}]"#,
        "INVALID_PATCH",
    ),
    ("no list inside either", "[[1]]", "[0,[0]]", "INVALID_PATCH"),
    (
        "a state that has nothing inside",
        "1",
        "[]",
        "PATCH_MISMATCH",
    ),
    (
        "an item that has nothing inside",
        "[1]",
        "[0,[]]",
        "PATCH_MISMATCH",
    ),
    ("an index beyond the end", "[1]", "[2,0]", "PATCH_MISMATCH"),
    (
        "an index at the end of a list",
        "[1]",
        "[1,0]",
        "PATCH_MISMATCH",
    ),
    (
        "a place at the end of a map",
        r#"{"a":1}"#,
        "[1,0]",
        "PATCH_MISMATCH",
    ),
    ("a negative index", "[1]", "[-1,0]", "PATCH_MISMATCH"),
    (
        "an index of 2^64-1",
        "[1]",
        r#"[{"$int":"18446744073709551615"},0]"#,
        "PATCH_MISMATCH",
    ),
    (
        "more items to go than there are",
        "[1,2]",
        r#"[1,{"-":2}]"#,
        "PATCH_MISMATCH",
    ),
    (
        "fewer than no items to go",
        "[1,2]",
        r#"[1,{"-":-1}]"#,
        "PATCH_MISMATCH",
    ),
    (
        "2^64-1 items to go",
        "[1,2]",
        r#"[1,{"-":{"$int":"18446744073709551615"}}]"#,
        "PATCH_MISMATCH",
    ),
    (
        "an item behind the last to go",
        "[1]",
        "[1,{}]",
        "PATCH_MISMATCH",
    ),
    (
        "an absent key to go",
        r#"{"a":1}"#,
        r#"["b",{}]"#,
        "PATCH_MISMATCH",
    ),
    (
        "a change inside an absent key",
        r#"{"a":1}"#,
        r#"["b",[]]"#,
        "PATCH_MISMATCH",
    ),
    ("indexes that fall", "[1,2]", "[1,0,0,0]", "PATCH_MISMATCH"),
    ("an index twice", "[1,2]", "[0,5,0,6]", "PATCH_MISMATCH"),
    (
        "an index among items that went",
        "[1,2,3]",
        r#"[0,{"-":2},1,0]"#,
        "PATCH_MISMATCH",
    ),
    (
        "keys that fall",
        r#"{"a":1,"b":2}"#,
        r#"["b",0,"a",0]"#,
        "PATCH_MISMATCH",
    ),
    (
        "a key twice, by name and by number",
        r#"{"a":1,"b":2}"#,
        r#"["a",0,0,0]"#,
        "PATCH_MISMATCH",
    ),
    (
        "a new key behind the one of the next place",
        r#"{"b":1}"#,
        r#"["c",0,0,0]"#,
        "PATCH_MISMATCH",
    ),
];

/// The vectors of `patches.json`.
pub(crate) fn vectors() -> Vec<Json> {
    let written = WRITTEN.iter().map(|(name, old, new)| {
        let (old, new) = (state(old), state(new));
        let patch = old.patch_to(&new).expect(name);
        vector(name, &old, &patch, &new)
    });
    let accepted = ACCEPTED.iter().map(|(name, old, patch)| {
        let (old, patch) = (state(old), payload(patch));
        let new = old.patched(&patch).expect(name);
        vector(name, &old, &patch, &new)
    });
    written.chain(accepted).collect()
}

fn vector(name: &str, old: &State, patch: &Payload, new: &State) -> Json {
    let mut vector = forms(name, old, patch);
    vector["result"] = json!(new.value().to_json());
    vector["hash"] = json!(new.hash());
    vector
}

/// The vectors of `refused-patches.json`.
pub(crate) fn refused() -> Vec<Json> {
    let refused = REFUSED.iter().map(|(name, old, patch, code)| {
        let mut vector = forms(name, &state(old), &payload(patch));
        vector["code"] = json!(code);
        vector
    });
    refused.collect()
}

fn forms(name: &str, state: &State, patch: &Payload) -> Json {
    json!({
        "name": name,
        "state": state.value().to_json(),
        "json": patch.to_json(),
        "msgpack": hex(patch.as_msgpack()),
        "proto": hex(&patch.to_proto()),
    })
}

fn payload(json: &str) -> Payload {
    Payload::from_json(json).expect("a vector's JSON is a value")
}

fn state(json: &str) -> State {
    State::new(&payload(json))
}
