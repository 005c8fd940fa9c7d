//! The reader. It looks at each message once for its fields, and into a nested one only when it is its turn; unknown
//! fields are passed over, as protobuf demands, but a Value must have exactly one kind that we know.

use super::number;
use crate::{
    builder::Builder,
    error::{ValueError, ValueFault},
};

/// Reads the bytes of one Value message into `builder`.
pub(crate) fn decode(input: &[u8], mut builder: Builder) -> Result<Vec<u8>, ValueError> {
    value(
        Message {
            input,
            at: 0,
            end: input.len(),
        },
        &mut builder,
    )?;
    Ok(builder.finish())
}

/// A message: a part of the input. Offsets are those of the whole input, for errors.
#[derive(Clone, Copy)]
struct Message<'a> {
    input: &'a [u8],
    at: usize,
    end: usize,
}

/// A field's content, by wire type.
#[derive(Clone, Copy)]
enum Content<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(Message<'a>),
    Fixed32,
}

fn value(mut message: Message<'_>, builder: &mut Builder) -> Result<(), ValueError> {
    let start = message.at;
    let mut kind = None;
    while let Some((number, content)) = message.next_field()? {
        if (number::NULL..=number::UINT_LIST).contains(&number)
            && kind.replace((number, content)).is_some()
        {
            return Err(ValueFault::Kind("a Value must have one kind, not two").at(start));
        }
    }
    let Some((number, content)) = kind else {
        return Err(ValueFault::Kind("a Value needs a kind; for null, set null_value").at(start));
    };
    match (number, content) {
        (number::NULL, Content::Varint(_)) => builder.null(),
        (number::BOOL, Content::Varint(value)) => builder.bool(value != 0),
        (number::INT, Content::Varint(value)) => builder.int(zigzag(value).into(), start)?,
        (number::UINT, Content::Varint(value)) => builder.int(value.into(), start)?,
        (number::FLOAT, Content::Fixed64(bytes)) => {
            builder.float(f64::from_le_bytes(bytes), start)?
        }
        (number::TEXT, Content::Bytes(text)) => builder.text(text.text()?),
        (number::BYTES, Content::Bytes(bytes)) => builder.bytes(bytes.bytes()),
        (number::LIST, Content::Bytes(items)) => list(items, builder)?,
        (number::MAP, Content::Bytes(entries)) => map(entries, builder)?,
        (number::UINT_LIST, Content::Bytes(items)) => uint_list(items, builder)?,
        _ => return Err(wrong_wire_type(start)),
    }
    Ok(())
}

fn list(mut message: Message<'_>, builder: &mut Builder) -> Result<(), ValueError> {
    let open = builder.begin_list(None, message.at)?;
    let mut count = 0;
    while let Some((number, content)) = message.next_field()? {
        if number != number::ITEM {
            continue;
        }
        let Content::Bytes(item) = content else {
            return Err(wrong_wire_type(message.at));
        };
        value(item, builder)?;
        count += 1;
    }
    builder.end_list(open, count);
    Ok(())
}

/// Reads a list of integers, which may be packed or one by one, as in all of protobuf.
fn uint_list(mut message: Message<'_>, builder: &mut Builder) -> Result<(), ValueError> {
    let open = builder.begin_list(None, message.at)?;
    let mut count = 0;
    while let Some((number, content)) = message.next_field()? {
        match (number, content) {
            (number::ITEM, Content::Varint(item)) => {
                builder.int(item.into(), message.at)?;
                count += 1;
            }
            (number::ITEM, Content::Bytes(mut packed)) => {
                while packed.at < packed.end {
                    let at = packed.at;
                    builder.int(packed.varint()?.into(), at)?;
                    count += 1;
                }
            }
            (number::ITEM, _) => return Err(wrong_wire_type(message.at)),
            _ => {}
        }
    }
    builder.end_list(open, count);
    Ok(())
}

fn map(mut message: Message<'_>, builder: &mut Builder) -> Result<(), ValueError> {
    let open = builder.begin_map(None, message.at)?;
    while let Some((number, content)) = message.next_field()? {
        if number != number::ITEM {
            continue;
        }
        let Content::Bytes(item) = content else {
            return Err(wrong_wire_type(message.at));
        };
        entry(item, builder)?;
    }
    builder.end_map(open)
}

/// Reads a map's entry, whose fields may come in any order; a missing key is the empty one, as everywhere in proto3.
fn entry(mut message: Message<'_>, builder: &mut Builder) -> Result<(), ValueError> {
    let start = message.at;
    let (mut key, mut item) = (None, None);
    while let Some((number, content)) = message.next_field()? {
        let place = match number {
            number::KEY => &mut key,
            number::VALUE => &mut item,
            _ => continue,
        };
        let Content::Bytes(content) = content else {
            return Err(wrong_wire_type(message.at));
        };
        if place.replace(content).is_some() {
            return Err(
                ValueFault::Kind("an Entry must have one key and one value, not two").at(start),
            );
        }
    }
    let Some(item) = item else {
        return Err(ValueFault::Kind("an Entry needs a value").at(start));
    };
    builder.key(key.map_or(Ok(""), |key| key.text())?, start);
    value(item, builder)
}

impl<'a> Message<'a> {
    fn next_field(&mut self) -> Result<Option<(u32, Content<'a>)>, ValueError> {
        if self.at == self.end {
            return Ok(None);
        }
        let start = self.at;
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).unwrap_or(0);
        if number == 0 {
            return Err(ValueFault::Syntax("not a protobuf field").at(start));
        }
        let content = match tag & 7 {
            0 => Content::Varint(self.varint()?),
            1 => Content::Fixed64(self.array()?),
            2 => {
                let length = self.varint()?;
                let at = self.at;
                let left = self.end - at;
                let Some(length) = usize::try_from(length)
                    .ok()
                    .filter(|&length| length <= left)
                else {
                    return Err(ValueFault::Truncated.at(self.end));
                };
                self.at += length;
                Content::Bytes(Self {
                    input: self.input,
                    at,
                    end: at + length,
                })
            }
            5 => self.array::<4>().map(|_| Content::Fixed32)?,
            _ => return Err(ValueFault::Syntax("protobuf groups are not allowed").at(start)),
        };
        Ok(Some((number, content)))
    }

    fn varint(&mut self) -> Result<u64, ValueError> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ValueFault::Syntax("a protobuf number has more than 64 bits").at(start))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        let Some(bytes) = self.input[self.at..self.end].first_chunk() else {
            return Err(ValueFault::Truncated.at(self.end));
        };
        self.at += N;
        Ok(*bytes)
    }

    fn bytes(self) -> &'a [u8] {
        &self.input[self.at..self.end]
    }

    fn text(self) -> Result<&'a str, ValueError> {
        std::str::from_utf8(self.bytes())
            .map_err(|error| ValueFault::NotUtf8.at(self.at + error.valid_up_to()))
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn wrong_wire_type(at: usize) -> ValueError {
    ValueFault::Syntax("a field has another wire type than parlor.proto says").at(at)
}
