//! Rooms made of TypeScript: what holds of those in Rust holds of them.

use std::time::Duration;

use parlor_proto::{Position, Subprotocol, client};
use parlor_server::{Durable, FileConfig};
use parlor_tests::{Options, TestClient, TestServer, in_time, payload};
use serde_json::{Value as Json, json};

use super::hostile::Scene;

const HOSTILE: &str = "hostile-ts";

fn typescript() -> Options {
    Options {
        is_typescript: true,
        ..Options::default()
    }
}

/// A server whose hostile rooms are as durable as that.
fn raised(hostile: Durable) -> Options {
    let mut options = typescript();
    options.settings = FileConfig {
        durability: [(HOSTILE.to_owned(), hostile)].into(),
        ..FileConfig::default()
    };
    options
}

/// Runs one harm and asserts how its report calls it, and what the report says.
async fn costs_only_its_input(harm: Json, kind: &str, words: &[&str]) {
    let mut scene = Scene::of(HOSTILE, typescript()).await;
    let report = scene.costs_only_its_input(&harm).await;
    assert_eq!(report.kind, kind, "{}", report.message);
    for word in words {
        assert!(report.message.contains(word), "{}", report.message);
    }
    scene.end().await;
}

/// Asserts that the first is allowed and that the second costs its input.
async fn obeyed_and_violated(obeyed: Json, violated: Json, kind: &str) {
    let mut scene = Scene::of(HOSTILE, typescript()).await;
    scene.is_allowed(&obeyed).await;
    let report = scene.costs_only_its_input(&violated).await;
    assert_eq!(report.kind, kind, "{}", report.message);
    scene.end().await;
}

#[tokio::test]
async fn an_endless_loop_costs_only_its_input() {
    costs_only_its_input(
        json!({ "do": "spin" }),
        "deadline",
        &["longer than its budget"],
    )
    .await;
}

#[tokio::test]
async fn a_recursion_without_end_costs_only_its_input() {
    let recurse = |depth: u32| json!({ "do": "recurse", "depth": depth });
    costs_only_its_input(recurse(0), "trap", &["stack"]).await;
}

#[tokio::test]
async fn what_is_thrown_is_reported_with_its_text_and_its_line() {
    let source = include_str!("../../guests-ts/hostile/src/harm.ts");
    let text = "this error was asked for";
    let line = source.lines().position(|line| line.contains(text));
    let place = format!("src/harm.ts:{}", line.expect("it is there") + 1);
    costs_only_its_input(json!({ "do": "throw" }), "trap", &[text, &place]).await;
    costs_only_its_input(
        json!({ "do": "undefined" }),
        "trap",
        &["TypeError", "src/harm.ts:"],
    )
    .await;
    costs_only_its_input(
        json!({ "do": "throw_text" }),
        "trap",
        &["this text was asked for"],
    )
    .await;
}

#[tokio::test]
async fn a_value_that_is_none_of_parlors_is_a_fault_that_names_the_field() {
    costs_only_its_input(
        json!({ "do": "send_nan" }),
        "trap",
        &["at `scores.1.points`", "NaN"],
    )
    .await;
}

#[tokio::test]
async fn a_member_that_never_was_costs_only_its_input() {
    costs_only_its_input(
        json!({ "do": "unknown_member" }),
        "invalid-effect",
        &["member 1000000 never was in this room"],
    )
    .await;
}

#[tokio::test]
async fn memory_obeyed_and_violated() {
    // Some of the 16 MiB are the interpreter's.
    let allocate = |mib: u32| json!({ "do": "allocate", "mib": mib });
    obeyed_and_violated(allocate(8), allocate(17), "memory").await;
}

#[tokio::test]
async fn output_obeyed_and_violated() {
    let output = |bytes: u32| json!({ "do": "output", "bytes": bytes });
    // It asks for so little because a step hardly has the time to make a mebibyte here.
    obeyed_and_violated(output((64 << 10) - 64), output(64 << 10), "output").await;
}

#[tokio::test]
async fn effects_obeyed_and_violated() {
    let effects = |count: u32| json!({ "do": "effects", "count": count });
    // One more is the reply.
    obeyed_and_violated(effects(999), effects(1_000), "output").await;
}

#[tokio::test]
async fn storage_operations_obeyed_and_violated() {
    let storage = |count: u32| json!({ "do": "storage", "count": count });
    obeyed_and_violated(storage(64), storage(65), "output").await;
}

