//! What a client of `echo` sees.

use parlor_plugin::{Bytes, Value, json, testing::TestRoom};
use parlor_plugin_echo::Echo;
use serde::Serialize;

#[test]
fn everything_comes_back_to_its_sender_only() {
    let mut room = TestRoom::<Echo>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    for data in [
        json!(null),
        json!(true),
        json!(-7),
        json!(u64::MAX),
        json!(1.5),
        json!("hi"),
        json!([1, { "a": [] }]),
    ] {
        room.push(ann, &json!({ "type": "echo", "data": data }));
        assert_eq!(
            room.take_sent(ann),
            [json!({ "type": "echo_reply", "data": data })]
        );
    }
    assert!(room.sent_to(bob).is_empty());
}

#[test]
fn bytes_come_back_as_bytes() {
    #[derive(Serialize)]
    struct Echoed {
        r#type: &'static str,
        data: Bytes,
    }
    let mut room = TestRoom::<Echo>::open();
    let ann = room.join("ann");
    room.push(
        ann,
        &Echoed {
            r#type: "echo",
            data: Bytes::from(vec![0, 255]),
        },
    );
    let sent = room.take_sent(ann);
    assert_eq!(sent[0].get("data"), Some(&Value::Bytes(vec![0, 255])));
}

#[test]
fn what_is_no_echo_is_refused_with_a_reason() {
    let mut room = TestRoom::<Echo>::open();
    let ann = room.join("ann");
    let answer = room.push(ann, &json!({ "type": "shout" }));
    assert_eq!(answer.code(), Some("INVALID_PAYLOAD"));
    assert!(format!("{answer:?}").contains("shout"), "{answer:?}");
    assert!(room.sent_to(ann).is_empty());
}

#[test]
fn a_batch_is_the_same_as_its_messages_one_by_one() {
    let mut room = TestRoom::<Echo>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    let echo = |data: &str| json!({ "type": "echo", "data": data });
    room.push_all(&[
        (ann, echo("1")),
        (bob, echo("2")),
        (ann, json!("no echo")),
        (ann, echo("3")),
    ]);
    assert_eq!(room.take_sent(ann).len(), 2);
    assert_eq!(room.take_sent(bob).len(), 1);
}
