//! Writes the map forms straight from the frame, without a value in between.

use bytes::Bytes;

use crate::{
    NUMBER_MAX, Payload,
    builder::{write_list_header, write_map_header, write_text, write_uint},
    json, scratch,
};

/// Where the maps of a frame are written to. Lengths come first, for MessagePack; commas are the writer's business.
pub(crate) trait MapWriter {
    fn begin_map(&mut self, count: usize);
    fn key(&mut self, key: &str);
    fn end_map(&mut self);
    fn begin_list(&mut self, count: usize);
    fn item(&mut self);
    fn end_list(&mut self);
    fn bool(&mut self, value: bool);
    fn uint(&mut self, value: u64);
    fn text(&mut self, value: &str);
    fn payload(&mut self, value: &Payload);
}

/// The message that `write` writes to an empty buffer. It takes exactly its length of memory, for as long as a room may have
/// to send it again.
fn compose(write: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Bytes {
    let written = write(scratch::take());
    if scratch::is_large(&written) {
        return written.into();
    }
    let message = Bytes::copy_from_slice(&written);
    scratch::give_back(written);
    message
}

/// Writes a frame as MessagePack.
#[derive(Debug)]
pub(crate) struct MsgpackWriter(Vec<u8>);

impl MsgpackWriter {
    pub(crate) fn write(frame: impl FnOnce(&mut Self)) -> Bytes {
        compose(|out| {
            let mut writer = Self(out);
            frame(&mut writer);
            writer.0
        })
    }
}

impl MapWriter for MsgpackWriter {
    fn begin_map(&mut self, count: usize) {
        write_map_header(&mut self.0, count);
    }

    fn key(&mut self, key: &str) {
        write_text(&mut self.0, key);
    }

    fn end_map(&mut self) {}

    fn begin_list(&mut self, count: usize) {
        write_list_header(&mut self.0, count);
    }

    fn item(&mut self) {}

    fn end_list(&mut self) {}

    fn bool(&mut self, value: bool) {
        self.0.push(if value { 0xc3 } else { 0xc2 });
    }

    fn uint(&mut self, value: u64) {
        debug_assert!(value <= NUMBER_MAX, "protocol numbers stay below 2^53");
        write_uint(&mut self.0, value);
    }

    fn text(&mut self, value: &str) {
        write_text(&mut self.0, value);
    }

    fn payload(&mut self, value: &Payload) {
        self.0.extend_from_slice(value.as_msgpack());
    }
}

/// Writes a frame as JSON.
#[derive(Debug)]
pub(crate) struct JsonWriter {
    out: Vec<u8>,
    /// Whether the next key or item has one before it in its map or list.
    follows: bool,
}

impl JsonWriter {
    pub(crate) fn write(frame: impl FnOnce(&mut Self)) -> Bytes {
        compose(|out| {
            let mut writer = Self {
                out,
                follows: false,
            };
            frame(&mut writer);
            writer.out
        })
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.follows = false;
    }

    fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.follows = true;
    }
}

impl MapWriter for JsonWriter {
    fn begin_map(&mut self, _count: usize) {
        self.open(b'{');
    }

    fn key(&mut self, key: &str) {
        self.item();
        json::write_text(&mut self.out, key);
        self.out.push(b':');
    }

    fn end_map(&mut self) {
        self.close(b'}');
    }

    fn begin_list(&mut self, _count: usize) {
        self.open(b'[');
    }

    fn item(&mut self) {
        if self.follows {
            self.out.push(b',');
        }
        self.follows = true;
    }

    fn end_list(&mut self) {
        self.close(b']');
    }

    fn bool(&mut self, value: bool) {
        json::write_bool(&mut self.out, value);
    }

    fn uint(&mut self, value: u64) {
        debug_assert!(value <= NUMBER_MAX, "protocol numbers stay below 2^53");
        json::write_uint(&mut self.out, value);
    }

    fn text(&mut self, value: &str) {
        json::write_text(&mut self.out, value);
    }

    fn payload(&mut self, value: &Payload) {
        json::write_payload(&mut self.out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_short_and_long_are_whole_and_apart() {
        let write = |length: usize| {
            MsgpackWriter::write(|writer| writer.0.extend(std::iter::repeat_n(7, length)))
        };
        const LONG: usize = scratch::KEPT_BYTES_MAX;
        let lengths = [3, 0, LONG, 5, 10 * LONG, 1];
        let messages = lengths.map(write);
        assert_eq!(messages.each_ref().map(Bytes::len), lengths);
        assert!(messages.iter().flatten().all(|byte| *byte == 7));
    }
}
