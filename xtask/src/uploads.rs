//! `cargo xtask bench uploads`: what components that come in cost the rooms that are there.
//!
//! Fifty games play while fifty components are uploaded, most of which the server refuses, early or late; and play without.
//! The server has a core to itself, which it shares with the compiler that it starts, as on a machine with one core; the
//! other one is for those who play and upload. Quiet runs and others come in pairs, every other pair the other way round, on
//! one server for all of them. What counts is the medians; nothing is asserted of them, for they are this machine's.

use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::exec::{self, cargo};
use crate::load::{CLIENT_CORE, SERVER_CORE, ensure_cores, median, number, pinned, play, serve};
use crate::server::Server;

pub(crate) const NAME: &str = "uploads";
pub(crate) const ABOUT: &str =
    "50 games while 50 components are uploaded, and without: what these cost";

const PAIRS: u32 = 3;
const UPLOADS: u32 = 50;
const BOTS: &[&str] = &["--rooms", "50", "--players", "4", "--plugin", "grid"];
/// Longer than the uploads take.
const PLAY: &str = "60s";
/// So that a component that is slow to compile takes up its time, and no other one's.
const COMPILE_SECONDS_MAX: &str = "2";

/// How late ticks were in one run, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Lateness {
    p50: f64,
    p99: f64,
}

/// A quiet run, and one with uploads.
#[derive(Debug, Clone, Copy)]
struct Pair {
    quiet: Lateness,
    busy: Lateness,
    /// How long the uploads took.
    seconds: f64,
}

/// Runs all pairs, and prints and keeps what was measured.
pub(crate) fn run() -> Result<()> {
    ensure_cores()?;
    build::build(&[Part::BINARY, &[Part::Guests]].concat(), Profile::Release)?;
    // With all packages named, as everywhere: see `build`.
    exec::run(cargo("build").args(["--workspace", "--release", "--bin", "uploads"]))?;
    let server = Server::spawn(serve().args(["--compile-seconds-max", COMPILE_SECONDS_MAX]))?;
    // What is compiled and reserved once is not part of any pair.
    quiet(&server)?;
    let (mut pairs, mut told) = (Vec::new(), String::new());
    println!("{HEAD}");
    for number in 0..PAIRS {
        let pair = if number.is_multiple_of(2) {
            let quiet = quiet(&server)?;
            let (busy, seconds) = beside_uploads(&server, number, &mut told)?;
            Pair {
                quiet,
                busy,
                seconds,
            }
        } else {
            let (busy, seconds) = beside_uploads(&server, number, &mut told)?;
            let quiet = quiet(&server)?;
            Pair {
                quiet,
                busy,
                seconds,
            }
        };
        println!("{}", row(number, &pair));
        pairs.push(pair);
    }
    let report = report(&pairs, &told);
    print!("\n{report}");
    let folder = keep(NAME, ABOUT, &command(), &format!("\n{report}"))?;
    println!("kept in {}", folder.display());
    Ok(())
}

/// What is run, for whoever reads the report.
fn command() -> String {
    format!(
        "taskset -c {SERVER_CORE} parlor serve --compile-seconds-max {COMPILE_SECONDS_MAX}; \
         taskset -c {CLIENT_CORE} parlor bots {} --for {PLAY}; \
         taskset -c {CLIENT_CORE} uploads ADMIN DATA_DIR FIRST {UPLOADS}",
        BOTS.join(" ")
    )
}

/// The bots play once.
fn quiet(server: &Server) -> Result<Lateness> {
    let data_dir = server.data_dir().display().to_string();
    let measured = ["--admin-url", &server.admin_url, "--data-dir", &data_dir];
    let summary = play(server, &[BOTS, &["--for", PLAY], &measured].concat())?;
    Ok(Lateness {
        p50: number(&summary, "/server/ticks/p50_ms")?,
        p99: number(&summary, "/server/ticks/p99_ms")?,
    })
}

