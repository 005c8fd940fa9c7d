//! A room that burns nearly all of its budget in every step, beside others. One that burns more is stopped, and is closed after a few
//! steps, and no more rooms are made of a plugin that has lost a few of them: such a noise does not last.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value as Json, json};

use super::many::{argument, folder_with};
use super::table::Column;
use super::{Kept, Scenario};
use crate::build::{self, Part, Profile};
use crate::compare::subject::{BINARY, LOAD, Running, Subject, load_on, prepare, words};
use crate::load::{CLIENT_CORE, Going, SERVER_CORE, number, pinned, wait};
use crate::raw::Round;
use crate::trial;

const SUBJECTS: &[Subject] = &[BINARY];
const PAIRS: usize = 5;
const GUEST: &str = "hostile";
/// What a step of the guest may take.
const BUDGET_SECONDS: f64 = 0.06;
/// How much of that it burns: a step that is measured to take so long takes longer now and then.
const BURNT_SHARE: f64 = 0.75;
/// With so many loops it is measured how long they take, for so long.
const LOOPS_TRIED: f64 = 5e6;
const TRIED: Duration = Duration::from_secs(3);
const WARM_UP_SECONDS: f64 = 2.0;
const MEASURED_SECONDS: f64 = 10.0;
/// So long the noise goes on before the others join.
const HEAD_START: Duration = Duration::from_secs(2);
const FAILURES: &str = "parlor_plugin_failures_total";
const STEP_SECONDS: &str = "parlor_step_seconds_sum";
const STEPS: &str = "parlor_step_seconds_count";

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new("p50 ms to the screens", "/screen_ms_p50", 2),
        Column::new("p99 ms", "/screen_ms_p99", 2),
        Column::new("p99 ms to the answer", "/answer_ms_p99", 2),
        Column::new("server, of a core", "/server_cpu_share", 2),
        Column::new("ms a step of the noise", "/noise_step_ms", 1),
    ];
    let kept = Kept {
        unit: "milliseconds from an input to everybody's screen",
        command: format!(
            "taskset -c {SERVER_CORE} parlor serve --limits off --plugins FOLDER-WITH-{GUEST}; taskset -c {CLIENT_CORE} {LOAD} {}; \
             with {LOAD} sit --plugin {GUEST} --options {}",
            line(),
            r#"{"tick":{"do":"burn","loops":N}}"#
        ),
        columns: &columns,
        remark: "the noisy room has five ticks a second, and burns three quarters of its 60 ms in each",
    };
    prepare(SUBJECTS)?;
    build::build(&[Part::Guests], Profile::Release)?;
    let loops = loops()?;
    let count = trial::rounds(PAIRS);
    let mut rounds = Vec::new();
    for round in 1..=count {
        // Every other pair the other way round.
        let quiet_first = [false, true];
        let noisy_first = [true, false];
        for is_noisy in if round % 2 == 1 {
            quiet_first
        } else {
            noisy_first
        } {
            let said = measure(&BINARY, is_noisy.then_some(loops))?;
            let name = if is_noisy { "beside noise" } else { "quiet" };
            println!("round {round} of {count}, {name}: {said}");
            rounds.push(Round::new(
                &format!("{}, {name}", BINARY.name()),
                round,
                said,
            ));
        }
    }
    scenario.keep(SUBJECTS, rounds, &kept)
}

fn line() -> String {
    let seconds = trial::seconds(MEASURED_SECONDS);
    format!("match --warm-up {WARM_UP_SECONDS} --seconds {seconds}")
}

/// What the room is made with.
fn harm(loops: f64) -> String {
    format!(r#"{{"tick":{{"do":"burn","loops":{loops:.0}}}}}"#)
}

/// How many loops take as long as is to be burnt, on this machine.
fn loops() -> Result<f64> {
    let folder = folder_with(GUEST)?;
    let running = BINARY.start_with(&["--plugins", argument(folder.path())?])?;
    // Two cores may be one, which is then slower for each of them while both have something to do, as they will.
    let _neighbour = Going::start(pinned(CLIENT_CORE).args(["sh", "-c", "while :; do :; done"]))?;
    let noise = sit(&running, LOOPS_TRIED)?;
    let before = steps(&running)?;
    wait(TRIED);
    let after = steps(&running)?;
    drop(noise);
    let each = (after[0] - before[0]) / (after[1] - before[1]);
    ensure!(each > 0.0, "the noisy room made no noise");
    Ok(LOOPS_TRIED * BURNT_SHARE * BUDGET_SECONDS / each)
}

fn measure(subject: &Subject, noise_loops: Option<f64>) -> Result<Json> {
    let folder = folder_with(GUEST)?;
    let running = subject.start_with(&["--plugins", argument(folder.path())?])?;
    let mut said = json!({});
    let noise = match noise_loops {
        None => None,
        Some(loops) => {
            let noise = sit(&running, loops)?;
            // Nobody else is there yet.
            let [seconds, count] = steps(&running)?;
            ensure!(count > 0.0, "the noisy room made no noise");
            said["noise_step_ms"] = json!(seconds / count * 1e3);
            Some(noise)
        }
    };
    let report = running.load(&words(&line()))?;
    let failures = running.parlor()?.metric_sum(FAILURES)?;
    if let Some(mut noise) = noise {
        ensure!(!noise.has_ended()?, "the noise ended before the matches");
    }
    ensure!(failures == 0.0, "the noise was stopped {failures} times");
    for (name, pointer) in [
        ("screen_ms_p50", "/latency_us/p50"),
        ("screen_ms_p99", "/latency_us/p99"),
        ("answer_ms_p99", "/answer_us/p99"),
    ] {
        said[name] = json!(number(&report, pointer)? / 1e3);
    }
    said["server_cpu_share"] = json!(number(&report, "/server/cpu")?);
    Ok(said)
}

/// Starts the noise.
fn sit(running: &Running, loops: f64) -> Result<Going> {
    let (url, harm) = (&running.parlor()?.url, harm(loops));
    let mut command = load_on(CLIENT_CORE);
    command.args(["sit", "--url", url, "--plugin", GUEST, "--options", &harm]);
    let noise = Going::start(&mut command)?;
    wait(HEAD_START);
    Ok(noise)
}

/// How long steps of plugins have taken so far, and how many there were.
fn steps(running: &Running) -> Result<[f64; 2]> {
    let server = running.parlor()?;
    Ok([server.metric(STEP_SECONDS)?, server.metric(STEPS)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_made_with_a_whole_number_of_loops() {
        let options: Json = serde_json::from_str(&harm(1_234_567.8)).unwrap();
        assert_eq!(options["tick"]["loops"], 1_234_568);
        assert_eq!(options["tick"]["do"], "burn");
    }
}
