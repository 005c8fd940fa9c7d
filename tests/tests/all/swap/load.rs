//! Rooms that change while everybody talks and plays: nobody notices.

use std::time::Duration;

use parlor_tests::chaos::{Limits, Pace, Storm, Summary, Until, check};
use parlor_tests::craft::with_section;
use parlor_tests::{TestServer, component};
use serde_json::{Value as Json, json};

use super::{body, options, post};
use crate::chaos::{is_full, report};

/// Has all rooms of a plugin change, one after the other. How long each stood still, in microseconds.
async fn change_all(server: &TestServer, plugin: &str, digest: &str) -> Vec<u64> {
    let path = format!("/api/v1/rooms?plugin={plugin}");
    let rooms = body(&server.admin_request("GET", &path).await);
    let mut pauses = Vec::new();
    for room in rooms["rooms"].as_array().expect("a list") {
        let name = room["room"].as_str().expect("a name");
        let order = json!({ "version": digest });
        let answer = post(server, &format!("/api/v1/rooms/{name}/swap"), &order).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        pauses.push(body(&answer)["pause_us"].as_u64().expect("a time"));
    }
    pauses
}

/// How long it may take until everybody is in.
const ARRIVE_MAX: Duration = Duration::from_secs(60);

/// Waits until nearly everybody is in; who comes to a match that has begun looks on until the next one.
async fn are_in(server: &TestServer, plugin: &str, clients: u64) {
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let members = |room: &Json| Some(room["players"].as_u64()? + room["spectators"].as_u64()?);
    let coming = async {
        loop {
            pace.tick().await;
            let path = format!("/api/v1/rooms?plugin={plugin}");
            let rooms = body(&server.admin_request("GET", &path).await);
            let rooms = rooms["rooms"].as_array().cloned().unwrap_or_default();
            if rooms.iter().filter_map(members).sum::<u64>() >= clients {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(ARRIVE_MAX, coming).await;
    waited.expect("all clients come in time");
}

/// Clients that talk and play, and nothing in their way.
fn calm(clients: usize) -> Storm {
    Storm {
        clients,
        plays: true,
        until: Until::Time(Duration::from_secs(if is_full() { 40 } else { 6 })),
        weather: None,
        pace: Pace {
            every: Duration::from_millis(if is_full() { 1_000 } else { 300 }),
            unanswered_max: 16,
        },
        patience_max: Duration::from_secs(30),
        absence_max: Duration::ZERO,
        settle_max: Duration::from_secs(60),
        seed: 11,
        limits: Limits::default(),
    }
}

/// Says for how long the rooms of a plugin stood still.
fn report_pauses(plugin: &str, mut pauses: Vec<u64>) {
    pauses.sort_unstable();
    let ms = |percent: usize| pauses[(pauses.len() - 1) * percent / 100] as f64 / 1_000.0;
    report(&format!(
        "swap: {} rooms of {plugin} stood still for: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        pauses.len(),
        ms(50),
        ms(99),
        ms(100),
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vs1_rooms_change_under_load_and_no_socket_is_closed_and_no_frame_lost_or_doubled() {
    let clients = if is_full() { 800 } else { 48 };
    let server = TestServer::with(options(Duration::from_secs(1))).await;
    let mut digests = Vec::new();
    for plugin in ["grid", "chat"] {
        let query = "?default=false&replace=true";
        let answer = server
            .admin()
            .upload(query, &with_section(component("plugins", plugin), b""))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let digest = body(&answer)["digest"].as_str().map(str::to_owned);
        digests.push((plugin, digest.expect("a digest")));
    }
    let storm = calm(clients);
    let changing = async {
        are_in(&server, "grid", clients as u64).await;
        let mut count = 0;
        for (plugin, digest) in &digests {
            let pauses = change_all(&server, plugin, digest).await;
            count += pauses.len();
            report_pauses(plugin, pauses);
        }
        count
    };
    let (outcome, changed) = tokio::join!(storm.pass(server.address), changing);
    let (summary, violations) = (Summary::of(&outcome.history), check(&outcome.history));
    let found = violations.len();
    report(&format!(
        "swap: {changed} rooms changed; {summary}; violations: {found}"
    ));
    let shown: Vec<_> = violations
        .iter()
        .take(20)
        .map(ToString::to_string)
        .collect();
    assert!(violations.is_empty(), "{}", shown.join("\n"));
    assert!(outcome.is_settled, "{:?}", outcome.tally);
    assert_eq!(summary.connections, clients as u64, "no socket was closed");
    assert_eq!((summary.resumed, summary.resent), (0, 0), "{summary}");
    assert!(
        summary.resets.is_empty() && summary.captures > 0,
        "{summary}"
    );
    let metrics = server.metrics().await;
    assert_eq!(metrics.get("swap_pause_seconds_count"), changed as f64);
    assert!(server.reports().await.is_empty());
}
