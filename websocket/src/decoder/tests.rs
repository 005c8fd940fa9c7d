use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    message_bytes_max: 1000,
    fragments_max: 3,
};
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()).expect("no test needs more") {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).expect("it is short")),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend(long.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    bytes
}

/// All that comes of a stream that arrives in pieces of this length.
fn decode(kind: Kind, stream: &[u8], piece: usize) -> Result<Vec<Item>, Violation> {
    let mut decoder = Decoder::new(kind, BOUNDS);
    let mut items = Vec::new();
    for piece in stream.chunks(piece) {
        decoder.push(piece);
        while let Some(item) = decoder.decode()? {
            items.push(item);
        }
    }
    Ok(items)
}

fn message(text: &'static str) -> Item {
    Item::Message(Bytes::from_static(text.as_bytes()))
}

#[test]
fn control_frames_may_stand_between_the_fragments_of_a_message() {
    let stream = [
        frame(TEXT, b"one "),
        frame(FIN | PING, b"?"),
        frame(CONTINUATION, b""),
        frame(FIN | PONG, b"!"),
        frame(FIN | CONTINUATION, "mé".as_bytes()),
        frame(FIN | TEXT, b"two"),
        frame(FIN | CLOSE, b"\x03\xE8bye"),
    ]
    .concat();
    for piece in 1..=stream.len() {
        let items = decode(Kind::Text, &stream, piece);
        let expected = vec![
            Item::Ping("?".into()),
            Item::Pong("!".into()),
            message("one mé"),
            message("two"),
            Item::Close(Some(1000)),
        ];
        assert_eq!(items, Ok(expected), "in pieces of {piece}");
    }
}

