//! Thousands of rooms with a slow clock: whether one process keeps time for all of them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

use super::table::Column;
use super::{Kept, Scenario};
use crate::build::{self, Part, Profile};
use crate::compare::subject::{BINARY, LOAD, Running, Subject, load_on, prepare, said, words};
use crate::files;
use crate::load::{CLIENT_CORE, Going, SERVER_CORE, number, wait};
use crate::raw::Round;
use crate::server::Server;
use crate::trial;

const SUBJECTS: &[Subject] = &[BINARY];
const ROUNDS: usize = 5;
const ROOMS: usize = 5_000;
const GUEST: &str = "metronome";
const MEASURED_SECONDS: f64 = 20.0;
/// Between the last room and the first tick that counts.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long the load goes on behind what is measured.
const SLACK: Duration = Duration::from_secs(5);
/// How long all rooms may take to be made, and how often it is asked whether they are.
const MADE_SECONDS_MAX: u32 = 120;
const AGAIN: Duration = Duration::from_secs(1);
const TICKS: &str = "parlor_ticks_total";
const TICKS_LATE: &str = "parlor_ticks_late_total";
const ROOMS_OPEN: &str = "parlor_rooms";

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new("% of ticks > 5 ms late", "/tick_late_share", 3).per(0.01),
        Column::new("idle, server's core", "/control_late_share_server_core", 3).per(0.01),
        Column::new("beside the load", "/control_late_share_load_core", 3).per(0.01),
        Column::new("KiB a room", "/resident_bytes_per_room", 1).per(1_024.0),
        Column::new("server, of a core", "/server_cpu_share", 2),
    ];
    let kept = Kept {
        unit: "share of ticks that were more than 5 ms late",
        command: format!(
            "taskset -c {SERVER_CORE} parlor serve --limits off --plugins FOLDER-WITH-{GUEST}; taskset -c {CLIENT_CORE} {LOAD} many --rooms {}; \
             {LOAD} wakes, before the rooms are made on core {SERVER_CORE} and with them on core {CLIENT_CORE}",
            rooms()
        ),
        columns: &columns,
        remark: "a process that does nothing but wake by as many timers: on the server's core before the rooms are made, and on the load's core \
                 while they tick. What a room takes includes its member's connection",
    };
    prepare(SUBJECTS)?;
    build::build(&[Part::Guests], Profile::Release)?;
    let count = trial::rounds(ROUNDS);
    let mut rounds = Vec::new();
    for round in 1..=count {
        for subject in SUBJECTS {
            let said = measure(subject)?;
            println!("round {round} of {count}: {said}");
            rounds.push(Round::new(subject.name(), round, said));
        }
    }
    scenario.keep(SUBJECTS, rounds, &kept)
}

fn rooms() -> usize {
    trial::read("PARLOR_BENCH_ROOMS", ROOMS)
}

/// A folder of plugins with this guest only: others are there to be refused.
pub(super) fn folder_with(guest: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir().context("failed to make a folder of plugins")?;
    let file = format!("{guest}.wasm");
    let built = files::bundle().join("guests").join(&file);
    files::copy_if_changed(&built, &folder.path().join(file))?;
    Ok(folder)
}

/// What the path is in an argument.
pub(super) fn argument(path: &Path) -> Result<&str> {
    path.to_str().context("the folder's name is no text")
}

fn measure(subject: &Subject) -> Result<Json> {
    let time = Duration::from_secs_f64(trial::seconds(MEASURED_SECONDS));
    let folder = folder_with(GUEST)?;
    let running = subject.start_with(&["--plugins", argument(folder.path())?])?;
    let server = running.parlor()?;
    let alone = wakes(SERVER_CORE, time)?.output()?;
    let before = resident(server)?;
    let listening = listen(&running, time)?;
    await_rooms(server)?;
    wait(WARM_UP);
    let beside = wakes(CLIENT_CORE, time)?;
    let start = Mark::of(server)?;
    wait(time);
    let end = Mark::of(server)?;
    let beside = beside.output()?;
    let heard =
        said(&listening.output()?).context("what the rooms' members heard was not right")?;
    let share = |wakes: &Json| number(wakes, "/late_share");
    Ok(json!({
        "rooms": rooms(),
        "ticks": end.ticks - start.ticks,
        "tick_late_share": (end.late - start.late) / (end.ticks - start.ticks),
        "control_late_share_server_core": share(&said(&alone)?)?,
        "control_late_share_load_core": share(&said(&beside)?)?,
        "resident_bytes_before": before,
        "resident_bytes_after": end.resident,
        "resident_bytes_per_room": (end.resident - before) / rooms() as f64,
        "server_cpu_share": (end.cpu - start.cpu) / time.as_secs_f64(),
        "heard_unevenness_us_p99": number(&heard, "/tick_unevenness_us/p99")?,
    }))
}

/// What the server says at one moment.
struct Mark {
    ticks: f64,
    late: f64,
    resident: f64,
    cpu: f64,
}

impl Mark {
    fn of(server: &Server) -> Result<Self> {
        Ok(Self {
            ticks: server.metric(TICKS)?,
            late: server.metric(TICKS_LATE)?,
            resident: resident(server)?,
            cpu: server.cpu_seconds()?,
        })
    }
}

/// What the server has in memory, in bytes.
fn resident(server: &Server) -> Result<f64> {
    let kilobytes = server.resident_kilobytes();
    let kilobytes = kilobytes.context("failed to read the server's memory")?;
    Ok(kilobytes as f64 * 1_024.0)
}

/// The members, each of whom hears its room, for longer than is measured.
fn listen(running: &Running, time: Duration) -> Result<Going> {
    let seconds = (WARM_UP + time + 2 * SLACK).as_secs_f64();
    let line = format!("many --rooms {} --warm-up 0 --seconds {seconds}", rooms());
    Going::start(&mut running.loading(&words(&line)))
}

fn wakes(core: &str, time: Duration) -> Result<Going> {
    let mut command = load_on(core);
    let (timers, seconds) = (rooms().to_string(), time.as_secs_f64().to_string());
    Going::start(command.args(["wakes", "--timers", &timers, "--seconds", &seconds]))
}

fn await_rooms(server: &Server) -> Result<()> {
    for _ in 0..MADE_SECONDS_MAX {
        if server.metric(ROOMS_OPEN)? >= rooms() as f64 {
            return Ok(());
        }
        wait(AGAIN);
    }
    anyhow::bail!("not all rooms were made within {MADE_SECONDS_MAX} s")
}
