//! The map forms: JSON and MessagePack. Both are read from canonical MessagePack; the writers are beside this file.

use bytes::Bytes;

use super::{FieldError, MapWriter, number};
use crate::{
    FrameError, NUMBER_MAX, Payload,
    msgpack::{Reader, Token},
};

/// Reads a frame from its canonical MessagePack.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    frame: &'a [u8],
    /// What payloads are slices of. Without it, they are copies.
    shared: Option<&'a Bytes>,
    reader: Reader<'a>,
}

impl<'a> Cursor<'a> {
    /// Reads payloads that keep nothing of the frame.
    pub(crate) fn copying(frame: &'a [u8]) -> Self {
        Self {
            frame,
            shared: None,
            reader: Reader::new(frame),
        }
    }

    /// Reads payloads that share the frame's memory.
    pub(crate) fn sharing(frame: &'a Bytes) -> Self {
        Self {
            shared: Some(frame),
            ..Self::copying(frame)
        }
    }

    /// The frame's `type`, wherever in the map it stands; that of a list is `list_type`.
    pub(crate) fn frame_type(
        &self,
        list_type: Option<&'static str>,
    ) -> Result<&'a str, FrameError> {
        let mut cursor = Cursor::copying(self.frame);
        let count = match (cursor.token(), list_type) {
            (Token::Map(count), _) => count,
            (Token::List(_), Some(list_type)) => return Ok(list_type),
            (other, _) => {
                return Err(FrameError::NotAMap {
                    found: other.kind(),
                });
            }
        };
        for _ in 0..count {
            if cursor.token() != Token::Text("type") {
                cursor.skip();
            } else if let Token::Text(name) = cursor.token() {
                return Ok(name);
            } else {
                break;
            }
        }
        Err(FrameError::Untyped)
    }

    /// Begins to read a map. Its length.
    pub(crate) fn map(&mut self) -> Result<usize, FieldError> {
        match self.token() {
            Token::Map(count) => Ok(count),
            other => Err(FieldError::expected("map", other.kind())),
        }
    }

    /// Begins to read a list. Its length.
    pub(crate) fn list(&mut self) -> Result<usize, FieldError> {
        match self.token() {
            Token::List(count) => Ok(count),
            other => Err(FieldError::expected("list", other.kind())),
        }
    }

    /// The next key of a map.
    pub(crate) fn key(&mut self) -> &'a str {
        match self.token() {
            Token::Text(key) => key,
            other => unreachable!(
                "the frame's keys were checked to be text, not {}",
                other.kind()
            ),
        }
    }

    pub(crate) fn skip(&mut self) {
        self.reader
            .skip()
            .expect("the frame was checked to be MessagePack");
    }

    /// Passes over a null.
    fn skip_null(&mut self) -> bool {
        let mut ahead = self.reader.clone();
        let is_null = matches!(ahead.next(), Ok(Token::Null));
        if is_null {
            self.reader = ahead;
        }
        is_null
    }

    fn payload(&mut self) -> Payload {
        let start = self.reader.position();
        self.skip();
        let place = start..self.reader.position();
        Payload::from_canonical(match self.shared {
            Some(frame) => frame.slice(place),
            None => Bytes::copy_from_slice(&self.frame[place]),
        })
    }

    fn uint(&mut self) -> Result<u64, FieldError> {
        match self.token() {
            Token::Int(value) => match u64::try_from(value) {
                Ok(value) => number(value),
                Err(_) => Err(FieldError::expected(
                    format!("a number from 0 to {NUMBER_MAX}"),
                    value.to_string(),
                )),
            },
            other => Err(FieldError::expected("integer", other.kind())),
        }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, FieldError> {
        match self.token() {
            Token::Text(text) => Ok(text),
            other => Err(FieldError::expected("text", other.kind())),
        }
    }

    fn token(&mut self) -> Token<'a> {
        self.reader
            .next()
            .expect("the frame was checked to be MessagePack")
    }
}

/// A type that a field in a map form can have.
pub(crate) trait MapField: Sized {
    /// Whether null is a value of this type. Where it is not, null means absent.
    const TAKES_NULL: bool = false;
    /// Whether it is written as the list of its fields, without their names.
    const IS_LIST: bool = false;

    /// Whether the field is written at all.
    fn is_present(&self) -> bool {
        true
    }

    fn write<W: MapWriter>(&self, writer: &mut W);

    /// Reads the field; `None` where what is there counts as absent.
    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError>;

    /// The value of a field that is not there.
    fn absent() -> Result<Self, FieldError> {
        Err(FieldError::missing())
    }
}

impl MapField for String {
    fn write<W: MapWriter>(&self, writer: &mut W) {
        writer.text(self);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        cursor.text().map(|text| Some(text.to_owned()))
    }
}

impl MapField for bool {
    fn write<W: MapWriter>(&self, writer: &mut W) {
        writer.bool(*self);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        match cursor.token() {
            Token::Bool(value) => Ok(Some(value)),
            other => Err(FieldError::expected("bool", other.kind())),
        }
    }
}

impl MapField for u64 {
    fn write<W: MapWriter>(&self, writer: &mut W) {
        writer.uint(*self);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        cursor.uint().map(Some)
    }
}

impl MapField for u32 {
    fn write<W: MapWriter>(&self, writer: &mut W) {
        writer.uint((*self).into());
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        let value = cursor.uint()?;
        let too_large = |_| {
            FieldError::expected(
                format!("a number from 0 to {}", Self::MAX),
                value.to_string(),
            )
        };
        Self::try_from(value).map(Some).map_err(too_large)
    }
}

impl MapField for Payload {
    const TAKES_NULL: bool = true;

    fn write<W: MapWriter>(&self, writer: &mut W) {
        writer.payload(self);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        Ok(Some(cursor.payload()))
    }
}

/// An optional field that is null counts as absent, unless it is a payload, where null is a value.
impl<T: MapField> MapField for Option<T> {
    fn is_present(&self) -> bool {
        self.is_some()
    }

    fn write<W: MapWriter>(&self, writer: &mut W) {
        if let Some(value) = self {
            value.write(writer);
        }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        if !T::TAKES_NULL && cursor.skip_null() {
            return Ok(None);
        }
        T::read(cursor).map(Some)
    }

    fn absent() -> Result<Self, FieldError> {
        Ok(None)
    }
}

/// A list that is not there is empty, as in protobuf.
impl<T: MapField> MapField for Vec<T> {
    fn write<W: MapWriter>(&self, writer: &mut W) {
        writer.begin_list(self.len());
        for item in self {
            writer.item();
            item.write(writer);
        }
        writer.end_list();
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, FieldError> {
        let count = cursor.list()?;
        let mut items = Vec::new();
        for index in 0..count {
            let item = T::read(cursor).and_then(|item| item.map_or_else(T::absent, Ok));
            items.push(item.map_err(|error| error.within_item(index))?);
        }
        Ok(Some(items))
    }

    fn absent() -> Result<Self, FieldError> {
        Ok(Self::new())
    }
}

/// Reads a whole frame of the type `frame`.
pub(crate) fn required<T: MapField>(
    cursor: &mut Cursor<'_>,
    frame: &'static str,
) -> Result<T, FrameError> {
    T::read(cursor)
        .and_then(|read| read.map_or_else(T::absent, Ok))
        .map_err(|error| error.of_frame(frame))
}
