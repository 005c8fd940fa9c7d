//! Writes canonical MessagePack, whatever the value was read from. All rules of the value model that do not hang on an
//! encoding are kept here, so that no decoder can forget one: integers in one kind, floats that are integers, nesting,
//! duplicate keys.
//!
//! Canonical means: the shortest form of every integer and header, floats as float 64, no ext types. The order of a
//! map's keys is the sender's.

use smallvec::SmallVec;

use crate::error::{ValueError, ValueFault, excerpt};

/// How deep lists and maps may nest in a payload. The frame around it is one level more.
pub const DEPTH_MAX: usize = 64;

/// Floats up to this magnitude that have an integral value are integers.
const INTEGRAL_MAX: f64 = 9_007_199_254_740_992.0;

/// Up to this many keys, comparing each with each is faster than sorting.
const PAIRWISE_MAX: usize = 8;
/// So many keys of open maps take no memory of their own: those of a frame, and of a small map in it.
const KEYS_INLINE: usize = 8;

/// A writer of one canonical value. Callers give the input offset of what they write, for errors.
#[derive(Debug)]
pub(crate) struct Builder {
    out: Vec<u8>,
    /// The keys of all maps that are open, the innermost map's last.
    keys: SmallVec<[Key; KEYS_INLINE]>,
    depth: usize,
    depth_max: usize,
}

/// Where a key's text stands in the output, and where it stood in the input.
#[derive(Debug)]
struct Key {
    start: usize,
    end: usize,
    at: usize,
}

/// A list or map that is being written.
#[derive(Debug)]
pub(crate) struct Open {
    /// Where its header is in the output.
    start: usize,
    /// Whether the header was written with its final length.
    is_counted: bool,
    /// Where this map's keys begin in `Builder::keys`.
    keys_from: usize,
}

impl Builder {
    /// A writer for a payload.
    pub(crate) fn for_value(capacity: usize) -> Self {
        Self::new(Vec::with_capacity(capacity))
    }

    fn new(out: Vec<u8>) -> Self {
        Self {
            out,
            keys: SmallVec::new(),
            depth: 0,
            depth_max: DEPTH_MAX,
        }
    }

    /// A writer for a frame with payloads in it, to an empty buffer.
    pub(crate) fn for_frame(out: Vec<u8>) -> Self {
        Self {
            depth_max: DEPTH_MAX + 1,
            ..Self::new(out)
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        debug_assert!(self.depth == 0, "every list and map was ended");
        self.out
    }

    pub(crate) fn null(&mut self) {
        self.out.push(0xc0);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    pub(crate) fn int(&mut self, value: i128, at: usize) -> Result<(), ValueError> {
        if let Ok(value) = u64::try_from(value) {
            write_uint(&mut self.out, value);
        } else if let Ok(value) = i64::try_from(value) {
            write_negative(&mut self.out, value);
        } else {
            return Err(ValueFault::IntegerRange.at(at));
        }
        Ok(())
    }

    pub(crate) fn float(&mut self, value: f64, at: usize) -> Result<(), ValueError> {
        if !value.is_finite() {
            return Err(ValueFault::NotFinite.at(at));
        }
        if let Some(integer) = integral(value) {
            return self.int(integer, at);
        }
        self.out.push(0xcb);
        self.out.extend_from_slice(&value.to_be_bytes());
        Ok(())
    }

    pub(crate) fn text(&mut self, value: &str) {
        write_text(&mut self.out, value);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        write_bytes(&mut self.out, value);
    }

    /// Begins a list. Without a count, the header is completed when the list ends.
    pub(crate) fn begin_list(
        &mut self,
        count: Option<usize>,
        at: usize,
    ) -> Result<Open, ValueError> {
        let open = self.begin(count.is_some(), at)?;
        match count {
            Some(count) => write_list_header(&mut self.out, count),
            None => self.out.push(0x90),
        }
        Ok(open)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was ended cannot be ended again"
    )]
    pub(crate) fn end_list(&mut self, open: Open, count: usize) {
        self.depth -= 1;
        if !open.is_counted {
            self.complete_header(open.start, count, write_list_header);
        }
    }

    /// Begins a map. Without a count, the header is completed when the map ends.
    pub(crate) fn begin_map(
        &mut self,
        count: Option<usize>,
        at: usize,
    ) -> Result<Open, ValueError> {
        let open = self.begin(count.is_some(), at)?;
        match count {
            Some(count) => write_map_header(&mut self.out, count),
            None => self.out.push(0x80),
        }
        Ok(open)
    }

    pub(crate) fn key(&mut self, key: &str, at: usize) {
        write_text(&mut self.out, key);
        let end = self.out.len();
        self.keys.push(Key {
            start: end - key.len(),
            end,
            at,
        });
    }

    /// Ends a map, after its last value. Refuses it if two keys are equal.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was ended cannot be ended again"
    )]
    pub(crate) fn end_map(&mut self, open: Open) -> Result<(), ValueError> {
        let keys = &mut self.keys[open.keys_from..];
        let count = keys.len();
        if let Some(key) = duplicate(&self.out, keys) {
            let name = String::from_utf8_lossy(&self.out[key.start..key.end]);
            return Err(ValueFault::DuplicateKey(excerpt(&name)).at(key.at));
        }
        self.keys.truncate(open.keys_from);
        self.depth -= 1;
        if !open.is_counted {
            self.complete_header(open.start, count, write_map_header);
        }
        Ok(())
    }

    /// The only key of an open map, and the MessagePack of its value; `None` where there are more or fewer keys.
    pub(crate) fn only_entry(&self, open: &Open) -> Option<(&str, &[u8])> {
        let [key] = &self.keys[open.keys_from..] else {
            return None;
        };
        Some((
            std::str::from_utf8(&self.out[key.start..key.end]).ok()?,
            &self.out[key.end..],
        ))
    }

    /// Takes back an open map with all that is in it; the caller writes another value in its place.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was taken back cannot be ended"
    )]
    pub(crate) fn take_back(&mut self, open: Open) {
        self.depth -= 1;
        self.keys.truncate(open.keys_from);
        self.out.truncate(open.start);
    }

    /// Gives the only key of an open map another name.
    pub(crate) fn rename_only_key(&mut self, open: &Open, name: &str) {
        let Some(old) = self.keys[open.keys_from..].first() else {
            return;
        };
        let (old_end, at) = (old.end, old.at);
        let header_start = open.start + 1;
        let mut renamed = Vec::with_capacity(name.len() + 5);
        write_text(&mut renamed, name);
        let end = header_start + renamed.len();
        self.out.splice(header_start..old_end, renamed);
        self.keys.truncate(open.keys_from);
        self.keys.push(Key {
            start: end - name.len(),
            end,
            at,
        });
    }

    fn begin(&mut self, is_counted: bool, at: usize) -> Result<Open, ValueError> {
        if self.depth == self.depth_max {
            return Err(ValueFault::TooDeep.at(at));
        }
        self.depth += 1;
        Ok(Open {
            start: self.out.len(),
            is_counted,
            keys_from: self.keys.len(),
        })
    }

    /// Puts the real header in the place of the one-byte one. Only long lists and maps have to move for it.
    fn complete_header(&mut self, start: usize, count: usize, write: fn(&mut Vec<u8>, usize)) {
        let mut header = Vec::with_capacity(5);
        write(&mut header, count);
        if let [only] = header[..] {
            self.out[start] = only;
        } else {
            self.out.splice(start..=start, header);
        }
    }
}