/// The bots play once while components are uploaded. Says what became of these, and how long they took.
fn beside_uploads(server: &Server, number: u32, told: &mut String) -> Result<(Lateness, f64)> {
    let mut uploads = Uploads::start(server, number * UPLOADS)?;
    let lateness = quiet(server)?;
    ensure!(
        uploads.0.try_wait()?.is_some(),
        "the uploads take longer than the bots play: what was measured is not all of them"
    );
    *told = uploads.told()?;
    let told: Json = serde_json::from_str(told).context("failed to read what was uploaded")?;
    Ok((lateness, self::number(&told, "/seconds")?))
}

/// Who uploads, gone when dropped.
struct Uploads(Child);

impl Uploads {
    /// Components that the server has not seen before, by the number of the first.
    fn start(server: &Server, first: u32) -> Result<Self> {
        let binary = Profile::Release.binary().with_file_name("uploads");
        let child = pinned(CLIENT_CORE)
            .arg(binary)
            .arg(server.admin_url.replacen("http://", "", 1))
            .arg(server.data_dir())
            .args([first, UPLOADS].map(|it| it.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        child.map(Self).context("failed to start the uploads")
    }

    /// What it says once it has ended. Fails where the server said something else than was expected.
    fn told(mut self) -> Result<String> {
        let stdout = self.0.stdout.take().expect("stdout was asked to be piped");
        let text = std::io::read_to_string(stdout)?;
        let status = self.0.wait()?;
        ensure!(status.success(), "the uploads went wrong: {status}");
        Ok(text)
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const HEAD: &str = "pair   tick p50 ms: quiet  uploads  ratio   tick p99 ms: quiet  uploads  ratio   uploads took s";

fn row(number: u32, pair: &Pair) -> String {
    let Pair {
        quiet,
        busy,
        seconds,
    } = pair;
    format!(
        "{:>4} {:>19.3} {:>8.3} {:>6.2} {:>20.3} {:>8.3} {:>6.2} {:>16.1}",
        number + 1,
        quiet.p50,
        busy.p50,
        busy.p50 / quiet.p50,
        quiet.p99,
        busy.p99,
        busy.p99 / quiet.p99,
        seconds
    )
}

fn report(pairs: &[Pair], told: &str) -> String {
    let mut text = format!("{HEAD}\n");
    for (number, pair) in (0..).zip(pairs) {
        text.push_str(&row(number, pair));
        text.push('\n');
    }
    for (name, of) in [
        ("p50", (|it: &Lateness| it.p50) as fn(&Lateness) -> f64),
        ("p99", |it: &Lateness| it.p99),
    ] {
        text.push_str(&format!(
            "\nmedian {name}, ticks late by: {:.3} ms quiet, {:.3} ms with uploads, ratio {:.2}",
            median(pairs.iter().map(|pair| of(&pair.quiet))),
            median(pairs.iter().map(|pair| of(&pair.busy))),
            median(pairs.iter().map(|pair| of(&pair.busy) / of(&pair.quiet))),
        ));
    }
    text.push_str(&format!("\n\nthe last uploads, in JSON:\n{told}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_the_medians_of_all_pairs() {
        let lateness = |p50| Lateness {
            p50,
            p99: 2.0 * p50,
        };
        let pair = |(quiet, busy)| Pair {
            quiet: lateness(quiet),
            busy: lateness(busy),
            seconds: 30.0,
        };
        let pairs = [(1.0, 2.0), (1.5, 9.0), (1.0, 1.0)].map(pair);
        let report = report(&pairs, "{}");
        assert!(
            report.contains(
                "median p50, ticks late by: 1.000 ms quiet, 2.000 ms with uploads, ratio 2.00"
            ),
            "{report}"
        );
        assert!(
            report.contains(
                "median p99, ticks late by: 2.000 ms quiet, 4.000 ms with uploads, ratio 2.00"
            ),
            "{report}"
        );
        assert!(
            report
                .lines()
                .nth(2)
                .is_some_and(|line| line.contains(" 18.000 ")),
            "{report}"
        );
    }
}
