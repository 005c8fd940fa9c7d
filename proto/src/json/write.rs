//! The writer. Its input is always a payload, which was checked when it came in.

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{BYTES, INT};
use crate::{
    NUMBER_MAX, Payload,
    error::ValueError,
    msgpack::{Reader, Token},
};

/// Appends a payload as JSON text.
pub(crate) fn write_payload(out: &mut Vec<u8>, payload: &Payload) {
    let mut reader = Reader::new(payload.as_msgpack());
    write_value(out, &mut reader).expect("a payload is valid MessagePack");
}

fn write_value(out: &mut Vec<u8>, reader: &mut Reader<'_>) -> Result<(), ValueError> {
    match reader.next()? {
        Token::Null => out.extend_from_slice(b"null"),
        Token::Bool(value) => write_bool(out, value),
        Token::Int(value) => write_int(out, value),
        Token::Float(value) => write_float(out, value),
        Token::Text(value) => write_text(out, value),
        Token::Bytes(value) => write_tagged(out, BYTES, &STANDARD.encode(value)),
        Token::List(count) => {
            out.push(b'[');
            for index in 0..count {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, reader)?;
            }
            out.push(b']');
        }
        Token::Map(count) => {
            out.push(b'{');
            for index in 0..count {
                if index > 0 {
                    out.push(b',');
                }
                write_key(out, reader, count == 1)?;
                out.push(b':');
                write_value(out, reader)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_key(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    is_only_key: bool,
) -> Result<(), ValueError> {
    if let Token::Text(key) = reader.next()? {
        if is_only_key && key.starts_with('$') {
            write_text(out, &format!("${key}"));
        } else {
            write_text(out, key);
        }
    }
    Ok(())
}

pub(crate) fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(crate) fn write_uint(out: &mut Vec<u8>, value: u64) {
    write_int(out, value.into());
}

fn write_int(out: &mut Vec<u8>, value: i128) {
    match i64::try_from(value) {
        Ok(value) if value.unsigned_abs() <= NUMBER_MAX => {
            write!(out, "{value}").expect("a Vec takes what it is given");
        }
        _ => write_tagged(out, INT, &value.to_string()),
    }
}

/// Writes the shortest text that reads back as the same double, always with a fraction or an exponent: without one it
/// would be an integer.
fn write_float(out: &mut Vec<u8>, value: f64) {
    write!(out, "{value:?}").expect("a Vec takes what it is given");
}

fn write_tagged(out: &mut Vec<u8>, tag: &str, text: &str) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\"}");
}

/// Writes a string in quotes. Escapes what RFC 8259 demands, and nothing else.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut written = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[written..index]);
        written = index + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => write!(out, "\\u{byte:04x}").expect("a Vec takes what it is given"),
        }
    }
    out.extend_from_slice(&text.as_bytes()[written..]);
    out.push(b'"');
}
