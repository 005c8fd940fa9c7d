//! `cargo xtask bench report`: charts and tables of what was measured, from the `raw.json` that each run keeps, for
//! `docs/performance.md`. Each run has a report of its own beside that.

pub(crate) mod all;
mod chart;
mod measures;
mod numbers;
mod page;
mod raw;
mod soak;
mod summary;
mod svg;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use self::raw::{Machine, Raw};
use self::summary::Summary;
use self::table::plain;
use crate::files;

pub(crate) const NAME: &str = "report";
pub(crate) const ABOUT: &str =
    "nothing is measured: draws the newest run of each scenario into docs/performance.md";

/// A bench that the page has a place for.
#[derive(Debug)]
struct Scenario {
    name: &'static str,
    /// About how long it takes.
    minutes: u32,
}

/// All of them, in the page's order.
const SCENARIOS: &[Scenario] = &[
    Scenario::new("echo", 7),
    Scenario::new("echo-16", 7),
    Scenario::new("fanout", 7),
    Scenario::new("match", 5),
    Scenario::new("mixed", 3),
    Scenario::new("ramp", 25),
    Scenario::new("many", 8),
    Scenario::new("growth", 17),
    Scenario::new("idle", 15),
    Scenario::new("join-storm", 5),
    Scenario::new("noisy-room", 4),
    Scenario::new("start", 4),
    Scenario::new("soak", 65),
];

const PAGE: &str = "docs/performance.md";
/// Where the charts of the page are, from the page.
const CHARTS: &str = "performance";
/// Where the runs are, from the page.
const RUNS_FROM_PAGE: &str = "../bench/runs";
/// Markers for what all was measured on and with.
const MACHINE: &str = "machine";
const VERSIONS: &str = "versions";

/// Their names.
pub(crate) fn scenarios() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name)
}

/// A run that was kept.
#[derive(Debug)]
struct Run {
    folder: PathBuf,
    raw: Raw,
}

/// Writes `report.md` and `chart.svg` beside the `raw.json` of a run.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let run = Run::read(folder.to_path_buf())?;
    let (raw, summary) = (&run.raw, Summary::of(&run.raw));
    put(&folder.join("chart.svg"), &chart::chart(raw, &summary))?;
    let parts = [
        format!("# {}: {}", raw.bench, plain(&raw.about)),
        format!("![{}](chart.svg)", alternative(raw)),
        table::tables(&summary),
        table::legend(raw, &summary),
        format!("```sh\n{}\n```", raw.command.replace(['\n', '`'], " ")),
        format!(
            "Commit `{}`. The numbers of each round are in [{}]({}). Measured on, and with:",
            raw.commit,
            raw::NAME,
            raw::NAME
        ),
        machines(&[&run]) + &versions(&[&run]),
    ];
    let parts = parts.iter().map(|part| part.trim_end());
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    let report = parts.join("\n\n") + "\n";
    put(&folder.join("report.md"), &report)
}

/// Draws the newest run of each scenario, and puts its numbers into the page.
pub(crate) fn run() -> Result<()> {
    let root = files::root();
    let newest = newest(&root.join("bench/runs"))?;
    ensure!(
        !newest.is_empty(),
        "no run in bench/runs has a {}; to have one, run a bench: `cargo xtask bench` lists them",
        raw::NAME
    );
    let path = root.join(PAGE);
    let mut text = fs::read_to_string(&path).with_context(|| format!("failed to read {PAGE}"))?;
    let mut shown = Vec::new();
    for name in scenarios() {
        let Some(run) = newest.get(name) else {
            println!("==> no run of {name} was kept: what {PAGE} says of it stays");
            continue;
        };
        write(&run.folder)?;
        let summary = Summary::of(&run.raw);
        let file = root.join("docs").join(CHARTS).join(format!("{name}.svg"));
        put(&file, &chart::chart(&run.raw, &summary))?;
        text = page::replaced(PAGE, &text, name, &run.section(&summary))?;
        println!("    {name:<12} {}", run.name());
        shown.push(run);
    }
    for name in newest.keys() {
        if !scenarios().any(|it| it == name) {
            println!("==> {PAGE} has no place for {name}");
        }
    }
    text = page::replaced(PAGE, &text, MACHINE, &machines(&shown))?;
    text = page::replaced(PAGE, &text, VERSIONS, &versions(&shown))?;
    put(&path, &text)?;
    println!("==> {PAGE} is written");
    Ok(())
}

impl Scenario {
    const fn new(name: &'static str, minutes: u32) -> Self {
        Self { name, minutes }
    }
}

impl Run {
    fn read(folder: PathBuf) -> Result<Self> {
        let raw = Raw::read(&folder)?;
        Ok(Self { folder, raw })
    }

    /// Its folder's name, which begins with when it was.
    fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What the page says of it.
    fn section(&self, summary: &Summary) -> String {
        let name = self.name();
        format!(
            "![{}]({CHARTS}/{}.svg)\n\n{}\n{} Commit `{}`; [the numbers of each round]({RUNS_FROM_PAGE}/{name}/{}).",
            alternative(&self.raw),
            self.raw.bench,
            table::tables(summary),
            table::legend(&self.raw, summary),
            self.raw.commit,
            raw::NAME
        )
    }
}

/// What stands for the chart where it is not shown.
fn alternative(raw: &Raw) -> String {
    let about = plain(&raw.about).replace(['[', ']'], "");
    format!("{}: {about}", raw.bench)
}

/// The newest run of each bench that has kept its numbers, and was as long as it should be. Folders begin with when it was.
fn newest(runs: &Path) -> Result<BTreeMap<String, Run>> {
    let context = || format!("failed to read {}", runs.display());
    let mut folders = Vec::new();
    for entry in fs::read_dir(runs).with_context(context)? {
        let folder = entry.with_context(context)?.path();
        if folder.join(raw::NAME).exists() {
            folders.push(folder);
        }
    }
    folders.sort();
    let mut newest = BTreeMap::new();
    for folder in folders {
        let run = Run::read(folder)?;
        if !run.raw.is_trial {
            newest.insert(run.raw.bench.clone(), run);
        }
    }
    Ok(newest)
}

/// On what was measured: one line, or one for each machine, with what was measured on it.
fn machines(runs: &[&Run]) -> String {
    let mut benches: BTreeMap<&Machine, Vec<&str>> = BTreeMap::new();
    for run in runs {
        let benches = benches.entry(&run.raw.machine).or_default();
        benches.push(&run.raw.bench);
    }
    let is_one = benches.len() == 1;
    let mut text = String::new();
    for (machine, benches) in benches {
        let Machine { cpu, cores, kernel } = machine;
        text.push_str(&format!("- {cores} cores of {cpu}, Linux {kernel}"));
        if !is_one {
            text.push_str(&format!(": {}", benches.join(", ")));
        }
        text.push('\n');
    }
    text
}

/// What the other servers are made of; more than one line for those that were not the same in all runs.
fn versions(runs: &[&Run]) -> String {
    let versions: BTreeSet<_> = runs.iter().flat_map(|run| &run.raw.versions).collect();
    let lines = versions.into_iter().map(|(name, version)| {
        let version = version.replace('\n', " ");
        format!("- {name}: {version}\n")
    });
    lines.collect()
}

fn put(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests;
