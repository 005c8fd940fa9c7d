//! Rooms that outlive the server change, too: which version they run is part of their history.

use std::sync::Arc;
use std::time::Duration;

use parlor_journal::testing::LossyDisk;
use parlor_proto::{Position, Subprotocol};
use parlor_server::{Durable, FileConfig};
use parlor_tests::{Options, TestClient, TestServer, changeling};
use serde_json::json;

use super::{LONG, SHORT, add, inspect, options, second, swapped, until, upload, version};

/// A server whose rooms of the guest are as durable as that.
fn lasting(durability: Durable, trial: Duration, disk: Option<&LossyDisk>) -> Options {
    Options {
        settings: FileConfig {
            durability: [("changeling".to_owned(), durability)].into(),
            ..FileConfig::default()
        },
        disk: disk.map(|disk| Arc::new(disk.clone()) as _),
        ..options(trial)
    }
}

async fn back_after_restart(server: TestServer, options: Options, expected: &str) {
    let mut ann = TestClient::connect(&server).await;
    let joined = ann.join("hall", "changeling").await;
    let sum = add(&mut ann, 0).await.as_i64().expect("a sum");
    let seq = inspect(&server, "hall").await["seq"]
        .as_u64()
        .expect("a number");
    let lost = ann.cut();
    let server = server.restarted(options).await;
    let from = vec![Position {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq,
    }];
    let (mut ann, resumed) = lost.back(&server, Subprotocol::Json, from).await;
    assert_eq!(resumed.rooms.len(), 1);
    assert_eq!(resumed.rooms[0].epoch, joined.epoch);
    assert_eq!(version(&mut ann).await, *expected);
    assert_eq!(add(&mut ann, 1).await, sum + 1);
}

#[tokio::test]
async fn a_room_that_changed_comes_back_with_the_version_it_changed_to() {
    for durability in [Durable::Snapshot, Durable::Journal] {
        let options = || lasting(durability, SHORT, None);
        let server = TestServer::with(options()).await;
        let mut ann = TestClient::connect(&server).await;
        ann.join("hall", "changeling").await;
        add(&mut ann, 5).await;
        let digest = upload(&server, &second()).await;
        swapped(&server, "hall", &digest).await;
        add(&mut ann, 5).await;
        until(&server, "hall", "the end of the trial", |it| {
            it["swap"].is_null()
        })
        .await;
        back_after_restart(server, options(), "2.0.0").await;
    }
}

#[tokio::test]
async fn a_room_that_went_back_comes_back_with_the_version_before() {
    let options = || lasting(Durable::Journal, LONG, None);
    let server = TestServer::with(options()).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", "changeling").await;
    let digest = upload(&server, &changeling("2.0.0", "traps-tenth")).await;
    swapped(&server, "hall", &digest).await;
    for _ in 0..15 {
        add(&mut ann, 1).await;
    }
    assert_eq!(version(&mut ann).await, "1.0.0");
    back_after_restart(server, options(), "1.0.0").await;
}

/// What a killed server leaves of a journal: the change itself, and what came behind it, in the middle of the trial or after
/// the room went back.
#[tokio::test]
async fn a_killed_server_leaves_a_room_with_one_version_and_all_of_its_state() {
    for (trick, inputs, expected) in [
        ("good", 3, "2.0.0"),
        ("good", 30, "2.0.0"),
        ("traps-tenth", 4, "2.0.0"),
        ("traps-tenth", 25, "1.0.0"),
    ] {
        let disk = LossyDisk::new();
        let server = TestServer::with(lasting(Durable::Journal, LONG, Some(&disk))).await;
        let mut ann = TestClient::connect(&server).await;
        let joined = ann.join("hall", "changeling").await;
        add(&mut ann, 100).await;
        let digest = upload(&server, &changeling("2.0.0", trick)).await;
        swapped(&server, "hall", &digest).await;
        for _ in 0..inputs {
            add(&mut ann, 1).await;
        }
        let id = ann.next_id();
        ann.say_with("hall", &json!({ "do": "add", "n": 1 }), Some(id))
            .await;
        let last = ann.answer(id).await.expect("it is applied");
        // The disk as it is now is what a killed server leaves; the one that goes on has nothing to do with it.
        let left = disk.kill();
        let memory = ann.memory();
        let server = server
            .restarted(lasting(Durable::Journal, LONG, Some(&left)))
            .await;
        let from = vec![Position {
            room: "hall".to_owned(),
            epoch: joined.epoch,
            seq: last.seq.expect("where the room was"),
        }];
        let (mut ann, resumed) = memory.back(&server, Subprotocol::Json, from).await;
        assert_eq!(resumed.rooms[0].epoch, joined.epoch, "{trick} {inputs}");
        assert_eq!(version(&mut ann).await, *expected, "{trick} {inputs}");
        assert_eq!(add(&mut ann, 0).await, 101 + inputs, "{trick} {inputs}");
    }
}
