//! What survives a crash: a server that is killed at any moment, and what its clients find when they come back.

mod broken;
mod killed;
mod points;
mod power;
mod victims;

use std::path::Path;
use std::time::Duration;

use parlor_tests::Serve;
use parlor_tests::chaos::{CrashOutcome, CrashRun, Summary, Victim};
use tokio::time::Instant;

use crate::chaos::report;

/// What is drawn is drawn from this; `PARLOR_SEED` has another run.
fn seed() -> u64 {
    let given = std::env::var("PARLOR_SEED");
    given.map_or(5, |seed| seed.parse().expect("PARLOR_SEED is a number"))
}

/// Lets a run pass, says what it was, and sees to it that nothing is wrong with it.
async fn survived(name: &str, run: &CrashRun, victim: &mut impl Victim) -> CrashOutcome {
    report(&format!("{name}: seed {}", run.seed));
    let started = Instant::now();
    let outcome = run.pass(victim).await;
    let found = outcome.violations.len();
    let summary = Summary::of(&outcome.history);
    report(&format!(
        "{name}: {}; {summary}; {} checks, violations: {found}; {:.1?}",
        outcome.kills,
        outcome.checks,
        started.elapsed()
    ));
    let shown: Vec<_> = outcome
        .violations
        .iter()
        .take(20)
        .map(ToString::to_string)
        .collect();
    assert!(shown.is_empty(), "seed {}: {}", run.seed, shown.join("\n"));
    if let Some(missed) = outcome.missed {
        panic!(
            "seed {}: clients failed {missed}: {:?}",
            run.seed, outcome.tally
        );
    }
    assert_eq!(summary.refused, 0, "{summary}");
    assert!(summary.resumed > 0 && summary.captures > 0, "{summary}");
    outcome
}

/// The server's settings: chats survive, too, and no client is held to rates, as all come from one address at once.
fn serve(data_dir: &Path) -> Serve {
    Serve::on(data_dir)
        .with("PARLOR_DURABILITY", "chat=journal")
        .with("PARLOR_LIMITS", "off")
        .with("PARLOR_CONNECTIONS_PER_ADDRESS_MAX", "2000")
        .with("PARLOR_NEW_CONNECTIONS_PER_ADDRESS_PER_SECOND", "100000")
}

/// Between milliseconds.
fn ms(range: std::ops::Range<u64>) -> std::ops::Range<Duration> {
    Duration::from_millis(range.start)..Duration::from_millis(range.end)
}
