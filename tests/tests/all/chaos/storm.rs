//! Many clients behind a network that does its worst.

use std::time::Duration;

use parlor_tests::chaos::{Limits, Pace, Storm, Summary, Until, check};
use parlor_tests::{TestServer, Weather};

use super::{is_full, report};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_nothing_is_missed_or_doubled_behind_a_hostile_network() {
    let server = TestServer::start().await;
    let storm = Storm {
        clients: if is_full() { 200 } else { 40 },
        plays: true,
        until: Until::Time(Duration::from_secs(if is_full() { 60 } else { 6 })),
        weather: if std::env::var_os("CALM").is_some() {
            Weather::calm()
        } else {
            Weather::storm()
        },
        pace: Pace {
            every: Duration::from_millis(400),
            unanswered_max: 16,
        },
        patience_max: Duration::from_secs(2),
        seed: 3,
        limits: Limits::default(),
    };
    let outcome = storm.pass(server.address).await;
    let violations = check(&outcome.history);
    let faults: Vec<_> = outcome
        .proxy
        .faults
        .iter()
        .map(|(fault, count)| format!("{count} {}", fault.name()))
        .collect();
    report(&format!(
        "storm: {}; faults: {}; violations: {}",
        Summary::of(&outcome.history),
        faults.join(", "),
        violations.len()
    ));
    let shown: Vec<_> = violations
        .iter()
        .take(20)
        .map(ToString::to_string)
        .collect();
    assert!(violations.is_empty(), "{}", shown.join("\n"));
    assert!(outcome.is_settled, "{:?}", outcome.tally);
}
