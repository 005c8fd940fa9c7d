//! What tests of all dialects need.

use super::*;

/// A seat in a room of this kind, for texts of this length.
pub(super) fn seat(kind: Kind, text_bytes: usize) -> Seat {
    Seat {
        client: 3,
        turn: 0,
        room: "room-1".to_owned(),
        kind,
        place: 0,
        places: 2,
        text_bytes,
        rate: 10.0,
    }
}

/// The payloads of the messages that are written.
pub(super) fn written(write: impl FnOnce(&mut Outbound)) -> Vec<Vec<u8>> {
    let mut outbound = Outbound::new(1);
    write(&mut outbound);
    let mut messages = Vec::new();
    let mut rest = outbound.waiting();
    while let [_, length, after @ ..] = rest {
        let (length, after) = match length & 0x7F {
            126 => {
                let (length, after) = after.split_first_chunk().expect("a length of two bytes");
                (usize::from(u16::from_be_bytes(*length)), after)
            }
            short => (usize::from(short), after),
        };
        let (mask, after) = after.split_at(4);
        let (masked, after) = after.split_at(length);
        let bytes = masked.iter().zip(mask.iter().cycle());
        messages.push(bytes.map(|(byte, mask)| byte ^ mask).collect());
        rest = after;
    }
    messages
}

/// The same where they are text.
pub(super) fn said_of(write: impl FnOnce(&mut Outbound)) -> Vec<String> {
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    written(write).into_iter().map(text).collect()
}
