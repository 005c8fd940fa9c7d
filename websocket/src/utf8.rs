//! UTF-8 that comes in pieces, which may be cut within a character.

/// A check that remembers the beginning of a character whose rest is still to come.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    begun: [u8; 4],
    begun_len: usize,
}

/// Bytes that no text can go on with, or end with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

impl Utf8 {
    /// Checks the next piece, and fails with the first byte that cannot be.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.begun_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.begun[self.begun_len] = byte;
            self.begun_len += 1;
            match std::str::from_utf8(&self.begun[..self.begun_len]) {
                Ok(_) => self.begun_len = 0,
                Err(error) if error.error_len().is_some() => return Err(NotUtf8),
                // At most three bytes are a beginning of something, so that the fourth has its place.
                Err(_) => {}
            }
        }
        let Err(error) = std::str::from_utf8(piece) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        let rest = &piece[error.valid_up_to()..];
        self.begun[..rest.len()].copy_from_slice(rest);
        self.begun_len = rest.len();
        Ok(())
    }

    /// Says whether the text may end here.
    pub(crate) fn finish(&self) -> Result<(), NotUtf8> {
        if self.begun_len == 0 {
            Ok(())
        } else {
            Err(NotUtf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the bytes, cut into pieces of this length, are taken for text.
    fn is_text(bytes: &[u8], piece: usize) -> bool {
        let mut utf8 = Utf8::default();
        bytes.chunks(piece).all(|piece| utf8.feed(piece).is_ok()) && utf8.finish().is_ok()
    }

    #[test]
    fn pieces_are_judged_as_the_whole_is() {
        let texts: [&[u8]; 9] = [
            "κόσμε – 𝄞 – \u{10FFFF}".as_bytes(),
            b"",
            b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited",
            b"\xF4\x90\x80\x80",
            b"\xC0\xAF",
            b"ends within \xF0\x9D\x84",
            b"\x80",
            b"\xFE\xFF",
            b"a\xE2\x28\xA1",
        ];
        for text in texts {
            for piece in 1..=7 {
                let whole = std::str::from_utf8(text).is_ok();
                assert_eq!(is_text(text, piece), whole, "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn the_first_impossible_byte_is_enough() {
        let mut utf8 = Utf8::default();
        assert_eq!(utf8.feed(b"\xF4"), Ok(()));
        assert_eq!(utf8.feed(b"\x90"), Err(NotUtf8));
    }
}
