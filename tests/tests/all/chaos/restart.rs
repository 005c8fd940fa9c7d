//! A server that is told to stop while it is busy, and one that takes its place.

use std::net::SocketAddr;
use std::time::Duration;

use parlor_tests::chaos::{Crowd, Event, Pace, Record, RoomPlan, Script, Stage, Tally, seating};
use parlor_tests::{DEADLINE, ParlorProcess};
use tokio::time::Instant;

use super::{is_full, report};

/// How long a stopping server may take, which is its default.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a crowd may take to get somewhere.
const CROWD_MAX: Duration = DEADLINE;

fn script(number: usize, rooms: Vec<RoomPlan>, address: SocketAddr) -> Script {
    Script {
        name: format!("client-{number}"),
        address,
        rooms,
        pace: Some(Pace {
            every: Duration::from_millis(500),
            unanswered_max: 8,
        }),
        changes_subprotocol: true,
        patience_max: CROWD_MAX,
        absence_max: Duration::ZERO,
        keeps_boards: false,
        keeps_states: false,
        seed: number as u64,
    }
}

/// How often an event is in a record.
fn count(record: &Record, is_it: impl Fn(&Event) -> bool) -> usize {
    record
        .events
        .iter()
        .filter(|(_, event)| is_it(event))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cl2_a_server_stopped_under_load_says_goodbye_to_all_and_they_come_back_by_themselves() {
    let client_count = if is_full() { 500 } else { 60 };
    let data_dir = tempfile::tempdir().unwrap();
    let server = ParlorProcess::start(data_dir.path()).await;
    let (address, admin) = (server.address, server.admin);
    let mut crowd = Crowd::default();
    for (number, rooms) in seating(client_count, true).into_iter().enumerate() {
        crowd.add(script(number, rooms, address));
    }
    let is_busy =
        |tally: &Tally| tally.arrived == client_count && tally.answered >= 4 * client_count;
    assert!(
        crowd.reached(CROWD_MAX, is_busy).await,
        "{:?}",
        crowd.tally()
    );

    let told = Instant::now();
    server.terminate();
    let status = server.ended().await;
    let stopped_in = told.elapsed();
    assert!(status.success(), "{status}");
    assert!(stopped_in < DRAIN_TIMEOUT, "{stopped_in:?}");

    let before = crowd.tally().answered;
    let _server = ParlorProcess::listening(data_dir.path(), address, admin).await;
    let is_back = |tally: &Tally| tally.resumed == client_count && tally.answered > before;
    assert!(
        crowd.reached(CROWD_MAX, is_back).await,
        "{:?}",
        crowd.tally()
    );
    let back_in = told.elapsed();
    crowd.enter(Stage::Settle);
    let is_settled = |tally: &Tally| tally.settled == client_count;
    assert!(
        crowd.reached(CROWD_MAX, is_settled).await,
        "{:?}",
        crowd.tally()
    );

    for record in crowd.records().await {
        assert_eq!(
            count(&record, |it| *it == Event::Goaway),
            1,
            "{}",
            record.name
        );
        let closes: Vec<_> = record
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Lost(_) | Event::Abandoned))
            .collect();
        assert!(
            matches!(closes[..], [(_, Event::Lost(Some(1012)))]),
            "{}: {closes:?}",
            record.name
        );
        // The game is kept, and the session for its sake; the chat is not, and made anew.
        assert_eq!(count(&record, |it| *it == Event::ResumeRefused), 0);
        assert_eq!(count(&record, |it| matches!(it, Event::Resumed(_))), 1);
        let joins = count(&record, |it| matches!(it, Event::Joined { .. }));
        assert_eq!(joins, 3, "{}: a game once, a chat twice", record.name);
    }
    report(&format!(
        "restart: {client_count} clients, {client_count} times goaway and 1012, exit 0 after {stopped_in:.1?}, all back after \
         {back_in:.1?}"
    ));
}
