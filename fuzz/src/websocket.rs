//! A client's side of a WebSocket: read the same however it is cut into pieces, and as another library reads it.

use std::io::{self, Read, Write};

use bytes::BufMut as _;
use parlor_websocket::{Bounds, Decoder, Item, Kind, Violation};
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

/// Room for a frame that is worth a way of its own, and few enough fragments that inputs may have too many.
const BOUNDS: Bounds = Bounds {
    message_bytes_max: 64 << 10,
    fragments_max: 4,
};

/// Reads the first byte as how to read the others: whether as text, and in pieces of which length.
pub fn websocket(input: &[u8]) {
    let Some((how, stream)) = input.split_first() else {
        return;
    };
    let kind = if how & 1 == 0 {
        Kind::Text
    } else {
        Kind::Binary
    };
    let piece = usize::from(how >> 1) + 1;
    let whole = decode(kind, stream, stream.len().max(1));
    for piece in [piece, 1] {
        assert_eq!(decode(kind, stream, piece), whole, "in pieces of {piece}");
    }
    check_items(kind, &whole.items);
    check_second_opinion(&whole.items, stream);
}

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    items: Vec<Item>,
    violation: Option<Violation>,
}

/// Decodes a stream that arrives in pieces of this length, up to its end or that of the conversation.
fn decode(kind: Kind, stream: &[u8], piece: usize) -> Decoded {
    let mut decoder = Decoder::new(kind, BOUNDS);
    let mut items = Vec::new();
    for piece in stream.chunks(piece) {
        push(&mut decoder, piece);
        loop {
            match decoder.decode() {
                Ok(None) => break,
                Ok(Some(item)) => {
                    let is_end = matches!(item, Item::Close(_));
                    items.push(item);
                    if is_end {
                        let violation = None;
                        return Decoded { items, violation };
                    }
                }
                Err(violation) => {
                    let violation = Some(violation);
                    return Decoded { items, violation };
                }
            }
        }
    }
    let violation = None;
    Decoded { items, violation }
}

/// Hands over a piece, by the way for large frames as far as there is one.
fn push(decoder: &mut Decoder, piece: &[u8]) {
    if let Some(mut gap) = decoder.gap()
        && gap.remaining_mut() >= piece.len()
    {
        gap.put_slice(piece);
    } else {
        decoder.push(piece);
    }
}

fn check_items(kind: Kind, items: &[Item]) {
    for item in items {
        match item {
            Item::Message(message) => {
                assert!(message.len() <= BOUNDS.message_bytes_max);
                let is_text = std::str::from_utf8(message).is_ok();
                assert!(kind == Kind::Binary || is_text, "text is UTF-8");
            }
            Item::Ping(payload) | Item::Pong(payload) => assert!(payload.len() <= 125),
            Item::Close(code) => assert!(code.is_none_or(|code| (1000..5000).contains(&code))),
        }
    }
}

/// What we take, another library takes for the same. It is not asked about what we refuse, nor about close frames.
fn check_second_opinion(items: &[Item], stream: &[u8]) {
    let config = WebSocketConfig::default();
    let mut other = WebSocket::from_raw_socket(Deaf(stream), Role::Server, Some(config));
    for item in items {
        let expected = match item {
            Item::Message(bytes) | Item::Ping(bytes) | Item::Pong(bytes) => bytes,
            Item::Close(_) => return,
        };
        let read = other.read().expect("what we take is a message");
        let is_same_kind = matches!(
            (item, &read),
            (Item::Message(_), Message::Text(_) | Message::Binary(_))
                | (Item::Ping(_), Message::Ping(_))
                | (Item::Pong(_), Message::Pong(_))
        );
        assert!(is_same_kind, "{item:?} is not {read:?}");
        assert_eq!(read.into_data(), expected);
    }
}

/// A stream that can be read, and swallows what is written.
struct Deaf<'s>(&'s [u8]);

impl Read for Deaf<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Deaf<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
