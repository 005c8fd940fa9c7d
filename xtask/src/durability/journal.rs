//! What a journal costs: the same load on a server that keeps nothing of its rooms, and on one that keeps everything.
//!
//! Both servers are up all the while, on one core, and one of them is used at a time; the bots have the other core. Runs
//! come in pairs, every other pair the other way round.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::disk::{self, SyncTimes};
use super::say;
use crate::load::{median, number, play, serve, wait};
use crate::server::Server;

pub(super) const COMMAND: &str = "taskset -c 0 parlor serve --limits off --empty-room-seconds 0 [--durability echo=journal]; \
     taskset -c 1 parlor bots --plugin echo --rooms 100 --players 1 {--rate 10,--in-flight 64} --for 5s";

/// Many short ones: what else goes on beside a machine like this changes from second to second.
const PAIRS: usize = 11;
const ROOMS: &[&str] = &[
    "--plugin",
    "echo",
    "--rooms",
    "100",
    "--players",
    "1",
    "--for",
    "5s",
];
/// 1,000 inputs a second, which no server has to queue.
const STEADY: &[&str] = &["--rate", "10"];
const FULL: &[&str] = &["--in-flight", "64"];
/// How long the disk is measured by itself.
const DISK_TIME: Duration = Duration::from_secs(5);
/// For what a run leaves behind to be done with.
const SETTLE: Duration = Duration::from_secs(1);
/// The journal may take no more than this share of the throughput.
const LOSS_MAX: f64 = 0.15;
/// And add no more to the p99 of an answer than so many times the p99 of a sync.
const ADDED_SYNCS_MAX: f64 = 2.5;

/// One run of the bots.
#[derive(Debug, Clone, Copy)]
struct Run {
    per_second: f64,
    p50: f64,
    p99: f64,
    /// Time of a core for each input, in microseconds.
    cpu_us: f64,
}

/// What the journal did in a run.
#[derive(Debug, Clone, Copy)]
struct Written {
    commits_per_second: f64,
    frames_per_commit: f64,
    bytes_per_input: f64,
    sync_p50: f64,
    sync_p99: f64,
}

/// Both servers under the same load.
#[derive(Debug, Clone, Copy)]
struct Pair {
    none: Run,
    journal: Run,
    written: Written,
}

struct Servers {
    none: Server,
    journal: Server,
}

pub(super) fn run(report: &mut String) -> Result<()> {
    let common = ["--limits", "off", "--empty-room-seconds", "0"];
    let servers = Servers {
        none: Server::spawn(serve().args(common))?,
        journal: Server::spawn(serve().args(common).args(["--durability", "echo=journal"]))?,
    };
    let folder = servers.journal.data_dir();
    let before = disk::measure(&folder, DISK_TIME)?;
    say(report, &format!("fdatasync, idle, before: {before}"));
    // What is compiled and reserved once is part of no pair.
    for load in [STEADY, FULL] {
        servers.pair(load, 0)?;
    }
    let steady = servers.pairs(report, "steady", STEADY)?;
    let full = servers.pairs(report, "full", FULL)?;
    let beside = sync_beside_load(&servers.none, &folder)?;
    say(
        report,
        &format!("fdatasync, beside a server that does not write: {beside}"),
    );
    let after = disk::measure(&folder, DISK_TIME)?;
    say(report, &format!("fdatasync, idle, after: {after}"));
    judge(report, &steady, &full, &[before, after]);
    Ok(())
}

/// The disk by itself, while the cores are as busy as they are under the steady load.
fn sync_beside_load(server: &Server, folder: &Path) -> Result<SyncTimes> {
    thread::scope(|scope| {
        let measured = scope.spawn(|| {
            wait(SETTLE);
            disk::measure(folder, DISK_TIME)
        });
        let played = play(server, &[ROOMS, STEADY].concat());
        let measured = measured.join().ok().context("the disk was not measured")?;
        played.and(measured)
    })
}

impl Servers {
    fn pairs(&self, report: &mut String, name: &str, load: &[&str]) -> Result<Vec<Pair>> {
        say(report, &format!("\n{name}: {}\n{HEAD}", load.join(" ")));
        let mut pairs = Vec::with_capacity(PAIRS);
        for number in 0..PAIRS {
            let pair = self.pair(load, number)?;
            say(report, &pair.row());
            pairs.push(pair);
        }
        Ok(pairs)
    }

    /// One run on each server; every other time the other way round.
    fn pair(&self, load: &[&str], number: usize) -> Result<Pair> {
        let (none, (journal, written)) = if number.is_multiple_of(2) {
            (measure(&self.none, load)?, self.measure_journal(load)?)
        } else {
            let journal = self.measure_journal(load)?;
            (measure(&self.none, load)?, journal)
        };
        Ok(Pair {
            none,
            journal,
            written,
        })
    }

