//! A payload: one value of the value model, kept as canonical MessagePack.

use std::fmt;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    builder::{Builder, write_map_header, write_text},
    error::{ValueError, ValueFault},
    json, msgpack,
    msgpack::{Reader, Token},
    proto_value,
    state::State,
};

/// One value that a client or a plugin chose. It was checked when it came in, so everything behind that may rely on it.
///
/// Two payloads are equal if their bytes are, which takes the order of map keys for a difference; compare [`sorted`]
/// payloads, or [`Value`]s, where it is none. A clone shares the bytes.
///
/// [`sorted`]: Payload::sorted
/// [`Value`]: crate::Value
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Bytes);

impl Payload {
    /// The null.
    #[must_use]
    pub const fn null() -> Self {
        Self(Bytes::from_static(&[0xc0]))
    }

    /// The map without entries.
    #[must_use]
    pub const fn empty_map() -> Self {
        Self(Bytes::from_static(&[0x80]))
    }

    /// Reads MessagePack and brings it into canonical form.
    pub fn from_msgpack(msgpack: impl AsRef<[u8]>) -> Result<Self, ValueError> {
        let msgpack = msgpack.as_ref();
        Ok(Self(
            msgpack::decode(msgpack, Builder::for_value(msgpack.len()))?.into(),
        ))
    }

    /// Reads JSON text, with `$bytes`, `$int` and the `$` escape.
    pub fn from_json(json: &str) -> Result<Self, ValueError> {
        Ok(Self(
            json::decode(json, Builder::for_value(json.len()))?.into(),
        ))
    }

    /// Reads the bytes of a `parlor.v2.Value` message.
    pub fn from_proto(proto: &[u8]) -> Result<Self, ValueError> {
        Ok(Self(
            proto_value::decode(proto, Builder::for_value(proto.len()))?.into(),
        ))
    }

    /// Writes a Rust value: structs become maps by the names of their fields.
    pub fn from_serde<T: Serialize + ?Sized>(value: &T) -> Result<Self, ValueError> {
        let msgpack = rmp_serde::to_vec_named(value)
            .map_err(|error| ValueFault::Serde(error.to_string()).at(0))?;
        Self::from_msgpack(msgpack)
    }

    /// Takes a part of a frame that is canonical already.
    pub(crate) fn from_canonical(canonical: Bytes) -> Self {
        Self(canonical)
    }

    /// The canonical MessagePack.
    #[must_use]
    pub fn as_msgpack(&self) -> &[u8] {
        &self.0
    }

    /// The canonical MessagePack, shared.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The value as JSON text, in which every double and every integer keeps its exact value.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = Vec::with_capacity(self.0.len() * 2);
        json::write_payload(&mut json, self);
        String::from_utf8(json).expect("JSON is written from text")
    }

    /// The value as the bytes of a `parlor.v2.Value` message.
    #[must_use]
    pub fn to_proto(&self) -> Vec<u8> {
        proto_value::encode(self)
    }

    /// Reads the value into a Rust type.
    pub fn to_serde<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        rmp_serde::from_slice(&self.0).map_err(|error| ValueFault::Serde(error.to_string()).at(0))
    }

    /// The entry of a map, without decoding the others. `None` where there is none, or this is no map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Self> {
        let mut reader = Reader::new(&self.0);
        let Ok(Token::Map(count)) = reader.next() else {
            return None;
        };
        for _ in 0..count {
            let found = reader.next().ok()?;
            let start = reader.position();
            reader.skip().ok()?;
            if found == Token::Text(key) {
                return Some(Self(self.0.slice(start..reader.position())));
            }
        }
        None
    }

    /// Whether this is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(Reader::new(&self.0).next(), Ok(Token::Map(_)))
    }

    /// The same value with the keys of every map sorted by their UTF-8 bytes.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let mut out = Vec::with_capacity(self.0.len());
        write_sorted(&self.0, &mut Reader::new(&self.0), &mut out)
            .expect("a payload is valid MessagePack");
        Self(out.into())
    }

    /// What `room_state` carries as `hash`: CRC-32 (IEEE) over the [`sorted`](Self::sorted) form.
    #[must_use]
    pub fn state_hash(&self) -> u32 {
        State::new(self).hash()
    }
}

/// A payload shows as JSON.
impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_json())
    }
}

/// Copies the next value of `input` with its keys sorted. Entries are written as they come, and put in order afterwards
/// where they are not.
pub(crate) fn write_sorted(
    input: &[u8],
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let start = reader.position();
    match reader.next()? {
        Token::Null
        | Token::Bool(_)
        | Token::Int(_)
        | Token::Float(_)
        | Token::Text(_)
        | Token::Bytes(_) => {
            out.extend_from_slice(&input[start..reader.position()]);
        }
        Token::List(count) => {
            out.extend_from_slice(&input[start..reader.position()]);
            for _ in 0..count {
                write_sorted(input, reader, out)?;
            }
        }
        Token::Map(count) => {
            write_map_header(out, count);
            let first = out.len();
            let mut entries = Vec::new();
            for _ in 0..count {
                let Token::Text(key) = reader.next()? else {
                    unreachable!("a payload's keys are text")
                };
                let entry_start = out.len();
                write_text(out, key);
                write_sorted(input, reader, out)?;
                entries.push((key, entry_start..out.len()));
            }
            if !entries.is_sorted_by_key(|(key, _)| *key) {
                entries.sort_unstable_by_key(|(key, _)| *key);
                let unsorted = out.split_off(first);
                for (_, entry) in entries {
                    out.extend_from_slice(&unsorted[entry.start - first..entry.end - first]);
                }
            }
        }
    }
    Ok(())
}
