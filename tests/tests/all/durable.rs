//! Rooms that outlive the server: what comes back, what sleeps, and what becomes of it when the disk does not do its part.

use std::sync::Arc;
use std::time::Duration;

use parlor_journal::testing::LossyDisk;
use parlor_proto::{Durability, Position, Subprotocol, Visibility, client};
use parlor_server::{Durable, FileConfig};
use parlor_tests::{Metrics, Options, TestClient, TestServer, in_time};
use serde_json::{Value as Json, json};

/// A server whose chat rooms are as durable as that.
fn raised(chat: Durable) -> Options {
    let mut options = Options {
        settings: FileConfig {
            durability: [("chat".to_owned(), chat)].into(),
            ..FileConfig::default()
        },
        ..Options::default()
    };
    options.limits.empty_room_grace = Duration::ZERO;
    options
}

fn on(disk: &LossyDisk) -> Options {
    Options {
        disk: Some(Arc::new(disk.clone())),
        ..raised(Durable::Journal)
    }
}

/// Says something in a chat, and waits until that was applied.
async fn say(client: &mut TestClient, room: &str, text: &str) {
    client
        .applied(room, &json!({ "type": "say", "text": text }))
        .await;
}

/// The texts of a chat, as somebody finds them who comes in.
async fn history(server: &TestServer, room: &str) -> Vec<String> {
    let mut reader = TestClient::connect(server).await;
    reader.join(room, "chat").await;
    let page = reader.expect_data(room).await;
    let lines = page["lines"].as_array().cloned().unwrap_or_default();
    let texts = lines.iter().filter_map(|line| line["text"].as_str());
    let texts = texts.map(str::to_owned).collect();
    reader.leave(room).await;
    texts
}

fn position(room: &str, epoch: u64, seq: u64) -> Vec<Position> {
    vec![Position {
        room: room.to_owned(),
        epoch,
        seq,
    }]
}

#[tokio::test]
async fn du1_a_room_says_what_of_it_survives() {
    for (chat, durability) in [
        (Durable::Snapshot, Durability::Snapshot),
        (Durable::Journal, Durability::Journal),
    ] {
        let server = TestServer::with(raised(chat)).await;
        let mut client = TestClient::connect(&server).await;
        assert_eq!(client.join("talk", "chat").await.durability, durability);
        assert_eq!(
            client.join("echoes", "echo").await.durability,
            Durability::None
        );
        assert_eq!(
            client.join("game", "grid").await.durability,
            Durability::Journal
        );
    }
}

/// A room once went to sleep with the last words to whoever left it still in its hands.
#[tokio::test]
async fn nobody_leaves_a_room_that_falls_asleep_without_a_word() {
    let server = TestServer::with(raised(Durable::Journal)).await;
    let leavers = (0..8).map(|leaver| {
        let server = &server;
        async move {
            let mut client = TestClient::connect(server).await;
            for round in 0..40 {
                let room = format!("left-{leaver}-{round}");
                client.join(&room, "chat").await;
                client.leave(&room).await;
            }
        }
    });
    futures_util::future::join_all(leavers).await;
}

#[tokio::test]
async fn du3_a_session_goes_on_exactly_where_it_was_after_a_restart() {
    for chat in [Durable::Snapshot, Durable::Journal] {
        let server = TestServer::with(raised(chat)).await;
        let mut ann = TestClient::connect(&server).await;
        let joined = ann.join("talk", "chat").await;
        say(&mut ann, "talk", "before").await;
        let id = ann.next_id();
        let input = json!({ "type": "say", "text": "kept" });
        ann.say_with("talk", &input, Some(id)).await;
        let first = ann.answer(id).await.unwrap();
        let lost = ann.cut();
        let server = server.restarted(raised(chat)).await;
        let from = position("talk", joined.epoch, first.seq.unwrap());
        let (mut ann, resumed) = lost.back(&server, Subprotocol::Proto, from).await;
        assert_eq!(resumed.rooms.len(), 1);
        assert_eq!(resumed.rooms[0].epoch, joined.epoch);
        assert_eq!(resumed.rooms[0].last_id, id);
        ann.say_with("talk", &input, Some(id)).await;
        assert_eq!(ann.answer(id).await.unwrap(), first);
        say(&mut ann, "talk", "after").await;
        assert_eq!(history(&server, "talk").await, ["before", "kept", "after"]);
    }
}

#[tokio::test]
async fn du3_rs4_a_room_of_snapshots_that_crashed_comes_back_as_saved_and_resets() {
    let disk = LossyDisk::new();
    let options = |disk: &LossyDisk| Options {
        disk: Some(Arc::new(disk.clone())),
        ..raised(Durable::Snapshot)
    };
    let server = TestServer::with(options(&disk)).await;
    let mut ann = TestClient::connect(&server).await;
    let joined = ann.join("talk", "chat").await;
    say(&mut ann, "talk", "unsaved").await;
    // What this room says comes behind what the other wrote.
    ann.join("game", "grid").await;
    // The disk as it is now is what a killed server leaves.
    let left = disk.kill();
    let lost = ann.memory();
    let server = server.restarted(options(&left)).await;
    let mut back = TestClient::connect(&server).await;
    let from = position("talk", joined.epoch, joined.seq);
    let resumed = back.try_resume(lost.resume_frame(from)).await;
    // What was saved is the room before its first member came: the session joins anew.
    assert_eq!(resumed.map(|it| it.rooms.len()), Ok(0));
    let again = back.join("talk", "chat").await;
    assert!(again.epoch > joined.epoch);
}