    fn measure_journal(&self, load: &[&str]) -> Result<(Run, Written)> {
        let server = &self.journal;
        let counts = || {
            ["commits", "frames", "written_bytes"]
                .map(|name| server.metric(&format!("parlor_journal_{name}")))
        };
        let [commits, frames, bytes] = counts();
        let (commits, frames, bytes) = (commits?, frames?, bytes?);
        let start = crate::exec::now();
        let (run, inputs) = run_on(server, load)?;
        let seconds = start.elapsed().as_secs_f64();
        let [commits_after, frames_after, bytes_after] = counts();
        let commits = commits_after? - commits;
        let sync = |quantile: &str| -> Result<f64> {
            Ok(1e3 * server.metric(&format!("parlor_journal_sync_{quantile}_seconds"))?)
        };
        let written = Written {
            commits_per_second: commits / seconds,
            frames_per_commit: (frames_after? - frames) / commits,
            bytes_per_input: (bytes_after? - bytes) / inputs,
            sync_p50: sync("p50")?,
            sync_p99: sync("p99")?,
        };
        wait(SETTLE);
        Ok((run, written))
    }
}

fn measure(server: &Server, load: &[&str]) -> Result<Run> {
    let (run, _) = run_on(server, load)?;
    wait(SETTLE);
    Ok(run)
}

/// The bots once, and how many inputs they sent.
fn run_on(server: &Server, load: &[&str]) -> Result<(Run, f64)> {
    let before = server.cpu_seconds()?;
    let summary = play(server, &[ROOMS, load].concat())?;
    let seconds = server.cpu_seconds()? - before;
    let inputs = number(&summary, "/inputs/sent")?;
    let run = Run {
        per_second: number(&summary, "/inputs/answered_per_second")?,
        p50: number(&summary, "/latencies/reply/p50_ms")?,
        p99: number(&summary, "/latencies/reply/p99_ms")?,
        cpu_us: seconds * 1e6 / inputs,
    };
    Ok((run, inputs))
}

const HEAD: &str = "  inputs/s: none journal   loss   p50 ms: none journal   p99 ms: none journal   \
     CPU us/input: none journal   commits/s frames each bytes/input   sync p50 p99 ms";

impl Pair {
    /// The share of the throughput that the journal costs.
    fn loss(&self) -> f64 {
        1.0 - self.journal.per_second / self.none.per_second
    }

    /// What the journal adds to the p99, as a multiple of the p99 of its syncs.
    fn added_syncs(&self) -> f64 {
        (self.journal.p99 - self.none.p99) / self.written.sync_p99
    }

    fn row(&self) -> String {
        let Self {
            none,
            journal,
            written,
        } = self;
        format!(
            "{:>16.0} {:>7.0} {:>5.1}% {:>14.2} {:>7.2} {:>14.2} {:>7.2} {:>20.1} {:>7.1} {:>11.0} {:>11.1} {:>11.0} {:>10.2} {:>6.2}",
            none.per_second,
            journal.per_second,
            self.loss() * 1e2,
            none.p50,
            journal.p50,
            none.p99,
            journal.p99,
            none.cpu_us,
            journal.cpu_us,
            written.commits_per_second,
            written.frames_per_commit,
            written.bytes_per_input,
            written.sync_p50,
            written.sync_p99
        )
    }
}

/// Says whether the journal costs no more than it may. What is missed is for people to look into, and no failure.
fn judge(report: &mut String, steady: &[Pair], full: &[Pair], idle: &[SyncTimes]) {
    let met = |is_met| if is_met { "met" } else { "NOT met" };
    let spread = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{low:.3} to {high:.3}")
    };
    let losses: Vec<f64> = full.iter().map(Pair::loss).collect();
    let loss = median(losses.iter().copied());
    let cpu = median(full.iter().map(|it| it.journal.cpu_us / it.none.cpu_us));
    say(
        report,
        &format!(
            "\nthroughput: the journal costs {:.1} % (median of {PAIRS}; {}), and takes {cpu:.2} x the CPU time; at most {:.0} %: {}",
            loss * 1e2,
            spread(&losses),
            LOSS_MAX * 1e2,
            met(loss < LOSS_MAX)
        ),
    );
    let added: Vec<f64> = steady.iter().map(Pair::added_syncs).collect();
    let syncs = median(added.iter().copied());
    let added_ms = median(steady.iter().map(|it| it.journal.p99 - it.none.p99));
    let idle_p99 = idle.iter().map(|it| it.p99).fold(0.0, f64::max);
    say(
        report,
        &format!(
            "latency: the journal adds {added_ms:.2} ms to the p99, {syncs:.2} x the p99 of its syncs (median of {PAIRS}; {}); at most {ADDED_SYNCS_MAX} x: {}; \
             {:.2} x the p99 of a sync on the idle disk",
            spread(&added),
            met(syncs <= ADDED_SYNCS_MAX),
            added_ms / idle_p99
        ),
    );
}
