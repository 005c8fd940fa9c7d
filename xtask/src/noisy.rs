//! `cargo xtask bench noisy`: what clients that do harm cost the others.
//!
//! The server has a core to itself. The other one is shared by the bots, which play in fifty rooms, and by five hostile
//! processes, which are niced: so the bots send as much in a noisy run as in a quiet one, and what differs is only what
//! the server has to bear. Both are judged by the server's own clock, which a generator that is short of time cannot
//! bend. Quiet and noisy runs come in pairs, every other pair the other way round, on one server for all of them: what
//! noise leaves behind in it, it has to play on with.

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::exec;
use crate::server::Server;

pub(crate) const NAME: &str = "noisy";
pub(crate) const ABOUT: &str =
    "50 games beside five kinds of hostile clients, and without: what these cost";

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const PAIRS: usize = 5;
const BOTS: &[&str] = &["--rooms", "50", "--players", "4", "--plugin", "grid"];
const PLAY: &str = "20s";
/// Far longer than bots need to join and play: the noise is ended when they are done.
const NOISE: &str = "120s";
const NOISE_NICENESS: &str = "10";
/// So long the noise goes on before the bots join.
const HEAD_START: Duration = Duration::from_secs(2);
const HOSTILE: &[&str] = &[
    "never-reads",
    "full-speed",
    "connects",
    "slow-handshake",
    "pings",
];

/// The noise is borne if a p99 is no more than so many times that of the quiet run, or below so many milliseconds.
const RATIO_MAX: f64 = 2.0;
const P99_MS_MAX: f64 = 5.0;
/// Memory is flat if the server holds no more than so many times as much after the last run as after the first pair.
const GROWTH_MAX: f64 = 1.1;

/// What the server measured in one run, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    tick_p99: f64,
    input_p99: f64,
    /// How many inputs the bots sent: as many in both kinds of run, or they cannot be compared.
    sent: u64,
}

/// A quiet run and a noisy one.
#[derive(Debug, Clone, Copy)]
struct Pair {
    quiet: Measured,
    noisy: Measured,
    /// What the server holds after both.
    kilobytes: u64,
}

/// Runs all pairs, prints and keeps what was measured, and fails where the noise is not borne.
pub(crate) fn run() -> Result<()> {
    ensure!(
        exec::output_of("taskset", &["-c", CLIENT_CORE, "true"]).is_some(),
        "this bench needs two cores and `taskset`"
    );
    build::build(Part::BINARY, Profile::Release)?;
    let mut serve = pinned(SERVER_CORE);
    let server = Server::spawn(serve.arg(Profile::Release.binary()).arg("serve"))?;
    let resident = || {
        let kilobytes = server.resident_kilobytes();
        kilobytes.context("failed to read the server's memory")
    };
    // What is compiled and reserved once is not part of any pair.
    play(&server)?;
    let before = resident()?;
    let mut pairs = Vec::with_capacity(PAIRS);
    let mut harm = String::new();
    for number in 0..PAIRS {
        let (quiet, noisy) = if number % 2 == 0 {
            let quiet = play(&server)?;
            (quiet, play_beside_noise(&server, &mut harm)?)
        } else {
            let noisy = play_beside_noise(&server, &mut harm)?;
            (play(&server)?, noisy)
        };
        let pair = Pair {
            quiet,
            noisy,
            kilobytes: resident()?,
        };
        println!("{}", row(number, &pair));
        pairs.push(pair);
    }
    let verdict = Verdict::of(&pairs);
    let report = report(before, &pairs, &verdict, &harm);
    print!("\n{report}");
    let command = format!(
        "taskset -c {SERVER_CORE} parlor serve; taskset -c {CLIENT_CORE} parlor bots {} --for {PLAY}; \
         nice -n {NOISE_NICENESS} taskset -c {CLIENT_CORE} parlor bots --hostile {{{}}}",
        BOTS.join(" "),
        HOSTILE.join(",")
    );
    let folder = keep(NAME, ABOUT, &command, &format!("\n{report}"))?;
    println!("kept in {}", folder.display());
    ensure!(verdict.is_borne(), "the noise is not borne, see above");
    Ok(())
}

/// A command that runs on one core.
fn pinned(core: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]);
    command
}

