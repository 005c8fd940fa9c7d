//! What clients say: text that says whose it is and the how manieth, and of which every byte is known beforehand, so that
//! whoever gets it can tell that it is the same.

/// The shortest text that has place for what it must say.
pub(crate) const TEXT_BYTES_MIN: usize = 32;
/// Texts begin at so many places of the filler.
const OFFSETS: usize = 1 << 10;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Whose words these are, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    /// The number of a client in the run.
    pub(crate) sender: u32,
    pub(crate) number: u32,
}

/// Writes and reads texts of one length. None has a character that any encoding would write in another way.
#[derive(Debug)]
pub(crate) struct Texts {
    length: usize,
    filler: Vec<u8>,
}

impl Texts {
    pub(crate) fn new(length: usize) -> Self {
        debug_assert!(length >= TEXT_BYTES_MIN, "texts have place for their head");
        let filler = (0..OFFSETS + length).map(|at| ALPHABET[(mix(at as u64) % 64) as usize]);
        Self {
            length,
            filler: filler.collect(),
        }
    }

    /// Puts the text in the place of what is there.
    pub(crate) fn write(&self, words: Words, text: &mut Vec<u8>) {
        text.clear();
        push_number(words.sender, text);
        push_number(words.number, text);
        let missing = self.length.saturating_sub(text.len());
        text.extend_from_slice(self.filler(words, missing));
    }

    /// Whose words a text is; nothing where it is not as it was written.
    pub(crate) fn read(&self, text: &[u8]) -> Option<Words> {
        if text.len() != self.length {
            return None;
        }
        let (sender, rest) = take_number(text)?;
        let (number, rest) = take_number(rest)?;
        let words = Words { sender, number };
        (rest == self.filler(words, rest.len())).then_some(words)
    }

    /// What comes behind the head.
    fn filler(&self, words: Words, length: usize) -> &[u8] {
        let [low, high, ..] =
            mix(u64::from(words.sender) << 32 | u64::from(words.number)).to_le_bytes();
        let offset = usize::from(u16::from_le_bytes([low, high])) % OFFSETS;
        &self.filler[offset..offset + length]
    }
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
pub(crate) const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Writes a number and what ends it.
fn push_number(number: u32, text: &mut Vec<u8>) {
    push_decimal(u64::from(number), text);
    text.push(b'.');
}

/// Writes a number as JSON has it, without the machinery of formatting.
pub(crate) fn push_decimal(mut number: u64, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[first..]);
}

/// Reads a number as [`push_number`] writes it, and no other way.
fn take_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = take_decimal(text)?;
    Some((u32::try_from(number).ok()?, rest.strip_prefix(b".")?))
}

/// Reads the number that a text begins with, in the only way in which JSON writes it.
pub(crate) fn take_decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    let mut length = 0;
    while let Some(digit) = text.get(length).filter(|byte| byte.is_ascii_digit()) {
        let digit = u64::from(digit - b'0');
        number = number.checked_mul(10)?.checked_add(digit)?;
        length += 1;
    }
    let is_plain = length == 1 || text.first() != Some(&b'0');
    (length > 0 && is_plain).then(|| (number, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(texts: &Texts, sender: u32, number: u32) -> Vec<u8> {
        let mut text = b"what was there".to_vec();
        texts.write(Words { sender, number }, &mut text);
        text
    }

    #[test]
    fn what_was_written_is_read() {
        let texts = Texts::new(64);
        for (sender, number) in [(0, 0), (7, 1_234_567), (u32::MAX, u32::MAX)] {
            let text = written(&texts, sender, number);
            assert_eq!(text.len(), 64);
            assert_eq!(texts.read(&text), Some(Words { sender, number }));
        }
        let shortest = Texts::new(TEXT_BYTES_MIN);
        let text = written(&shortest, u32::MAX, u32::MAX);
        assert!(shortest.read(&text).is_some());
    }

    #[test]
    fn a_text_with_any_other_byte_is_noticed() {
        let texts = Texts::new(64);
        let text = written(&texts, 7, 1_234_567);
        for at in 0..text.len() {
            let mut other = text.clone();
            other[at] ^= 1;
            assert_eq!(texts.read(&other), None, "{at}");
        }
        assert_eq!(texts.read(&text[..63]), None);
        assert_eq!(texts.read(&[&text[..], b"x"].concat()), None);
        assert_eq!(texts.read(b""), None);
    }

    #[test]
    fn numbers_are_read_in_one_form_only() {
        assert_eq!(take_decimal(b"0,"), Some((0, &b","[..])));
        let most = u64::MAX.to_string();
        assert_eq!(take_decimal(most.as_bytes()), Some((u64::MAX, &b""[..])));
        for wrong in ["", "x", "-1", "+1", "01", "00", "18446744073709551616"] {
            assert_eq!(take_decimal(wrong.as_bytes()), None, "{wrong}");
        }
        for number in [0, 9, 10, 65_535, u64::MAX] {
            let mut text = Vec::new();
            push_decimal(number, &mut text);
            assert_eq!(text, number.to_string().as_bytes());
        }
    }
}
