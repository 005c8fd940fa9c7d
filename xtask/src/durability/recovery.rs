//! How long everybody waits when a server is killed and started again: from its end until the last of the clients, one in
//! each room, has a reply to a new input. Each must go on exactly where it was.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use super::say;
use crate::load::{CLIENT_CORE, bots, number, pinned};
use crate::server::Server;

pub(super) const COMMAND: &str = "parlor serve --limits off --durability chat=journal --durability echo=journal, killed and started again; \
     taskset -c 1 parlor bots --lasting return --plugin PLUGIN --rooms ROOMS --history 300";

/// Which rooms come back.
struct Case {
    plugin: &'static str,
    rooms: &'static str,
    history: &'static str,
}

const fn case(plugin: &'static str, rooms: &'static str, history: &'static str) -> Case {
    Case {
        plugin,
        rooms,
        history,
    }
}

const CASES: &[Case] = &[
    case("chat", "100", "300"),
    case("chat", "1000", "300"),
    case("chat", "5000", "300"),
    case("echo", "1000", "300"),
    case("grid", "1000", "20"),
];

pub(super) fn run(report: &mut String) -> Result<()> {
    let mut is_exact = true;
    for case in CASES {
        is_exact &= come_back(report, case)?;
    }
    ensure!(is_exact, "not everybody came back to where they were");
    Ok(())
}

/// A server that uses all cores: when it comes back, it has nothing else to do.
fn serve() -> Command {
    let mut command = Command::new(crate::build::Profile::Release.binary());
    command.args(["serve", "--limits", "off"]).args([
        "--durability",
        "chat=journal",
        "--durability",
        "echo=journal",
    ]);
    command
}

fn come_back(report: &mut String, case: &Case) -> Result<bool> {
    let mut server = Server::spawn(&mut serve())?;
    let mut command = pinned(CLIENT_CORE);
    bots(&mut command, &server);
    let child = command
        .args(["--lasting", "return", "--plugin", case.plugin])
        .args(["--rooms", case.rooms, "--history", case.history])
        .stdin(Stdio::piped())
        .spawn();
    let mut clients = Clients(child.context("failed to run the clients")?);
    let mut said = BufReader::new(clients.0.stdout.take().context("stdout is piped")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    ensure!(
        line.trim() == "ready",
        "the clients did not get into their rooms: {line}"
    );
    let journal = server.metric("parlor_journal_bytes")? / 1e6;
    let live = server.metric("parlor_journal_live_bytes")? / 1e6;
    let memory = [server.resident_memory()];

    let mut killed = clients.0.stdin.take().context("stdin is piped")?;
    // They count from here; what is between is the time of a system call.
    killed.write_all(b"killed\n")?;
    let listening = server.kill_and_spawn(&mut serve())?;
    line.clear();
    said.read_to_string(&mut line)?;
    let seen: Json = serde_json::from_str(&line).context("failed to read what the clients say")?;
    say(
        report,
        &format!(
            "\n{} {} rooms, {} inputs each; journal {journal:.0} MB, {live:.0} MB of it live; memory {} before, {} after",
            case.rooms,
            case.plugin,
            case.history,
            memory[0],
            server.resident_memory()
        ),
    );
    let failed = || format!("nobody came back: {seen}");
    let all = number(&seen, "/answered/max_ms").with_context(failed)?;
    say(
        report,
        &format!(
            "  all rooms answer after {:.2} s; the server listens after {:.2} s, lets in after {:.2} s",
            all / 1e3,
            listening.as_secs_f64(),
            number(&seen, "/open_ms")? / 1e3
        ),
    );
    say_times(report, &seen)?;
    let log = server.log();
    for line in log
        .lines()
        .filter(|it| it.contains("come back from the journal"))
    {
        say(report, &format!("  {line}"));
    }
    say(report, &format!("  outcomes: {}", seen["outcomes"]));
    let exact = seen["outcomes"]["exact"].as_u64();
    Ok(exact.is_some_and(|it| it.to_string() == case.rooms))
}

/// Says how long the clients took for each thing.
fn say_times(report: &mut String, seen: &Json) -> Result<()> {
    for (what, pointer) in [
        ("greeted", "/connected"),
        ("resumed", "/resumed"),
        ("answered", "/answered"),
    ] {
        let at = |name: &str| number(seen, &format!("{pointer}/{name}"));
        say(
            report,
            &format!(
                "  {what:<9} p50 {:>8.0} ms, p99 {:>8.0} ms, max {:>8.0} ms of {}",
                at("p50_ms")?,
                at("p99_ms")?,
                at("max_ms")?,
                at("count")?
            ),
        );
    }
    Ok(())
}

/// Gone when dropped.
struct Clients(Child);

impl Drop for Clients {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
