//! Many clients behind a network that does its worst.

use std::time::Duration;

use parlor_tests::chaos::{Limits, Outcome, Pace, Storm, Summary, Until, check};
use parlor_tests::{Fault, Options, TestServer, Weather};

use super::{is_full, report};

/// A storm over a server that keeps what a client may come back for as long as `limits` say.
fn storm(limits: &Limits) -> Storm {
    Storm {
        clients: if is_full() { 200 } else { 40 },
        plays: true,
        until: Until::Time(Duration::from_secs(if is_full() { 60 } else { 6 })),
        weather: Some(Weather::storm()),
        pace: Pace {
            every: Duration::from_millis(400),
            unanswered_max: 16,
        },
        patience_max: Duration::from_secs(2),
        absence_max: Duration::ZERO,
        settle_max: Duration::from_secs(40),
        seed: seed(),
        limits: limits.clone(),
    }
}

/// What is drawn is drawn from this; `PARLOR_SEED` has another run.
fn seed() -> u64 {
    let given = std::env::var("PARLOR_SEED");
    given.map_or(3, |seed| seed.parse().expect("PARLOR_SEED is a number"))
}

/// Lets a storm pass, says what it was, and sees to it that nothing is wrong with it.
async fn survived(name: &str, storm: Storm) -> (Outcome, Summary) {
    // With rates as a server has them: whoever comes back again and again must not be taken for a nuisance.
    let limits = parlor_server::Limits {
        resume_window: storm.limits.resume_window,
        ..parlor_server::Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let server = TestServer::with(options).await;
    let outcome = storm.pass(server.address).await;
    let (summary, violations) = (Summary::of(&outcome.history), check(&outcome.history));
    let faults: Vec<_> = outcome
        .proxy
        .faults
        .iter()
        .map(|(fault, count)| format!("{count} {}", fault.name()))
        .collect();
    let (faults, found) = (faults.join(", "), violations.len());
    report(&format!(
        "{name}: {summary}; faults: {faults}; violations: {found}"
    ));
    for (client, room, reason) in outcome.history.resets() {
        report(&format!("{name}: reset of {client} in {room}: {reason}"));
    }
    let shown: Vec<_> = violations
        .iter()
        .take(20)
        .map(ToString::to_string)
        .collect();
    assert!(
        violations.is_empty(),
        "seed {}: {}",
        storm.seed,
        shown.join("\n")
    );
    assert!(outcome.is_settled, "{:?}", outcome.tally);
    assert!(summary.captures > 0, "{summary}");
    (outcome, summary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_nothing_is_missed_or_doubled_behind_a_hostile_network() {
    let (outcome, summary) = survived("storm", storm(&Limits::default())).await;
    for fault in Fault::ALL {
        assert!(outcome.proxy.of(fault) > 0, "no {}", fault.name());
    }
    assert!(summary.resumed > 0 && summary.resent > 0, "{summary}");
    // Nobody was away for as long as the server waits.
    assert!(summary.resets.is_empty(), "{summary}");
    assert_eq!(summary.refused, 0, "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_who_comes_back_too_late_is_reset_or_refused_for_that_reason_and_no_other() {
    let window = Duration::from_millis(1_500);
    let limits = Limits {
        resume_window: window,
        ring_age: window,
        ..Limits::default()
    };
    let storm = Storm {
        absence_max: window * 3,
        until: Until::Reached(
            |tally| tally.refused >= 10 && tally.resets > 0,
            Duration::from_secs(60),
        ),
        ..storm(&limits)
    };
    let (_, summary) = survived("absences", storm).await;
    assert!(summary.refused > 0, "{summary}");
    // The server waits for a half-open connection as if its client were there, and meanwhile what was said gets old.
    let reasons: Vec<_> = summary.resets.keys().map(String::as_str).collect();
    assert_eq!(reasons, ["window-exceeded"], "{summary}");
}
