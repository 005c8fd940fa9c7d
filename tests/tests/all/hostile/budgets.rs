//! Every budget of a plugin, kept and overrun.

use parlor_tests::TestClient;
use serde_json::{Value as Json, json};

use super::Scene;

/// Asserts that the first is allowed and that the second costs its input, and returns what the report says.
async fn check(obeyed: Json, violated: Json, kind: &str) -> String {
    let mut scene = Scene::begin().await;
    scene.is_allowed(&obeyed).await;
    let report = scene.costs_only_its_input(&violated).await;
    assert_eq!(report.kind, kind, "{}", report.message);
    scene.end().await;
    report.message
}

#[tokio::test]
async fn memory_obeyed_and_violated() {
    let allocate = |mib: u32| json!({ "do": "allocate", "mib": mib });
    check(allocate(12), allocate(17), "memory").await;
}

#[tokio::test]
async fn handles_obeyed_and_violated() {
    let handles = |count: u32| json!({ "do": "handles", "count": count });
    check(handles(48), handles(65), "trap").await;
}

#[tokio::test]
async fn randomness_obeyed_and_violated() {
    let random = |bytes: u32| json!({ "do": "random", "bytes": bytes });
    let message = check(random(4096), random(4097), "trap").await;
    assert!(message.contains("4097 random bytes"), "{message}");
}

#[tokio::test]
async fn effects_obeyed_and_violated() {
    let effects = |count: u32| json!({ "do": "effects", "count": count });
    // One more is the reply.
    let message = check(effects(9_999), effects(10_000), "output").await;
    assert!(message.contains("10001 effects"), "{message}");
}

#[tokio::test]
async fn all_that_a_step_may_send_reaches_a_client_that_reads() {
    let mut scene = Scene::begin().await;
    let mut listener = TestClient::connect(&scene.server).await;
    listener.join("hostile", "hostile").await;
    scene
        .is_allowed(&json!({ "do": "sends", "count": 9_999 }))
        .await;
    for n in 0..9_999 {
        assert_eq!(listener.expect_data("hostile").await, json!(n));
    }
    scene.end().await;
}

#[tokio::test]
async fn output_obeyed_and_violated() {
    let output = |bytes: u32| json!({ "do": "output", "bytes": bytes });
    let message = check(output((1 << 20) - 64), output(1 << 20), "output").await;
    assert!(message.contains("1048576 bytes"), "{message}");
}

#[tokio::test]
async fn storage_operations_obeyed_and_violated() {
    let storage = |count: u32| json!({ "do": "storage", "count": count });
    let message = check(storage(64), storage(65), "output").await;
    assert!(message.contains("storage"), "{message}");
}

#[tokio::test]
async fn a_call_of_the_host_obeyed_and_violated() {
    let log = |bytes: u32| json!({ "do": "log", "lines": 1, "bytes": bytes });
    check(log(1 << 20), log(3 << 20), "trap").await;
}

#[tokio::test]
async fn the_log_obeyed_and_violated() {
    let mut scene = Scene::begin().await;
    let dropped = "log_lines_dropped_total";
    scene
        .is_allowed(&json!({ "do": "log", "lines": 60, "bytes": 1 << 10 }))
        .await;
    assert_eq!(scene.server.metrics().await.get(dropped), 0.0);
    // A flood is no fault: it is cut off, and counted.
    scene
        .is_allowed(&json!({ "do": "log", "lines": 1_000, "bytes": 1 << 10 }))
        .await;
    let metrics = scene
        .server
        .until("the count", |metrics| metrics.get(dropped) > 0.0)
        .await;
    // 64 lines fit a second of room time, of which 60 may have been used up before.
    let dropped = metrics.get(dropped);
    assert!(dropped == 936.0 || dropped == 996.0, "{dropped}");
    scene.end().await;
}

#[tokio::test]
async fn the_views_of_a_room_obeyed_and_violated() {
    let mut scene = Scene::begin().await;
    for view in 0..8 {
        let view = format!("view-{view}");
        scene
            .is_allowed(&json!({ "do": "publish", "view": view, "bytes": 1_000_000 }))
            .await;
    }
    scene
        .member
        .say(
            "hostile",
            &json!({ "do": "publish", "view": "one-more", "bytes": 1_000_000 }),
        )
        .await;
    let closed = scene.member.expect_room_closed("hostile").await;
    assert_eq!(closed.code, "PLUGIN_FAILED");
    scene.end().await;
}
