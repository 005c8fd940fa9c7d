use super::*;
use crate::account::{CELLS, Cells};
use crate::dialect::Kind;
use crate::dialect::tests::{said_of, seat};

const TEXT: &str = "0123456789abcdef0123456789abcdef";

fn plain(kind: Kind, form: Form) -> Plain {
    Plain::new(form, "/", seat(kind, TEXT.len()))
}

/// What a message says, in words.
fn heard(dialect: &mut Plain, json: &str) -> Result<String, Misread> {
    let message = Message {
        is_text: true,
        bytes: json.as_bytes(),
        at_us: 0,
    };
    let mut outbound = Outbound::new(1);
    let heard = dialect.read(message, &mut outbound)?;
    let words = format!("{:?}", heard.expect("all of it is of interest"));
    assert!(outbound.waiting().is_empty(), "nothing is to be answered");
    Ok(words)
}

fn said(id: Option<u64>, from: Option<u32>, text: &str) -> Result<String, Misread> {
    let text = text.as_bytes();
    Ok(format!("{:?}", Heard::Said { id, from, text }))
}

#[test]
fn inputs_are_written_as_the_servers_want_them() {
    let mut dialect = plain(Kind::Echo, Form::Written);
    assert_eq!(
        said_of(|outbound| dialect.open(outbound)),
        [r#"{"join":"room-1","kind":"echo"}"#]
    );
    assert_eq!(
        said_of(|outbound| dialect.say(17, TEXT.as_bytes(), outbound)),
        [format!(r#"{{"room":"room-1","id":17,"data":"{TEXT}"}}"#)]
    );
    let mut dialect = plain(Kind::Match, Form::Written);
    assert_eq!(
        said_of(|outbound| dialect.open(outbound)),
        [r#"{"join":"room-1","kind":"match"}"#]
    );
    assert_eq!(
        said_of(|outbound| dialect.take_cell(3, 80, outbound)),
        [r#"{"room":"room-1","id":3,"cell":80}"#]
    );
}

#[test]
fn an_echo_is_read_in_any_form_that_json_has() {
    let mut dialect = plain(Kind::Echo, Form::Written);
    let joined = heard(&mut dialect, r#"{"joined":"room-1","member":4}"#);
    assert_eq!(joined, Ok("Joined { member: 4 }".to_owned()));
    for json in [
        format!(r#"{{"room":"room-1","id":17,"data":"{TEXT}"}}"#),
        format!(r#"{{ "data": "{TEXT}", "id": 17, "room": "room-1", "more": [1] }}"#),
        format!(
            r#"{{"room":"room-1","id":17,"data":"\u0030{}"}}"#,
            &TEXT[1..]
        ),
    ] {
        assert_eq!(heard(&mut dialect, &json), said(Some(17), None, TEXT));
    }
    let another = r#"{"room":"room-1","id":17,"data":"short"}"#;
    assert_eq!(heard(&mut dialect, another), said(Some(17), None, "short"));
}

#[test]
fn a_fan_out_is_read_with_its_sender_or_as_it_was() {
    let mut dialect = plain(Kind::Fanout, Form::Written);
    let json = format!(r#"{{"room":"room-1","from":9,"data":"{TEXT}"}}"#);
    assert_eq!(heard(&mut dialect, &json), said(None, Some(9), TEXT));
    let mut dialect = plain(Kind::Fanout, Form::AsItWas);
    let json = format!(r#"{{"room":"room-1","id":9,"data":"{TEXT}"}}"#);
    assert_eq!(heard(&mut dialect, &json), said(Some(9), None, TEXT));
}

#[test]
fn a_board_is_kept_up_to_date() {
    let mut dialect = plain(Kind::Match, Form::Written);
    let nulls = vec!["null"; CELLS].join(",");
    let board = format!(r#"{{"room":"room-1","tick":5,"board":[{nulls}]}}"#);
    let mut cells: Cells = [0; CELLS];
    let shown = |tick, cells: &Cells| {
        Ok(format!(
            "{:?}",
            Heard::Board {
                tick,
                cells,
                is_open: true
            }
        ))
    };
    assert_eq!(heard(&mut dialect, &board), shown(5, &cells));
    let changed = r#"{"room":"room-1","tick":6,"cells":[[40,2],[0,8]]}"#;
    (cells[40], cells[0]) = (2, 8);
    assert_eq!(heard(&mut dialect, changed), shown(6, &cells));
    let answer = r#"{"room":"room-1","id":3,"tick":6}"#;
    assert_eq!(
        heard(&mut dialect, answer),
        Ok("Answered { id: 3, is_accepted: true }".to_owned())
    );
    let board = board.replacen("null", "7", 1);
    cells = [0; CELLS];
    cells[0] = 7;
    assert_eq!(heard(&mut dialect, &board), shown(5, &cells));
}

#[test]
fn what_cannot_be_meant_for_this_client_is_refused() {
    for (kind, json) in [
        (Kind::Echo, "hello"),
        (Kind::Echo, r#"{"joined":"room-2","member":1}"#),
        (Kind::Echo, r#"{"room":"room-2","id":1,"data":"x"}"#),
        (Kind::Echo, r#"{"room":"room-1"}"#),
        (Kind::Echo, r#"{"room":"room-1","id":-1,"data":"x"}"#),
        (Kind::Match, r#"{"room":"room-1","tick":1,"board":[null]}"#),
        (
            Kind::Match,
            r#"{"room":"room-1","tick":1,"cells":[[81,1]]}"#,
        ),
    ] {
        let mut dialect = plain(kind, Form::Written);
        assert!(heard(&mut dialect, json).is_err(), "{json}");
    }
    let mut dialect = plain(Kind::Echo, Form::Written);
    let bytes = Message {
        is_text: false,
        bytes: b"{}",
        at_us: 0,
    };
    let refused = dialect.read(bytes, &mut Outbound::new(1));
    assert_eq!(refused, Err(Misread::WrongKind));
}
