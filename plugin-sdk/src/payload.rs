//! From serde types to MessagePack of Parlor's value model, and back.
//!
//! `rmp-serde` writes more than the value model has: NaN, extension types, maps whose keys are numbers. So what leaves a
//! room is checked once here, where the author can still be told which field it is.

use std::cell::Cell;
use std::fmt;

use rmp::{Marker, encode};
use rmp_serde::decode;
use serde::{Serialize, de::DeserializeOwned};

/// How deep lists and maps may nest.
const DEPTH_MAX: usize = 64;

/// Floats up to this size that have no fraction are integers in the value model.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What is kept of the space that values are written to before they are checked.
const SCRATCH_BYTES_MAX: usize = 64 << 10;

thread_local! {
    /// Taken for as long as it is in use: a value may write another one while it is written itself.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One value of Parlor's value model, as MessagePack.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Vec<u8>);

impl Payload {
    /// The value that `value` serialises to. Maps with whole numbers as keys get them as text.
    ///
    /// # Errors
    /// When the value has something that the value model lacks: NaN, an infinity, a key that is neither text nor a whole
    /// number, or more than 64 levels.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, PayloadError> {
        let mut raw = SCRATCH.take();
        raw.clear();
        let written = rmp_serde::encode::write_named(&mut raw, value);
        let payload = written
            .map_err(|error| PayloadError::new(error.to_string()))
            .and_then(|()| Self::from_bytes(&raw));
        if raw.capacity() <= SCRATCH_BYTES_MAX {
            SCRATCH.set(raw);
        }
        payload
    }

    /// MessagePack that came from elsewhere, from the storage for instance.
    ///
    /// # Errors
    /// When it is not exactly one value of the value model.
    pub fn from_bytes(raw: &[u8]) -> Result<Self, PayloadError> {
        let mut rest = raw;
        let mut out = Vec::with_capacity(raw.len());
        copy_value(&mut rest, &mut out, 0)?;
        if rest.is_empty() {
            Ok(Self(out))
        } else {
            Err(PayloadError::new("more than one value"))
        }
    }

    /// Bytes that the host has checked.
    pub(crate) fn trusted(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The value, read as the type that is wanted.
    ///
    /// # Errors
    /// When the value does not fit the type; the error says where.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        rmp_serde::from_slice(&self.0).map_err(|error| PayloadError::new(plain(error)))
    }

    /// The MessagePack.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The MessagePack, to be stored for instance.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read::<crate::Value>() {
            Ok(value) => fmt::Display::fmt(&value, f),
            Err(_) => write!(f, "{:02x?}", self.0),
        }
    }
}

/// Why a value is no payload, or does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError {
    /// The fields and positions on the way to the culprit, the innermost first.
    path: Vec<String>,
    problem: String,
}

impl PayloadError {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            problem: problem.into(),
        }
    }

    fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
            write!(f, "at `{}`: ", path.join("."))?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for PayloadError {}

/// serde's own words, without what rmp-serde puts around them.
fn plain(error: decode::Error) -> String {
    match error {
        decode::Error::Syntax(message) | decode::Error::Uncategorized(message) => message,
        other => other.to_string(),
    }
}

/// Copies one value from the front of `rest` to `out`, in the shortest form, or says what is wrong with it.
fn copy_value(rest: &mut &[u8], out: &mut Vec<u8>, depth: usize) -> Result<(), PayloadError> {
    let marker = Marker::from_u8(take_array::<1>(rest)?[0]);
    if let Some(integer) = read_integer(marker, rest)? {
        write_integer(out, integer);
        return Ok(());
    }
    if let Some(len) = read_text_len(marker, rest)? {
        let text = std::str::from_utf8(take(rest, len)?)
            .map_err(|_| PayloadError::new("text that is not UTF-8"))?;
        written(encode::write_str(out, text));
        return Ok(());
    }
    match marker {
        Marker::Null | Marker::True | Marker::False => out.push(marker.to_u8()),
        Marker::F32 => copy_float(f64::from(f32::from_be_bytes(take_array(rest)?)), out)?,
        Marker::F64 => copy_float(f64::from_be_bytes(take_array(rest)?), out)?,
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let len = read_len(marker, rest)?;
            written(encode::write_bin(out, take(rest, len)?));
        }
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            copy_list(read_len(marker, rest)?, rest, out, depth)?
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            copy_map(read_len(marker, rest)?, rest, out, depth)?
        }
        _ => {
            return Err(PayloadError::new(
                "an extension type, which Parlor's values do not have",
            ));
        }
    }
    Ok(())
}

