//! One room, one version after the other.

use std::time::Duration;

use parlor_proto::ServerFrame;
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::json;

use super::{
    LONG, Made, SHORT, add, body, inspect, post, second, server, swap, swapped, until, upload,
    version,
};

/// A room with a past, and somebody in it.
async fn room(made: Made, server: &TestServer) -> TestClient {
    let mut ann = TestClient::connect(server).await;
    ann.join("hall", made.plugin()).await;
    for n in 1..=10 {
        add(&mut ann, n).await;
    }
    ann
}

#[tokio::test]
async fn vs1_a_room_goes_on_with_another_version_as_if_nothing_had_been() {
    goes_on_with_another_version(Made::OfRust).await;
}

pub(super) async fn goes_on_with_another_version(made: Made) {
    let server = made.server(SHORT).await;
    let mut ann = TestClient::connect(&server).await;
    let joined = ann.join("hall", made.plugin()).await;
    assert_eq!(version(&mut ann).await, "1.0.0");
    assert_eq!(add(&mut ann, 40).await, 40);
    let digest = made.version(&server, "good").await;
    assert_eq!(
        version(&mut ann).await,
        "1.0.0",
        "nothing changes by itself"
    );
    let answer = swapped(&server, "hall", &digest).await;
    assert_eq!(answer["to"]["digest"], *digest);
    assert_eq!(answer["from"]["version"], "1.0.0");
    assert_eq!(answer["shadow"]["verdict"], "same");
    let before = inspect(&server, "hall").await;
    assert_eq!(version(&mut ann).await, "2.0.0");
    assert_eq!(add(&mut ann, 2).await, 42);
    let seen = until(&server, "hall", "the end of the trial", |it| {
        it["swap"].is_null()
    })
    .await;
    assert_eq!(seen["epoch"], joined.epoch);
    assert!(seen["seq"].as_u64() > before["seq"].as_u64());
    assert_eq!(seen["digest"], *digest);
    // Whoever comes now is told of the version that the room runs.
    let mut bob = TestClient::connect(&server).await;
    assert_eq!(bob.join("hall", made.plugin()).await.digest, digest);
    assert_eq!(bob.join("other", made.plugin()).await.version, "1.0.0");
    assert!(server.reports().await.is_empty());
}

#[tokio::test]
async fn timers_and_answers_of_the_storage_go_over() {
    timers_and_answers_go_over(Made::OfRust).await;
}

pub(super) async fn timers_and_answers_go_over(made: Made) {
    let server = made.server(LONG).await;
    let mut ann = room(made, &server).await;
    ann.applied("hall", &json!({ "do": "timer", "after_ms": 300 }))
        .await;
    let digest = made.version(&server, "good").await;
    swapped(&server, "hall", &digest).await;
    let is_timer = |frame: ServerFrame| match frame {
        ServerFrame::RoomMessage(message) => json_of(&message.data)["timers"].as_u64(),
        _ => None,
    };
    assert_eq!(ann.expect("the timer", is_timer).await, 1);
    ann.applied("hall", &json!({ "do": "store" })).await;
    let is_stored = |frame: ServerFrame| match frame {
        ServerFrame::RoomMessage(message) => json_of(&message.data)["stored"].as_u64(),
        _ => None,
    };
    assert_eq!(ann.expect("the answer of the storage", is_stored).await, 7);
}

#[tokio::test]
async fn the_operator_goes_back_to_the_version_before_while_it_is_parked() {
    goes_back_by_order(Made::OfRust).await;
}

pub(super) async fn goes_back_by_order(made: Made) {
    let server = made.server(LONG).await;
    let mut ann = room(made, &server).await;
    let digest = made.version(&server, "good").await;
    swapped(&server, "hall", &digest).await;
    assert_eq!(add(&mut ann, 5).await, 60);
    let busy = swap(&server, "hall", &digest).await;
    assert_eq!(busy.status, 409);
    assert!(busy.body.contains("under way"), "{busy:?}");
    let back = post(&server, "/api/v1/rooms/hall/rollback", &json!({})).await;
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(body(&back)["to"]["version"], "1.0.0");
    // It has lived through what it missed.
    assert_eq!(version(&mut ann).await, "1.0.0");
    assert_eq!(add(&mut ann, 0).await, 60);
    let again = post(&server, "/api/v1/rooms/hall/rollback", &json!({})).await;
    assert_eq!(again.status, 409, "{again:?}");
    // Nobody is to blame.
    assert!(server.reports().await.is_empty());
    swapped(&server, "hall", &digest).await;
}

#[tokio::test]
async fn what_cannot_take_the_room_over_is_refused_before_it_does() {
    for (trick, cause) in [
        ("traps", "it traps at once"),
        ("traps-tenth", "its tenth step"),
        ("loops", "longer than its budget"),
        ("refuses", "no such state"),
        ("eats-memory", "memory"),
        ("ten-times", "emits"),
    ] {
        is_refused(Made::OfRust, trick, cause).await;
    }
}

