//! JSON text to and from canonical MessagePack, as a stream. Strict RFC 8259: no comments, no trailing commas, no lone
//! surrogates, no duplicate keys. What JSON lacks is written as a map with one key: `{"$bytes":"<base64>"}` and
//! `{"$int":"<decimal>"}`; a map whose only key begins with `$` gets one more `$`.

mod read;
mod write;

pub(crate) use read::decode;
pub(crate) use write::{write_bool, write_payload, write_text, write_uint};

const BYTES: &str = "$bytes";
const INT: &str = "$int";
