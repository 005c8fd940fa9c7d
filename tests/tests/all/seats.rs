//! Players and spectators, capacity and locks.

use std::time::Duration;

use parlor_proto::{Seat, ServerFrame, client};
use parlor_tests::{TestClient, TestServer};
use serde_json::json;

fn wanting(room: &str, seat: Seat) -> client::JoinRoom {
    client::JoinRoom {
        seat: Some(seat),
        ..TestClient::into_room(room, "probe")
    }
}

/// A room of the probe with both players' seats taken.
async fn full_room(server: &TestServer) -> [TestClient; 2] {
    let mut players = [
        TestClient::connect(server).await,
        TestClient::connect(server).await,
    ];
    for player in &mut players {
        assert_eq!(player.join("hall", "probe").await.you.seat, Seat::Player);
    }
    players
}

#[tokio::test]
async fn jn7_with_no_players_seat_free_one_watches_and_then_the_room_is_full() {
    let server = TestServer::start().await;
    let _players = full_room(&server).await;
    let mut third = TestClient::connect(&server).await;
    let refused = third
        .try_join(wanting("hall", Seat::Player))
        .await
        .expect_err("no seat");
    assert_eq!(refused.code, "ROOM_FULL");
    assert_eq!(third.join("hall", "probe").await.you.seat, Seat::Spectator);
    let mut fourth = TestClient::connect(&server).await;
    for join in [
        TestClient::into_room("hall", "probe"),
        wanting("hall", Seat::Spectator),
    ] {
        let refused = fourth.try_join(join).await.expect_err("no seat");
        assert_eq!(refused.code, "ROOM_FULL");
    }
}

#[tokio::test]
async fn jn7_a_seat_that_is_given_up_can_be_taken() {
    let server = TestServer::start().await;
    let [mut first, _second] = full_room(&server).await;
    first.leave("hall").await;
    let mut third = TestClient::connect(&server).await;
    let joined = third
        .try_join(wanting("hall", Seat::Player))
        .await
        .expect("a seat is free");
    assert_eq!(joined.you.seat, Seat::Player);
}

#[tokio::test]
async fn where_nobody_may_come_back_a_lost_connection_gives_its_seat_up_at_once() {
    let server = TestServer::with_limits(|limits| limits.resume_window = Duration::ZERO).await;
    let [first, mut second] = full_room(&server).await;
    drop(first);
    let left = second
        .expect("user_left", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left),
            _ => None,
        })
        .await;
    assert_eq!(left.reason.as_deref(), Some("disconnected"));
    let mut third = TestClient::connect(&server).await;
    third
        .try_join(wanting("hall", Seat::Player))
        .await
        .expect("a seat is free");
}

#[tokio::test]
async fn jn7_a_spectators_seat_is_given_to_whoever_wants_one() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let joined = client
        .try_join(wanting("hall", Seat::Spectator))
        .await
        .expect("a seat");
    assert_eq!(joined.you.seat, Seat::Spectator);
}

#[tokio::test]
async fn jn7_a_locked_room_takes_spectators_but_no_players() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", "probe").await;
    ann.applied("hall", &json!({ "do": "lock", "on": true }))
        .await;
    let mut bob = TestClient::connect(&server).await;
    let refused = bob
        .try_join(wanting("hall", Seat::Player))
        .await
        .expect_err("it is locked");
    assert_eq!(refused.code, "ROOM_LOCKED");
    assert_eq!(bob.join("hall", "probe").await.you.seat, Seat::Spectator);
    ann.applied("hall", &json!({ "do": "lock", "on": false }))
        .await;
    bob.leave("hall").await;
    assert_eq!(bob.join("hall", "probe").await.you.seat, Seat::Player);
}

#[tokio::test]
async fn a_change_of_seat_is_announced_and_counts() {
    let server = TestServer::start().await;
    let [mut ann, mut bob] = full_room(&server).await;
    ann.applied(
        "hall",
        &json!({ "do": "seat", "member": 2, "is_spectator": true }),
    )
    .await;
    let changed = bob
        .expect("user_changed", |frame| match frame {
            ServerFrame::UserChanged(changed) => Some(changed),
            _ => None,
        })
        .await;
    assert_eq!(
        (changed.member.id, changed.member.seat),
        (2, Seat::Spectator)
    );
    ann.say(
        "hall",
        &json!({ "do": "send_to_seat", "is_spectator": true, "data": "watchers" }),
    )
    .await;
    assert_eq!(bob.expect_data("hall").await, json!("watchers"));
    let mut third = TestClient::connect(&server).await;
    third
        .try_join(wanting("hall", Seat::Player))
        .await
        .expect("a seat is free");
    let full = TestClient::connect(&server)
        .await
        .try_join(wanting("hall", Seat::Spectator))
        .await;
    assert_eq!(full.expect_err("no seat").code, "ROOM_FULL");
}