pub(super) async fn is_refused(made: Made, trick: &str, cause: &str) {
    let server = made.server(LONG).await;
    let mut ann = room(made, &server).await;
    let digest = made.version(&server, trick).await;
    let answer = swap(&server, "hall", &digest).await;
    assert_eq!(answer.status, 409, "{trick}: {answer:?}");
    assert!(answer.body.contains(cause), "{trick}: {answer:?}");
    assert_eq!(version(&mut ann).await, "1.0.0", "{trick}");
    assert_eq!(add(&mut ann, 0).await, 55, "{trick}");
    let reports = server.reports_of("hall").await;
    assert_eq!(reports.len(), 1, "{trick}: {reports:?}");
    assert!(reports[0].message.contains(cause), "{trick}: {reports:?}");
    assert_eq!(reports[0].digest, digest);
    let again = swap(&server, "hall", &digest).await;
    assert!(again.body.contains("failed before"), "{trick}: {again:?}");
}

#[tokio::test]
async fn a_version_whose_state_has_another_shape_goes_on_where_the_one_before_was() {
    takes_up_another_shape(Made::OfRust).await;
}

pub(super) async fn takes_up_another_shape(made: Made) {
    let server = made.server(LONG).await;
    let mut ann = room(made, &server).await;
    let saved = json!({ "do": "saved" });
    let first = json!({ "sum": 55, "timers": 0 });
    assert_eq!(ann.applied("hall", &saved).await, first);
    let digest = made.version(&server, "next-shape").await;
    let answer = swapped(&server, "hall", &digest).await;
    assert_eq!(answer["shadow"]["verdict"], "same");
    // What was the sum is the total, and what was added before nobody had counted.
    let second = json!({ "total": 55, "timers": 0, "adds": 0 });
    assert_eq!(ann.applied("hall", &saved).await, second);
    assert_eq!(add(&mut ann, 5).await, 60);
    let back = post(&server, "/api/v1/rooms/hall/rollback", &json!({})).await;
    assert_eq!(back.status, 200, "{back:?}");
    let first = json!({ "sum": 60, "timers": 0 });
    assert_eq!(ann.applied("hall", &saved).await, first);
    // It loads what it saved itself, too: that is tried out in a trial.
    swapped(&server, "hall", &digest).await;
    for _ in 0..20 {
        add(&mut ann, 1).await;
    }
    let second = json!({ "total": 80, "timers": 0, "adds": 20 });
    assert_eq!(ann.applied("hall", &saved).await, second);
    assert!(server.reports().await.is_empty());
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused_with_what_to_do() {
    let server = server(LONG).await;
    let _ann = room(Made::OfRust, &server).await;
    let digest = upload(&server, &second()).await;
    let nobody = swap(&server, "nowhere", &digest).await;
    assert_eq!(nobody.status, 404);
    assert_eq!(body(&nobody)["code"], "ROOM_NOT_FOUND");
    let unknown = swap(&server, "hall", "changeling@9.9.9").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(body(&unknown)["code"], "VERSION_NOT_FOUND");
    let other = swap(&server, "hall", "echo@0.0.0").await;
    assert_eq!(other.status, 409, "{other:?}");
    assert!(other.body.contains("runs changeling"), "{other:?}");
    let same = swap(&server, "hall", "changeling@1.0.0").await;
    assert!(same.body.contains("already"), "{same:?}");
    let named = swapped(&server, "hall", "changeling@2.0.0").await;
    assert_eq!(named["to"]["digest"], *digest);
}

#[tokio::test]
async fn the_operator_looks_at_rooms_and_changes_them() {
    let server = server(LONG).await;
    let mut ann = room(Made::OfRust, &server).await;
    let rooms = server
        .admin_request("GET", "/api/v1/rooms?plugin=changeling")
        .await;
    let rooms = body(&rooms);
    assert_eq!(rooms["rooms"][0]["room"], "hall");
    assert_eq!(rooms["rooms"][0]["players"], 1);
    let seen = inspect(&server, "hall").await;
    assert_eq!(seen["steps"]["count"], 11);
    assert_eq!(seen["members"][0]["id"], 1);
    assert!(seen["memory_bytes"].as_u64() > Some(0), "{seen}");
    let made = json!({ "room": "made", "plugin": "changeling" });
    assert_eq!(post(&server, "/api/v1/rooms", &made).await.status, 201);
    assert_eq!(post(&server, "/api/v1/rooms", &made).await.status, 409);
    let lock = json!({ "is_locked": true });
    assert_eq!(
        post(&server, "/api/v1/rooms/hall/lock", &lock).await.status,
        202
    );
    until(&server, "hall", "the lock", |it| it["is_locked"] == true).await;
    let signal = json!({ "name": "hello", "data": { "a": 1 } });
    assert_eq!(
        post(&server, "/api/v1/rooms/hall/signal", &signal)
            .await
            .status,
        202
    );
    let kick = json!({ "member": 1 });
    assert_eq!(
        post(&server, "/api/v1/rooms/hall/kick", &kick).await.status,
        202
    );
    assert_eq!(ann.expect_error().await.code, "KICKED");
    let closed = server.admin_request("DELETE", "/api/v1/rooms/made").await;
    assert_eq!(closed.status, 204);
    let mut bob = TestClient::connect(&server).await;
    bob.join("watched", "changeling").await;
    let closed = server
        .admin_request("DELETE", "/api/v1/rooms/watched")
        .await;
    assert_eq!(closed.status, 204);
    assert_eq!(bob.expect_room_closed("watched").await.code, "ROOM_CLOSED");
    tokio::time::timeout(Duration::from_secs(20), bob.round_trip())
        .await
        .expect("its socket stays");
}
