//! What the vectors are made of.

mod frames;
mod histories;
mod patches;
mod refusals;
mod values;

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

/// The name and content of every vector file.
pub(crate) fn files() -> Vec<(&'static str, String)> {
    vec![
        ("frames.json", lines(&frames::vectors())),
        ("values.json", lines(&values::vectors())),
        ("histories.json", lines(&histories::vectors())),
        ("patches.json", lines(&patches::vectors())),
        ("refused-frames.json", lines(&refusals::frames())),
        ("refused-values.json", lines(&refusals::values())),
        ("refused-patches.json", lines(&patches::refused())),
    ]
}

/// The fields of vectors, in the order in which they are written.
const FIELDS: [&str; 13] = [
    "name",
    "direction",
    "encoding",
    "state",
    "json",
    "input",
    "msgpack",
    "proto",
    "result",
    "hash",
    "code",
    "also",
    "frames",
];

/// A JSON array with one vector on each line, so that a change shows as one line.
fn lines(vectors: &[Json]) -> String {
    let lines: Vec<_> = vectors.iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn line(vector: &Json) -> String {
    let field = |name: &&str| vector.get(name).map(|value| format!("{name:?}: {value}"));
    let fields: Vec<_> = FIELDS.iter().filter_map(field).collect();
    format!("{{{}}}", fields.join(", "))
}

/// Adds the forms that are read as the same, where there are any.
fn with_also(mut vector: Json, also: &[(&str, &str)]) -> Json {
    for (encoding, input) in also {
        let forms = &mut vector["also"][encoding];
        if forms.is_null() {
            *forms = json!([]);
        }
        forms.as_array_mut().expect("just made").push(json!(input));
    }
    vector
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(hex, "{byte:02x}").expect("a String takes what it is given");
    }
    hex
}
