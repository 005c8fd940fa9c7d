//! The reader: a scanner that pushes what it sees into a [`Builder`].

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{BYTES, INT};
use crate::{
    builder::{Builder, Open},
    error::{ValueError, ValueFault, excerpt},
    msgpack::{Reader, Token},
};

/// Reads one whole text into `builder`.
pub(crate) fn decode(input: &str, builder: Builder) -> Result<Vec<u8>, ValueError> {
    let mut scanner = Scanner {
        input,
        at: 0,
        builder,
    };
    scanner.value()?;
    scanner.whitespace();
    if scanner.at < input.len() {
        return Err(ValueFault::Trailing.at(scanner.at));
    }
    Ok(scanner.builder.finish())
}

struct Scanner<'a> {
    input: &'a str,
    at: usize,
    builder: Builder,
}

impl<'a> Scanner<'a> {
    fn value(&mut self) -> Result<(), ValueError> {
        self.whitespace();
        let at = self.at;
        match self.peek()? {
            b'{' => self.map()?,
            b'[' => self.list()?,
            b'"' => {
                let text = self.string()?;
                self.builder.text(&text);
            }
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word("true").map(|()| self.builder.bool(true))?,
            b'f' => self.word("false").map(|()| self.builder.bool(false))?,
            b'n' => self.word("null").map(|()| self.builder.null())?,
            _ => return Err(ValueFault::Syntax("expected a JSON value").at(at)),
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(), ValueError> {
        let open = self.builder.begin_list(None, self.at)?;
        self.at += 1;
        let mut count = 0;
        if !self.ends_with(b']')? {
            loop {
                self.value()?;
                count += 1;
                if !self.separator(b']', "expected `,` or `]`")? {
                    break;
                }
            }
        }
        self.builder.end_list(open, count);
        Ok(())
    }

    fn map(&mut self) -> Result<(), ValueError> {
        let start = self.at;
        let open = self.builder.begin_map(None, start)?;
        self.at += 1;
        if !self.ends_with(b'}')? {
            loop {
                self.whitespace();
                let at = self.at;
                if self.peek()? != b'"' {
                    return Err(ValueFault::Syntax("expected a key in double quotes").at(at));
                }
                let key = self.string()?;
                self.builder.key(&key, at);
                self.whitespace();
                if self.peek()? != b':' {
                    return Err(ValueFault::Syntax("expected `:`").at(self.at));
                }
                self.at += 1;
                self.value()?;
                if !self.separator(b'}', "expected `,` or `}`")? {
                    break;
                }
            }
        }
        self.close_map(open, start)
    }

    /// Ends a map. Only now is it known whether it has one key, and so may stand for something else.
    fn close_map(&mut self, open: Open, at: usize) -> Result<(), ValueError> {
        let builder = &mut self.builder;
        let Some((key, value)) = builder
            .only_entry(&open)
            .filter(|(key, _)| key.starts_with('$'))
        else {
            return builder.end_map(open);
        };
        let text = match Reader::new(value).next()? {
            Token::Text(text) => Some(text),
            _ => None,
        };
        if key == BYTES {
            let bytes = text.and_then(|text| STANDARD.decode(text).ok());
            let bytes =
                bytes.ok_or(ValueFault::Tag("$bytes needs base64 text with padding").at(at))?;
            builder.take_back(open);
            builder.bytes(&bytes);
            return Ok(());
        }
        if key == INT {
            let int = text.filter(|text| is_decimal(text));
            let int = int.ok_or(ValueFault::Tag("$int needs a decimal integer as text").at(at))?;
            let int = int.parse().map_err(|_| ValueFault::IntegerRange.at(at))?;
            builder.take_back(open);
            return builder.int(int, at);
        }
        let Some(literal) = key
            .strip_prefix('$')
            .filter(|rest| rest.starts_with('$'))
            .map(str::to_owned)
        else {
            return Err(ValueFault::ReservedKey(excerpt(key)).at(at));
        };
        builder.rename_only_key(&open, &literal);
        builder.end_map(open)
    }

    fn number(&mut self) -> Result<(), ValueError> {
        let start = self.at;
        self.at += usize::from(self.input.as_bytes()[start] == b'-');
        let leading = self.at;
        self.digits()?;
        if self.input.as_bytes()[leading] == b'0' && self.at > leading + 1 {
            return Err(ValueFault::Syntax("a number must not begin with 0").at(leading));
        }
        let mut is_integer = true;
        if self.next_is(b".") {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if self.next_is(b"eE") {
            is_integer = false;
            self.at += 1;
            self.at += usize::from(self.next_is(b"+-"));
            self.digits()?;
        }
        let literal = &self.input[start..self.at];
        if is_integer {
            let int = literal
                .parse()
                .map_err(|_| ValueFault::IntegerRange.at(start))?;
            return self.builder.int(int, start);
        }
        let float = literal
            .parse()
            .map_err(|_| ValueFault::Syntax("expected a number").at(start))?;
        self.builder.float(float, start)
    }

    fn digits(&mut self) -> Result<(), ValueError> {
        let rest = &self.input.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        match count {
            0 if rest.is_empty() => Err(ValueFault::Truncated.at(self.at)),
            0 => Err(ValueFault::Syntax("expected a digit").at(self.at)),
            _ => Ok(()),
        }
    }

    /// Reads a string, which borrows from the input unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, ValueError> {
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = &self.input.as_bytes()[self.at..];
            let plain = rest
                .iter()
                .position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            let Some(plain) = plain else {
                return Err(ValueFault::Truncated.at(self.input.len()));
            };
            let chunk = &self.input[self.at..self.at + plain];
            match &mut text {
                Cow::Borrowed("") => text = Cow::Borrowed(chunk),
                text => text.to_mut().push_str(chunk),
            }
            self.at += plain + 1;
            match rest[plain] {
                b'"' => return Ok(text),
                b'\\' => {
                    let character = self.escape()?;
                    text.to_mut().push(character);
                }
                _ => {
                    return Err(
                        ValueFault::Syntax("a control character must be escaped").at(self.at - 1)
                    );
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, ValueError> {
        let at = self.at - 1;
        let letter = self.peek()?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) && self.input[self.at..].starts_with("\\u") {
                    self.at += 2;
                    units.push(self.hex4()?);
                }
                let mut characters = char::decode_utf16(units);
                match (characters.next(), characters.next()) {
                    (Some(Ok(character)), None) => character,
                    _ => return Err(ValueFault::LoneSurrogate.at(at)),
                }
            }
            _ => return Err(ValueFault::Syntax("no such escape").at(at)),
        })
    }

    fn hex4(&mut self) -> Result<u16, ValueError> {
        let Some(digits) = self.input.as_bytes()[self.at..].first_chunk::<4>() else {
            return Err(ValueFault::Truncated.at(self.input.len()));
        };
        let mut unit = 0;
        for &digit in digits {
            let Some(digit) = char::from(digit).to_digit(16) else {
                return Err(ValueFault::Syntax("expected four hexadecimal digits").at(self.at));
            };
            unit = unit * 16 + digit;
        }
        self.at += 4;
        u16::try_from(unit)
            .map_err(|_| ValueFault::Syntax("expected four hexadecimal digits").at(self.at))
    }

    fn word(&mut self, word: &str) -> Result<(), ValueError> {
        let rest = &self.input[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(ValueFault::Truncated.at(self.input.len()))
        } else {
            Err(ValueFault::Syntax("expected a JSON value").at(self.at))
        }
    }

    /// Whether the list or map that has just begun is empty; passes over its end.
    fn ends_with(&mut self, end: u8) -> Result<bool, ValueError> {
        self.whitespace();
        let is_end = self.peek()? == end;
        self.at += usize::from(is_end);
        Ok(is_end)
    }

    /// Passes over the separator behind an item. Whether another item follows.
    fn separator(&mut self, end: u8, expected: &'static str) -> Result<bool, ValueError> {
        self.whitespace();
        let byte = self.peek()?;
        if byte != b',' && byte != end {
            return Err(ValueFault::Syntax(expected).at(self.at));
        }
        self.at += 1;
        Ok(byte == b',')
    }

    fn whitespace(&mut self) {
        let rest = &self.input.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
    }

    fn peek(&self) -> Result<u8, ValueError> {
        self.input
            .as_bytes()
            .get(self.at)
            .copied()
            .ok_or(ValueFault::Truncated.at(self.at))
    }

    fn next_is(&self, any_of: &[u8]) -> bool {
        self.input
            .as_bytes()
            .get(self.at)
            .is_some_and(|byte| any_of.contains(byte))
    }
}

/// A decimal integer as we write it: no plus sign, no leading zeros, no `-0`.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = text == "0" || !digits.starts_with('0');
    is_canonical && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
