//! Messages that are always the same but for some numbers and a text, read without a parser.

use crate::text::take_decimal;

/// A message of text, made of a sample. What is of any other form is for a parser to read: that is not wrong by itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template<const N: usize> {
    parts: Vec<Part>,
    text_bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Text,
    Number(usize),
}

impl<const N: usize> Template<N> {
    /// Every number of `numbers` that is in the sample stands for one that is to be read, and `text` for a text of its length.
    pub(crate) fn of(sample: &[u8], text: &[u8], numbers: [u64; N]) -> Self {
        let mut holes = vec![(text.to_vec(), Part::Text)];
        let named = numbers.iter().enumerate();
        holes.extend(named.map(|(index, it)| (it.to_string().into_bytes(), Part::Number(index))));
        let mut found: Vec<(usize, usize, Part)> = holes
            .into_iter()
            .filter_map(|(bytes, part)| Some((find(sample, &bytes)?, bytes.len(), part)))
            .collect();
        found.sort_by_key(|(at, _, _)| *at);
        let mut parts = Vec::new();
        let mut end = 0;
        for (at, length, part) in found {
            parts.push(Part::Literal(sample[end..at].to_vec()));
            parts.push(part);
            end = at + length;
        }
        parts.push(Part::Literal(sample[end..].to_vec()));
        Self {
            parts,
            text_bytes: text.len(),
        }
    }

    /// The text and the numbers of a message of this form; 0 for a number that the sample does not have.
    pub(crate) fn read<'m>(&self, message: &'m [u8]) -> Option<(&'m [u8], [u64; N])> {
        let (mut text, mut numbers, mut rest): (&[u8], _, _) = (&[], [0; N], message);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(&literal[..])?,
                Part::Text => (text, rest) = rest.split_at_checked(self.text_bytes)?,
                Part::Number(index) => (numbers[*index], rest) = take_decimal(rest)?,
            }
        }
        rest.is_empty().then_some((text, numbers))
    }
}

/// Where the one piece of bytes is in the other.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_the_sample_is_read() {
        let template = Template::of(br#"{"a":111,"t":"xxxx","b":222}"#, b"xxxx", [222, 111, 333]);
        let read = template.read(br#"{"a":7,"t":"text","b":18446744073709551615}"#);
        assert_eq!(read, Some((&b"text"[..], [u64::MAX, 7, 0])));
    }

    #[test]
    fn what_is_not_is_left_alone() {
        let template = Template::of(br#"{"a":111,"t":"xxxx"}"#, b"xxxx", [111]);
        for other in [
            r#"{"t":"text","a":7}"#,
            r#"{"a":7,"t":"text"} "#,
            r#"{"a":7,"t":"texts"}"#,
            r#"{"a":7,"t":"tex"}"#,
            r#"{"a":-7,"t":"text"}"#,
            r#"{"a":07,"t":"text"}"#,
            r#"{"a":,"t":"text"}"#,
            r#"{"a":7"#,
            "",
        ] {
            assert_eq!(template.read(other.as_bytes()), None, "{other}");
        }
    }
}
