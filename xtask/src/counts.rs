//! `cargo xtask bench --check`: how many instructions the hot paths take, compared with what `bench/counts.toml` says. The
//! benches are in `bench/counts`.
//!
//! Counts are the same from run to run, but not on any machine: each compiler makes other code, and the C library has several
//! versions of what copies and compares, of which it takes one by what the CPU has. Where the file was counted with something else,
//! its numbers do not count, and the commit that last changed it is counted here, with what is here.

mod compare;
mod file;
mod worktree;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::exec::{self, cargo, output_of};
use crate::{files, tools};

use compare::{Comparison, RENEW};
use file::File;
use worktree::Worktree;

/// The instructions of each path.
type Counts = BTreeMap<String, u64>;

/// Counts, and compares; or, to `renew` the file, writes it.
pub(crate) fn check(renew: bool) -> Result<()> {
    let runner = tools::gungraun_runner()?;
    let here = CountedWith::here()?;
    let counts = count(files::root(), "here", &runner)?;
    if renew {
        fs::write(path(), File { here, counts }.write()?)
            .with_context(|| format!("failed to write {}", path().display()))?;
        println!("==> {} is written", file::NAME);
        return Ok(());
    }
    let text = fs::read_to_string(path())
        .with_context(|| format!("failed to read {}; to write it, type: {RENEW}", file::NAME))?;
    let file = File::read(&text)?;
    let listed = Comparison::of(&file.counts, &counts);
    listed.ensure_same_paths(file::NAME)?;
    let differences = file.here.differences(&here);
    if differences.is_empty() {
        print!("{listed}");
        return listed.verdict();
    }
    println!("==> {} was counted with something else:", file::NAME);
    for difference in &differences {
        println!("    {difference}");
    }
    let commit = worktree::commit_of(file::NAME)?;
    println!("    so commit {commit}, which wrote it, is counted here");
    let before = {
        let worktree = Worktree::add(&work().join("before"), &commit)?;
        count(worktree.path(), "before", &runner)?
    };
    let comparison = Comparison::of(&before, &counts);
    print!("{comparison}");
    comparison.ensure_same_paths(&format!("commit {commit}"))?;
    comparison.verdict()
}

fn path() -> PathBuf {
    files::root().join(file::NAME)
}

/// Where everything is that need not be kept.
fn work() -> PathBuf {
    files::target().join("counts")
}

/// What counts depend on besides the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CountedWith {
    rustc: String,
    glibc: String,
    cpu: String,
    valgrind: String,
}

impl CountedWith {
    fn here() -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo").context("failed to read /proc/cpuinfo")?;
        let architecture = output_of("uname", &["-m"]).context("failed to run `uname -m`")?;
        Ok(Self {
            rustc: output_of("rustc", &["--version"]).context("rustc does not run")?,
            glibc: output_of("getconf", &["GNU_LIBC_VERSION"])
                .context("`getconf GNU_LIBC_VERSION` fails: this is to be run with glibc")?,
            cpu: cpu_in_valgrind(&architecture, &cpus),
            valgrind: output_of("valgrind", &["--version"]).context("valgrind does not run")?,
        })
    }

    /// Each by its name in the file.
    fn entries(&self) -> [(&'static str, &str); 4] {
        [
            ("rustc", &self.rustc),
            ("glibc", &self.glibc),
            ("cpu", &self.cpu),
            ("valgrind", &self.valgrind),
        ]
    }

    /// What is not the same here, in words. Nothing: counts can be compared as they are.
    fn differences(&self, here: &Self) -> Vec<String> {
        let pairs = self.entries().into_iter().zip(here.entries());
        pairs
            .filter(|((_, there), (_, here))| there != here)
            .map(|((name, there), (_, here))| format!("{name}: {there:?}, and here {here:?}"))
            .collect()
    }
}

/// The CPU that programs see in valgrind: one of its own, whichever the real one is, but that it has of these features what that
/// one has. So a count is good for all models that have the same of them, as all of the last ten years do.
fn cpu_in_valgrind(architecture: &str, cpus: &str) -> String {
    const FEATURES: [&str; 9] = [
        "abm", "avx", "avx2", "bmi1", "cx16", "f16c", "pni", "rdrand", "rdseed",
    ];
    let mut lines = cpus.lines().filter_map(|line| line.split_once(':'));
    let flags = lines.find(|(name, _)| name.trim() == "flags");
    let flags: Vec<&str> =
        flags.map_or(Vec::new(), |(_, flags)| flags.split_whitespace().collect());
    let has = FEATURES.into_iter().filter(|it| flags.contains(it));
    let words: Vec<&str> = std::iter::once(architecture).chain(has).collect();
    words.join(" ")
}

/// What `cargo bench` is to run, in `bench/counts`: each package with what it alone brings along, and the server's by a profile
/// that does not optimize all of that.
const PACKAGES: [&[&str]; 2] = [
    &["--package", "parlor-counts"],
    &["--package", "parlor-counts-server", "--profile", "server"],
];

/// Builds and runs the benches of a checkout. What they are made of is built once for all checkouts, as long as it is the same.
fn count(checkout: &Path, name: &str, runner: &Path) -> Result<Counts> {
    let benches = checkout.join("bench/counts");
    ensure!(
        benches.join("Cargo.toml").exists(),
        "{} is missing: that commit has no benches to compare with; type: {RENEW}",
        benches.display()
    );
    // Earlier results would be compared with, by other rules than ours.
    let results = work().join("results").join(name);
    if results.exists() {
        fs::remove_dir_all(&results)
            .with_context(|| format!("failed to remove {}", results.display()))?;
    }
    let mut said = String::new();
    for package in PACKAGES {
        let mut command = cargo("bench");
        command
            .args(["--locked", "--benches"])
            .args(package)
            .args(["--", "--output-format=json"])
            .current_dir(&benches)
            .env("CARGO_TARGET_DIR", work().join("build"))
            .env("GUNGRAUN_HOME", &results)
            .env("GUNGRAUN_RUNNER", runner)
            .stderr(Stdio::inherit());
        said.push_str(&output(&mut command, &benches)?);
    }
    read(&said)
}

/// Runs the benches, and gives what they say.
fn output(command: &mut Command, folder: &Path) -> Result<String> {
    let line = exec::announce(command);
    let start = exec::now();
    let output = command
        .output()
        .with_context(|| format!("failed to start `{line}`"))?;
    ensure!(
        output.status.success(),
        "`{line}` in {} failed ({})",
        folder.display(),
        output.status
    );
    println!("    {}", exec::human(start.elapsed()));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What the benches say: an object in each line.
fn read(output: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let (path, count) = read_line(line)
            .with_context(|| format!("failed to read what gungraun says of a bench: {line}"))?;
        // The function that is counted was not found, or the compiler did its work beforehand.
        ensure!(count > 0, "nothing was counted of {path}");
        if counts.insert(path.clone(), count).is_some() {
            bail!("two benches are called {path}");
        }
    }
    ensure!(!counts.is_empty(), "there are no benches");
    Ok(counts)
}

fn read_line(line: &str) -> Result<(String, u64)> {
    let said: serde_json::Value = serde_json::from_str(line)?;
    let text = |name| said.get(name).and_then(serde_json::Value::as_str);
    let function = text("function_name").context("no name of the function")?;
    let path = match text("id") {
        Some(input) => format!("{function}.{input}"),
        None => function.to_owned(),
    };
    let count = said
        .pointer("/profiles/0/data/total/metrics/Ir/values/new")
        .and_then(serde_json::Value::as_u64)
        .context("no count of instructions")?;
    Ok((path, count))
}

#[cfg(test)]
mod tests;
