//! A bad version that is given to some rooms first: it never comes to all of them.

use std::time::Duration;

use parlor_server::{Durable, FileConfig};
use parlor_tests::{Options, TestClient, TestServer, changeling};
use serde_json::{Value as Json, json};

use super::rollouts::{ROLLOUT, begin, status, until};
use super::{LONG, SHORT, options, post, server, shown, upload};

const ROOMS: usize = 12;
/// With so many steps, a version that traps in its tenth one is not found out by the shadow run.
const STEPS_BEFORE: i64 = 8;

/// Rooms with a member in each, who knows what the sum is.
struct Rooms(Vec<(String, TestClient, i64)>);

impl Rooms {
    async fn open(server: &TestServer) -> Self {
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            let mut client = TestClient::connect(server).await;
            let room = format!("room-{number}");
            client.join(&room, "changeling").await;
            rooms.push((room, client, 0));
        }
        Self(rooms)
    }

    /// Says something in each of the rooms that run this version, or in all.
    async fn talk(&mut self, server: &TestServer, version: Option<&str>) {
        for (room, client, sum) in &mut self.0 {
            let seen = super::inspect(server, room).await;
            if version.is_none_or(|it| seen["version"] == it) {
                *sum += 1;
                let input = json!({ "do": "add", "n": 1 });
                assert_eq!(client.applied(room, &input).await, *sum, "{room}");
            }
        }
    }

    /// All of them are back, nobody lost anything, and everybody sees what the version before shows.
    async fn are_back(&mut self, server: &TestServer, what: &str) {
        for (room, client, sum) in &mut self.0 {
            super::until(server, room, "the version before", |it| {
                it["version"] == "1.0.0"
            })
            .await;
            let input = json!({ "do": "add", "n": 0 });
            assert_eq!(client.applied(room, &input).await, *sum, "{what}: {room}");
            let expected = json!({ "sum": *sum, "version": "1.0.0" });
            shown(client, room, "sum", |it| *it == expected).await;
        }
        // Among so many there are some that the canary would have been given.
        let mut newcomer = TestClient::connect(server).await;
        for number in 0..ROOMS {
            let joined = newcomer.join(&format!("new-{number}"), "changeling").await;
            assert_eq!(joined.version, "1.0.0", "{what}");
        }
    }
}

/// A canary, which goes on to all rooms by itself after this many minutes.
async fn begin_canary(server: &TestServer, trick: &str, promote_after: Option<f64>) {
    let digest = upload(server, &changeling("2.0.0", trick)).await;
    let canary = json!({
        "version": digest,
        "scope": "canary",
        "percent": 40,
        "promote_after_minutes": promote_after,
    });
    let status = begin(server, canary).await;
    assert_eq!(status["percent"], 40);
}

/// How many rooms there were that the canary was meant for: some, and not all.
fn meant(status: &Json) -> u64 {
    let rooms = status["rooms"].as_u64().expect("a number");
    assert!((1..ROOMS as u64).contains(&rooms), "{status}");
    rooms
}

#[tokio::test]
async fn a_bad_version_that_is_found_out_before_or_on_trial_is_never_promoted_by_time() {
    for (trick, says) in [
        ("traps", "it traps at once"),
        ("traps-tenth", "its tenth step"),
        ("loops", "longer than its budget"),
        ("refuses", "no such state"),
        ("eats-memory", "memory"),
        ("ten-times", "emits"),
        ("lies", "comes out otherwise"),
    ] {
        let server = server(LONG).await;
        let mut rooms = Rooms::open(&server).await;
        for _ in 0..STEPS_BEFORE {
            rooms.talk(&server, None).await;
        }
        // As soon as the trials of the canary are over without a failure.
        begin_canary(&server, trick, Some(0.0)).await;
        let ended = loop {
            let status = status(&server).await;
            assert_ne!(status["phase"], "done", "{trick}: {status}");
            if status["phase"] == "aborted" {
                break status;
            }
            rooms.talk(&server, None).await;
        };
        let reason = ended["reason"].as_str().expect("a reason");
        assert!(reason.contains(says), "{trick}: {ended}");
        // Only a promotion would have brought it to all.
        assert_eq!(ended["scope"], "canary", "{trick}");
        assert!(ended["switched"].as_u64() <= Some(meant(&ended)), "{ended}");
        rooms.are_back(&server, trick).await;
    }
}