#[test]
fn what_is_not_allowed_is_refused_for_what_it_is() {
    let protocol = |what| Violation::Protocol(what);
    for (name, stream, violation) in [
        (
            "rsv",
            frame(FIN | 0x40 | TEXT, b""),
            protocol("a reserved bit is set"),
        ),
        (
            "opcode",
            frame(FIN | 0x3, b""),
            protocol("a reserved opcode"),
        ),
        (
            "mask",
            vec![FIN | TEXT, 1, b'a'],
            protocol("a frame without a mask"),
        ),
        (
            "ping",
            frame(FIN | PING, &[0; 126]),
            protocol("a control frame above 125 bytes"),
        ),
        (
            "pieces",
            frame(PING, b""),
            protocol("a control frame in fragments"),
        ),
        (
            "alone",
            frame(FIN, b""),
            protocol("a continuation of no message"),
        ),
        (
            "within",
            [frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat(),
            protocol("a new message within another"),
        ),
        (
            "close of 1",
            frame(FIN | CLOSE, b"x"),
            protocol("half a close code"),
        ),
        (
            "close with 1005",
            frame(FIN | CLOSE, &1005_u16.to_be_bytes()),
            protocol("a close code that may not be sent"),
        ),
        ("kind", frame(FIN | BINARY, b""), Violation::WrongKind),
        ("utf8", frame(FIN | TEXT, b"\xFF"), Violation::NotUtf8),
        ("cut utf8", frame(FIN | TEXT, b"\xC3"), Violation::NotUtf8),
        (
            "reason",
            frame(FIN | CLOSE, b"\x03\xE8\xFF"),
            Violation::NotUtf8,
        ),
    ] {
        assert_eq!(decode(Kind::Text, &stream, 1), Err(violation), "{name}");
        assert_eq!(decode(Kind::Text, &stream, 99), Err(violation), "{name}");
    }
}

#[test]
fn a_message_may_have_so_many_bytes_and_not_one_more() {
    let all = [0; 1000];
    assert!(decode(Kind::Binary, &frame(FIN | BINARY, &all), 7).is_ok());
    let halves =
        |first, second| [frame(BINARY, &all[..first]), frame(FIN, &all[..second])].concat();
    assert!(decode(Kind::Binary, &halves(500, 500), 7).is_ok());
    assert_eq!(
        decode(Kind::Binary, &halves(500, 501), 7),
        Err(Violation::TooBig)
    );
    // The head is enough to refuse it, whatever it says.
    for length in [1001, u64::MAX >> 1] {
        let mut head = vec![FIN | BINARY, 0x80 | 127];
        head.extend(length.max(1 << 16).to_be_bytes());
        head.extend(MASK);
        assert_eq!(decode(Kind::Binary, &head, 99), Err(Violation::TooBig));
    }
}

#[test]
fn a_message_may_have_so_many_fragments_and_not_one_more() {
    let three = [frame(BINARY, b"a"), frame(0, b""), frame(FIN, b"c")].concat();
    let items = decode(Kind::Binary, &[three.clone(), three].concat(), 99);
    assert_eq!(items, Ok(vec![message("ac"), message("ac")]));
    let four = [
        frame(BINARY, b""),
        frame(0, b""),
        frame(0, b""),
        frame(FIN, b""),
    ]
    .concat();
    assert_eq!(
        decode(Kind::Binary, &four, 99),
        Err(Violation::TooManyFragments)
    );
}

#[test]
fn text_fails_with_its_first_impossible_byte() {
    let whole = frame(TEXT, b"\xCE\xBA\xF4\x90 and much more");
    let mut decoder = Decoder::new(Kind::Text, BOUNDS);
    // The head, and the payload up to the byte before.
    decoder.push(&whole[..9]);
    assert_eq!(decoder.decode(), Ok(None));
    decoder.push(&whole[9..10]);
    assert_eq!(decoder.decode(), Err(Violation::NotUtf8));
}

#[test]
fn memory_follows_what_arrives_and_not_what_is_declared() {
    let bounds = Bounds {
        message_bytes_max: 1 << 30,
        fragments_max: 3,
    };
    let mut decoder = Decoder::new(Kind::Binary, bounds);
    let mut head = vec![FIN | BINARY, 0x80 | 127];
    head.extend((1_u64 << 30).to_be_bytes());
    head.extend(MASK);
    head.push(0);
    decoder.push(&head);
    assert_eq!(decoder.decode(), Ok(None));
    let held = decoder.message.as_ref().map(|it| it.bytes.capacity());
    assert!(held < Some(1000), "{held:?}");
    assert_eq!(decoder.buffer.capacity(), 0);
}

#[test]
fn whether_something_has_begun_is_known_at_every_byte() {
    let stream = [frame(TEXT, b"a"), frame(FIN, b"b")].concat();
    let mut decoder = Decoder::new(Kind::Text, BOUNDS);
    assert!(!decoder.is_within());
    for byte in &stream[..stream.len() - 1] {
        decoder.push(&[*byte]);
        assert_eq!(decoder.decode(), Ok(None));
        assert!(decoder.is_within());
    }
    decoder.push(&stream[stream.len() - 1..]);
    assert_eq!(decoder.decode(), Ok(Some(message("ab"))));
    assert!(!decoder.is_within());
}

proptest! {
    /// However a stream is cut, the same comes of it.
    #[test]
    fn cuts_do_not_matter(
        parts in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..200)), 1..8),
        piece in 1_usize..40,
        kind in prop::sample::select(&[Kind::Text, Kind::Binary]),
    ) {
        let stream: Vec<u8> = parts
            .iter()
            .flat_map(|(first, payload)| frame(first & 0x8F, payload))
            .collect();
        let whole = decode(kind, &stream, stream.len());
        prop_assert_eq!(decode(kind, &stream, piece), whole);
    }

    /// Whatever arrives, nothing panics, and no message is larger than it may be.
    #[test]
    fn any_bytes_are_read_or_refused(stream in prop::collection::vec(any::<u8>(), 0..3000)) {
        if let Ok(items) = decode(Kind::Binary, &stream, 64) {
            for item in items {
                if let Item::Message(bytes) = item {
                    prop_assert!(bytes.len() <= BOUNDS.message_bytes_max);
                }
            }
        }
    }
}