#[tokio::test]
async fn refusals_and_what_cannot_be_read_are_answers() {
    let server = TestServer::with(typescript()).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", HOSTILE).await;
    let refused = ann.refused("hall", &json!({ "do": "refuse" })).await;
    assert_eq!(
        (&*refused.code, &*refused.message),
        ("NOT_TODAY", "ask another day")
    );
    let unread = ann
        .refused("hall", &json!({ "do": "add", "n": "one" }))
        .await;
    assert_eq!(unread.code, "INVALID_PAYLOAD");
    assert!(unread.message.contains("at `n`"), "{}", unread.message);
    let refuse = client::JoinRoom {
        options: Some(payload(&json!({ "refuse": true }))),
        ..TestClient::into_room("other", HOSTILE)
    };
    let error = ann
        .try_join(refuse)
        .await
        .expect_err("it refuses to be opened");
    assert!(
        error.message.contains("asked not to open"),
        "{}",
        error.message
    );
    let unfit = client::JoinRoom {
        options: Some(payload(&json!({ "tick": 5 }))),
        ..TestClient::into_room("other", HOSTILE)
    };
    let error = ann.try_join(unfit).await.expect_err("5 is no harm");
    assert!(error.message.contains("at `tick`"), "{}", error.message);
    assert!(server.reports().await.is_empty());
}

#[tokio::test]
async fn an_error_while_it_is_opened_refuses_the_room_without_telling_why() {
    let server = TestServer::with(typescript()).await;
    let mut ann = TestClient::connect(&server).await;
    let throwing = client::JoinRoom {
        options: Some(payload(&json!({ "open": { "do": "throw" } }))),
        ..TestClient::into_room("hall", HOSTILE)
    };
    let error = ann.try_join(throwing).await.expect_err("it throws");
    assert_eq!(error.code, "PLUGIN_FAILED");
    assert!(!error.message.contains("asked for"), "{}", error.message);
    let reports = server.reports_of("hall").await;
    assert!(
        reports[0].message.contains("src/harm.ts:"),
        "{}",
        reports[0].message
    );
}

#[tokio::test]
async fn a_room_that_throws_in_every_tick_is_closed() {
    let server = TestServer::with(typescript()).await;
    let mut ann = TestClient::connect(&server).await;
    let ticking = client::JoinRoom {
        options: Some(payload(&json!({ "tick": { "do": "throw" } }))),
        ..TestClient::into_room("hall", HOSTILE)
    };
    ann.try_join(ticking).await.expect("it opens");
    assert_eq!(ann.expect_room_closed("hall").await.code, "PLUGIN_FAILED");
}

#[tokio::test]
async fn a_state_that_cannot_be_saved_any_more_closes_the_room_and_is_named() {
    let server = TestServer::with(typescript()).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", HOSTILE).await;
    ann.applied("hall", &json!({ "do": "spoil_save" })).await;
    // After 256 KiB of input it would be saved.
    let filler = "x".repeat(60 << 10);
    for _ in 0..5 {
        ann.say("hall", &json!({ "do": "fill", "filler": filler }))
            .await;
    }
    assert_eq!(ann.expect_room_closed("hall").await.code, "PLUGIN_FAILED");
    let reports = server.reports_of("hall").await;
    let message = &reports[0].message;
    assert!(
        message.contains("at `unsaved`: a function cannot be saved"),
        "{message}"
    );
}

#[tokio::test]
async fn time_and_chance_are_the_rooms() {
    let server = TestServer::with(typescript()).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", HOSTILE).await;
    let first = ann.applied("hall", &json!({ "do": "chance" })).await;
    let second = ann.applied("hall", &json!({ "do": "chance" })).await;
    for chance in [&first, &second] {
        assert_eq!(chance["date"], chance["now_ms"]);
        assert_ne!(chance["math"], chance["unit"]);
    }
    assert_ne!(first["math"], second["math"]);
    ann.applied("hall", &json!({ "do": "timer", "after_ms": 300 }))
        .await;
    let due = ann.expect_data("hall").await["timer"]
        .as_u64()
        .expect("a time");
    assert!(due >= second["now_ms"].as_u64().expect("a time") + 300);
}

