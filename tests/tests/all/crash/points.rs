//! The real server, ended exactly where it is in the middle of something.

use std::time::Duration;

use parlor_proto::{ServerFrame, Subprotocol, client};
use parlor_server::CrashAt;
use parlor_tests::chaos::{CrashRun, Pace, Patience, Victim};
use parlor_tests::{Handshake, TestClient, in_time, json_of};
use serde_json::json;

use super::victims::{CRASH_AT, Process};
use super::{seed, survived};
use crate::chaos::is_full;

/// Rooms are saved often, and a journal soon has segments that nobody needs any more.
const SMALL_JOURNAL: &str =
    "[journal]\nsnapshot_steps = 32\nsegment_bytes = 65536\nhistory_bytes = 0\n";

/// Comes to its point under load.
const BUSY: Patience = Patience {
    first: Duration::from_secs(20),
    later: Duration::from_secs(20),
};
/// Comes to it when it starts, unless it is the first start.
const STARTING: Patience = Patience {
    first: Duration::from_secs(5),
    later: Duration::from_secs(20),
};

/// Lets clients talk and play on a server that ends itself at a point, again and again. It is killed when it did not come
/// there in its life.
async fn survived_at(point: &str, patience: Patience) {
    let run = CrashRun {
        clients: 16,
        chatters: 8,
        pace: Pace {
            every: Duration::from_millis(100),
            unanswered_max: 16,
        },
        kills: if is_full() { 10 } else { 3 },
        ends_by_itself: Some(patience),
        life: Duration::ZERO..patience.later,
        start_up: Duration::ZERO,
        check_every: 1,
        settle_max: Duration::from_secs(40),
        seed: seed(),
    };
    let mut process = Process::with(&[(CRASH_AT, point)], SMALL_JOURNAL);
    let outcome = survived(point, &run, &mut process).await;
    assert!(outcome.kills.by_itself >= 2, "{point}: {}", outcome.kills);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_it_saves_a_room_loses_nothing() {
    survived_at("snapshot:8", BUSY).await;
    survived_at("snapshot-appended:8", BUSY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_before_it_syncs_what_it_wrote_loses_nothing() {
    survived_at("group-written:40", BUSY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_it_tidies_its_journal_loses_nothing() {
    survived_at("segment-created:2", BUSY).await;
    survived_at("compaction-copied", BUSY).await;
    survived_at("compaction-removed", BUSY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_it_recovers_loses_nothing() {
    survived_at("recovery:2", STARTING).await;
    survived_at("recovered:2", STARTING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du5_a_server_that_dies_while_it_puts_a_room_away_or_gets_it_back_loses_nothing() {
    for point in ["hibernation", "hibernated", "wake", "woken"] {
        let at_once = ("PARLOR_EMPTY_ROOM_SECONDS", "0");
        let mut process = Process::with(&[at_once, (CRASH_AT, point)], "");
        process.spawn();
        process.is_ready().await;
        let address = process.address();
        let come = || TestClient::through(Handshake::to(address), Subprotocol::Json);
        let mut client = come().await;
        let before = client.join("hall", "chat").await;
        for text in ["one", "two", "three"] {
            let said = json!({ "type": "say", "text": text });
            client.applied("hall", &said).await;
        }
        // Nobody is there, and then somebody comes, until the server has died of it.
        while go_and_come(&mut client).await {}
        in_time(point, process.ended()).await;
        process.kill().await;
        process.spare();
        process.spawn();
        process.is_ready().await;

        let mut client = come().await;
        let after = client.join("hall", "chat").await;
        assert_eq!(after.epoch, before.epoch, "{point}");
        assert!(after.seq > before.seq, "{point}");
        let lines = client.expect_message("hall").await;
        let lines = json_of(&lines.data)["lines"].clone();
        let lines = lines.as_array().expect("a newcomer gets the last lines");
        let said: Vec<_> = lines.iter().map(|line| line["text"].as_str()).collect();
        assert_eq!(said, [Some("one"), Some("two"), Some("three")], "{point}");
    }
}

/// Leaves the room and comes back. Whether the server is still there.
async fn go_and_come(client: &mut TestClient) -> bool {
    let leave = client::LeaveRoom {
        room: "hall".to_owned(),
        id: None,
    };
    let is_in = |frame: &ServerFrame| matches!(frame, ServerFrame::RoomJoined(_));
    let is_out = |frame: &ServerFrame| matches!(frame, ServerFrame::RoomLeft(_));
    client.try_send(leave).await
        && came(client, is_out).await
        && client.try_send(TestClient::into_room("hall", "chat")).await
        && came(client, is_in).await
}

/// Waits for a frame. Whether it came before the end of the connection.
async fn came(client: &mut TestClient, is_it: fn(&ServerFrame) -> bool) -> bool {
    loop {
        match client.next_or_end().await {
            Ok(frame) if is_it(&frame) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[test]
fn a_server_dies_at_every_point_of_which_it_knows() {
    let source = [
        include_str!("points.rs"),
        include_str!("../swap/killed.rs"),
        include_str!("../uploads/killed.rs"),
    ]
    .concat();
    for point in CrashAt::ALL {
        // Nothing fails here that would be tried again.
        let is_tried = point == "retry"
            || source.contains(&format!("\"{point}\""))
            || source.contains(&format!("\"{point}:"));
        assert!(is_tried, "{point}");
    }
}
