//! `cargo xtask bench arena-page`: how smooth the page `/arena/` is for two people who are far away, in a crowd of a hundred.
//!
//! The server has one core and the crowd the other, and both leave most of it to Chromium, which takes what it needs of
//! both. The pages come to the server through a proxy that is far away and stalls; the crowd does not, for it is only to be
//! there. What is measured, and how, is said in `bench/arena-page/README.md`; nothing is asserted of it, for it is this
//! machine's, but that the pages do not complain.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;

use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::load::{
    CLIENT_CORE, Playing, SERVER_CORE, bots, ensure_cores, number, pinned, serve, wait,
};
use crate::server::Server;
use crate::{exec, files, tools};

pub(crate) const NAME: &str = "arena-page";
pub(crate) const ABOUT: &str =
    "the page /arena/ in Chromium, far from a server with 100 members: how smooth it is";

const FOLDER: &str = "bench/arena-page";
const CROWD: u64 = 100;
/// In the encoding that pages speak.
const SUBPROTOCOL: &str = "v1.binary";
/// Longer than the pages take: the crowd is ended when they are done.
const CROWD_STAYS: &str = "10m";
/// How long the crowd may take to come, in seconds.
const GATHER_SECONDS_MAX: u32 = 60;

/// Measures, and prints and keeps what was measured.
pub(crate) fn run() -> Result<()> {
    ensure_cores()?;
    build::build(Part::BINARY, Profile::Release)?;
    let chromium = tools::chromium()?;
    exec::run(&mut exec::node_tests(FOLDER))?;
    let server = Server::spawn(&mut serve())?;
    let crowd = gather(&server)?;
    let room = room(&server)?;
    let out = tempfile::tempdir().context("failed to make a folder for what is measured")?;
    let output = Command::new("node")
        .arg(format!("{FOLDER}/measure.mjs"))
        .args(["--url", &server.url, "--room", &room, "--out"])
        .arg(out.path())
        .current_dir(files::root())
        .env("PARLOR_CHROMIUM", chromium)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run Node.js")?;
    let table = String::from_utf8_lossy(&output.stdout);
    print!("\n{table}");
    let meanwhile = meanwhile(&crowd.end()?)?;
    println!("{meanwhile}");
    ensure!(
        output.status.success(),
        "the pages were not as they should be: {}",
        output.status
    );
    let report = format!("\n{table}{meanwhile}\n");
    let folder = keep(NAME, ABOUT, &command(), &report)?;
    for entry in fs::read_dir(out.path())? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    println!("kept in {}", folder.display());
    Ok(())
}

/// What is run, for whoever reads the report.
fn command() -> String {
    format!(
        "taskset -c {SERVER_CORE} parlor serve; taskset -c {CLIENT_CORE} parlor bots --plugin arena --rooms 1 \
         --players {CROWD} --subprotocol {SUBPROTOCOL}; node {FOLDER}/measure.mjs"
    )
}

/// A hundred who move, as in the bench `arena`.
fn gather(server: &Server) -> Result<Playing> {
    let mut command = pinned(CLIENT_CORE);
    bots(&mut command, server);
    command
        .args(["--plugin", "arena", "--rooms", "1", "--players"])
        .arg(CROWD.to_string())
        .args(["--subprotocol", SUBPROTOCOL, "--for", CROWD_STAYS])
        .args(["--server-pid", &server.id().to_string()])
        .args(["--admin-url", &server.admin_url, "--data-dir"])
        .arg(server.data_dir())
        .stderr(Stdio::inherit());
    Playing::start(&mut command)
}

/// The room in which the whole crowd is.
fn room(server: &Server) -> Result<String> {
    let binary = Profile::Release.binary().display().to_string();
    let data_dir = server.data_dir().display().to_string();
    for _ in 0..GATHER_SECONDS_MAX {
        wait(Duration::from_secs(1));
        let list = ["room", "list", "--plugin", "arena", "--json"];
        let list = exec::output_of(&binary, &[&list[..], &["--data-dir", &data_dir]].concat());
        let list: Json = serde_json::from_str(&list.context("failed to list the rooms")?)?;
        let room = &list["rooms"][0];
        if room["players"].as_u64() == Some(CROWD) {
            let name = room["room"].as_str().context("a room has no name")?;
            return Ok(name.to_owned());
        }
    }
    bail!("the crowd was not there after {GATHER_SECONDS_MAX} s");
}

/// How the server and the crowd did, by what that says.
fn meanwhile(told: &str) -> Result<String> {
    let told: Json = serde_json::from_str(told).context("failed to read what the bots say")?;
    Ok(format!(
        "\nMeanwhile the server's ticks were late by {:.2} ms (p50), {:.2} ms (p99); it took {:.0} % of a core, and the crowd \
         of {CROWD} {:.0} %.\nThe crowd, which is near, was answered within {:.0} ms (p50), {:.0} ms (p99), which is mostly the \
         wait for the next tick.",
        number(&told, "/server/ticks/p50_ms")?,
        number(&told, "/server/ticks/p99_ms")?,
        100.0 * number(&told, "/cpu/server")?,
        100.0 * number(&told, "/cpu/bots")?,
        number(&told, "/latencies/reply/p50_ms")?,
        number(&told, "/latencies/reply/p99_ms")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bots_say_is_read() {
        let told = r#"{"server": {"ticks": {"p50_ms": 1.5, "p99_ms": 2}}, "cpu": {"server": 0.17, "bots": 0.05},
            "latencies": {"reply": {"p50_ms": 30.1, "p99_ms": 55.8}}}"#;
        let text = meanwhile(told).unwrap();
        assert!(
            text.contains("late by 1.50 ms (p50), 2.00 ms (p99); it took 17 % of a core"),
            "{text}"
        );
        assert!(text.contains("within 30 ms (p50), 56 ms (p99)"), "{text}");
        meanwhile("{}").unwrap_err();
    }
}