#[tokio::test]
async fn a_room_lived_is_a_room_loaded() {
    let mut options = raised(Durable::Journal);
    options.limits.audit_every = Duration::from_millis(1);
    let server = TestServer::with(options).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", HOSTILE).await;
    // Names that JavaScript would put into an order of its own, chance, and time.
    let names = ["b", "10", "a", "2", "__proto__", "ü"];
    let mut inputs = names
        .into_iter()
        .map(|name| json!({ "do": "remember", "name": name, "value": { "z": 1.5, "1": [name] } }))
        .cycle();
    let passed = async {
        while server.metrics().await.get("audits_total{outcome=\"same\"}") < 2.0 {
            let input = inputs.next().expect("it goes round");
            ann.applied("hall", &input).await;
            ann.applied("hall", &json!({ "do": "chance" })).await;
        }
    };
    in_time("two audits", passed).await;
    let metrics = server.metrics().await;
    assert_eq!(metrics.get("audits_total{outcome=\"differs\"}"), 0.0);
}

#[tokio::test]
async fn what_is_kept_beside_the_state_is_found_out() {
    let mut options = typescript();
    options.limits.audit_every = Duration::from_millis(20);
    let server = TestServer::with(options).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", HOSTILE).await;
    ann.applied("hall", &json!({ "do": "forget_to_save" }))
        .await;
    let found = async {
        loop {
            ann.applied("hall", &json!({ "do": "add", "n": 0 })).await;
            if let Some(report) = server.reports_of("hall").await.into_iter().next() {
                return report;
            }
        }
    };
    let report = in_time("the report", found).await;
    assert_eq!(report.kind, "not-deterministic");
}

#[tokio::test]
async fn a_room_goes_on_after_a_restart_with_its_state_in_its_order() {
    for durable in [Durable::Snapshot, Durable::Journal] {
        let server = TestServer::with(raised(durable)).await;
        let mut ann = TestClient::connect(&server).await;
        let joined = ann.join("hall", HOSTILE).await;
        let mut all = json!(null);
        for name in ["b", "10", "a", "2"] {
            let value = json!({ "z": { "$int": "18446744073709551615" }, "a": { "$bytes": "AAH/" }, "f": -0.5 });
            let remember = json!({ "do": "remember", "name": name, "value": value });
            all = ann.applied("hall", &remember).await;
        }
        let id = ann.next_id();
        ann.say_with("hall", &json!({ "do": "add", "n": 3 }), Some(id))
            .await;
        let seq = ann.answer(id).await.expect("it is applied").seq;
        let lost = ann.cut();
        let server = server.restarted(raised(durable)).await;
        let from = vec![Position {
            room: "hall".to_owned(),
            epoch: joined.epoch,
            seq: seq.expect("a room has one"),
        }];
        let (mut ann, resumed) = lost.back(&server, Subprotocol::Json, from).await;
        assert_eq!(resumed.rooms[0].epoch, joined.epoch);
        assert_eq!(
            ann.applied("hall", &json!({ "do": "add", "n": 0 })).await,
            json!(3)
        );
        let again = json!({ "do": "remember", "name": "b", "value": all[0][0][1] });
        assert_eq!(ann.applied("hall", &again).await, all);
    }
}

#[tokio::test]
async fn an_echo_says_everything_back() {
    let server = TestServer::with(typescript()).await;
    let everything = json!({
        "type": "echo",
        "data": [null, true, -1, 1.5, { "$int": "18446744073709551615" }, "grüße 🎲", { "$bytes": "AAH/" }, [], { "b": {}, "1": 2, "__proto__": 3 }],
    });
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary, Subprotocol::Proto] {
        let mut ann = TestClient::speaking(&server, subprotocol).await;
        let room = subprotocol.name();
        ann.join(room, "echo-ts").await;
        ann.say(room, &everything).await;
        let echo = ann.expect_data(room).await;
        assert_eq!(
            echo,
            json!({ "type": "echo_reply", "data": everything["data"] })
        );
    }
}

#[tokio::test]
async fn two_fight_a_duel() {
    let server = TestServer::with(typescript()).await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let number = ann.join("arena", "duel").await.you.id;
    bob.join("arena", "duel").await;
    let early = bob
        .refused("arena", &json!({ "type": "turn", "to": "north" }))
        .await;
    assert_eq!(early.code, "NOT_RIDING");
    // Nobody turns, so that both ride until somebody meets the border or a wall, or bob leaves.
    let over = bob.expect_data("arena").await;
    assert_eq!(over["type"], json!("round_over"));
    assert_eq!(ann.expect_data("arena").await, over);
    let winner = &over["winner"];
    assert!(
        winner.is_null() || winner.as_u64() >= Some(number.into()),
        "{over}"
    );
    assert!(server.reports().await.is_empty());
}
