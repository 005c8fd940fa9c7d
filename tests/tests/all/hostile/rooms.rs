//! Harm that ends a room: its own, and no other.

use parlor_tests::{Report, TestClient, TestServer};
use serde_json::{Value as Json, json};

use super::{Clock, Scene, made_with};

/// Asserts that a room which does this while it is opened is not opened, and returns the report.
async fn fails_to_open(harm: Json, kind: &str) -> Report {
    let server = TestServer::start().await;
    let clock = Clock::begin(&server).await;
    let mut member = TestClient::connect(&server).await;
    let refused = member.try_join(made_with(&json!({ "open": harm }))).await;
    let error = refused.expect_err("the room cannot be opened");
    assert_eq!(error.code, "PLUGIN_FAILED", "{}", error.message);
    let reports = server.reports_of("hostile").await;
    let [report] = reports.as_slice() else {
        panic!("not one report: {reports:?}");
    };
    assert_eq!(
        (report.kind.as_str(), report.step),
        (kind, 0),
        "{}",
        report.message
    );
    assert_eq!(report.input.as_deref(), Some("opening the room"));
    // The name is free for a room that does no harm.
    member.join("hostile", "hostile").await;
    clock.end().await;
    report.clone()
}

#[tokio::test]
async fn a_panic_in_open_refuses_the_room() {
    let report = fails_to_open(json!({ "do": "panic" }), "trap").await;
    assert!(
        report.message.contains("this panic was asked for"),
        "{}",
        report.message
    );
}

#[tokio::test]
async fn an_endless_loop_in_open_refuses_the_room() {
    fails_to_open(json!({ "do": "spin" }), "deadline").await;
}

#[tokio::test]
async fn an_endless_allocation_in_open_refuses_the_room() {
    fails_to_open(json!({ "do": "allocate", "mib": 1_000_000 }), "memory").await;
}

#[tokio::test]
async fn a_sleep_in_open_refuses_the_room() {
    fails_to_open(json!({ "do": "sleep" }), "trap").await;
}

#[tokio::test]
async fn invalid_effects_of_open_refuse_the_room() {
    fails_to_open(json!({ "do": "bad_msgpack" }), "invalid-effect").await;
}

/// Asserts that a room which does this in every tick is closed after a few.
async fn is_closed_by_its_ticks(harm: Json, kind: &str) {
    let server = TestServer::start().await;
    let clock = Clock::begin(&server).await;
    let mut member = TestClient::connect(&server).await;
    member
        .try_join(made_with(&json!({ "tick": harm })))
        .await
        .expect("it opens");
    let closed = member.expect_room_closed("hostile").await;
    assert_eq!(closed.code, "PLUGIN_FAILED");
    assert_eq!(
        member
            .refused("hostile", &json!({ "do": "add", "n": 1 }))
            .await
            .code,
        "NOT_IN_ROOM"
    );
    let reports = server.reports_of("hostile").await;
    let of_ticks = |report: &&Report| {
        report
            .input
            .as_deref()
            .is_some_and(|it| it.contains("Tick"))
    };
    let blamed = reports
        .iter()
        .filter(of_ticks)
        .filter(|report| report.kind == kind)
        .count();
    assert_eq!(blamed, 4, "{reports:?}");
    clock.end().await;
}

#[tokio::test]
async fn a_room_that_panics_in_every_tick_is_closed() {
    is_closed_by_its_ticks(json!({ "do": "panic" }), "trap").await;
}

#[tokio::test]
async fn a_room_that_loops_in_every_tick_is_closed() {
    is_closed_by_its_ticks(json!({ "do": "spin" }), "deadline").await;
}

#[tokio::test]
async fn a_room_that_fails_again_and_again_is_closed() {
    let mut scene = Scene::begin().await;
    for _ in 0..19 {
        scene.member.say("hostile", &json!({ "do": "panic" })).await;
        assert_eq!(scene.member.expect_error().await.code, "PLUGIN_FAILED");
    }
    scene
        .member
        .applied("hostile", &json!({ "do": "add", "n": 1 }))
        .await;
    scene.member.say("hostile", &json!({ "do": "panic" })).await;
    assert_eq!(
        scene.member.expect_room_closed("hostile").await.code,
        "PLUGIN_FAILED"
    );
    // The room of that name which comes after it has nothing of it.
    scene.member.join("hostile", "hostile").await;
    let sum = scene
        .member
        .applied("hostile", &json!({ "do": "add", "n": 0 }))
        .await;
    assert_eq!(sum, json!(0));
    scene.end().await;
}

#[tokio::test]
async fn a_room_whose_state_cannot_be_saved_any_more_is_closed() {
    let mut scene = Scene::begin().await;
    scene
        .member
        .applied("hostile", &json!({ "do": "spoil_save" }))
        .await;
    // After 256 KiB of input it would be saved.
    let filler = "x".repeat(60 << 10);
    for _ in 0..5 {
        scene
            .member
            .say("hostile", &json!({ "do": "fill", "filler": filler }))
            .await;
    }
    assert_eq!(
        scene.member.expect_room_closed("hostile").await.code,
        "PLUGIN_FAILED"
    );
    let reports = scene.server.reports_of("hostile").await;
    let [report] = reports.as_slice() else {
        panic!("not one report: {reports:?}");
    };
    assert_eq!(report.input.as_deref(), Some("saving the room"));
    assert!(
        report
            .message
            .contains("this state cannot be saved any more"),
        "{}",
        report.message
    );
    assert!(
        report.message.contains("hostile/src/lib.rs:"),
        "{}",
        report.message
    );
    scene.end().await;
}

#[tokio::test]
async fn a_room_whose_state_can_never_be_saved_is_not_opened() {
    let server = TestServer::start().await;
    let clock = Clock::begin(&server).await;
    let mut member = TestClient::connect(&server).await;
    let refused = member
        .try_join(TestClient::into_room("hall", "save-traps"))
        .await;
    assert_eq!(
        refused.expect_err("it cannot be saved").code,
        "PLUGIN_FAILED"
    );
    let reports = server.reports_of("hall").await;
    assert!(
        reports[0].message.contains("this state cannot be saved"),
        "{reports:?}"
    );
    clock.end().await;
}

#[tokio::test]
async fn a_room_that_cannot_be_restored_after_a_failure_is_closed() {
    let server = TestServer::start().await;
    let clock = Clock::begin(&server).await;
    let mut member = TestClient::connect(&server).await;
    member.join("hall", "load-traps").await;
    assert_eq!(member.applied("hall", &json!("count")).await, json!(1));
    let error = member.refused("hall", &json!("panic")).await;
    assert_eq!(error.code, "PLUGIN_FAILED");
    assert_eq!(
        member.expect_room_closed("hall").await.code,
        "PLUGIN_FAILED"
    );
    let reports = server.reports_of("hall").await;
    let [failure, restore] = reports.as_slice() else {
        panic!("not two reports: {reports:?}");
    };
    assert_eq!(
        failure.input.as_deref(),
        Some(r#"message from member 1: "panic""#)
    );
    assert_eq!(restore.input.as_deref(), Some("restoring the room"));
    assert!(
        restore.message.contains("this state cannot be loaded"),
        "{}",
        restore.message
    );
    clock.end().await;
}
