//! Three encodings in one room.

use parlor_proto::{Subprotocol, Value, client};
use parlor_tests::{Metrics, TestClient, TestServer, payload};
use serde_json::json;

/// A broadcast room in which senders hear themselves, with a client for each of these subprotocols.
async fn room_of(server: &TestServer, subprotocols: &[Subprotocol]) -> Vec<TestClient> {
    let mut clients = Vec::new();
    for subprotocol in subprotocols {
        let mut client = TestClient::speaking(server, *subprotocol).await;
        let join = client::JoinRoom {
            options: Some(payload(&json!({ "include_self": true }))),
            ..TestClient::into_room("hall", "broadcast")
        };
        client.try_join(join).await.expect("a room");
        clients.push(client);
    }
    // Behind the pong, nothing of all that joining is under way any more.
    for client in &mut clients {
        client.round_trip().await;
    }
    clients
}

/// One value with everything in it that the encodings write differently.
fn manifold() -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Map(vec![
        ("null".to_owned(), Value::Null),
        (
            "bools".to_owned(),
            Value::List(vec![Value::Bool(true), Value::Bool(false)]),
        ),
        ("small".to_owned(), Value::Int(-7)),
        ("least".to_owned(), Value::Int(i128::from(i64::MIN))),
        ("greatest".to_owned(), Value::Int(i128::from(u64::MAX))),
        ("beyond doubles".to_owned(), Value::Int((1 << 53) + 1)),
        ("third".to_owned(), Value::Float(1.0 / 3.0)),
        ("integral".to_owned(), Value::Float(4.0)),
        ("text".to_owned(), text("zürich 🧀 \u{0}\"\\")),
        ("bytes".to_owned(), Value::Bytes((0..=255).collect())),
        ("$bytes".to_owned(), text("not bytes")),
        (
            "escaped".to_owned(),
            Value::Map(vec![("$int".to_owned(), text("1"))]),
        ),
        (
            "empty".to_owned(),
            Value::List(vec![Value::Map(Vec::new()), Value::List(Vec::new())]),
        ),
    ])
}

#[tokio::test]
async fn en1_vl1_members_of_one_room_hear_the_same_in_three_encodings() {
    let server = TestServer::start().await;
    let mut clients = room_of(&server, &Subprotocol::ALL).await;
    for sender in 0..3 {
        let data = manifold().to_payload().expect("a payload");
        clients[sender]
            .send(client::RoomMessage {
                room: "hall".to_owned(),
                data,
                id: None,
            })
            .await;
        let mut places = Vec::new();
        for client in &mut clients {
            let message = client.expect_message("hall").await;
            assert_eq!(Value::from(&message.data), manifold());
            places.push((message.epoch, message.seq, message.from));
        }
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }
}

/// How many frames were encoded for each subprotocol between two readings.
fn encodings_made(before: &Metrics, after: &Metrics) -> [f64; 3] {
    Subprotocol::ALL.map(|subprotocol| {
        let series = format!("encodings_total{{subprotocol=\"{}\"}}", subprotocol.name());
        after.get(&series) - before.get(&series)
    })
}

#[tokio::test]
async fn broadcasts_times_encodings_in_use_are_the_encodings_made() {
    use Subprotocol::{Binary, Json, Proto};
    for (subprotocols, expected) in [
        (&[Json, Json, Json, Json][..], [40.0, 0.0, 0.0]),
        (&[Json, Proto, Json, Proto, Proto], [40.0, 0.0, 40.0]),
        (
            &[Binary, Json, Proto, Binary, Json, Proto, Binary],
            [40.0, 40.0, 40.0],
        ),
    ] {
        let server = TestServer::start().await;
        let mut clients = room_of(&server, subprotocols).await;
        let before = server.metrics().await;
        for n in 0..40 {
            // Without ids there are no replies: a broadcast is the only frame.
            clients[0].say("hall", &json!(n)).await;
        }
        for client in &mut clients {
            for n in 0..40 {
                assert_eq!(client.expect_data("hall").await, json!(n));
            }
        }
        let after = server.metrics().await;
        assert_eq!(
            encodings_made(&before, &after),
            expected,
            "{subprotocols:?}"
        );
        let sent = |metrics: &Metrics| -> f64 {
            let series =
                |it: Subprotocol| format!("frames_out_total{{subprotocol=\"{}\"}}", it.name());
            Subprotocol::ALL
                .iter()
                .map(|it| metrics.get(&series(*it)))
                .sum()
        };
        let deliveries = 40 * u32::try_from(subprotocols.len()).expect("few");
        assert_eq!(sent(&after) - sent(&before), f64::from(deliveries));
    }
}
