use super::*;
use crate::account::CELLS;
use crate::dialect::tests::{seat, written};

const TEXT: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// What a message says, in words, and what is said to it.
fn hear(dialect: &mut Colyseus, bytes: &[u8]) -> Result<(String, Vec<Vec<u8>>), Misread> {
    let message = Message {
        is_text: false,
        bytes,
        at_us: 0,
    };
    let mut words = Ok(String::new());
    let answers = written(|outbound| {
        words = dialect
            .read(message, outbound)
            .map(|heard| format!("{heard:?}"));
    });
    Ok((words?, answers))
}

fn only(heard: &Heard<'_>) -> Result<(String, Vec<Vec<u8>>), Misread> {
    Ok((format!("{:?}", Some(heard)), vec![]))
}

fn colyseus(kind: Kind) -> Colyseus {
    Colyseus::new(seat(kind, TEXT.len()))
}

#[test]
fn a_seat_is_asked_for_and_taken() {
    let mut dialect = colyseus(Kind::Match);
    let post = dialect.invitation().unwrap();
    assert_eq!(post.path, "/matchmake/joinOrCreate/match");
    assert_eq!(post.body, br#"{"room":"room-1"}"#);
    let answer = br#"{"name":"match","sessionId":"S_1","roomId":"R","processId":"P"}"#;
    dialect.on_invited(answer).unwrap();
    assert_eq!(dialect.request().path, "/P/R?sessionId=S_1");
    assert!(dialect.on_invited(br#"{"error":"no"}"#).is_err());
    let hello = b"\x0A\x09ABCDEFGHI\x04none\x00";
    let answered = hear(&mut dialect, hello);
    assert_eq!(answered, Ok(("None".to_owned(), vec![vec![0x0A]])));
    let joined = hear(&mut dialect, b"\x0D\xA6joined\xDE\x00\x01\xA6member\x04");
    assert_eq!(joined, only(&Heard::Joined { member: 4 }));
}

#[test]
fn inputs_are_records() {
    let mut dialect = colyseus(Kind::Echo);
    let expected = [
        &b"\x0D\xA3say\xD4\x72\x40\x92\xA2id\xA4data\xCC\x40\xD9\x20"[..],
        TEXT,
    ];
    assert_eq!(
        written(|outbound| dialect.say(64, TEXT, outbound)),
        [expected.concat()]
    );
    let mut dialect = colyseus(Kind::Match);
    assert_eq!(
        written(|outbound| dialect.take_cell(3, 80, outbound)),
        [b"\x0D\xA4cell\xD4\x72\x40\x92\xA2id\xA4cell\x03\xCC\x50"]
    );
}

#[test]
fn what_is_said_is_read() {
    let mut dialect = colyseus(Kind::Echo);
    let echo = b"\x0D\xA4said\xDE\x00\x02\xA2id\xCD\x12\x34\xA4data\xA1x";
    let expected = Heard::Said {
        id: Some(0x1234),
        from: None,
        text: b"x",
    };
    assert_eq!(hear(&mut dialect, echo), only(&expected));
    let fanout = b"\x0D\xA4said\xDE\x00\x02\xA4from\x02\xA4data\xA1x";
    let expected = Heard::Said {
        id: None,
        from: Some(2),
        text: b"x",
    };
    assert_eq!(hear(&mut dialect, fanout), only(&expected));
}

#[test]
fn a_board_is_kept_up_to_date() {
    let mut dialect = colyseus(Kind::Match);
    let mut whole = vec![STATE, 0x80, 5, 0, 0, 0, 0x81, 1, 0xFF, 1];
    whole.extend((0..81).flat_map(|cell| [0x80, cell, 0]));
    let patch = [PATCH, 0xFF, 1, 0, 40, 2, 0xFF, 0, 0x80, 6, 0, 0, 0];
    let mut cells = [0; CELLS];
    for (bytes, tick, owner) in [(&whole[..], 5, 0), (&patch, 6, 2)] {
        cells[40] = owner;
        let expected = Heard::Board {
            tick,
            cells: &cells,
            is_open: true,
        };
        assert_eq!(hear(&mut dialect, bytes), only(&expected));
    }
    let applied = b"\x0D\xA7applied\xDE\x00\x02\xA2id\x03\xA4tick\x06";
    let expected = Heard::Answered {
        id: 3,
        is_accepted: true,
    };
    assert_eq!(hear(&mut dialect, applied), only(&expected));
}

#[test]
fn what_cannot_be_meant_for_this_client_is_refused() {
    for bytes in [
        &b""[..],
        b"\x0B\x05\xA2no",
        b"\x0C",
        b"\x10",
        b"\x0D\xA4said\xDE\x00\x01\xA2id\x03",
        b"\x0D\xA4what\xDE\x00\x00",
        b"\x0E\x82",
    ] {
        assert!(hear(&mut colyseus(Kind::Echo), bytes).is_err(), "{bytes:?}");
    }
    let text = Message {
        is_text: true,
        bytes: b"",
        at_us: 0,
    };
    let mut dialect = colyseus(Kind::Echo);
    let refused = dialect.read(text, &mut Outbound::new(1));
    assert_eq!(refused, Err(Misread::WrongKind));
}
