//! An hour in which players come and go: whether anything grows that should not.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value as Json, json};

use super::Scenario;
use crate::bench::keep_raw;
use crate::compare::subject::{BINARY, LOAD, Running, Subject, prepare, said, words};
use crate::load::{CLIENT_CORE, Going, SERVER_CORE, median, number, wait};
use crate::raw::{Raw, Round};
use crate::server::Server;
use crate::trial;

const SUBJECTS: &[Subject] = &[BINARY];
const SECONDS: f64 = 3_600.0;
const WARM_UP_SECONDS: f64 = 2.0;
/// Some 5 % of the players.
const CHURN_PER_MINUTE: usize = 24;
/// A player whose time has come goes when all in its room play, which it may take some boards for.
const CHURN_MIN: f64 = 0.9;
/// How often it is looked, and how often at most in a shorter time.
const SAMPLE_SECONDS: f64 = 60.0;
const SAMPLES: f64 = 60.0;
/// What is compared: the samples from the first of these on, up to the second, and as many at the end.
const EARLY: [usize; 2] = [5, 15];
const LATE: usize = 10;
/// What is looked at.
const FIELDS: [&str; 5] = [
    "resident_bytes",
    "descriptors",
    "threads",
    "rooms",
    "sessions",
];

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    prepare(SUBJECTS)?;
    let seconds = trial::read("PARLOR_SOAK_SECONDS", SECONDS);
    let running = BINARY.start()?;
    let line =
        format!("match --churn {CHURN_PER_MINUTE} --warm-up {WARM_UP_SECONDS} --seconds {seconds}");
    let mut load = Going::start(&mut running.loading(&words(&line)))?;
    let samples = watch(&running, &mut load, seconds)?;
    let heard = load.output()?;
    let mut rounds: Vec<Round> = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        rounds.push(Round::new(BINARY.name(), index + 1, sample.clone()));
    }
    let report = report(&samples);
    print!("\n{report}");
    let outcome = said(&heard).and_then(|outcome| {
        let replaced = number(&outcome, "/replaced")?;
        let due = seconds / 60.0 * CHURN_PER_MINUTE as f64;
        ensure!(
            replaced >= CHURN_MIN * due,
            "only {replaced} players of {due:.0} were replaced"
        );
        Ok(outcome)
    });
    if let Ok(outcome) = &outcome {
        rounds.push(Round::new("the load", 1, outcome.clone()));
    }
    let raw = Raw {
        unit: "what the server holds",
        rounds,
        ..Raw::default()
    };
    let command = format!(
        "taskset -c {SERVER_CORE} parlor serve --limits off; taskset -c {CLIENT_CORE} {LOAD} {line}"
    );
    keep_raw(scenario.name, scenario.about, &command, &report, &raw)?;
    outcome.map(drop).context("messages were not right")
}

/// Looks at the server from time to time, for as long as the load goes on.
fn watch(running: &Running, load: &mut Going, seconds: f64) -> Result<Vec<Json>> {
    let server = running.parlor()?;
    let period = (seconds / SAMPLES).clamp(1.0, SAMPLE_SECONDS);
    let mut samples = Vec::new();
    let mut passed = 0.0;
    while passed + period <= seconds {
        wait(Duration::from_secs_f64(period));
        passed += period;
        if load.has_ended()? {
            // It has said what was wrong.
            break;
        }
        let sample = sample(server)?;
        println!("{passed:>6.0} s: {sample}");
        samples.push(sample);
    }
    Ok(samples)
}

fn sample(server: &Server) -> Result<Json> {
    let process = format!("/proc/{}", server.id());
    let kilobytes = server.resident_kilobytes();
    let status = fs::read_to_string(format!("{process}/status"))?;
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    let threads: u64 = threads
        .context("the process has no threads")?
        .trim()
        .parse()?;
    Ok(json!({
        "resident_bytes": kilobytes.context("failed to read the server's memory")? * 1_024,
        "descriptors": fs::read_dir(format!("{process}/fd"))?.count(),
        "threads": threads,
        "rooms": server.metric("parlor_rooms")?,
        "sessions": server.metric("parlor_sessions")?,
    }))
}

/// The end beside the beginning.
fn report(samples: &[Json]) -> String {
    let middle = |samples: &[Json], field: &str| {
        median(samples.iter().filter_map(|sample| sample[field].as_f64()))
    };
    let [from, to] = EARLY.map(|index| index.min(samples.len()));
    let early = &samples[from..to];
    let late = &samples[samples.len().saturating_sub(LATE)..];
    let mut text = format!(
        "medians of samples {} to {}, and of the last {LATE} of {}\n\n",
        EARLY[0] + 1,
        EARLY[1],
        samples.len()
    );
    for field in FIELDS {
        let (before, after) = (middle(early, field), middle(late, field));
        let ratio = after / before;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{field:<16}{before:>14.0}{after:>14.0}{ratio:>8.3}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_compared_with_the_beginning_and_not_with_the_start() {
        let sample = |bytes: u64| json!({ "resident_bytes": bytes, "threads": 7 });
        let samples: Vec<Json> = (0..60).map(|minute| sample(100 + 10 * minute)).collect();
        let text = report(&samples);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        let words: Vec<&str> = line("resident_bytes").split_whitespace().collect();
        assert_eq!(words, ["resident_bytes", "195", "645", "3.308"]);
        assert!(line("threads").ends_with("1.000"), "{text}");
        assert!(report(&[]).contains("NaN"));
    }
}
