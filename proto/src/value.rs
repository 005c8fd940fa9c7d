//! The value model as a tree. The server does not need it; tests and tools do.

use crate::{
    Payload,
    builder::{Builder, integral},
    error::ValueError,
    msgpack::{Reader, Token},
};

/// A value as a tree. Equality is that of the value model: maps compare without order, and a float with an integral
/// value within ±2^53 equals that integer.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer; -2^63 to 2^64-1 can be a payload.
    Int(i128),
    /// A double; only finite ones can be a payload.
    Float(f64),
    /// Unicode text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name; only distinct names can be a payload.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Writes the value as a payload, which checks it.
    pub fn to_payload(&self) -> Result<Payload, ValueError> {
        let mut builder = Builder::for_value(0);
        self.write(&mut builder)?;
        Ok(Payload::from_canonical(builder.finish().into()))
    }

    fn write(&self, builder: &mut Builder) -> Result<(), ValueError> {
        match self {
            Self::Null => builder.null(),
            Self::Bool(value) => builder.bool(*value),
            Self::Int(value) => builder.int(*value, 0)?,
            Self::Float(value) => builder.float(*value, 0)?,
            Self::Text(value) => builder.text(value),
            Self::Bytes(value) => builder.bytes(value),
            Self::List(items) => {
                let open = builder.begin_list(Some(items.len()), 0)?;
                for item in items {
                    item.write(builder)?;
                }
                builder.end_list(open, items.len());
            }
            Self::Map(entries) => {
                let open = builder.begin_map(Some(entries.len()), 0)?;
                for (key, value) in entries {
                    builder.key(key, 0);
                    value.write(builder)?;
                }
                builder.end_map(open)?;
            }
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ValueError> {
        Ok(match reader.next()? {
            Token::Null => Self::Null,
            Token::Bool(value) => Self::Bool(value),
            Token::Int(value) => Self::Int(value),
            Token::Float(value) => Self::Float(value),
            Token::Text(value) => Self::Text(value.to_owned()),
            Token::Bytes(value) => Self::Bytes(value.to_owned()),
            Token::List(count) => Self::List(
                (0..count)
                    .map(|_| Self::read(reader))
                    .collect::<Result<_, _>>()?,
            ),
            Token::Map(count) => {
                let entry = |_| match reader.next()? {
                    Token::Text(key) => Ok((key.to_owned(), Self::read(reader)?)),
                    other => unreachable!("a payload's keys are text, not {}", other.kind()),
                };
                Self::Map((0..count).map(entry).collect::<Result<_, _>>()?)
            }
        })
    }

    /// The integer this is, be it written as one or as a float.
    fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) => integral(*value),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::List(_)
            | Self::Map(_) => None,
        }
    }
}

impl From<&Payload> for Value {
    fn from(payload: &Payload) -> Self {
        Self::read(&mut Reader::new(payload.as_msgpack())).expect("a payload is valid MessagePack")
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a.len() == b.len() && sorted(a) == sorted(b),
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                match (self.as_int(), other.as_int()) {
                    (None, None) => {
                        matches!((self, other), (Self::Float(a), Self::Float(b)) if a == b)
                    }
                    (a, b) => a == b,
                }
            }
            _ => false,
        }
    }
}

fn sorted(entries: &[(String, Value)]) -> Vec<&(String, Value)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| key);
    entries
}
