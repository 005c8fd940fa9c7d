//! What a client is still to send.

use super::frame::FRAME_BYTES_MAX;
use crate::text::mix;

/// A server that leaves so much unread is not kept up with any more.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// RFC 6455, 7.4.1: what a connection was for is done.
const NORMAL: u16 = 1000;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PONG: u8 = 0xA;

/// Frames with their masks, in one piece, so that they leave in one write.
#[derive(Debug)]
pub(crate) struct Outbound {
    waiting: Vec<u8>,
    /// How much of that is written.
    written: usize,
    /// Where the payload of a frame is put together.
    payload: Vec<u8>,
    /// What the next mask is drawn from.
    seed: u64,
}

impl Outbound {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            waiting: Vec::new(),
            written: 0,
            payload: Vec::new(),
            seed,
        }
    }

    /// Adds a message of text, which `write` puts into an empty place.
    pub(crate) fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.message(TEXT, write);
    }

    /// Adds a message of bytes, which `write` puts into an empty place.
    pub(crate) fn binary(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.message(BINARY, write);
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, ping: &[u8]) {
        self.frame(PONG, ping);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self) {
        self.frame(CLOSE, &NORMAL.to_be_bytes());
    }

    /// What is to be written next.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.waiting[self.written..]
    }

    /// So much of that was written.
    pub(crate) fn on_written(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written == self.waiting.len() {
            self.waiting.clear();
            self.written = 0;
        }
    }

    /// Whether more waits than a server that reads would leave.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() > WAITING_BYTES_MAX
    }

    fn message(&mut self, opcode: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        write(&mut payload);
        self.frame(opcode, &payload);
        self.payload = payload;
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        debug_assert!(payload.len() <= FRAME_BYTES_MAX, "clients send little");
        self.waiting.push(0x80 | opcode);
        if let Ok(short) = u8::try_from(payload.len())
            && short < 126
        {
            self.waiting.push(0x80 | short);
        } else if let Ok(middle) = u16::try_from(payload.len()) {
            self.waiting.push(0x80 | 126);
            self.waiting.extend_from_slice(&middle.to_be_bytes());
        } else {
            self.waiting.push(0x80 | 127);
            let long = payload.len() as u64;
            self.waiting.extend_from_slice(&long.to_be_bytes());
        }
        // Another one for each frame, as it has to be; nobody is to be kept from guessing it here.
        self.seed = mix(self.seed);
        let [a, b, c, d, ..] = self.seed.to_le_bytes();
        let mask = [a, b, c, d];
        self.waiting.extend_from_slice(&mask);
        let start = self.waiting.len();
        self.waiting.extend_from_slice(payload);
        apply(mask, &mut self.waiting[start..]);
    }
}

/// Puts a mask on, or takes it off. Eight bytes at a time, which the compiler makes into as wide an instruction as there is.
fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = bytes.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a frame apart: its first byte, its payload without the mask, and what is behind it.
    fn parse(bytes: &[u8]) -> (u8, Vec<u8>, &[u8]) {
        assert_eq!(bytes[1] & 0x80, 0x80, "frames of clients have a mask");
        let (length, head) = match bytes[1] & 0x7F {
            126 => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
            127 => {
                let length = u64::from_be_bytes(bytes[2..10].try_into().unwrap());
                (usize::try_from(length).unwrap(), 10)
            }
            short => (usize::from(short), 2),
        };
        let mask: [u8; 4] = bytes[head..head + 4].try_into().unwrap();
        let end = head + 4 + length;
        let masked = bytes[head + 4..end].iter().zip(mask.iter().cycle());
        let payload = masked.map(|(byte, mask)| byte ^ mask).collect();
        (bytes[0], payload, &bytes[end..])
    }

    #[test]
    fn frames_are_in_one_piece_until_they_are_written() {
        let mut outbound = Outbound::new(1);
        outbound.text(|text| text.extend_from_slice(b"hello"));
        outbound.binary(|bytes| bytes.resize(300, 7));
        outbound.binary(|bytes| bytes.resize(70_000, 8));
        outbound.pong(b"?");
        outbound.close();
        let mut rest = outbound.waiting();
        for (head, payload) in [
            (0x81, b"hello".to_vec()),
            (0x82, vec![7; 300]),
            (0x82, vec![8; 70_000]),
            (0x8A, b"?".to_vec()),
            (0x88, vec![3, 0xE8]),
        ] {
            let parsed = parse(rest);
            assert_eq!((parsed.0, parsed.1), (head, payload));
            rest = parsed.2;
        }
        assert!(rest.is_empty());
        let length = outbound.waiting().len();
        outbound.on_written(5);
        assert_eq!(outbound.waiting().len(), length - 5);
        outbound.on_written(length - 5);
        assert!(outbound.waiting().is_empty());
    }

    #[test]
    fn masks_differ() {
        let mut outbound = Outbound::new(1);
        outbound.pong(b"");
        outbound.pong(b"");
        let (one, other) = outbound.waiting().split_at(6);
        assert_ne!(one, other);
    }

    #[test]
    fn what_a_server_does_not_take_has_a_bound() {
        let mut outbound = Outbound::new(1);
        for _ in 0..WAITING_BYTES_MAX / 60_000 {
            outbound.binary(|bytes| bytes.resize(59_990, 0));
            assert!(!outbound.is_full());
        }
        outbound.binary(|bytes| bytes.resize(100_000, 0));
        assert!(outbound.is_full());
    }
}
