//! MessagePack: a pull reader that never trusts a length, and the canonical form of what comes in.

use crate::{
    builder::Builder,
    error::{ValueError, ValueFault},
};

/// One step of a value: a scalar, or the head of a list or map, whose items follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    List(usize),
    Map(usize),
}

impl Token<'_> {
    /// What an error calls it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

/// A token whose text was not looked at yet.
enum Raw<'a> {
    Text(&'a [u8]),
    Other(Token<'a>),
}

/// Reads tokens from the start of a buffer on.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn next(&mut self) -> Result<Token<'a>, ValueError> {
        match self.raw()? {
            Raw::Other(token) => Ok(token),
            Raw::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Token::Text(text)),
                Err(error) => {
                    let start = self.at - bytes.len();
                    Err(ValueFault::NotUtf8.at(start + error.valid_up_to()))
                }
            },
        }
    }

    fn raw(&mut self) -> Result<Raw<'a>, ValueError> {
        let start = self.at;
        let [marker] = self.array()?;
        Ok(Raw::Other(match marker {
            0x00..=0x7f => Token::Int(marker.into()),
            0x80..=0x8f => Token::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Token::List(usize::from(marker & 0x0f)),
            0xa0..=0xbf => return self.text(usize::from(marker & 0x1f)),
            0xc0 => Token::Null,
            0xc1 => return Err(ValueFault::Syntax("0xc1 is no MessagePack marker").at(start)),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length(marker - 0xc4)?;
                Token::Bytes(self.take(length)?)
            }
            0xc7..=0xc9 | 0xd4..=0xd8 => return Err(ValueFault::Extension.at(start)),
            0xca => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Int(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Int(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Int(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Int(u64::from_be_bytes(self.array()?).into()),
            0xd0 => Token::Int(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Int(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Int(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Token::Int(i64::from_be_bytes(self.array()?).into()),
            0xd9..=0xdb => {
                let length = self.length(marker - 0xd9)?;
                return self.text(length);
            }
            0xdc | 0xdd => Token::List(self.length(marker - 0xdb)?),
            0xde | 0xdf => Token::Map(self.length(marker - 0xdd)?),
            0xe0..=0xff => Token::Int(marker.cast_signed().into()),
        }))
    }

    /// Passes over one whole value that was read before, and so needs no look at its texts. Loops, so that it needs no depth
    /// limit.
    pub(crate) fn skip(&mut self) -> Result<(), ValueError> {
        let mut pending = 1_u64;
        while pending > 0 {
            pending += match self.raw()? {
                Raw::Other(Token::List(count)) => count as u64,
                Raw::Other(Token::Map(count)) => 2 * count as u64,
                Raw::Text(_) | Raw::Other(_) => 0,
            };
            pending -= 1;
        }
        Ok(())
    }

    /// Reads a length of 1, 2 or 4 bytes.
    fn length(&mut self, size_log2: u8) -> Result<usize, ValueError> {
        Ok(match size_log2 {
            0 => usize::from(u8::from_be_bytes(self.array()?)),
            1 => usize::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    fn text(&mut self, length: usize) -> Result<Raw<'a>, ValueError> {
        self.take(length).map(Raw::Text)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        let start = self.at;
        let Some(bytes) = self.input[start..].first_chunk() else {
            return Err(ValueFault::Truncated.at(self.input.len()));
        };
        self.at += N;
        Ok(*bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ValueError> {
        let Some(bytes) = self.input[self.at..].get(..length) else {
            return Err(ValueFault::Truncated.at(self.input.len()));
        };
        self.at += length;
        Ok(bytes)
    }
}

/// Reads one whole message into `builder`.
pub(crate) fn decode(input: &[u8], mut builder: Builder) -> Result<Vec<u8>, ValueError> {
    let mut reader = Reader::new(input);
    value(&mut reader, &mut builder)?;
    if reader.at < input.len() {
        return Err(ValueFault::Trailing.at(reader.at));
    }
    Ok(builder.finish())
}

fn value(reader: &mut Reader<'_>, builder: &mut Builder) -> Result<(), ValueError> {
    let at = reader.position();
    match reader.next()? {
        Token::Null => builder.null(),
        Token::Bool(value) => builder.bool(value),
        Token::Int(value) => builder.int(value, at)?,
        Token::Float(value) => builder.float(value, at)?,
        Token::Text(value) => builder.text(value),
        Token::Bytes(value) => builder.bytes(value),
        Token::List(count) => {
            let open = builder.begin_list(Some(count), at)?;
            for _ in 0..count {
                value(reader, builder)?;
            }
            builder.end_list(open, count);
        }
        Token::Map(count) => {
            let open = builder.begin_map(Some(count), at)?;
            for _ in 0..count {
                let at = reader.position();
                match reader.next()? {
                    Token::Text(key) => builder.key(key, at),
                    other => return Err(ValueFault::KeyNotText(other.kind()).at(at)),
                }
                value(reader, builder)?;
            }
            builder.end_map(open)?;
        }
    }
    Ok(())
}