#[tokio::test]
async fn du5_a_room_that_nobody_is_in_sleeps_and_wakes_as_it_was() {
    let server = TestServer::with(raised(Durable::Journal)).await;
    let mut ann = TestClient::connect(&server).await;
    let private = client::JoinRoom {
        visibility: Some(Visibility::Private),
        ..TestClient::into_room("cellar", "chat")
    };
    let code = ann.try_join(private).await.unwrap().code.unwrap();
    ann.join("talk", "chat").await;
    for room in ["cellar", "talk"] {
        say(&mut ann, room, "remember").await;
        ann.leave(room).await;
    }
    let both_sleep = |metrics: &Metrics| metrics.get("rooms_asleep") >= 2.0;
    server.until("two rooms asleep", both_sleep).await;
    assert_eq!(ann.list_rooms(None, None).await, Vec::<Json>::new());

    assert_eq!(history(&server, "talk").await, ["remember"]);
    let by_name = TestClient::into_room("cellar", "chat");
    assert_eq!(ann.try_join(by_name).await.unwrap_err().code, "FORBIDDEN");
    server.until("two rooms asleep", both_sleep).await;
    let server = server.restarted(raised(Durable::Journal)).await;
    let mut bob = TestClient::connect(&server).await;
    let by_code = client::JoinRoom {
        code: Some(code),
        plugin: Some("chat".to_owned()),
        ..client::JoinRoom::default()
    };
    let joined = bob.try_join(by_code).await.unwrap();
    assert_eq!(joined.room, "cellar");
    let taken = client::JoinRoom {
        create: Some(parlor_proto::Create::Always),
        ..TestClient::into_room("talk", "chat")
    };
    assert_eq!(bob.try_join(taken).await.unwrap_err().code, "ROOM_EXISTS");
}

#[tokio::test]
async fn du2_du4_a_disk_that_fails_holds_back_what_is_not_on_it_and_nothing_is_lost() {
    type Fault = fn(&LossyDisk, bool);
    let faults: [Fault; 3] = [
        |disk, on| disk.set_room(on.then_some(0)),
        LossyDisk::set_read_only,
        LossyDisk::set_sync_failing,
    ];
    for fault in faults {
        let disk = LossyDisk::new();
        let server = TestServer::with(on(&disk)).await;
        let mut ann = TestClient::connect(&server).await;
        ann.join("talk", "chat").await;
        say(&mut ann, "talk", "before").await;
        fault(&disk, true);
        // What is said first finds out, and is answered when the disk takes it.
        let first = ann.next_id();
        let input = json!({ "type": "say", "text": "meanwhile" });
        ann.say_with("talk", &input, Some(first)).await;
        server
            .until("a failing disk", |metrics| {
                metrics.get("journal_failing") > 0.0
            })
            .await;
        let refused = ann
            .refused("talk", &json!({ "type": "say", "text": "refused" }))
            .await;
        assert_eq!(refused.code, "STORAGE_UNAVAILABLE");
        let mut bob = TestClient::connect(&server).await;
        let join = TestClient::into_room("talk", "chat");
        let refused = bob.try_join(join).await.unwrap_err();
        assert_eq!(refused.code, "STORAGE_UNAVAILABLE");
        fault(&disk, false);
        assert!(ann.answer(first).await.is_ok());
        say(&mut ann, "talk", "after").await;
        assert_eq!(
            history(&server, "talk").await,
            ["before", "meanwhile", "after"]
        );
        let left = disk.kill();
        let server = server.restarted(on(&left)).await;
        assert_eq!(
            history(&server, "talk").await,
            ["before", "meanwhile", "after"]
        );
    }
}

fn recovered(metrics: &Metrics, outcome: &str) -> f64 {
    metrics.get(&format!("rooms_recovered_total{{outcome=\"{outcome}\"}}"))
}

