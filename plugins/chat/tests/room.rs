//! What a client of `chat` sees.

use std::slice;

use parlor_plugin::{Bytes, MemberId, Value, json, testing::TestRoom};
use parlor_plugin_chat::Chat;
use serde::Serialize;

#[derive(Serialize)]
struct Share {
    r#type: &'static str,
    name: &'static str,
    mime: &'static str,
    bytes: Bytes,
}

fn file(len: usize) -> Share {
    Share {
        r#type: "file",
        name: "a.bin",
        mime: "application/octet-stream",
        bytes: Bytes::from(vec![7; len]),
    }
}

fn open() -> (TestRoom<Chat>, MemberId, MemberId) {
    let mut room = TestRoom::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    room.take_sent(ann);
    room.take_sent(bob);
    (room, ann, bob)
}

fn say(text: &str) -> serde_json::Value {
    json!({ "type": "say", "text": text })
}

#[test]
fn all_get_a_line_in_the_same_shape_and_as_text() {
    let (mut room, ann, bob) = open();
    room.advance(1_500);
    room.push(ann, &say("<b>hi</b>"));
    let said = json!({ "type": "said", "n": 1, "from": ann, "name": "ann", "at_ms": 1_500, "text": "<b>hi</b>" });
    assert_eq!(room.sent_to(bob)[0].from, Some(ann));
    for member in [ann, bob] {
        assert_eq!(room.take_sent(member), slice::from_ref(&said));
    }
}

#[test]
fn members_see_who_comes_and_goes() {
    let (mut room, ann, _) = open();
    let cid = room.join("cid");
    room.assert_sent(
        ann,
        &json!({ "type": "joined", "from": cid, "name": "cid", "at_ms": 0 }),
    );
    assert_eq!(
        room.take_sent(cid),
        [json!({ "type": "history", "lines": [], "more": false, "now_ms": 0 })]
    );
    room.leave(cid);
    room.assert_sent(
        ann,
        &json!({ "type": "left", "from": cid, "name": "cid", "at_ms": 0 }),
    );
}

#[test]
fn a_private_message_reaches_its_two_and_is_no_history() {
    let (mut room, ann, bob) = open();
    let cid = room.join("cid");
    room.take_sent(cid);
    room.push(ann, &json!({ "type": "tell", "to": bob, "text": "psst" }));
    let told = json!({ "type": "told", "from": ann, "name": "ann", "to": bob, "text": "psst", "at_ms": 0 });
    room.assert_sent(ann, &told);
    room.assert_sent(bob, &told);
    assert!(room.sent_to(cid).is_empty());
    let dee = room.join("dee");
    assert_eq!(lines(&room.take_sent(dee)[0]).len(), 0);
    let answer = room.push(ann, &json!({ "type": "tell", "to": 99, "text": "psst" }));
    assert_eq!(answer.code(), Some("NO_SUCH_MEMBER"));
}

#[test]
fn the_others_see_who_types() {
    let (mut room, ann, bob) = open();
    room.push(ann, &json!({ "type": "typing", "on": true }));
    assert_eq!(
        room.take_sent(bob),
        [json!({ "type": "typing", "from": ann, "on": true })]
    );
    assert!(room.sent_to(ann).is_empty());
}

#[test]
fn a_file_is_whole_when_shared_and_a_name_with_a_size_later() {
    let (mut room, ann, bob) = open();
    room.push(ann, &file(256 << 10)).data();
    let shared = room.take_sent(bob).remove(0);
    assert_eq!(shared.get("bytes"), Some(&Value::Bytes(vec![7; 256 << 10])));
    let cid = room.join("cid");
    let history = room.take_sent(cid).remove(0);
    assert_eq!(
        lines(&history),
        [json!({
            "type": "file", "n": 1, "from": ann, "name": "ann", "at_ms": 0,
            "file": "a.bin", "mime": "application/octet-stream", "size": 256 << 10,
        })]
    );
}

#[test]
fn what_is_too_long_or_empty_is_refused() {
    let (mut room, ann, bob) = open();
    assert_eq!(room.push(ann, &say(&"é".repeat(2_000))).code(), None);
    assert_eq!(
        room.push(ann, &say(&"é".repeat(2_001))).code(),
        Some("TEXT_TOO_LONG")
    );
    assert_eq!(room.push(ann, &say(" \n")).code(), Some("TEXT_EMPTY"));
    assert_eq!(
        room.push(ann, &file((256 << 10) + 1)).code(),
        Some("FILE_TOO_LARGE")
    );
    assert_eq!(
        room.push(
            ann,
            &Share {
                name: "",
                ..file(1)
            }
        )
        .code(),
        Some("FILE_UNNAMED")
    );
    assert_eq!(room.take_sent(bob).len(), 1);
}

#[test]
fn the_last_hundred_lines_come_in_pages() {
    let (mut room, ann, _) = open();
    for n in 1..=130 {
        room.push(ann, &say(&format!("line {n}")));
    }
    let cid = room.join("cid");
    let mut seen = Vec::new();
    loop {
        let page = room.take_sent(cid).remove(0);
        let numbers: Vec<i128> = lines(&page).iter().map(number).collect();
        let first = numbers[0];
        seen.splice(0..0, numbers);
        if page.get("more") == Some(&Value::Bool(false)) {
            break;
        }
        room.push(
            cid,
            &json!({ "type": "history", "before": i64::try_from(first).unwrap() }),
        );
    }
    assert_eq!(seen, (31..=130).collect::<Vec<_>>());
}

#[test]
fn who_lost_its_place_gets_the_history_again() {
    let (mut room, ann, bob) = open();
    room.push(ann, &say("hi"));
    room.take_sent(bob);
    room.resync(bob);
    assert_eq!(lines(&room.take_sent(bob)[0]).len(), 1);
}

#[test]
fn a_batch_is_the_same_as_its_messages_one_by_one() {
    let (mut room, ann, bob) = open();
    let tell = json!({ "type": "tell", "to": bob, "text": "psst" });
    room.push_all(&[
        (ann, say("1")),
        (bob, say("2")),
        (ann, tell),
        (bob, say("")),
        (ann, say("3")),
    ]);
    assert_eq!(room.take_sent(bob).len(), 4);
    assert_eq!(room.last_answer(bob).code(), Some("TEXT_EMPTY"));
}

fn lines(history: &Value) -> &[Value] {
    assert_eq!(
        history.get("type"),
        Some(&Value::Text("history".to_owned()))
    );
    let Some(Value::List(lines)) = history.get("lines") else {
        panic!("no lines in {history}")
    };
    lines
}

fn number(line: &Value) -> i128 {
    let Some(Value::Int(number)) = line.get("n") else {
        panic!("no number in {line}")
    };
    *number
}
