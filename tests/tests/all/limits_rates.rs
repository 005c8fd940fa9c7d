//! How much a session may do in a time: what is within it passes, what is beyond it is refused with a code, and whoever
//! goes on after a warning is closed. The exact counts are tested where they are counted, with time as an argument.

use parlor_proto::{ServerFrame, Subprotocol, Visibility, client};
use parlor_server::RateSettings;
use parlor_tests::{Ended, TestClient, TestServer};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

const EXCEEDED: &str = "RATE_LIMIT_EXCEEDED";

/// A server with rates of which some are changed.
async fn server(change: impl FnOnce(&mut RateSettings)) -> TestServer {
    let mut rates = RateSettings::default();
    change(&mut rates);
    TestServer::with_limits(|limits| limits.rates = Some(rates)).await
}

/// A protocol ping of this size.
fn padded_ping(bytes: usize) -> Message {
    let ping = json!({ "type": "ping", "timestamp": 7 }).to_string();
    let padding = " ".repeat(bytes - ping.len());
    Message::text(ping + &padding)
}

fn by_code(code: &str) -> client::JoinRoom {
    client::JoinRoom {
        code: Some(code.to_owned()),
        ..client::JoinRoom::default()
    }
}

/// What a client was told until it was sent away: the requests that were refused, and the warnings.
struct Told {
    refused: Vec<parlor_proto::server::Error>,
    warnings: Vec<String>,
    ended: Ended,
}

async fn until_end(client: &mut TestClient) -> Told {
    let (mut refused, mut warnings) = (Vec::new(), Vec::new());
    let ended = loop {
        let frame = match client.next_or_end().await {
            Ok(frame) => frame,
            Err(ended) => break ended,
        };
        match frame {
            ServerFrame::Error(error) => {
                assert_eq!(error.code, EXCEEDED, "{}", error.message);
                refused.push(error);
            }
            ServerFrame::Notice(notice) => {
                assert_eq!(notice.code, EXCEEDED, "{}", notice.message);
                warnings.push(notice.message);
            }
            _ => {}
        }
    };
    Told {
        refused,
        warnings,
        ended,
    }
}