/// The integer that a float is, by the value model.
pub(crate) fn integral(value: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an integral value within ±2^53 converts exactly"
    )]
    (value.abs() <= INTEGRAL_MAX && value.fract() == 0.0).then_some(value as i128)
}

/// The later one of two equal keys.
fn duplicate<'k>(out: &[u8], keys: &'k mut [Key]) -> Option<&'k Key> {
    let text = |key: &Key| &out[key.start..key.end];
    if keys.len() <= PAIRWISE_MAX {
        let is_repeated = |&index: &usize| {
            keys[..index]
                .iter()
                .any(|earlier| text(earlier) == text(&keys[index]))
        };
        return (1..keys.len()).find(is_repeated).map(|index| &keys[index]);
    }
    keys.sort_unstable_by(|a, b| text(a).cmp(text(b)).then(a.start.cmp(&b.start)));
    keys.windows(2)
        .find(|pair| text(&pair[0]) == text(&pair[1]))
        .map(|pair| &pair[1])
}

pub(crate) fn write_uint(out: &mut Vec<u8>, value: u64) {
    if let Ok(value) = u8::try_from(value) {
        if value > 0x7f {
            out.push(0xcc);
        }
        out.push(value);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(0xcd);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn write_negative(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = i8::try_from(value) {
        if value < -32 {
            out.push(0xd0);
        }
        out.push(value.cast_unsigned());
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xd1);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xd2);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

pub(crate) fn write_text(out: &mut Vec<u8>, value: &str) {
    match u8::try_from(value.len()) {
        Ok(length @ 0..=31) => out.push(0xa0 | length),
        Ok(length) => out.extend_from_slice(&[0xd9, length]),
        Err(_) => write_length(out, value.len(), 0xda),
    }
    out.extend_from_slice(value.as_bytes());
}

fn write_bytes(out: &mut Vec<u8>, value: &[u8]) {
    match u8::try_from(value.len()) {
        Ok(length) => out.extend_from_slice(&[0xc4, length]),
        Err(_) => write_length(out, value.len(), 0xc5),
    }
    out.extend_from_slice(value);
}

pub(crate) fn write_list_header(out: &mut Vec<u8>, count: usize) {
    match u8::try_from(count) {
        Ok(count @ 0..=15) => out.push(0x90 | count),
        _ => write_length(out, count, 0xdc),
    }
}

pub(crate) fn write_map_header(out: &mut Vec<u8>, count: usize) {
    match u8::try_from(count) {
        Ok(count @ 0..=15) => out.push(0x80 | count),
        _ => write_length(out, count, 0xde),
    }
}

/// Writes a 16-bit length behind `marker`, or a 32-bit one behind the marker that follows it.
fn write_length(out: &mut Vec<u8>, length: usize, marker: u8) {
    if let Ok(length) = u16::try_from(length) {
        out.push(marker);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        let length = u32::try_from(length).expect("messages are far below 4 GiB");
        out.push(marker + 1);
        out.extend_from_slice(&length.to_be_bytes());
    }
}
