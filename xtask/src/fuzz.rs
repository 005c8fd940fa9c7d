//! `cargo xtask fuzz`: libFuzzer on everything that reads what a stranger sent. What is checked is in `fuzz/src`.
//!
//! Each target takes one core. What it finds in passing stays in `target/fuzz/corpus`, so that a later run goes on from
//! there; `fuzz/corpus` has the few inputs that are worth keeping, which the tests replay.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::exec::{self, cargo};
use crate::{corpus, files, tools};

/// An input that takes longer than this is a finding.
const INPUT_SECONDS_MAX: u32 = 10;
/// So is one that makes a decoder ask for so much memory at once, or hold so much in all.
const ALLOCATION_MEGABYTES_MAX: u32 = 64;
const MEMORY_MEGABYTES_MAX: u32 = 1024;

/// Fuzzes one target or all of them, one after the other, each for this long. `keep` then replaces the inputs in the
/// tree by the few that reach nearly all that is known to be reachable.
pub(crate) fn fuzz(target: Option<&str>, time: Duration, keep: bool) -> Result<()> {
    let names = chosen(target)?;
    let Some(host) = tools::nightly_host() else {
        println!("==> no nightly toolchain is here, and libFuzzer needs one: nothing is fuzzed");
        println!("    type: rustup toolchain install nightly --profile minimal");
        return Ok(());
    };
    build()?;
    let programs = work().join("build").join(host).join("release");
    let mut summaries = Vec::new();
    for name in &names {
        let target = Target::new(name, &programs)?;
        let outcome = target.run(time)?;
        println!("    {}", outcome.summary(name));
        summaries.push((name, outcome));
        if keep {
            let others = [&*target.found, &*target.findings, &*target.seeds];
            let count = corpus::keep(&target.program, &target.kept, &others)?;
            println!("    {count} inputs kept in fuzz/corpus/{name}");
        }
    }
    println!();
    for (name, outcome) in &summaries {
        println!("{}", outcome.summary(name));
    }
    let findings: Vec<_> = summaries
        .into_iter()
        .filter_map(|(_, outcome)| outcome.finding)
        .collect();
    ensure!(
        findings.is_empty(),
        "inputs broke a promise; once it is mended, keep each in fuzz/corpus/TARGET, where the tests replay it:\n  {}",
        findings.join("\n  ")
    );
    Ok(())
}

/// The names of all targets, or the one that was asked for.
fn chosen(target: Option<&str>) -> Result<Vec<String>> {
    let folder = files::root().join("fuzz/targets/fuzz_targets");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("failed to list {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let Some(target) = target else {
        return Ok(names);
    };
    ensure!(
        names.iter().any(|name| name == target),
        "there is no fuzz target {target:?}; there are {}",
        names.join(", ")
    );
    Ok(vec![target.to_owned()])
}

/// Where everything is that need not be kept.
fn work() -> PathBuf {
    files::target().join("fuzz")
}

/// Compiles the programs, and writes the inputs to begin with.
fn build() -> Result<()> {
    let cargo_fuzz = tools::cargo_fuzz()?;
    exec::run(
        tools::nightly(&cargo_fuzz)
            .arg("build")
            .arg("--fuzz-dir")
            .arg(files::root().join("fuzz/targets"))
            .arg("--target-dir")
            .arg(work().join("build")),
    )?;
    exec::run(
        cargo("run")
            .args(["--quiet", "--package", "parlor-fuzz"])
            .args(["--example", "write_seeds", "--"])
            .arg(work().join("seeds")),
    )
}

/// A target, and where its inputs are.
struct Target {
    program: PathBuf,
    /// What libFuzzer reached something new by, of all runs.
    found: PathBuf,
    /// What broke a promise.
    findings: PathBuf,
    /// What to begin with.
    seeds: PathBuf,
    /// The inputs in the tree.
    kept: PathBuf,
    log: PathBuf,
}

impl Target {
    fn new(name: &str, programs: &Path) -> Result<Self> {
        let target = Self {
            program: programs.join(name),
            found: work().join("corpus").join(name),
            findings: work().join("findings").join(name),
            seeds: work().join("seeds").join(name),
            kept: files::root().join("fuzz/corpus").join(name),
            log: work().join(format!("{name}.log")),
        };
        for folder in [&target.found, &target.findings, &target.seeds, &target.kept] {
            fs::create_dir_all(folder)
                .with_context(|| format!("failed to make {}", folder.display()))?;
        }
        Ok(target)
    }

