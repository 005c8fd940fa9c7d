//! `cargo xtask bench journal`, `recovery` and `sleep`: what it costs that rooms outlive the server, and what it takes to
//! have them back.

mod disk;
mod journal;
mod recovery;
mod sleep;

use anyhow::Result;

use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::load::ensure_cores;

/// One of these benches.
#[derive(Debug)]
pub(crate) struct Durability {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What is run, for whoever reads the report.
    command: &'static str,
    run: fn(&mut String) -> Result<()>,
}

pub(crate) const DURABILITY: &[Durability] = &[
    Durability {
        name: "journal",
        about: "throughput and latency of rooms that are written down, beside those of rooms that are not",
        command: journal::COMMAND,
        run: journal::run,
    },
    Durability {
        name: "recovery",
        about: "from the end of the server until 100, 1,000 and 5,000 rooms answer again",
        command: recovery::COMMAND,
        run: recovery::run,
    },
    Durability {
        name: "sleep",
        about: "20,000 rooms that sleep beside 200 that do not: memory, and how long waking takes",
        command: sleep::COMMAND,
        run: sleep::run,
    },
];

impl Durability {
    /// Runs it, and keeps what it says, also where it fails.
    pub(crate) fn run(&self) -> Result<()> {
        ensure_cores()?;
        build::build(Part::BINARY, Profile::Release)?;
        let mut report = String::new();
        let result = (self.run)(&mut report);
        let folder = keep(self.name, self.about, self.command, &format!("\n{report}"))?;
        println!("kept in {}", folder.display());
        result
    }
}

/// Adds a line to a report, and prints it.
fn say(report: &mut String, line: &str) {
    println!("{line}");
    report.push_str(line);
    report.push('\n');
}