/// `parlor bots` against the server.
fn bots(command: &mut Command, server: &Server) {
    command
        .arg(Profile::Release.binary())
        .args(["bots", "--json", "--url"])
        .arg(format!("{}/ws", server.url.replacen("http", "ws", 1)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
}

/// The bots play once.
fn play(server: &Server) -> Result<Measured> {
    let mut command = pinned(CLIENT_CORE);
    bots(&mut command, server);
    command
        .args(BOTS)
        .args(["--for", PLAY, "--admin-url", &server.admin_url])
        .arg("--data-dir")
        .arg(server.data_dir())
        .stderr(Stdio::inherit());
    let output = command.output().context("failed to run the bots")?;
    let summary = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "the bots missed something: {}\n{summary}",
        output.status
    );
    measured(&summary).with_context(|| format!("the server did not time this run:\n{summary}"))
}

/// Reads the bots' summary.
fn measured(summary: &str) -> Option<Measured> {
    let summary: Json = serde_json::from_str(summary).ok()?;
    let server = &summary["server"];
    Some(Measured {
        tick_p99: server["ticks"]["p99_ms"].as_f64()?,
        input_p99: server["inputs"]["p99_ms"].as_f64()?,
        sent: summary["inputs"]["sent"].as_u64()?,
    })
}

/// The bots play once while all hostile clients are at it. Says what these did.
fn play_beside_noise(server: &Server, harm: &mut String) -> Result<Measured> {
    let hostile = HOSTILE.iter().map(|kind| {
        let mut command = Command::new("nice");
        command
            .args(["-n", NOISE_NICENESS])
            .args(["taskset", "-c", CLIENT_CORE]);
        bots(&mut command, server);
        command
            .args(["--for", NOISE, "--hostile", kind])
            .stderr(Stdio::null());
        let child = command.spawn();
        child.map(Noise).context("failed to start a hostile client")
    });
    let noise = hostile.collect::<Result<Vec<_>>>()?;
    wait(HEAD_START);
    let measured = play(server)?;
    harm.clear();
    for noise in noise {
        writeln!(harm, "{}", noise.end()?)?;
    }
    Ok(measured)
}

#[expect(
    clippy::disallowed_methods,
    reason = "no async runtime here, and nothing to wait for but time"
)]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// A hostile process, gone when dropped.
struct Noise(Child);

