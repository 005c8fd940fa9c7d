//! Values inside a state's bytes. They were checked when the payload came in, so that walking them checks nothing again.

use crate::msgpack::{Reader, Token};

/// What a value is, as far as patches care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    List,
    Map,
}

/// The kind of the value that begins here.
pub(super) fn kind(value: &[u8]) -> Kind {
    match value.first() {
        Some(0x80..=0x8f | 0xde | 0xdf) => Kind::Map,
        Some(0x90..=0x9f | 0xdc | 0xdd) => Kind::List,
        _ => Kind::Scalar,
    }
}

/// Where the value that begins at `at` ends. Looks at heads only: texts are passed over unread.
pub(super) fn end_of(input: &[u8], mut at: usize) -> usize {
    let mut pending = 1_usize;
    while pending > 0 {
        let (size, children) = head(&input[at..]);
        at += size;
        pending += children;
        pending -= 1;
    }
    at
}

/// How many bytes belong to the first token alone, and how many values follow that belong to it.
fn head(input: &[u8]) -> (usize, usize) {
    let length = |from: usize, bytes: usize| {
        let bytes = &input[from..from + bytes];
        bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | usize::from(byte))
    };
    match input[0] {
        marker @ 0x80..=0x8f => (1, 2 * usize::from(marker & 0x0f)),
        marker @ 0x90..=0x9f => (1, usize::from(marker & 0x0f)),
        marker @ 0xa0..=0xbf => (1 + usize::from(marker & 0x1f), 0),
        0xcc | 0xd0 => (2, 0),
        0xcd | 0xd1 => (3, 0),
        0xca | 0xce | 0xd2 => (5, 0),
        0xcb | 0xcf | 0xd3 => (9, 0),
        0xc4 | 0xd9 => (2 + length(1, 1), 0),
        0xc5 | 0xda => (3 + length(1, 2), 0),
        0xc6 | 0xdb => (5 + length(1, 4), 0),
        0xdc => (3, length(1, 2)),
        0xdd => (5, length(1, 4)),
        0xde => (3, 2 * length(1, 2)),
        0xdf => (5, 2 * length(1, 4)),
        _ => (1, 0),
    }
}

/// The entries of a map, or the items of a list, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Children<'s> {
    input: &'s [u8],
    at: usize,
    left: usize,
}

impl<'s> Children<'s> {
    /// Those of the list or map that `value` is. A scalar has none.
    pub(super) fn of(value: &'s [u8]) -> Self {
        let mut reader = Reader::new(value);
        let left = match reader.next() {
            Ok(Token::List(count) | Token::Map(count)) => count,
            _ => 0,
        };
        Self {
            input: value,
            at: reader.position(),
            left,
        }
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Where the next one begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// A list's next item.
    pub(super) fn item(&mut self) -> Option<&'s [u8]> {
        self.left = self.left.checked_sub(1)?;
        Some(self.value())
    }

    /// Passes over so many items.
    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.item();
        }
    }

    /// A map's next entry: its key, and its value.
    pub(super) fn entry(&mut self) -> Option<(&'s [u8], &'s [u8])> {
        self.left = self.left.checked_sub(1)?;
        let key = self.value();
        Some((key, self.value()))
    }

    fn value(&mut self) -> &'s [u8] {
        let start = self.at;
        self.at = end_of(self.input, start);
        &self.input[start..self.at]
    }
}

/// The UTF-8 bytes of a key, which stand behind its head.
pub(super) fn text_of(key: &[u8]) -> &[u8] {
    let size = match key.first() {
        Some(0xd9) => 2,
        Some(0xda) => 3,
        Some(0xdb) => 5,
        _ => 1,
    };
    &key[size..]
}