#[tokio::test]
async fn a_bad_version_that_shows_it_only_behind_its_trials_is_not_promoted_by_time() {
    let server = server(SHORT).await;
    let mut rooms = Rooms::open(&server).await;
    rooms.talk(&server, None).await;
    begin_canary(&server, "traps-tenth", Some(1_000.0)).await;
    let canary = until(&server, "canary").await;
    assert_eq!(canary["switched"], canary["rooms"], "nothing showed so far");
    // Eight steps are fine.
    for _ in 0..8 {
        rooms.talk(&server, Some("2.0.0")).await;
    }
    assert_eq!(status(&server).await["phase"], "canary");
    let (room, client) = one_of_canary(&server, &mut rooms).await;
    let mut refused = None;
    for _ in 0..3 {
        let input = json!({ "do": "version" });
        refused = refused.or(client.ask(&room, &input).await.err());
    }
    assert_eq!(refused.expect("it traps").code, "PLUGIN_FAILED");
    let ended = until(&server, "aborted").await;
    assert_eq!(
        (&ended["scope"], &ended["rooms"]),
        (&json!("canary"), &canary["rooms"])
    );
    let reason = ended["reason"].as_str().expect("a reason");
    assert!(
        reason.contains(&room) && reason.contains("tenth step"),
        "{ended}"
    );
    rooms.are_back(&server, "behind its trials").await;
}

/// A room of the canary, and who is in it.
async fn one_of_canary<'a>(
    server: &TestServer,
    rooms: &'a mut Rooms,
) -> (String, &'a mut TestClient) {
    for (room, client, _) in &mut rooms.0 {
        if super::inspect(server, room).await["version"] == "2.0.0" {
            return (room.clone(), client);
        }
    }
    panic!("no room of the canary is left");
}

#[tokio::test]
async fn a_bad_version_that_fails_in_a_room_made_of_it_is_not_promoted_by_time() {
    let server = server(SHORT).await;
    let mut rooms = Rooms::open(&server).await;
    rooms.talk(&server, None).await;
    begin_canary(&server, "traps-tenth", Some(1_000.0)).await;
    until(&server, "canary").await;
    let mut client = TestClient::connect(&server).await;
    let mut made = 0..ROOMS;
    let room = loop {
        let room = format!("made-{}", made.next().expect("one of them is the canary's"));
        if client.join(&room, "changeling").await.version == "2.0.0" {
            break room;
        }
    };
    // No version is parked behind a room that was made of this one.
    let mut refused = None;
    for _ in 0..12 {
        let input = json!({ "do": "version" });
        refused = refused.or(client.ask(&room, &input).await.err());
    }
    assert_eq!(refused.expect("it traps").code, "PLUGIN_FAILED");
    until(&server, "aborted").await;
    super::until(&server, &room, "the version before", |it| {
        it["version"] == "1.0.0"
    })
    .await;
    rooms.are_back(&server, "made of it").await;
}

#[tokio::test]
async fn a_bad_version_that_is_promoted_is_found_out_by_the_first_busy_room() {
    for is_by_hand in [true, false] {
        let server = server(SHORT).await;
        let mut rooms = Rooms::open(&server).await;
        rooms.talk(&server, None).await;
        let promote_after = (!is_by_hand).then_some(0.2);
        begin_canary(&server, "traps-tenth", promote_after).await;
        let canary = until(&server, "canary").await;
        for _ in 0..12 {
            rooms.talk(&server, Some("1.0.0")).await;
        }
        if is_by_hand {
            let path = format!("{ROLLOUT}/promote");
            let promoted = post(&server, &path, &json!({})).await;
            assert_eq!(promoted.status, 200, "{promoted:?}");
        }
        let ended = until(&server, "aborted").await;
        // Promoted it was, and yet no other room changed.
        assert_eq!(
            (&ended["scope"], &ended["rooms"]),
            (&json!("all"), &json!(ROOMS))
        );
        assert_eq!(ended["switched"], canary["switched"], "{ended}");
        assert!(ended["refused"].as_u64() > Some(0), "{ended}");
        meant(&canary);
        rooms.are_back(&server, "promoted").await;
    }
}

#[tokio::test]
async fn rooms_that_slept_when_it_was_aborted_go_back_when_they_awake() {
    let mut options = Options {
        settings: FileConfig {
            durability: [("changeling".to_owned(), Durable::Snapshot)].into(),
            ..FileConfig::default()
        },
        ..options(SHORT)
    };
    options.limits.empty_room_grace = Duration::ZERO;
    let server = TestServer::with(options).await;
    let mut rooms = Rooms::open(&server).await;
    rooms.talk(&server, None).await;
    begin_canary(&server, "good", None).await;
    let canary = until(&server, "canary").await;
    for (room, client, _) in &mut rooms.0 {
        client.leave(room).await;
    }
    let asleep = |metrics: &parlor_tests::Metrics| metrics.get("rooms_asleep") == ROOMS as f64;
    server.until("sleep", asleep).await;
    let aborted = post(&server, &format!("{ROLLOUT}/abort"), &json!({})).await;
    assert_eq!(aborted.status, 200, "{aborted:?}");
    let mut awoke_as_canary = 0;
    for (room, client, _) in &mut rooms.0 {
        let joined = client.join(room, "changeling").await;
        awoke_as_canary += u64::from(joined.version == "2.0.0");
    }
    assert!(awoke_as_canary <= meant(&canary));
    rooms.are_back(&server, "awoke").await;
}
