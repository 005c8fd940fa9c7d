//! Rooms that change while everybody talks and plays: nobody notices.

use std::collections::BTreeMap;
use std::time::Duration;

use parlor_tests::chaos::{Limits, Pace, Storm, Summary, Until, check};
use parlor_tests::{Options, TestServer, Weather, component, in_time};
use serde_json::{Value as Json, json};

use super::{body, options, post};
use crate::chaos::{is_full, report};

/// A component that does the same, and is another.
fn another(plugin: &str) -> Vec<u8> {
    let mut component = component("plugins", plugin);
    // A custom section: its number, its length, the length of its name, and its name.
    component.extend([0, 6, 5]);
    component.extend(b"other");
    component
}

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

/// Waits until nearly everybody is in.
async fn are_in(server: &TestServer, plugin: &str, players: u64) {
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let coming = async {
        loop {
            pace.tick().await;
            let path = format!("/api/v1/rooms?plugin={plugin}");
            let rooms = body(&server.admin_request("GET", &path).await);
            let rooms = rooms["rooms"].as_array().cloned().unwrap_or_default();
            let seated = rooms.iter().filter_map(|it: &Json| it["players"].as_u64());
            if seated.sum::<u64>() >= players {
                return;
            }
        }
    };
    in_time("the players", coming).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vs1_rooms_change_under_load_and_no_socket_is_closed_and_no_frame_lost_or_doubled() {
    let clients = if is_full() { 800 } else { 48 };
    let server = TestServer::with(Options {
        limits: parlor_server::Limits {
            rates: None,
            trial_time: Duration::from_secs(1),
            ..parlor_server::Limits::default()
        },
        ..options(Duration::from_secs(1))
    })
    .await;
    let mut digests = BTreeMap::new();
    for plugin in ["grid", "chat"] {
        let path = "/api/v1/plugins?default=false&replace=true";
        let (answer, _) = server.admin_send("POST", path, &[], &another(plugin)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let digest = body(&answer)["digest"]
            .as_str()
            .expect("a digest")
            .to_owned();
        digests.insert(plugin, digest);
    }
    let storm = Storm {
        clients,
        plays: true,
        until: Until::Time(Duration::from_secs(if is_full() { 40 } else { 6 })),
        weather: Weather::calm(),
        pace: Pace {
            every: Duration::from_millis(if is_full() { 1_000 } else { 300 }),
            unanswered_max: 16,
        },
        patience_max: Duration::from_secs(30),
        absence_max: Duration::ZERO,
        settle_max: Duration::from_secs(60),
        seed: 11,
        limits: Limits::default(),
    };
    let changing = async {
        are_in(&server, "grid", clients as u64).await;
        let mut pauses = change_all(&server, "grid", &digests["grid"]).await;
        pauses.extend(change_all(&server, "chat", &digests["chat"]).await);
        pauses
    };
    let (outcome, mut pauses) = tokio::join!(storm.pass(server.address), changing);
    let (summary, violations) = (Summary::of(&outcome.history), check(&outcome.history));
    pauses.sort_unstable();
    let at = |percent: usize| pauses[(pauses.len() - 1) * percent / 100];
    report(&format!(
        "swap: {} rooms changed, pause p50 {} us, p99 {} us, max {} us; {summary}; violations: {}",
        pauses.len(),
        at(50),
        at(99),
        at(100),
        violations.len()
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
    assert_eq!(metrics.get("swap_pause_seconds_count"), pauses.len() as f64);
    assert!(server.reports().await.is_empty());
}
