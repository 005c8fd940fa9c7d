//! What the server does not take, and how it says so.

use parlor_proto::{ServerFrame, Subprotocol};
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

fn text(json: &Json) -> Message {
    Message::text(json.to_string())
}

#[tokio::test]
async fn hs5_the_wrong_kind_of_message_closes_with_1003() {
    let server = TestServer::start().await;
    for subprotocol in Subprotocol::ALL {
        let mut client = TestClient::speaking(&server, subprotocol).await;
        let wrong = if subprotocol.is_text() {
            Message::binary(vec![0x80])
        } else {
            text(&json!({ "type": "ping", "timestamp": 1 }))
        };
        client.send_message(wrong).await;
        assert_eq!(
            client.expect_end().await.code(),
            1003,
            "{}",
            subprotocol.name()
        );
    }
}

#[tokio::test]
async fn hs5_text_that_is_not_utf8_closes_with_1007() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let frame = Frame::message(vec![b'"', 0xff, b'"'], OpCode::Data(Data::Text), true);
    client.send_message(Message::Frame(frame)).await;
    assert_eq!(client.expect_end().await.code(), 1007);
}

#[tokio::test]
async fn lm1_a_message_above_1_mib_closes_with_1009() {
    let server = TestServer::start().await;
    for bytes in [(1 << 20) + 1, 8 << 20] {
        let mut client = TestClient::connect(&server).await;
        client
            .send_unwelcome(Message::text("x".repeat(bytes)))
            .await;
        assert_eq!(client.expect_end().await.code(), 1009, "{bytes}");
    }
}

#[tokio::test]
async fn lm1_lm12_the_size_of_a_message_is_a_setting_and_clients_are_told() {
    let server = TestServer::with_limits(|limits| limits.message_bytes_max = 2_000).await;
    let mut client = TestClient::connect(&server).await;
    assert_eq!(client.welcome.limits.message_bytes_max, 2_000);
    let ping = json!({ "type": "ping", "timestamp": 1 }).to_string();
    let of = |bytes: usize| Message::text(ping.clone() + &" ".repeat(bytes - ping.len()));
    client.send_message(of(2_000)).await;
    client.round_trip().await;
    client.send_message(of(2_001)).await;
    assert_eq!(client.expect_end().await.code(), 1009);
}

#[tokio::test]
async fn lm1_a_message_of_1_mib_is_read() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let ping = json!({ "type": "ping", "timestamp": 1 }).to_string();
    let padding = " ".repeat((1 << 20) - ping.len());
    client.send_message(Message::text(ping + &padding)).await;
    client.round_trip().await;
}