#[tokio::test]
async fn lm4_a_burst_of_messages_is_handled() {
    let server = server(|_| {}).await;
    for subprotocol in Subprotocol::ALL {
        let mut client = TestClient::speaking(&server, subprotocol).await;
        assert_eq!(client.welcome.limits.messages_per_second, 100);
        for timestamp in 0..200 {
            client.send(client::Ping { timestamp }).await;
        }
        for timestamp in 0..200 {
            match client.next().await {
                ServerFrame::Pong(pong) => assert_eq!(pong.timestamp, timestamp),
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn lm4_too_many_messages_are_refused_warned_of_and_closed_with_4429() {
    let server = server(|rates| {
        rates.messages_per_second = 2;
        rates.messages_burst = 10;
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "echo").await;
    let ids: Vec<u64> = (0..40).map(|_| client.next_id()).collect();
    let say = json!({ "type": "echo", "data": 1 });
    for id in &ids {
        client.say_with("hall", &say, Some(*id)).await;
    }
    let told = until_end(&mut client).await;
    assert_eq!(told.ended.code(), 4429, "{:?}", told.ended);
    // The join was a message too.
    assert_eq!(told.refused[0].id, Some(ids[9]));
    assert_eq!(told.refused[0].room.as_deref(), Some("hall"));
    assert!(
        told.warnings[0].contains("2 messages a second"),
        "{:?}",
        told.warnings
    );
    let is_counted = server
        .metrics()
        .await
        .get("rates_exceeded_total{rate=\"messages\"}");
    assert!(is_counted >= 3.0, "{is_counted}");
}

#[tokio::test]
async fn lm4_a_refused_message_is_not_handled_and_the_next_one_may_be() {
    let server = server(|rates| {
        rates.bytes_per_second = 100_000;
        rates.bytes_burst = 100_000;
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "probe").await;
    // Beyond what a plugin takes: if it were handled, that would be the answer.
    let note = |bytes: usize| json!({ "do": "note", "text": "x".repeat(bytes) });
    client.applied("hall", &note(60_000)).await;
    let error = client.refused("hall", &note(90_000)).await;
    assert_eq!(error.code, EXCEEDED);
    assert_eq!(client.expect_notice().await.code, EXCEEDED);
    let notes = client.applied("hall", &json!({ "do": "notes" })).await;
    assert_eq!(
        notes.as_array().map(Vec::len),
        Some(2),
        "the join, and one note"
    );
}

#[tokio::test]
async fn lm4_too_many_bytes_are_refused_warned_of_and_closed_with_4429() {
    let server = server(|rates| {
        rates.bytes_per_second = 1 << 10;
        rates.bytes_burst = 64 << 10;
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    client.send_message(padded_ping(60 << 10)).await;
    client.round_trip().await;
    for _ in 0..3 {
        client.send_message(padded_ping(60 << 10)).await;
    }
    let told = until_end(&mut client).await;
    assert_eq!(told.ended.code(), 4429, "{:?}", told.ended);
    assert_eq!((told.refused.len(), told.warnings.len()), (2, 1));
    assert!(
        told.warnings[0].contains("1024 bytes"),
        "{:?}",
        told.warnings
    );
}

#[tokio::test]
async fn lm4_what_is_no_frame_is_counted_and_refused_too() {
    let server = server(|rates| {
        rates.messages_per_second = 1;
        rates.messages_burst = 3;
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    for _ in 0..30 {
        client.send_message(Message::text("?")).await;
    }
    for _ in 0..3 {
        assert_eq!(client.expect_error().await.code, "INVALID_MESSAGE_FORMAT");
    }
    let told = until_end(&mut client).await;
    assert_eq!(told.ended.code(), 4429, "{:?}", told.ended);
    assert_eq!((told.refused[0].id, &told.refused[0].room), (None, &None));
}

#[tokio::test]
async fn lm9_a_client_that_comes_back_finds_its_rates_as_it_left_them() {
    let server = server(|rates| rates.bytes_per_second = 1 << 10).await;
    let mut client = TestClient::connect(&server).await;
    client.send_message(padded_ping(1 << 20)).await;
    assert_eq!(client.next().await.type_name(), "pong");
    let mut again = TestClient::connect(&server).await;
    again
        .send(client::Resume {
            session: client.welcome.session.clone(),
            resume_token: client.welcome.resume_token.clone(),
            rooms: Vec::new(),
        })
        .await;
    let is_resumed = |frame| matches!(frame, ServerFrame::Resumed(_)).then_some(());
    again.expect("resumed", is_resumed).await;
    // A fresh session could send 1 MiB at once. This one would have to wait a quarter of an hour for it.
    again.send_message(padded_ping(1 << 19)).await;
    assert_eq!(again.expect_error().await.code, EXCEEDED);
}

#[tokio::test]
async fn lm7_thirty_joins_a_minute_are_let_in() {
    let server = server(|rates| rates.creates_per_minute = 30).await;
    let mut client = TestClient::connect(&server).await;
    for room in 0..30 {
        client.join(&format!("room-{room}"), "tiny").await;
    }
    let error = client
        .try_join(TestClient::into_room("room-30", "tiny"))
        .await;
    assert_eq!(error.expect_err("a minute has 30").code, EXCEEDED);
}

#[tokio::test]
async fn lm7_three_times_the_joins_of_a_minute_close_with_4429() {
    let server = server(|rates| rates.joins_per_minute = 2).await;
    let mut client = TestClient::connect(&server).await;
    client.join("one", "tiny").await;
    client.join("two", "tiny").await;
    let error = client
        .try_join(TestClient::into_room("three", "tiny"))
        .await;
    let error = error.expect_err("a minute has two");
    assert_eq!(
        (error.code.as_str(), error.room.as_deref()),
        (EXCEEDED, Some("three"))
    );
    assert!(
        client
            .expect_notice()
            .await
            .message
            .contains("2 joins a minute")
    );
    for id in 10..14 {
        let join = TestClient::into_room("three", "tiny");
        client
            .send(client::JoinRoom {
                id: Some(id),
                ..join
            })
            .await;
    }
    let told = until_end(&mut client).await;
    let refused: Vec<_> = told.refused.iter().map(|it| it.id).collect();
    assert_eq!(refused, [Some(10), Some(11), Some(12)]);
    assert_eq!(told.ended.code(), 4429, "{:?}", told.ended);
    assert!(told.warnings.is_empty(), "there was one already");
}

#[tokio::test]
async fn lm7_ten_rooms_a_minute_are_made_and_joining_others_goes_on() {
    let server = server(|_| {}).await;
    let mut host = TestClient::connect(&server).await;
    host.join("there", "tiny").await;
    let mut client = TestClient::connect(&server).await;
    for room in 0..10 {
        client.join(&format!("room-{room}"), "tiny").await;
    }
    let error = client
        .try_join(TestClient::into_room("eleventh", "tiny"))
        .await;
    assert_eq!(error.expect_err("a minute has ten").code, EXCEEDED);
    client.join("there", "tiny").await;
    // The eleventh was not made on the way.
    assert_eq!(server.metrics().await.get("rooms"), 11.0);
}

#[tokio::test]
async fn lm7_three_times_the_rooms_of_a_minute_close_with_4429() {
    let server = server(|rates| rates.creates_per_minute = 1).await;
    let mut client = TestClient::connect(&server).await;
    client.join("one", "tiny").await;
    for room in ["two", "three", "four"] {
        client.send(TestClient::into_room(room, "tiny")).await;
    }
    // By quick match too, and private ones.
    let told = until_end(&mut client).await;
    assert_eq!((told.refused.len(), told.warnings.len()), (2, 1));
    assert_eq!(told.ended.code(), 4429, "{:?}", told.ended);
    let mut client = TestClient::connect(&server).await;
    client.join("five", "tiny").await;
    for visibility in [Visibility::Public, Visibility::Private] {
        let join = client::JoinRoom {
            plugin: Some("chat".to_owned()),
            visibility: Some(visibility),
            ..client::JoinRoom::default()
        };
        let error = client.try_join(join).await.expect_err("a minute has one");
        assert_eq!(error.code, EXCEEDED);
    }
}

#[tokio::test]
async fn jn6_lm7_whoever_guesses_codes_is_refused_warned_and_closed_with_4429() {
    let server = server(|rates| rates.wrong_codes_per_minute = 2).await;
    let mut host = TestClient::connect(&server).await;
    let den = client::JoinRoom {
        visibility: Some(Visibility::Private),
        ..TestClient::into_room("den", "chat")
    };
    let code = host.try_join(den).await.expect("a room").code;
    let code = code.expect("a private room has a code");
    let mut client = TestClient::connect(&server).await;
    for _ in 0..2 {
        let error = client.try_join(by_code("AAAAAAAA")).await;
        assert_eq!(error.expect_err("no such code").code, "WRONG_CODE");
    }
    // Not even a right one is looked at now: it would be found by guessing.
    let error = client.try_join(by_code(&code)).await.expect_err("too many");
    assert_eq!(error.code, EXCEEDED);
    assert!(
        client
            .expect_notice()
            .await
            .message
            .contains("2 wrong room codes")
    );
    client.join("hall", "echo").await;
    for _ in 0..4 {
        client.send(by_code("AAAAAAAA")).await;
    }
    let told = until_end(&mut client).await;
    assert_eq!(told.refused.len(), 3);
    assert_eq!(told.ended.code(), 4429, "{:?}", told.ended);
}

#[tokio::test]
async fn lm8_websocket_pings_and_pongs_to_none_are_warned_of_and_closed_with_4429() {
    let server = server(|_| {}).await;
    for flood in [
        Message::Ping(Vec::new().into()),
        Message::Pong(Vec::new().into()),
    ] {
        let mut client = TestClient::connect(&server).await;
        for _ in 0..10 {
            client.send_message(flood.clone()).await;
        }
        // Ten are within the limit: nothing was said of them before this is answered.
        client.send(client::Ping { timestamp: 1 }).await;
        let next = client.next().await;
        assert_eq!(next.type_name(), "pong", "{next:?}");
        client.send_message(flood.clone()).await;
        assert!(
            client
                .expect_notice()
                .await
                .message
                .contains("10 WebSocket pings")
        );
        for _ in 0..9 {
            client.send_message(flood.clone()).await;
        }
        client.round_trip().await;
        client.send_message(flood).await;
        assert_eq!(client.expect_end().await.code(), 4429);
    }
}

#[tokio::test]
async fn lm8_pongs_that_the_server_asked_for_are_not_counted() {
    let server = TestServer::with_limits(|limits| {
        limits.rates = Some(RateSettings {
            pings_per_10_seconds: 1,
            ..RateSettings::default()
        });
        limits.heartbeat = std::time::Duration::from_millis(20);
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    // The library answers each of them when it is read.
    for _ in 0..6 {
        client
            .expect_message_of("a ping", |message| matches!(message, Message::Ping(_)))
            .await;
    }
    client.send(client::Ping { timestamp: 1 }).await;
    let next = client.next().await;
    assert_eq!(next.type_name(), "pong", "{next:?}");
}

#[tokio::test]
async fn lm12_without_rates_nothing_is_counted_and_clients_are_told() {
    let server = TestServer::with_limits(|limits| limits.rates = None).await;
    let mut client = TestClient::connect(&server).await;
    assert_eq!(client.welcome.limits.messages_per_second, 0);
    for timestamp in 0..1_000 {
        client.send(client::Ping { timestamp }).await;
        client.send_message(Message::Ping(Vec::new().into())).await;
    }
    for timestamp in 0..1_000 {
        match client.next().await {
            ServerFrame::Pong(pong) => assert_eq!(pong.timestamp, timestamp),
            other => panic!("unexpected: {other:?}"),
        }
    }
}
