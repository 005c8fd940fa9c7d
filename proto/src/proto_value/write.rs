//! The writer. Protobuf puts the length of a message before it, so the value is walked twice: once to measure every
//! list and map, once to write. The lengths are kept in the order in which the second walk needs them.

use super::number;
use crate::{
    Payload,
    error::ValueError,
    msgpack::{Reader, Token},
};

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;

/// The bytes of a Value message.
pub(crate) fn encode(payload: &Payload) -> Vec<u8> {
    let msgpack = payload.as_msgpack();
    let mut lengths = Vec::new();
    let length =
        measure(&mut Reader::new(msgpack), &mut lengths).expect("a payload is valid MessagePack");
    let mut writer = Writer {
        out: Vec::with_capacity(length),
        lengths: lengths.into_iter(),
    };
    writer
        .value(&mut Reader::new(msgpack))
        .expect("a payload is valid MessagePack");
    debug_assert!(writer.out.len() == length, "both walks agree");
    writer.out
}

/// The length of the next value as a Value message. Adds the content lengths of all lists, maps and entries in it, each
/// before those of what it contains.
fn measure(reader: &mut Reader<'_>, lengths: &mut Vec<usize>) -> Result<usize, ValueError> {
    Ok(match reader.next()? {
        Token::Null | Token::Bool(_) => 2,
        Token::Int(value) => 1 + varint_length(int_bits(value).1),
        Token::Float(_) => 9,
        Token::Text(text) => delimited_length(text.len()),
        Token::Bytes(bytes) => delimited_length(bytes.len()),
        Token::List(count) => {
            if let Some(packed) = packed_length(reader, count) {
                for _ in 0..count {
                    reader.skip()?;
                }
                return Ok(delimited_length(delimited_length(packed)));
            }
            let place = reserve(lengths);
            let mut content = 0;
            for _ in 0..count {
                let item = reserve(lengths);
                lengths[item] = measure(reader, lengths)?;
                content += delimited_length(lengths[item]);
            }
            lengths[place] = content;
            delimited_length(content)
        }
        Token::Map(count) => {
            let place = reserve(lengths);
            let mut content = 0;
            for _ in 0..count {
                let key = key(reader)?;
                let (entry, item) = (reserve(lengths), reserve(lengths));
                lengths[item] = measure(reader, lengths)?;
                lengths[entry] = delimited_length(key.len()) + delimited_length(lengths[item]);
                content += delimited_length(lengths[entry]);
            }
            lengths[place] = content;
            delimited_length(content)
        }
    })
}

struct Writer {
    out: Vec<u8>,
    lengths: std::vec::IntoIter<usize>,
}

impl Writer {
    fn value(&mut self, reader: &mut Reader<'_>) -> Result<(), ValueError> {
        match reader.next()? {
            Token::Null => self.varint_field(number::NULL, 1),
            Token::Bool(value) => self.varint_field(number::BOOL, value.into()),
            Token::Int(value) => {
                let (number, bits) = int_bits(value);
                self.varint_field(number, bits);
            }
            Token::Float(value) => {
                self.tag(number::FLOAT, FIXED64);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Token::Text(text) => self.bytes_field(number::TEXT, text.as_bytes()),
            Token::Bytes(bytes) => self.bytes_field(number::BYTES, bytes),
            Token::List(count) => {
                if let Some(packed) = packed_length(reader, count) {
                    return self.uint_list(reader, count, packed);
                }
                self.measured_head(number::LIST);
                for _ in 0..count {
                    self.measured_head(number::ITEM);
                    self.value(reader)?;
                }
            }
            Token::Map(count) => {
                self.measured_head(number::MAP);
                for _ in 0..count {
                    self.measured_head(number::ITEM);
                    self.bytes_field(number::KEY, key(reader)?.as_bytes());
                    self.measured_head(number::VALUE);
                    self.value(reader)?;
                }
            }
        }
        Ok(())
    }

    /// A list of `count` unsigned integers, which take `packed` bytes.
    fn uint_list(
        &mut self,
        reader: &mut Reader<'_>,
        count: usize,
        packed: usize,
    ) -> Result<(), ValueError> {
        self.tag(number::UINT_LIST, BYTES);
        self.varint(delimited_length(packed) as u64);
        self.tag(number::ITEM, BYTES);
        self.varint(packed as u64);
        for _ in 0..count {
            let item = uint(&reader.next()?).expect("both walks see the same integers");
            self.varint(item);
        }
        Ok(())
    }

    /// The tag of a nested message, and its length from the first walk.
    fn measured_head(&mut self, number: u32) {
        let length = self
            .lengths
            .next()
            .expect("both walks see the same messages");
        self.tag(number, BYTES);
        self.varint(length as u64);
    }

    fn bytes_field(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, BYTES);
        self.varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn varint_field(&mut self, number: u32, bits: u64) {
        self.tag(number, VARINT);
        self.varint(bits);
    }

    fn tag(&mut self, number: u32, wire_type: u32) {
        self.varint((number << 3 | wire_type).into());
    }

    fn varint(&mut self, mut bits: u64) {
        while let rest @ 1.. = bits >> 7 {
            self.out.push(0x80 | bits.to_le_bytes()[0]);
            bits = rest;
        }
        self.out.push(bits.to_le_bytes()[0]);
    }
}

/// The field for an integer and its bits on the wire: zigzag where it fits a signed 64-bit integer, else unsigned.
fn int_bits(value: i128) -> (u32, u64) {
    match i64::try_from(value) {
        Ok(value) => (number::INT, (value << 1 ^ value >> 63).cast_unsigned()),
        Err(_) => (
            number::UINT,
            u64::try_from(value).expect("a payload's integers are below 2^64"),
        ),
    }
}

/// How many bytes the integers of a list of `count` items take behind each other; `None` where the list is empty or has
/// something else than unsigned integers in it.
fn packed_length(reader: &Reader<'_>, count: usize) -> Option<usize> {
    let mut ahead = reader.clone();
    let items = (0..count).map(|_| Some(varint_length(uint(&ahead.next().ok()?)?)));
    items.sum::<Option<usize>>().filter(|_| count > 0)
}

fn uint(token: &Token<'_>) -> Option<u64> {
    match token {
        Token::Int(value) => u64::try_from(*value).ok(),
        _ => None,
    }
}

/// A map's next key.
fn key<'a>(reader: &mut Reader<'a>) -> Result<&'a str, ValueError> {
    match reader.next()? {
        Token::Text(key) => Ok(key),
        other => unreachable!("a payload's keys are text, not {}", other.kind()),
    }
}

fn reserve(lengths: &mut Vec<usize>) -> usize {
    lengths.push(0);
    lengths.len() - 1
}

/// The length of a field with a one-byte tag, its length, and so many bytes.
fn delimited_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

fn varint_length(bits: u64) -> usize {
    // One byte for every seven bits, and one for zero.
    (64 - (bits | 1).leading_zeros()).div_ceil(7) as usize
}