    /// Fuzzes for this long, or up to the first finding. Earlier findings are tried first.
    fn run(&self, time: Duration) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command
            .args([&self.found, &self.findings, &self.seeds, &self.kept])
            .arg(format!("-max_total_time={}", time.as_secs().max(1)))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-malloc_limit_mb={ALLOCATION_MEGABYTES_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MEGABYTES_MAX}"))
            .arg(format!("-artifact_prefix={}/", self.findings.display()))
            .args(["-print_final_stats=1", "-verbosity=1"]);
        let (is_ok, log) = self.logged(&mut command)?;
        let outcome = Outcome::read(&log);
        match &outcome.finding {
            Some(_) => print!("{}", end_of(&log)),
            None => ensure!(
                is_ok,
                "{} stopped: see {}",
                self.program.display(),
                self.log.display()
            ),
        }
        Ok(outcome)
    }

    /// Runs the program with its output in the log; says whether it ended well, and what it said.
    fn logged(&self, command: &mut Command) -> Result<(bool, String)> {
        let log = File::create(&self.log)
            .with_context(|| format!("failed to write {}", self.log.display()))?;
        command.stdout(Stdio::null()).stderr(log);
        let start = exec::now();
        exec::announce(command);
        let status = command
            .status()
            .with_context(|| format!("failed to start {}", self.program.display()))?;
        println!("    {}", exec::human(start.elapsed()));
        // What a target prints of its input need not be text.
        let log = fs::read(&self.log)?;
        Ok((status.success(), String::from_utf8_lossy(&log).into_owned()))
    }
}

/// What a run of libFuzzer said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    runs: u64,
    runs_per_second: u64,
    /// Branches that were reached.
    edges: u64,
    /// Inputs that reach something no other does.
    inputs: u64,
    /// The file with the input that broke a promise.
    finding: Option<String>,
}

impl Outcome {
    fn read(log: &str) -> Self {
        let mut outcome = Self::default();
        for line in log.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["stat::number_of_executed_units:", count] => outcome.runs = number(count),
                ["stat::average_exec_per_sec:", count] => outcome.runs_per_second = number(count),
                // "#4711  DONE   cov: 1342 ft: 6000 corp: 203/30Kb lim: 4096 exec/s: 16061 rss: 505Mb"
                [count, _, "cov:", edges, "ft:", _, "corp:", inputs, ..]
                    if count.starts_with('#') =>
                {
                    outcome.edges = number(edges);
                    outcome.inputs = number(inputs.split('/').next().unwrap_or_default());
                }
                [.., "Test", "unit", "written", "to", path] => {
                    outcome.finding = Some((*path).to_owned());
                }
                _ => {}
            }
        }
        outcome
    }

    fn summary(&self, name: &str) -> String {
        let verdict = match &self.finding {
            Some(path) => format!("FOUND {path}"),
            None => "nothing found".to_owned(),
        };
        format!(
            "{name:<16}{:>12} runs {:>8}/s {:>7} branches {:>6} inputs   {verdict}",
            self.runs, self.runs_per_second, self.edges, self.inputs
        )
    }
}

fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or_default()
}

/// What libFuzzer said last: the panic and the input.
fn end_of(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<&str> = log.lines().collect();
    let end = &lines[lines.len().saturating_sub(LINES)..];
    format!("{}\n", end.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_finding_is_read() {
        let log = "INFO: seed corpus: files: 181\n#182\tINITED cov: 900 ft: 2000 corp: 150/9Kb exec/s: 0 rss: 90Mb\n\
                   #4711\tDONE   cov: 1342 ft: 6000 corp: 203/30Kb lim: 4096 exec/s: 16061 rss: 505Mb\n\
                   stat::number_of_executed_units: 497917\nstat::average_exec_per_sec:     16061\n";
        let expected = Outcome {
            runs: 497_917,
            runs_per_second: 16_061,
            edges: 1342,
            inputs: 203,
            finding: None,
        };
        assert_eq!(Outcome::read(log), expected);
    }

    #[test]
    fn a_finding_is_named() {
        let log = "thread panicked at src/lib.rs\nartifact_prefix='target/'; Test unit written to target/crash-1\nBase64: AA==\n";
        let outcome = Outcome::read(log);
        assert_eq!(outcome.finding.as_deref(), Some("target/crash-1"));
        assert!(
            outcome
                .summary("decode_json")
                .ends_with("FOUND target/crash-1")
        );
    }

    #[test]
    fn an_unknown_target_is_answered_with_those_there_are() {
        assert_eq!(chosen(Some("decode_json")).unwrap(), ["decode_json"]);
        let error = chosen(Some("decode_xml")).unwrap_err().to_string();
        assert!(error.contains("decode_json, decode_msgpack"), "{error}");
    }
}
