//! Inputs and their answers: ids, replies, refusals, repetitions.

use parlor_proto::{ServerFrame, server};
use parlor_tests::{TestClient, TestServer};
use serde_json::json;

async fn in_probe(server: &TestServer) -> TestClient {
    let mut client = TestClient::connect(server).await;
    client.join("hall", "probe").await;
    client
}

fn note(text: &str) -> serde_json::Value {
    json!({ "do": "note", "text": text })
}

/// What a reply says, as JSON text.
fn said(reply: &server::Reply) -> Option<String> {
    reply.data.as_ref().map(|data| data.to_json())
}

#[tokio::test]
async fn ms2_an_input_with_an_id_is_answered_when_it_has_been_applied() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let reply = client
        .ask("hall", &note("first"))
        .await
        .expect("it is applied");
    assert_eq!(reply.room.as_deref(), Some("hall"));
    assert_eq!(
        said(&reply).as_deref(),
        Some("2"),
        "after the note of the join"
    );
    assert_eq!(reply.repeat, None);
}

#[tokio::test]
async fn ms2_an_input_without_an_id_is_answered_only_where_it_is_refused() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    client.say("hall", &note("unanswered")).await;
    client.say("hall", &json!({ "do": "refuse" })).await;
    let ServerFrame::Error(error) = client.next().await else {
        panic!("the first answer is the refusal");
    };
    assert_eq!((error.code.as_str(), error.id), ("NOT_TODAY", None));
    assert_eq!(error.message, "ask another day");
    assert_eq!(error.room.as_deref(), Some("hall"));
}

#[tokio::test]
async fn ms3_what_an_input_brings_about_comes_before_its_reply() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let id = client.next_id();
    let data = json!({ "do": "send", "to": [1], "data": "effect" });
    client.say_with("hall", &data, Some(id)).await;
    let (first, second) = (client.next().await, client.next().await);
    let (ServerFrame::RoomMessage(message), ServerFrame::Reply(reply)) = (first, second) else {
        panic!("not the message and then the reply");
    };
    assert_eq!(reply.seq, Some(message.seq));
    assert_eq!(reply.epoch, Some(message.epoch));
}

#[tokio::test]
async fn ms5_an_id_is_applied_once_and_answered_as_often_as_it_comes() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let id = client.next_id();
    let mut answers = Vec::new();
    for _ in 0..3 {
        client.say_with("hall", &note("once"), Some(id)).await;
        answers.push(client.answer(id).await.expect("it is applied"));
    }
    assert_eq!(answers[1], answers[0]);
    assert_eq!(answers[2], answers[0]);
    let notes = client.applied("hall", &json!({ "do": "notes" })).await;
    assert_eq!(notes.as_array().map(Vec::len), Some(2), "{notes}");
}

#[tokio::test]
async fn ms4_a_refusal_uses_up_its_id() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let id = client.next_id();
    client
        .say_with("hall", &json!({ "do": "refuse" }), Some(id))
        .await;
    let refusal = client.answer(id).await.expect_err("it is refused");
    // Another input under the same id is not looked at.
    client.say_with("hall", &note("again"), Some(id)).await;
    assert_eq!(client.answer(id).await, Err(refusal));
}

#[tokio::test]
async fn ms5_an_old_id_is_answered_as_repeated() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let first = client.next_id();
    client.say_with("hall", &note("first"), Some(first)).await;
    client.answer(first).await.expect("it is applied");
    for n in 0..64 {
        client.applied("hall", &note(&format!("later {n}"))).await;
    }
    client.say_with("hall", &note("first"), Some(first)).await;
    let reply = client.answer(first).await.expect("it was applied");
    assert_eq!((reply.repeat, reply.data), (Some(true), None));
    let notes = client.applied("hall", &json!({ "do": "notes" })).await;
    assert_eq!(notes.as_array().map(Vec::len), Some(66));
}

