//! What a client of `broadcast` sees.

use parlor_plugin::{
    json,
    testing::{Setup, TestRoom},
};
use parlor_plugin_broadcast::Broadcast;

#[test]
fn all_the_others_get_it_and_see_whom_it_is_from() {
    let mut room = TestRoom::<Broadcast>::open();
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| room.join(name));
    room.push(ann, &json!([1, "two"]));
    assert!(room.sent_to(ann).is_empty());
    for other in [bob, cid] {
        assert_eq!(room.sent_to(other)[0].from, Some(ann));
        assert_eq!(room.take_sent(other), [json!([1, "two"])]);
    }
}

#[test]
fn the_sender_gets_it_too_where_the_room_was_made_so() {
    let mut room =
        TestRoom::<Broadcast>::open_with(&Setup::new().options(&json!({ "include_self": true })))
            .unwrap();
    let ann = room.join("ann");
    room.push(ann, &json!("hi"));
    assert_eq!(room.take_sent(ann), [json!("hi")]);
}

#[test]
fn options_that_cannot_be_read_refuse_the_room() {
    let refusal =
        TestRoom::<Broadcast>::open_with(&Setup::new().options(&json!({ "include_self": 3 })))
            .unwrap_err();
    assert!(
        refusal
            .message()
            .starts_with("the room's options cannot be read"),
        "{refusal}"
    );
}

#[test]
fn a_batch_is_the_same_as_its_messages_one_by_one() {
    let mut room = TestRoom::<Broadcast>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    room.push_all(&[(ann, 1), (bob, 2), (ann, 3)]);
    assert_eq!(room.take_sent(bob), [json!(1), json!(3)]);
    assert_eq!(room.take_sent(ann), [json!(2)]);
}
