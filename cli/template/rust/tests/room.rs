//! What the room does, without WebAssembly and without a server.

use {{crate}}::Counter;
use parlor_plugin::json;
use parlor_plugin::testing::TestRoom;

#[test]
fn clicks_are_counted_for_each_member() {
    let mut room = TestRoom::<Counter>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    room.assert_sent(ann, &json!({ "type": "hello", "name": "ann" }));

    room.push(ann, &json!({ "type": "click" }));
    room.push(ann, &json!({ "type": "click" }));
    room.push(bob, &json!({ "type": "click" }));
    assert_eq!(room.view("clicks"), json!({ "1": 2, "2": 1 }));
}

#[test]
fn what_is_no_input_is_refused() {
    let mut room = TestRoom::<Counter>::open();
    let ann = room.join("ann");
    let answer = room.push(ann, &json!({ "type": "clack" }));
    assert_eq!(answer.code(), Some("INVALID_PAYLOAD"));
}