#[tokio::test]
async fn ms6_what_the_plugin_cannot_read_is_an_invalid_payload_and_says_where() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let error = client
        .refused("hall", &json!({ "do": "note", "text": 7 }))
        .await;
    assert_eq!(error.code, "INVALID_PAYLOAD");
    assert!(error.message.contains("string"), "{}", error.message);
    let error = client.refused("hall", &json!({ "do": "what?" })).await;
    assert_eq!(error.code, "INVALID_PAYLOAD");
    assert!(error.message.contains("what?"), "{}", error.message);
}

#[tokio::test]
async fn ms6_a_payload_above_the_plugins_limit_is_too_large_and_uses_up_its_id() {
    let server = TestServer::start().await;
    let mut client = in_probe(&server).await;
    let error = client.refused("hall", &note(&"x".repeat(64 << 10))).await;
    assert_eq!(error.code, "PAYLOAD_TOO_LARGE");
    assert!(error.message.contains("65536"), "{}", error.message);
    // The most that fits: 64 KiB with the map around the text.
    let around = parlor_tests::payload(&note("")).as_msgpack().len() + 2;
    client
        .applied("hall", &note(&"x".repeat((64 << 10) - around)))
        .await;
}

#[tokio::test]
async fn what_was_said_before_leaving_is_applied() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "broadcast").await;
    bob.join("hall", "broadcast").await;
    // Everything goes into one write, so that the room finds it all in its mailbox at once.
    for _ in 0..20 {
        let id = ann.next_id();
        ann.say_with("hall", &json!("goodbye"), Some(id)).await;
        let leave = ann.next_id();
        ann.send(parlor_proto::client::LeaveRoom {
            room: "hall".to_owned(),
            id: Some(leave),
        })
        .await;
        assert_eq!(bob.expect_data("hall").await, json!("goodbye"));
        ann.answer(id).await.expect("it was applied");
        ann.expect("room_left", |frame| match frame {
            ServerFrame::RoomLeft(left) => (left.id == Some(leave)).then_some(()),
            _ => None,
        })
        .await;
        ann.join("hall", "broadcast").await;
    }
}

#[tokio::test]
async fn ms2_an_input_that_crosses_the_way_out_is_refused_and_not_forgotten() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for _ in 0..20 {
        client.join("hall", "probe").await;
        let leave = client.next_id();
        client
            .send(parlor_proto::client::LeaveRoom {
                room: "hall".to_owned(),
                id: Some(leave),
            })
            .await;
        let id = client.next_id();
        client.say_with("hall", &note("too late"), Some(id)).await;
        let error = client.answer(id).await.expect_err("it is out of the room");
        assert_eq!(error.code, "NOT_IN_ROOM");
    }
}

#[tokio::test]
async fn ms2_an_input_behind_a_join_that_is_refused_is_refused_too() {
    let server = TestServer::start().await;
    let mut keeper = TestClient::connect(&server).await;
    let options = json!({ "refuse_join_of": "Eve" });
    let join = parlor_proto::client::JoinRoom {
        options: Some(parlor_tests::payload(&options)),
        ..TestClient::into_room("hall", "probe")
    };
    keeper.try_join(join).await.expect("a room");
    let mut eve = TestClient::connect(&server).await;
    let name = Some("Eve".to_owned());
    eve.send(parlor_proto::client::Auth { token: None, name })
        .await;
    eve.expect_welcome().await;
    for _ in 0..20 {
        let (join, input) = (eve.next_id(), eve.next_id());
        let request = TestClient::into_room("hall", "probe");
        eve.send(parlor_proto::client::JoinRoom {
            id: Some(join),
            ..request
        })
        .await;
        eve.say_with("hall", &note("let me in"), Some(input)).await;
        let mut codes = [eve.expect_error().await, eve.expect_error().await]
            .map(|error| (error.id, error.code));
        codes.sort();
        assert_eq!(codes[0], (Some(join), "NOT_YOU".to_owned()));
        assert_eq!(codes[1], (Some(input), "NOT_IN_ROOM".to_owned()));
    }
}