fn copy_float(float: f64, out: &mut Vec<u8>) -> Result<(), PayloadError> {
    if !float.is_finite() {
        return Err(PayloadError::new(format!(
            "the number is {float}, which Parlor's values do not have"
        )));
    }
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole, and within what an i64 holds"
        )]
        write_integer(out, i128::from(float as i64));
    } else {
        written(encode::write_f64(out, float));
    }
    Ok(())
}

fn copy_list(
    len: usize,
    rest: &mut &[u8],
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), PayloadError> {
    let depth = deeper(depth)?;
    written(encode::write_array_len(out, len_u32(len)));
    for index in 0..len {
        copy_value(rest, out, depth).map_err(|error| error.within(index.to_string()))?;
    }
    Ok(())
}

fn copy_map(
    len: usize,
    rest: &mut &[u8],
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), PayloadError> {
    let depth = deeper(depth)?;
    written(encode::write_map_len(out, len_u32(len)));
    for _ in 0..len {
        let key = copy_key(rest, out)?;
        copy_value(rest, out, depth)
            .map_err(|error| error.within(String::from_utf8_lossy(key).into_owned()))?;
    }
    Ok(())
}

/// Copies a key, a whole number as text, and returns it where it was text.
fn copy_key<'a>(rest: &mut &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], PayloadError> {
    let marker = Marker::from_u8(take_array::<1>(rest)?[0]);
    if let Some(integer) = read_integer(marker, rest)? {
        written(encode::write_str(out, &integer.to_string()));
        return Ok(b"(number)");
    }
    let Some(len) = read_text_len(marker, rest)? else {
        return Err(PayloadError::new(
            "a map's key is neither text nor a whole number",
        ));
    };
    let bytes = take(rest, len)?;
    let text =
        std::str::from_utf8(bytes).map_err(|_| PayloadError::new("a key that is not UTF-8"))?;
    written(encode::write_str(out, text));
    Ok(bytes)
}

fn deeper(depth: usize) -> Result<usize, PayloadError> {
    if depth < DEPTH_MAX {
        Ok(depth + 1)
    } else {
        Err(PayloadError::new("nested more than 64 levels deep"))
    }
}

fn read_integer(marker: Marker, rest: &mut &[u8]) -> Result<Option<i128>, PayloadError> {
    Ok(Some(match marker {
        Marker::FixPos(value) => value.into(),
        Marker::FixNeg(value) => value.into(),
        Marker::U8 => u8::from_be_bytes(take_array(rest)?).into(),
        Marker::U16 => u16::from_be_bytes(take_array(rest)?).into(),
        Marker::U32 => u32::from_be_bytes(take_array(rest)?).into(),
        Marker::U64 => u64::from_be_bytes(take_array(rest)?).into(),
        Marker::I8 => i8::from_be_bytes(take_array(rest)?).into(),
        Marker::I16 => i16::from_be_bytes(take_array(rest)?).into(),
        Marker::I32 => i32::from_be_bytes(take_array(rest)?).into(),
        Marker::I64 => i64::from_be_bytes(take_array(rest)?).into(),
        _ => return Ok(None),
    }))
}

fn write_integer(out: &mut Vec<u8>, integer: i128) {
    if let Ok(natural) = u64::try_from(integer) {
        written(encode::write_uint(out, natural));
    } else if let Ok(signed) = i64::try_from(integer) {
        written(encode::write_sint(out, signed));
    }
}

fn read_text_len(marker: Marker, rest: &mut &[u8]) -> Result<Option<usize>, PayloadError> {
    match marker {
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            read_len(marker, rest).map(Some)
        }
        _ => Ok(None),
    }
}

fn read_len(marker: Marker, rest: &mut &[u8]) -> Result<usize, PayloadError> {
    Ok(match marker {
        Marker::FixStr(len) | Marker::FixArray(len) | Marker::FixMap(len) => len.into(),
        Marker::Str8 | Marker::Bin8 => u8::from_be_bytes(take_array(rest)?).into(),
        Marker::Str16 | Marker::Bin16 | Marker::Array16 | Marker::Map16 => {
            u16::from_be_bytes(take_array(rest)?).into()
        }
        _ => u32::from_be_bytes(take_array(rest)?) as usize,
    })
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], PayloadError> {
    let (taken, left) = rest
        .split_at_checked(len)
        .ok_or_else(|| PayloadError::new("the value ends too early"))?;
    *rest = left;
    Ok(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], PayloadError> {
    let (taken, left) = rest
        .split_first_chunk()
        .ok_or_else(|| PayloadError::new("the value ends too early"))?;
    *rest = left;
    Ok(*taken)
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("it was read from at most 32 bits")
}

fn written<T, E: fmt::Debug>(result: Result<T, E>) {
    result.expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests;
