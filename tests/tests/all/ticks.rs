//! The rooms' clock.

use parlor_tests::{TestClient, TestServer};
use serde_json::json;

#[tokio::test]
async fn a_5_hz_room_ticks_with_consecutive_numbers() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("clock", "ticker").await;
    let first = client.expect_data("clock").await;
    let mut number = first["tick"].as_u64().expect("a number");
    for _ in 0..5 {
        let tick = client.expect_data("clock").await;
        number += 1;
        assert_eq!(tick["tick"], number);
        assert_eq!(tick["dt_ms"], 200);
    }
}

#[tokio::test]
async fn a_room_without_an_input_publishes_every_tick() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("clock", "metronome").await;
    let beat = async |client: &mut TestClient| {
        let state = client.expect_state("clock", "beat").await.state;
        state.to_serde::<u64>().expect("a number")
    };
    let first = beat(&mut client).await;
    assert_eq!(beat(&mut client).await, first + 1);
}

#[tokio::test]
async fn on_tick_delivery_gathers_messages_until_the_tick() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "on-tick").await;
    let tick = client.expect_data("hall").await["tick"]
        .as_u64()
        .expect("a number");
    let ids: Vec<u64> = (0..5).map(|_| client.next_id()).collect();
    for id in &ids {
        client
            .say_with("hall", &json!({ "do": "note", "n": id }), Some(*id))
            .await;
    }
    for id in &ids {
        let reply = client.answer(*id).await.expect("it is applied");
        assert_eq!(
            reply.tick,
            Some(tick + 1),
            "MS3: the tick in which it was applied"
        );
    }
}

#[tokio::test]
async fn room_and_client_are_told_of_the_same_tick() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "on-tick").await;
    for _ in 0..3 {
        let id = client.next_id();
        client
            .say_with("hall", &json!({ "do": "tick" }), Some(id))
            .await;
        let reply = client.answer(id).await.expect("it is applied");
        let data = reply.data.expect("a number").to_json();
        assert_eq!(Some(data), reply.tick.map(|tick| tick.to_string()));
    }
}

#[tokio::test]
async fn on_tick_messages_come_before_their_tick() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "on-tick").await;
    let tick = client.expect_data("hall").await["tick"]
        .as_u64()
        .expect("a number");
    for n in 0..7 {
        client.say("hall", &json!({ "do": "note", "n": n })).await;
    }
    let next = client.expect_data("hall").await;
    assert_eq!(next, json!({ "tick": tick + 1, "noted": 7 }));
    assert_eq!(
        client.expect_data("hall").await,
        json!({ "tick": tick + 2, "noted": 0 })
    );
}
