//! Harm in a step: it costs the one input that did it.

use serde_json::json;

use super::Scene;

/// Runs one harm and asserts how its report calls it, and what the report says.
async fn check(harm: serde_json::Value, kind: &str, message: &str) {
    let mut scene = Scene::begin().await;
    let report = scene.costs_only_its_input(&harm).await;
    assert_eq!(report.kind, kind, "{}", report.message);
    assert!(
        report.message.contains(message),
        "{harm}: {}",
        report.message
    );
    scene.end().await;
}

#[tokio::test]
async fn an_endless_loop_costs_only_its_input() {
    check(
        json!({ "do": "spin" }),
        "deadline",
        "longer than its budget",
    )
    .await;
}

#[tokio::test]
async fn a_sleep_costs_only_its_input() {
    check(
        json!({ "do": "sleep" }),
        "trap",
        "may not sleep; use a timer",
    )
    .await;
}

#[tokio::test]
async fn a_poll_for_ever_costs_only_its_input() {
    check(
        json!({ "do": "poll" }),
        "trap",
        "may not sleep; use a timer",
    )
    .await;
}

#[tokio::test]
async fn an_endless_allocation_costs_only_its_input() {
    check(
        json!({ "do": "allocate", "mib": 1_000_000 }),
        "memory",
        "memory",
    )
    .await;
}

#[tokio::test]
async fn a_leak_of_handles_costs_only_its_input() {
    check(json!({ "do": "handles", "count": 1_000_000 }), "trap", "").await;
}

#[tokio::test]
async fn random_bytes_of_64_mb_cost_only_their_input() {
    check(json!({ "do": "random", "bytes": 64 << 20 }), "trap", "4096").await;
}

#[tokio::test]
async fn a_recursion_without_end_costs_only_its_input() {
    check(json!({ "do": "recurse" }), "trap", "stack").await;
}

#[tokio::test]
async fn an_exit_costs_only_its_input() {
    check(json!({ "do": "exit" }), "trap", "may not exit").await;
}

#[tokio::test]
async fn a_million_effects_cost_only_their_input() {
    // They do not even fit into the plugin's own memory.
    check(
        json!({ "do": "effects", "count": 1_000_000 }),
        "memory",
        "memory",
    )
    .await;
}

#[tokio::test]
async fn invalid_messagepack_costs_only_its_input() {
    check(
        json!({ "do": "bad_msgpack" }),
        "invalid-effect",
        "value model",
    )
    .await;
}

#[tokio::test]
async fn a_member_that_never_was_costs_only_its_input() {
    let named = "member 1000000 never was in this room";
    check(json!({ "do": "unknown_member" }), "invalid-effect", named).await;
}

#[tokio::test]
async fn an_answer_to_no_event_costs_only_its_input() {
    check(
        json!({ "do": "unknown_cause" }),
        "invalid-effect",
        "event 1000000",
    )
    .await;
}

#[tokio::test]
async fn a_failure_that_is_returned_costs_only_its_input() {
    check(
        json!({ "do": "fail" }),
        "failure",
        "this failure was asked for",
    )
    .await;
}

#[tokio::test]
async fn a_panic_is_reported_with_its_text_and_its_line() {
    let mut scene = Scene::begin().await;
    let report = scene.costs_only_its_input(&json!({ "do": "panic" })).await;
    assert_eq!(report.kind, "trap");
    let source = include_str!("../../../guests/hostile/src/harm.rs");
    let panic = "this panic was asked for";
    let line = source
        .lines()
        .position(|line| line.contains(panic))
        .expect("it is there")
        + 1;
    let place = format!("tests/guests/hostile/src/harm.rs:{line}");
    assert!(report.message.contains(panic), "{}", report.message);
    assert!(report.message.contains(&place), "{}", report.message);
    let metrics = scene.server.metrics().await;
    assert!(metrics.get("plugin_failures_total{kind=\"trap\"}") >= 1.0);
    scene.end().await;
}

#[tokio::test]
async fn a_plugin_that_keeps_itself_busy_keeps_nobody_else_from_anything() {
    let mut scene = Scene::begin().await;
    // Each answer of the storage makes it ask again, for ever.
    scene
        .member
        .applied("hostile", &json!({ "do": "ask_storage_for_ever" }))
        .await;
    let sum = scene
        .member
        .applied("hostile", &json!({ "do": "add", "n": 0 }))
        .await;
    assert_eq!(sum, json!(7));
    scene.member.leave("hostile").await;
    scene.end().await;
}