#[tokio::test]
async fn er1_er2_a_bad_frame_is_answered_with_what_was_wrong() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let deep = "[".repeat(65) + &"]".repeat(65);
    for (bad, code, named) in [
        ("{", "INVALID_MESSAGE_FORMAT", "byte"),
        ("[1]", "INVALID_MESSAGE_FORMAT", "map"),
        ("{}", "INVALID_MESSAGE_FORMAT", "type"),
        (r#"{"type":"dance"}"#, "UNKNOWN_MESSAGE_TYPE", "dance"),
        (r#"{"type":"welcome"}"#, "UNKNOWN_MESSAGE_TYPE", "welcome"),
        (r#"{"type":"ping"}"#, "INVALID_MESSAGE_FORMAT", "timestamp"),
        (
            r#"{"type":"ping","timestamp":-1}"#,
            "INVALID_MESSAGE_FORMAT",
            "timestamp",
        ),
        (
            r#"{"type":"room_message","room":"hall"}"#,
            "INVALID_MESSAGE_FORMAT",
            "data",
        ),
        (
            r#"{"type":"room_message","room":"hall","data":{"a":1,"a":2}}"#,
            "INVALID_VALUE",
            "twice",
        ),
        (
            r#"{"type":"room_message","room":"hall","data":1e999}"#,
            "INVALID_VALUE",
            "range",
        ),
        (
            &format!(r#"{{"type":"room_message","room":"hall","data":{deep}}}"#),
            "INVALID_VALUE",
            "64",
        ),
    ] {
        client.send_message(Message::text(bad)).await;
        let error = client.expect_error().await;
        assert_eq!(error.code, code, "{bad}: {}", error.message);
        assert!(error.message.contains(named), "{bad}: {}", error.message);
    }
    // The connection goes on.
    client.join("hall", "echo").await;
}

#[tokio::test]
async fn er1_bad_frames_are_answered_in_the_binary_encodings_too() {
    let server = TestServer::start().await;
    for (subprotocol, bad) in [
        (Subprotocol::Binary, &[0xc1_u8][..]),
        (Subprotocol::Binary, &[0x81, 0xa4]),
        (Subprotocol::Proto, &[0xff]),
    ] {
        let mut client = TestClient::speaking(&server, subprotocol).await;
        client.send_message(Message::binary(bad.to_vec())).await;
        assert_eq!(
            client.expect_error().await.code,
            "INVALID_MESSAGE_FORMAT",
            "{bad:?}"
        );
        client.round_trip().await;
    }
    let mut client = TestClient::speaking(&server, Subprotocol::Proto).await;
    client.send_message(Message::binary(Vec::new())).await;
    assert_eq!(client.expect_error().await.code, "UNKNOWN_MESSAGE_TYPE");
}

#[tokio::test]
async fn er4_fields_that_the_server_does_not_know_are_ignored() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let frame =
        json!({ "type": "join_room", "room": "hall", "plugin": "echo", "wish": [1, 2], "id": 1 });
    client.send_message(text(&frame)).await;
    let joined = client.next().await;
    assert_eq!(joined.type_name(), "room_joined", "{joined:?}");
}

#[tokio::test]
async fn er3_20_bad_frames_in_a_row_close_with_1008() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for _ in 0..3 {
        for _ in 0..19 {
            client.send_message(Message::text("?")).await;
            assert_eq!(client.expect_error().await.code, "INVALID_MESSAGE_FORMAT");
        }
        // A good one in between starts the count again, also one that is refused.
        let error = client.refused("nowhere", &json!(1)).await;
        assert_eq!(error.code, "NOT_IN_ROOM");
    }
    for _ in 0..20 {
        client.send_message(Message::text("?")).await;
    }
    for _ in 0..20 {
        assert_eq!(client.expect_error().await.code, "INVALID_MESSAGE_FORMAT");
    }
    assert_eq!(client.expect_end().await.code(), 1008);
}

#[tokio::test]
async fn a_server_that_is_full_makes_no_more_rooms() {
    let server = TestServer::with_limits(|limits| limits.rooms_max = 2).await;
    let mut client = TestClient::connect(&server).await;
    client.join("one", "echo").await;
    client.join("two", "echo").await;
    let refused = client
        .try_join(TestClient::into_room("three", "echo"))
        .await;
    let error = refused.expect_err("there is no room for a third");
    assert_eq!(error.code, "ROOM_BUSY");
    let mut other = TestClient::connect(&server).await;
    other.join("two", "echo").await;
}

#[tokio::test]
async fn ms6_a_room_that_has_too_much_waiting_refuses_more() {
    let server = TestServer::start().await;
    let mut client = TestClient::speaking(&server, Subprotocol::Binary).await;
    client.join("hall", "on-tick").await;
    // The room gathers until its next tick, twice a second, and nobody may fill the server's memory until then. This is
    // 24 MB, six times what it gathers; of 60 KiB, 68 fit.
    let note = json!({ "do": "note", "n": 1, "filler": "x".repeat(60 << 10) });
    let ids: Vec<u64> = (0..400).map(|_| client.next_id()).collect();
    for id in &ids {
        client.say_with("hall", &note, Some(*id)).await;
    }
    let (mut applied, mut refused) = (0, 0);
    while applied + refused < ids.len() {
        match client.next().await {
            ServerFrame::Reply(_) => applied += 1,
            ServerFrame::Error(error) => {
                assert_eq!(error.code, "ROOM_BUSY");
                refused += 1;
            }
            ServerFrame::RoomMessage(message) => {
                let noted = json_of(&message.data)["noted"].as_u64();
                assert!(noted <= Some(68), "{noted:?} waited for one tick");
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert!(
        applied > 0 && refused > 0,
        "{applied} applied, {refused} refused"
    );
    let notes = client.applied("hall", &json!({ "do": "notes" })).await;
    assert_eq!(notes.as_array().map(Vec::len), Some(applied));
}
