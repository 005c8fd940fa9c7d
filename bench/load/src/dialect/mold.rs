//! Bytes that are always the same but for a text of one length, in whatever encoding.

use super::template::find;

/// What comes before the text and behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mold {
    before: Vec<u8>,
    text_bytes: usize,
    behind: Vec<u8>,
}

impl Mold {
    /// Made of a sample that has this text in it.
    pub(crate) fn of(sample: &[u8], text: &[u8]) -> Self {
        let at = find(sample, text).expect("text is kept as it is, in all encodings");
        Self {
            before: sample[..at].to_vec(),
            text_bytes: text.len(),
            behind: sample[at + text.len()..].to_vec(),
        }
    }

    /// The sample with another text of the same length.
    pub(crate) fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        debug_assert_eq!(text.len(), self.text_bytes, "all texts have one length");
        out.extend_from_slice(&self.before);
        out.extend_from_slice(text);
        out.extend_from_slice(&self.behind);
    }

    /// The text in what is like the sample.
    pub(crate) fn read<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let rest = bytes.strip_prefix(&self.before[..])?;
        let (text, behind) = rest.split_at_checked(self.text_bytes)?;
        (behind == self.behind).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mold = Mold::of(b"<<xxxx>", b"xxxx");
        let mut out = Vec::new();
        mold.write(b"text", &mut out);
        assert_eq!(out, b"<<text>");
        assert_eq!(mold.read(&out), Some(&b"text"[..]));
        for other in ["<<text", "<<text>>", "<<tex>", "<text>", ""] {
            assert_eq!(mold.read(other.as_bytes()), None, "{other}");
        }
    }
}