#[tokio::test]
async fn du6_a_damaged_room_comes_back_as_before_the_damage_and_says_so() {
    let disk = LossyDisk::new();
    let server = TestServer::with(on(&disk)).await;
    let mut ann = TestClient::connect(&server).await;
    let joined = ann.join("talk", "chat").await;
    let other = ann.join("other", "chat").await;
    for text in ["one", "two", "damaged", "four"] {
        say(&mut ann, "talk", text).await;
        say(&mut ann, "other", text).await;
    }
    let (left, lost) = (disk.kill(), ann.memory());
    for (path, bytes) in left.files() {
        let needle = b"damaged";
        if let Some(at) = bytes.windows(needle.len()).position(|it| it == needle) {
            left.damage(&path, |bytes| bytes[at] ^= 1);
        }
    }
    let server = server.restarted(on(&left)).await;
    let metrics = server
        .until("a damaged room", |metrics| {
            recovered(metrics, "damaged") + recovered(metrics, "whole") >= 2.0
        })
        .await;
    assert_eq!(recovered(&metrics, "damaged"), 1.0);
    let mut back = TestClient::connect(&server).await;
    let mut from = position("talk", joined.epoch, joined.seq + 4);
    from.extend(position("other", other.epoch, other.seq));
    back.try_resume(lost.resume_frame(from)).await.unwrap();
    let reset = back
        .expect("a reset", |frame| match frame {
            parlor_proto::ServerFrame::Reset(reset) => Some(reset),
            _ => None,
        })
        .await;
    assert_eq!((&*reset.room, &*reset.reason), ("talk", "epoch-changed"));
    assert_eq!(history(&server, "talk").await, ["one", "two"]);
    assert_eq!(
        history(&server, "other").await,
        ["one", "two", "damaged", "four"]
    );
}

#[tokio::test]
async fn a_plugin_that_is_not_deterministic_is_found_out_while_its_room_lives() {
    let mut options = Options::default();
    options.limits.audit_every = Duration::from_millis(20);
    let server = TestServer::with(options).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("shaky", "unsteady").await;
    let found = async {
        loop {
            ann.applied("shaky", &json!("again")).await;
            if let Some(report) = server.reports_of("shaky").await.into_iter().next() {
                return report;
            }
        }
    };
    let report = in_time("the report", found).await;
    assert_eq!(report.kind, "not-deterministic");
    // The first step is the join; every tenth message after it answers by what is not in the state.
    assert_eq!((report.step - 1) % 10, 0, "{report:?}");
    assert!(report.message.contains("docs/determinism.md"));
}

#[tokio::test]
async fn steady_plugins_pass_the_audit() {
    let mut options = raised(Durable::Journal);
    options.limits.audit_every = Duration::from_millis(1);
    let server = TestServer::with(options).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("talk", "chat").await;
    let passed = async {
        while server.metrics().await.get("audits_total{outcome=\"same\"}") < 2.0 {
            say(&mut ann, "talk", "and on").await;
        }
    };
    in_time("two audits", passed).await;
    let metrics = server.metrics().await;
    assert_eq!(metrics.get("audits_total{outcome=\"differs\"}"), 0.0);
}

#[tokio::test]
async fn an_audit_sees_all_its_steps_also_where_a_room_saves_more_often() {
    let mut options = Options::default();
    options.limits.audit_every = Duration::from_millis(1);
    let server = TestServer::with(options).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("loud", "echo").await;
    // Without an audit, a room of so little state is saved after 16 of these.
    let much = json!({ "type": "echo", "data": "x".repeat(1 << 10) });
    let passed = async {
        loop {
            let metrics = server.metrics().await;
            let audits = metrics.get("audits_total{outcome=\"same\"}");
            if audits >= 2.0 {
                break (audits, metrics.get("audited_steps_total"));
            }
            ann.applied("loud", &much).await;
        }
    };
    let (audits, steps) = in_time("two audits", passed).await;
    assert!(steps >= 64.0 * audits, "{steps} steps in {audits} audits");
}

/// `parlor replay` as a user types it.
fn replay(server: &TestServer, args: &[&str]) -> (bool, String) {
    let binary = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/parlor");
    let output = std::process::Command::new(binary)
        .arg("replay")
        .args(args)
        .arg("--data-dir")
        .arg(server.data_dir())
        .output()
        .expect("the binary is built");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.success(), text)
}

#[tokio::test]
async fn a_replay_runs_a_rooms_history_again_and_finds_the_step_that_differs() {
    let server = TestServer::with(raised(Durable::Journal)).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("talk", "chat").await;
    ann.join("shaky", "unsteady").await;
    for number in 1..=15 {
        say(&mut ann, "talk", &format!("line {number}")).await;
        ann.applied("shaky", &json!(number)).await;
    }
    let (is_same, text) = replay(&server, &["talk"]);
    assert!(is_same && text.contains("all the same"), "{text}");
    let (_, text) = replay(&server, &["talk", "--step", "--to", "4"]);
    assert!(
        text.contains("line 3") && !text.contains("line 4"),
        "{text}"
    );
    // It was opened by the instance that lived, and is loaded here.
    let (is_same, text) = replay(&server, &["shaky"]);
    assert!(!is_same);
    assert!(text.contains("step 11 is the first that differs"), "{text}");
    let (is_same, text) = replay(&server, &["nowhere"]);
    assert!(!is_same && text.contains("no room of this name"), "{text}");
    let (_, text) = replay(&server, &[]);
    assert!(text.contains("talk") && text.contains("shaky"), "{text}");
}
