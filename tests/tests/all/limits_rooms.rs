//! What one client may make of a room that others are in: how much waits for it, and how much of its time it takes.

use std::time::Duration;

use parlor_proto::ServerFrame;
use parlor_server::RateSettings;
use parlor_tests::{Ended, TestClient, TestServer};
use serde_json::json;
use tokio::time::Instant;

fn note(n: u64) -> serde_json::Value {
    json!({ "do": "note", "n": n })
}

#[tokio::test]
async fn lm10_what_fits_a_room_s_mailbox_is_taken() {
    let server = TestServer::with_limits(|limits| limits.mailbox_items_max = 5).await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "on-tick").await;
    let ids: Vec<u64> = (0..5).map(|_| client.next_id()).collect();
    for id in &ids {
        client.say_with("hall", &note(*id), Some(*id)).await;
    }
    for id in ids {
        client.answer(id).await.expect("there is room for five");
    }
}

#[tokio::test]
async fn lm10_more_inputs_than_a_mailbox_holds_are_refused_as_room_busy() {
    let server = TestServer::with_limits(|limits| limits.mailbox_items_max = 5).await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "on-tick").await;
    // It gathers for half a second; this takes far less.
    let ids: Vec<u64> = (0..100).map(|_| client.next_id()).collect();
    for id in &ids {
        client.say_with("hall", &note(*id), Some(*id)).await;
    }
    let (mut applied, mut refused) = (0, 0);
    while applied + refused < ids.len() {
        match client.next().await {
            ServerFrame::Reply(_) => applied += 1,
            ServerFrame::Error(error) => {
                assert_eq!(error.code, "ROOM_BUSY");
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(
        applied >= 5 && refused > 0,
        "{applied} applied, {refused} refused"
    );
}

/// A server whose rooms are overloaded as soon as they do anything worth mentioning, however busy this machine is.
async fn touchy() -> TestServer {
    TestServer::with_limits(|limits| {
        limits.rates = Some(RateSettings {
            messages_per_second: 1_000_000,
            messages_burst: 1_000_000,
            ..RateSettings::default()
        });
        limits.room_busy_percent_max = 1;
    })
    .await
}

/// Has the room do a millisecond's work or so, and waits for it. The notices on the way, or the end.
async fn work(client: &mut TestClient) -> Result<Vec<String>, Ended> {
    let id = client.next_id();
    let data = json!({ "do": "allocate", "mib": 4 });
    client.say_with("mill", &data, Some(id)).await;
    let mut notices = Vec::new();
    loop {
        match client.next_or_end().await? {
            ServerFrame::Reply(reply) if reply.id == id => return Ok(notices),
            ServerFrame::Error(error) => panic!("not done: {error:?}"),
            ServerFrame::Notice(notice) => notices.push(notice.code),
            _ => {}
        }
    }
}

#[tokio::test]
async fn lm11_whoever_takes_most_of_an_overloaded_room_s_time_is_told_and_then_closed_with_4429() {
    let server = touchy().await;
    let mut greedy = TestClient::connect(&server).await;
    let mut modest = TestClient::connect(&server).await;
    greedy.join("mill", "hostile").await;
    modest.join("mill", "hostile").await;
    let mut notices = Vec::new();
    let ended = loop {
        match work(&mut greedy).await {
            Ok(more) => notices.extend(more),
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended.code(), 4429, "{ended:?}");
    assert_eq!(notices, ["ROOM_OVERLOADED"]);
    assert_eq!(
        work(&mut modest).await,
        Ok(Vec::new()),
        "it did nothing wrong"
    );
    let outcomes = server.metrics().await;
    assert!(outcomes.get("room_overloads_total{outcome=\"told\"}") >= 1.0);
    assert!(outcomes.get("room_overloads_total{outcome=\"closed\"}") >= 1.0);
}

#[tokio::test]
async fn lm11_nobody_is_blamed_for_a_room_that_is_overloaded_by_all_together() {
    let server = touchy().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = TestClient::connect(&server).await;
        client.join("mill", "hostile").await;
        clients.push(client);
    }
    // Long enough to be told and closed, if anybody were.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(3_500) {
        for client in &mut clients {
            assert_eq!(work(client).await, Ok(Vec::new()));
        }
    }
}

#[tokio::test]
async fn lm12_without_rates_nobody_is_held_to_account_for_a_busy_room() {
    let server = TestServer::with_limits(|limits| {
        limits.rates = None;
        limits.room_busy_percent_max = 1;
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    client.join("mill", "hostile").await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2_500) {
        assert_eq!(work(&mut client).await, Ok(Vec::new()));
    }
}
