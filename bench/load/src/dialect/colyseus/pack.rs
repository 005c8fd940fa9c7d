//! As much of MessagePack as these messages have.

/// What a client of Colyseus writes an object as: a name for records with these keys, here for the record that follows. What is
/// written behind it are the values.
pub(super) fn write_record(keys: [&str; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xD4, 0x72, RECORD, 0x92]);
    for key in keys {
        write_text(key.as_bytes(), out);
    }
}

/// The name of the record; so bytes up to 0x7F are names from here on, and no numbers.
const RECORD: u8 = 0x40;

pub(super) fn write_number(number: u32, out: &mut Vec<u8>) {
    if let Ok(byte) = u8::try_from(number) {
        if byte >= RECORD {
            out.push(0xCC);
        }
        out.push(byte);
    } else if let Ok(short) = u16::try_from(number) {
        out.push(0xCD);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xCE);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

pub(super) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    if let Ok(length) = u8::try_from(text.len()) {
        if length < 32 {
            out.push(0xA0 | length);
        } else {
            out.extend_from_slice(&[0xD9, length]);
        }
    } else {
        // Texts of a load have an end far below this.
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        out.push(0xDA);
        out.extend_from_slice(&length.to_be_bytes());
    }
    out.extend_from_slice(text);
}

/// What a server's message has, of all that any has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'m> {
    pub(super) id: Option<u64>,
    pub(super) from: Option<u32>,
    pub(super) member: Option<u32>,
    pub(super) data: Option<&'m [u8]>,
}

#[derive(Debug)]
pub(super) struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    pub(super) fn new(bytes: &'m [u8]) -> Self {
        Self(bytes)
    }

    /// A map with the fields that are known, to the end.
    pub(super) fn fields(&mut self) -> Option<Fields<'m>> {
        let mut fields = Fields::default();
        for _ in 0..self.map()? {
            let key = self.text()?;
            match key {
                b"data" => fields.data = Some(self.text()?),
                b"id" => fields.id = Some(self.number()?),
                b"from" => fields.from = Some(u32::try_from(self.number()?).ok()?),
                b"member" => fields.member = Some(u32::try_from(self.number()?).ok()?),
                b"tick" => drop(self.number()?),
                _ => return None,
            }
        }
        self.0.is_empty().then_some(fields)
    }

    pub(super) fn text(&mut self) -> Option<&'m [u8]> {
        let length = match self.byte()? {
            short @ 0xA0..=0xBF => usize::from(short & 0x1F),
            0xD9 => usize::from(self.byte()?),
            0xDA => usize::from(u16::from_be_bytes(self.take()?)),
            _ => return None,
        };
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn number(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0..=0x7F => Some(small.into()),
            0xCC => Some(self.byte()?.into()),
            0xCD => Some(u16::from_be_bytes(self.take()?).into()),
            0xCE => Some(u32::from_be_bytes(self.take()?).into()),
            0xCF => Some(u64::from_be_bytes(self.take()?)),
            _ => None,
        }
    }

    /// How many entries follow.
    fn map(&mut self) -> Option<u16> {
        match self.byte()? {
            short @ 0x80..=0x8F => Some(u16::from(short & 0x0F)),
            0xDE => Some(u16::from_be_bytes(self.take()?)),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_taken_for_names_of_records() {
        for (number, bytes) in [
            (0x3F, vec![0x3F]),
            (0x40, vec![0xCC, 0x40]),
            (0x7F, vec![0xCC, 0x7F]),
            (0xFF, vec![0xCC, 0xFF]),
            (0x1234, vec![0xCD, 0x12, 0x34]),
            (0x0001_0000, vec![0xCE, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new(&out).number(), Some(number.into()));
        }
        assert_eq!(Reader::new(&[0x40]).number(), Some(0x40), "of a server");
    }

    #[test]
    fn texts_of_all_lengths_are_read() {
        for length in [0, 31, 32, 255, 256, 65_535] {
            let text = vec![b'x'; length];
            let mut out = Vec::new();
            write_text(&text, &mut out);
            assert_eq!(Reader::new(&out).text(), Some(&text[..]));
            out.pop();
            assert!(length == 0 || Reader::new(&out).text().is_none());
        }
    }

    #[test]
    fn a_map_is_read_to_its_end() {
        let expected = Fields {
            id: Some(5),
            data: Some(b"x"),
            ..Fields::default()
        };
        for bytes in [
            &b"\xDE\x00\x02\xA2id\x05\xA4data\xA1x"[..],
            b"\x82\xA4data\xA1x\xA2id\xCD\x00\x05",
        ] {
            assert_eq!(Reader::new(bytes).fields(), Some(Fields { ..expected }));
        }
        for wrong in [
            &b""[..],
            b"\x82\xA2id\x05",
            b"\x81\xA2id\x05\x00",
            b"\x81\xA2id\xA1x",
            b"\x81\xA2it\x05",
            b"\x91\x05",
        ] {
            assert_eq!(Reader::new(wrong).fields(), None, "{wrong:?}");
        }
    }
}
