//! What is said in rooms: to whom, in which order.

use parlor_proto::{ServerFrame, client};
use parlor_tests::{TestClient, TestServer, json_of, payload};
use serde_json::json;

#[tokio::test]
async fn echo_says_everything_back_to_its_sender_only() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "echo").await;
    bob.join("hall", "echo").await;
    for client in [&mut ann, &mut bob] {
        let data = json!([1, "two", null, { "three": 3.5 }]);
        client
            .say("hall", &json!({ "type": "echo", "data": data }))
            .await;
        let answer = client.expect_data("hall").await;
        assert_eq!(answer, json!({ "type": "echo_reply", "data": data }));
    }
}

#[tokio::test]
async fn ms1_ms7_broadcast_reaches_all_the_others_and_names_the_sender() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let mut eve = TestClient::connect(&server).await;
    let id = ann.join("hall", "broadcast").await.you.id;
    bob.join("hall", "broadcast").await;
    eve.join("hall", "broadcast").await;
    ann.say("hall", &json!("to the others")).await;
    for other in [&mut bob, &mut eve] {
        let message = other.expect_message("hall").await;
        assert_eq!(message.from, Some(id));
        assert_eq!(message.data, payload(&json!("to the others")));
    }
    // Her own first message is the one that Bob sends: she did not get hers.
    bob.say("hall", &json!("from Bob")).await;
    assert_eq!(ann.expect_data("hall").await, json!("from Bob"));
}

#[tokio::test]
async fn broadcast_includes_the_sender_where_the_room_was_made_so() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let join = client::JoinRoom {
        options: Some(payload(&json!({ "include_self": true }))),
        ..TestClient::into_room("hall", "broadcast")
    };
    ann.try_join(join).await.expect("a room");
    ann.say("hall", &json!("to all")).await;
    assert_eq!(ann.expect_data("hall").await, json!("to all"));
}

#[tokio::test]
async fn sq2_everybody_sees_the_same_frames_in_the_same_order_with_rising_seq() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = TestClient::connect(&server).await;
        let join = client::JoinRoom {
            options: Some(payload(&json!({ "include_self": true }))),
            ..TestClient::into_room("hall", "broadcast")
        };
        client.try_join(join).await.expect("a room");
        clients.push(client);
    }
    for n in 0..25 {
        for client in &mut clients {
            client.say("hall", &json!(n)).await;
        }
    }
    let mut histories = Vec::new();
    for client in &mut clients {
        let mut history = Vec::new();
        for _ in 0..100 {
            let message = client.expect_message("hall").await;
            history.push((message.seq, message.epoch, message.from, message.data));
        }
        assert!(history.is_sorted_by(|a, b| a.0 < b.0), "seq rises");
        histories.push(history);
    }
    for history in &histories[1..] {
        assert_eq!(history, &histories[0]);
    }
    // What each one sent is in the order in which it was sent.
    for member in 1..=4 {
        let own = histories[0]
            .iter()
            .filter(|(_, _, from, _)| *from == Some(member));
        let sent: Vec<_> = own.map(|(_, _, _, data)| data.clone()).collect();
        let expected: Vec<_> = (0..25).map(|n| payload(&json!(n))).collect();
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn sq2_what_is_not_meant_for_a_member_leaves_a_gap_in_seq() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "probe").await;
    bob.join("hall", "probe").await;
    for (to, data) in [
        (vec![1, 2], "both"),
        (vec![1], "Ann"),
        (vec![2, 1, 2], "both again"),
    ] {
        ann.say("hall", &json!({ "do": "send", "to": to, "data": data }))
            .await;
    }
    let (first, second) = (
        bob.expect_message("hall").await,
        bob.expect_message("hall").await,
    );
    assert_eq!(second.data, payload(&json!("both again")), "and once only");
    assert_eq!(second.seq, first.seq + 2);
}

#[tokio::test]
async fn rooms_do_not_hear_each_other() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    for room in ["red", "blue"] {
        ann.join(room, "broadcast").await;
        bob.join(room, "broadcast").await;
    }
    for n in 0..5 {
        for room in ["red", "blue"] {
            ann.say(room, &json!([room, n])).await;
        }
    }
    let mut heard = Vec::new();
    while heard.len() < 10 {
        if let ServerFrame::RoomMessage(message) = bob.next().await {
            heard.push((message.room, json_of(&message.data)));
        }
    }
    for room in ["red", "blue"] {
        let in_room = heard.iter().filter(|(name, _)| name == room);
        let said: Vec<_> = in_room.map(|(_, data)| data.clone()).collect();
        let expected: Vec<_> = (0..5).map(|n| json!([room, n])).collect();
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn er5_a_room_that_closes_tells_its_members_why() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "probe").await;
    bob.join("hall", "probe").await;
    ann.say("hall", &json!({ "do": "close", "reason": "bedtime" }))
        .await;
    for client in [&mut ann, &mut bob] {
        let closed = client.expect_room_closed("hall").await;
        assert_eq!(
            (closed.code.as_str(), closed.message.as_str()),
            ("ROOM_CLOSED", "bedtime")
        );
        let error = client.refused("hall", &json!({ "do": "notes" })).await;
        assert_eq!(error.code, "NOT_IN_ROOM");
    }
    server
        .until("the end of the room", |metrics| metrics.get("rooms") == 0.0)
        .await;
    // The name is free.
    assert_eq!(ann.join("hall", "probe").await.you.id, 1);
}

#[tokio::test]
async fn timers_run_in_room_time() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "probe").await;
    let before = client.applied("hall", &json!({ "do": "chance" })).await["now_ms"].as_u64();
    client
        .say("hall", &json!({ "do": "timer", "after_ms": 60 }))
        .await;
    let due = client.expect_data("hall").await;
    assert_eq!(due["timer"], 1);
    assert!(
        due["now_ms"].as_u64() >= before.map(|ms| ms + 60),
        "{due} after {before:?}"
    );
}

#[tokio::test]
async fn chance_is_another_with_every_event_and_in_every_room() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let mut drawn = Vec::new();
    for room in ["red", "blue"] {
        client.join(room, "probe").await;
        for _ in 0..3 {
            let number = client.applied(room, &json!({ "do": "chance" })).await;
            drawn.push(number["number"].to_string());
        }
    }
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 6, "{drawn:?}");
}

#[tokio::test]
async fn chat_shows_a_newcomer_what_was_said() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", "chat").await;
    ann.applied(
        "hall",
        &json!({ "type": "say", "text": "is anybody there?" }),
    )
    .await;
    let mut bob = TestClient::connect(&server).await;
    bob.join("hall", "chat").await;
    let history = bob.expect_data("hall").await;
    assert_eq!(history["type"], "history");
    assert_eq!(history["lines"][0]["text"], "is anybody there?");
}