impl Noise {
    /// Ends it as Ctrl-C does, and says what it did.
    fn end(mut self) -> Result<String> {
        exec::output_of("sh", &["-c", &format!("kill -INT {}", self.0.id())])
            .context("a hostile client ended before its time")?;
        let stdout = self.0.stdout.take().expect("stdout was asked to be piped");
        std::io::read_to_string(stdout)
            .map(|text| text.trim().to_owned())
            .context("failed to read what a hostile client did")
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What all pairs come to: medians over the pairs.
#[derive(Debug, PartialEq)]
struct Verdict {
    tick: Cost,
    input: Cost,
    growth: f64,
}

/// What the noise costs one p99.
#[derive(Debug, PartialEq)]
struct Cost {
    quiet_ms: f64,
    noisy_ms: f64,
    ratio: f64,
}

impl Cost {
    fn of(pairs: &[Pair], p99: impl Fn(&Measured) -> f64) -> Self {
        Self {
            quiet_ms: median(pairs.iter().map(|pair| p99(&pair.quiet))),
            noisy_ms: median(pairs.iter().map(|pair| p99(&pair.noisy))),
            ratio: median(pairs.iter().map(|pair| p99(&pair.noisy) / p99(&pair.quiet))),
        }
    }

    fn is_borne(&self) -> bool {
        self.ratio <= RATIO_MAX || self.noisy_ms < P99_MS_MAX
    }
}

impl Verdict {
    fn of(pairs: &[Pair]) -> Self {
        let kilobytes = |pair: Option<&Pair>| pair.map_or(f64::NAN, |pair| pair.kilobytes as f64);
        Self {
            tick: Cost::of(pairs, |measured| measured.tick_p99),
            input: Cost::of(pairs, |measured| measured.input_p99),
            growth: kilobytes(pairs.last()) / kilobytes(pairs.first()),
        }
    }

    fn is_borne(&self) -> bool {
        self.tick.is_borne() && self.input.is_borne() && self.growth <= GROWTH_MAX
    }
}

/// The middle one of an odd number of values.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const HEAD: &str = "pair   tick p99 ms: quiet    noisy  ratio   input p99 ms: quiet    noisy  ratio   inputs: quiet    noisy   server kB";

fn row(number: usize, pair: &Pair) -> String {
    let Pair { quiet, noisy, .. } = pair;
    format!(
        "{:>4} {:>19.3} {:>8.3} {:>6.2} {:>21.3} {:>8.3} {:>6.2} {:>15} {:>8} {:>11}",
        number + 1,
        quiet.tick_p99,
        noisy.tick_p99,
        noisy.tick_p99 / quiet.tick_p99,
        quiet.input_p99,
        noisy.input_p99,
        noisy.input_p99 / quiet.input_p99,
        quiet.sent,
        noisy.sent,
        pair.kilobytes
    )
}

fn report(before: u64, pairs: &[Pair], verdict: &Verdict, harm: &str) -> String {
    let mut text = format!("{HEAD}\n");
    for (number, pair) in pairs.iter().enumerate() {
        text.push_str(&row(number, pair));
        text.push('\n');
    }
    let borne = |is_borne| if is_borne { "borne" } else { "NOT borne" };
    for (what, cost) in [
        ("ticks late by", &verdict.tick),
        ("inputs take", &verdict.input),
    ] {
        text.push_str(&format!(
            "\nmedian p99, {what}: {:.3} ms quiet, {:.3} ms noisy, ratio {:.2}: {}",
            cost.quiet_ms,
            cost.noisy_ms,
            cost.ratio,
            borne(cost.is_borne())
        ));
    }
    text.push_str(&format!(
        "\nserver resident memory: {before} kB before the first pair, x {:.2} from the first pair to the last: {}\n",
        verdict.growth,
        borne(verdict.growth <= GROWTH_MAX)
    ));
    text.push_str(&format!("\nthe last noise, in JSON:\n{harm}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(p99s: [(f64, f64); 5], kilobytes: [u64; 5]) -> Vec<Pair> {
        let measured = |p99| Measured {
            tick_p99: p99,
            input_p99: p99,
            sent: 1,
        };
        let pair = |((quiet, noisy), kilobytes)| Pair {
            quiet: measured(quiet),
            noisy: measured(noisy),
            kilobytes,
        };
        p99s.into_iter().zip(kilobytes).map(pair).collect()
    }

    const FLAT: [u64; 5] = [100; 5];

    #[test]
    fn the_median_pair_decides_and_not_the_worst() {
        let verdict = Verdict::of(&pairs(
            [
                (10.0, 15.0),
                (10.0, 90.0),
                (10.0, 18.0),
                (10.0, 12.0),
                (10.0, 70.0),
            ],
            FLAT,
        ));
        assert_eq!((verdict.tick.ratio, verdict.tick.noisy_ms), (1.8, 18.0));
        assert!(verdict.is_borne());
    }

    #[test]
    fn a_multiple_of_very_little_is_borne() {
        assert!(Verdict::of(&pairs([(0.1, 4.9); 5], FLAT)).is_borne());
        assert!(!Verdict::of(&pairs([(0.1, 5.1); 5], FLAT)).is_borne());
        assert!(Verdict::of(&pairs([(10.0, 20.0); 5], FLAT)).is_borne());
        assert!(!Verdict::of(&pairs([(10.0, 20.1); 5], FLAT)).is_borne());
    }

    #[test]
    fn memory_that_grows_from_pair_to_pair_is_not_borne() {
        let growing = Verdict::of(&pairs([(1.0, 1.0); 5], [100, 105, 110, 115, 120]));
        assert!(!growing.is_borne(), "{growing:?}");
        assert!(Verdict::of(&pairs([(1.0, 1.0); 5], [100, 140, 90, 150, 105])).is_borne());
    }

    #[test]
    fn a_summary_is_read_and_one_without_times_is_not() {
        let summary =
            r#"{"inputs":{"sent":7},"server":{"ticks":{"p99_ms":1.5},"inputs":{"p99_ms":0.2}}}"#;
        let expected = Measured {
            tick_p99: 1.5,
            input_p99: 0.2,
            sent: 7,
        };
        assert_eq!(measured(summary), Some(expected));
        assert_eq!(measured(&summary.replace("0.2", "null")), None);
        assert_eq!(measured("no JSON"), None);
    }
}
