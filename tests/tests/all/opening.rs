//! Who a client is: `welcome`, nicknames, signs of life.

use std::time::Duration;

use parlor_proto::{ServerFrame, Subprotocol, client};
use parlor_tests::{TestClient, TestServer};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

fn auth(name: &str) -> client::Auth {
    client::Auth {
        token: None,
        name: Some(name.to_owned()),
    }
}

#[tokio::test]
async fn op1_op5_welcome_comes_unasked_and_says_what_the_server_accepts() {
    let server = TestServer::start().await;
    for subprotocol in Subprotocol::ALL {
        let client = TestClient::speaking(&server, subprotocol).await;
        assert_eq!(client.welcome.protocol, subprotocol.name());
        assert_eq!(client.welcome.heartbeat_ms, 30_000);
        assert_eq!(client.welcome.limits.message_bytes_max, 1 << 20);
        assert_eq!(client.welcome.limits.rooms_max, 32);
        assert!(!client.welcome.session.is_empty() && !client.welcome.resume_token.is_empty());
    }
}

#[tokio::test]
async fn op4_auth_sets_the_nickname_and_is_answered_by_welcome_with_the_same_session() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.send(auth("Ann")).await;
    let again = client.expect_welcome().await;
    assert_eq!(again.session, client.welcome.session);
    assert_eq!(client.join("hall", "chat").await.you.name, "Ann");
}

#[tokio::test]
async fn op4_a_nickname_is_1_to_32_characters() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for bad in ["", "   ", "a\u{7}b", &"ä".repeat(33)] {
        client.send(auth(bad)).await;
        assert_eq!(client.expect_error().await.code, "INVALID_NAME", "{bad:?}");
    }
    client.send(auth(&"ä".repeat(32))).await;
    client.expect_welcome().await;
    assert_eq!(client.join("hall", "chat").await.you.name, "ä".repeat(32));
}

#[tokio::test]
async fn op4_without_a_nickname_the_server_makes_one_up() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    assert!(!client.join("hall", "chat").await.you.name.is_empty());
}

#[tokio::test]
async fn op4_a_new_nickname_is_announced_where_the_client_is() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let id = ann.join("hall", "chat").await.you.id;
    bob.join("hall", "chat").await;
    ann.send(auth("Ann the Second")).await;
    let changed = bob
        .expect("user_changed", |frame| match frame {
            ServerFrame::UserChanged(changed) => Some(changed),
            _ => None,
        })
        .await;
    assert_eq!(changed.member.id, id);
    assert_eq!(changed.member.name, "Ann the Second");
    // And the plugin knows: it shows the new name with what she says.
    ann.say("hall", &json!({ "type": "say", "text": "hello" }))
        .await;
    let said = bob
        .expect("what was said", |frame| match frame {
            ServerFrame::RoomMessage(message) => {
                Some(parlor_tests::json_of(&message.data)).filter(|data| data["text"] == "hello")
            }
            _ => None,
        })
        .await;
    assert_eq!(said["name"], "Ann the Second");
}

#[tokio::test]
async fn rs3_a_refused_resume_leaves_the_fresh_session_usable() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client
        .send(client::Resume {
            session: "0".repeat(32),
            resume_token: "0".repeat(32),
            rooms: Vec::new(),
        })
        .await;
    assert_eq!(client.expect_error().await.code, "RESUME_REFUSED");
    client.join("hall", "echo").await;
    let echo = json!({ "type": "echo", "data": 1 });
    client.applied("hall", &echo).await;
}

#[tokio::test]
async fn hb3_ping_is_answered_by_pong_with_the_same_timestamp() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.send(client::Ping { timestamp: 12_345 }).await;
    let ServerFrame::Pong(pong) = client.next().await else {
        panic!("no pong");
    };
    assert_eq!(pong.timestamp, 12_345);
    // After 2020: it is a time since 1970 in milliseconds, and not in anything else.
    assert!(pong.server_time_ms > 1_577_836_800_000 && pong.server_time_ms < 1 << 43);
}

#[tokio::test]
async fn a_websocket_ping_is_answered_by_a_websocket_pong() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.send_message(Message::Ping("hello".into())).await;
    let is_pong = |message: &Message| *message == Message::Pong("hello".into());
    client.expect_message_of("a pong", is_pong).await;
}

#[tokio::test]
async fn hb1_hb2_a_silent_client_is_pinged_and_then_closed_with_4410() {
    let server = TestServer::with_limits(|limits| {
        limits.heartbeat = Duration::from_millis(50);
        limits.silence_max = Duration::from_millis(200);
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    // A client that does not read does not answer pings either.
    let is_closed =
        |metrics: &parlor_tests::Metrics| metrics.get("closes_total{reason=\"silent\"}") == 1.0;
    server.until("closing a silent client", is_closed).await;
    client.expect_message_of("a ping", Message::is_ping).await;
    assert_eq!(client.expect_end().await.code(), 4410);
}

#[tokio::test]
async fn hb1_a_pong_is_a_sign_of_life() {
    let server = TestServer::with_limits(|limits| {
        limits.heartbeat = Duration::from_millis(100);
        limits.silence_max = Duration::from_millis(1500);
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    // Reading answers pings. Were pongs not counted, this would end after the first silence_max.
    for _ in 0..20 {
        client.expect_message_of("a ping", Message::is_ping).await;
    }
    client.round_trip().await;
}
