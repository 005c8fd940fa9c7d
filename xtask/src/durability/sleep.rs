//! What rooms cost that nobody is in: many that sleep, beside some that do not.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::say;
use crate::exec;
use crate::load::{CLIENT_CORE, bots, number, pinned, play, wait};
use crate::server::Server;

pub(super) const COMMAND: &str = "parlor serve --limits off --empty-room-seconds 0 --durability chat=journal; \
     taskset -c 1 parlor bots --lasting {leave,wake} --plugin chat --rooms 20000 --history 10, \
     beside parlor bots --plugin chat --rooms 200 --players 1 --rate 1";

const SLEEPERS: f64 = 20_000.0;
const LASTING: &[&str] = &["--plugin", "chat", "--rooms", "20000", "--history", "10"];
const ACTIVE: &[&str] = &[
    "--plugin",
    "chat",
    "--rooms",
    "200",
    "--players",
    "1",
    "--rate",
    "1",
    "--for",
    "300s",
];
/// How long rooms may take to fall asleep when the last of them was left.
const FALL_ASLEEP_SECONDS_MAX: u64 = 60;
/// For the active rooms to be there, and for memory to come to its level.
const SETTLE: Duration = Duration::from_secs(5);

fn serve() -> Command {
    let mut command = Command::new(crate::build::Profile::Release.binary());
    command
        .args(["serve", "--limits", "off", "--empty-room-seconds", "0"])
        .args(["--durability", "chat=journal"]);
    command
}

pub(super) fn run(report: &mut String) -> Result<()> {
    let mut server = Server::spawn(&mut serve())?;
    let empty = kilobytes(&server)?;
    say(report, &format!("memory with no rooms: {empty} kB"));
    let start = exec::now();
    play(&server, &[LASTING, &["--lasting", "leave"]].concat())?;
    let made = start.elapsed().as_secs_f64();
    until_asleep(&server)?;
    let asleep = kilobytes(&server)?;
    say(
        report,
        &format!(
            "{SLEEPERS} rooms made and left in {made:.1} s; memory with all of them asleep: {asleep} kB, {:.2} kB each",
            each(asleep, empty)
        ),
    );
    say(report, &journal(&server)?);

    let took = server.kill_and_spawn(&mut serve())?;
    let start = exec::now();
    until_asleep(&server)?;
    let fresh = kilobytes(&server)?;
    say(
        report,
        &format!(
            "killed and started again: listens after {:.2} s, knows all that sleep {:.2} s later; memory {fresh} kB, {:.2} kB each",
            took.as_secs_f64(),
            start.elapsed().as_secs_f64(),
            each(fresh, empty)
        ),
    );
    let active = Active::start(&server)?;
    wait(SETTLE);
    say(
        report,
        &format!(
            "memory with {SLEEPERS} asleep and {} active: {} kB",
            server.metric("parlor_rooms")?,
            kilobytes(&server)?
        ),
    );
    let woken = play(&server, &[LASTING, &["--lasting", "wake"]].concat())?;
    let at = |name: &str| number(&woken, &format!("/woken/{name}"));
    say(
        report,
        &format!(
            "waking, from the join to room_joined: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms of {}",
            at("p50_ms")?,
            at("p99_ms")?,
            at("max_ms")?,
            at("count")?
        ),
    );
    say(
        report,
        &format!("memory afterwards: {} kB", kilobytes(&server)?),
    );
    say(report, &journal(&server)?);
    drop(active);
    Ok(())
}

fn each(kilobytes: u64, empty: u64) -> f64 {
    (kilobytes as f64 - empty as f64) / SLEEPERS
}

fn kilobytes(server: &Server) -> Result<u64> {
    let kilobytes = server.resident_kilobytes();
    kilobytes.context("failed to read the server's memory")
}

fn journal(server: &Server) -> Result<String> {
    let megabytes =
        |name: &str| -> Result<f64> { Ok(server.metric(&format!("parlor_journal_{name}"))? / 1e6) };
    Ok(format!(
        "journal: {:.0} MB, {:.0} MB of it live, in {} segments",
        megabytes("bytes")?,
        megabytes("live_bytes")?,
        server.metric("parlor_journal_segments")?
    ))
}

/// Waits until all rooms that were left sleep.
fn until_asleep(server: &Server) -> Result<()> {
    for _ in 0..FALL_ASLEEP_SECONDS_MAX * 10 {
        let asleep = server.metric("parlor_rooms_asleep").unwrap_or_default();
        if asleep >= SLEEPERS && server.metric("parlor_rooms")? == 0.0 {
            return Ok(());
        }
        wait(Duration::from_millis(100));
    }
    ensure!(
        false,
        "only {} rooms sleep, and {} live",
        server.metric("parlor_rooms_asleep")?,
        server.metric("parlor_rooms")?
    );
    Ok(())
}

/// Bots in rooms that do not sleep, gone when dropped.
struct Active(Child);

impl Active {
    fn start(server: &Server) -> Result<Self> {
        let mut command = pinned(CLIENT_CORE);
        bots(&mut command, server);
        let child = command.args(ACTIVE).stderr(Stdio::null()).spawn();
        child.map(Self).context("failed to run the bots")
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
