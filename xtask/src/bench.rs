//! Benchmarks by name, and how what they measure is kept.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

use crate::arena::ARENAS;
use crate::build::{self, Part, Profile};
use crate::compare::COMPARISONS;
use crate::durability::DURABILITY;
use crate::noisy::NOISY;
use crate::raw::{Machine, Raw, Setting};
use crate::report::all;
use crate::scenarios::SCENARIOS;
use crate::server::Server;
use crate::{arena_page, files, report, trial, uploads};

/// One benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    /// What `parlor bots` is given, besides the server's address.
    bots_args: &'static [&'static str],
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "rooms",
        about: "5,000 small rooms with one member each",
        bots_args: &[
            "--rooms",
            "5000",
            "--players",
            "1",
            "--plugin",
            "echo",
            "--for",
            "30s",
        ],
    },
    Bench {
        name: "grid-bots",
        about: "60 games with 8 players each, 20 ticks a second",
        bots_args: &[
            "--rooms",
            "60",
            "--players",
            "8",
            "--plugin",
            "grid",
            "--for",
            "30s",
        ],
    },
];

/// A benchmark: its name, what it is about, and how to run it.
type Entry = (&'static str, &'static str, Box<dyn Fn() -> Result<()>>);

/// All of them, in the order in which they are listed.
fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for bench in BENCHES {
        entries.push((bench.name, bench.about, Box::new(|| bench.run())));
    }
    for bench in COMPARISONS {
        entries.push((bench.name, bench.about, Box::new(|| bench.run())));
    }
    for scenario in SCENARIOS {
        entries.push((scenario.name, scenario.about, Box::new(|| scenario.run())));
    }
    for bench in NOISY {
        entries.push((bench.name, bench.about, Box::new(|| bench.run())));
    }
    for bench in ARENAS {
        entries.push((bench.name, bench.about, Box::new(|| bench.run())));
    }
    entries.push((
        arena_page::NAME,
        arena_page::ABOUT,
        Box::new(arena_page::run),
    ));
    entries.push((uploads::NAME, uploads::ABOUT, Box::new(uploads::run)));
    for bench in DURABILITY {
        entries.push((bench.name, bench.about, Box::new(|| bench.run())));
    }
    entries.push((report::NAME, report::ABOUT, Box::new(report::run)));
    entries.push((all::NAME, all::ABOUT, Box::new(all::run)));
    entries
}

/// Runs the named benchmark, or lists what there is.
pub(crate) fn bench(name: Option<&str>) -> Result<()> {
    let entries = entries();
    let Some(name) = name else {
        for (name, about, _) in entries {
            println!("{name:<16} {about}");
        }
        return Ok(());
    };
    let Some((.., run)) = entries.iter().find(|(known, ..)| *known == name) else {
        bail!("there is no benchmark {name:?}; `cargo xtask bench` lists them");
    };
    // What is built now is what is measured, whatever is committed by the time that is kept.
    commit();
    run()
}

impl Bench {
    fn run(&self) -> Result<()> {
        build::build(Part::BINARY, Profile::Release)?;
        let binary = Profile::Release.binary();
        // Bots are load, and not people: what they may do is not to be what is measured.
        let server = Server::spawn(Command::new(&binary).args(["serve", "--limits", "off"]))?;
        let mut command = Command::new(&binary);
        command
            .arg("bots")
            .args([
                "--url",
                &format!("{}/ws", server.url.replacen("http", "ws", 1)),
            ])
            .args(["--admin-url", &server.admin_url])
            .arg("--data-dir")
            .arg(server.data_dir())
            .args(self.bots_args);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run the bots")?;
        let report = String::from_utf8_lossy(&output.stdout);
        print!("{report}");
        println!("server resident memory: {}", server.resident_memory());
        let command = format!("parlor bots {}", self.bots_args.join(" "));
        let memory = server.resident_memory();
        let report = format!("server resident memory: {memory}\n\n{report}");
        let folder = keep(self.name, self.about, &command, &report)?;
        println!("kept in {}", folder.display());
        ensure!(
            output.status.success(),
            "the bots missed something: {}",
            output.status
        );
        Ok(())
    }
}

/// Writes a run down beside what it was measured on, so that it can be compared with later ones.
pub(crate) fn keep(name: &str, about: &str, command: &str, report: &str) -> Result<PathBuf> {
    let date = answer(Command::new("date").arg("+%Y-%m-%d-%H%M%S"));
    let folder = files::root()
        .join("bench/runs")
        .join(format!("{date}-{name}"));
    fs::create_dir_all(&folder)?;
    let machine = machine();
    let text = format!(
        "bench:   {name}: {about}\ncommit:  {}\ncommand: {command}\ncpu:     {} x {}\nkernel:  {}\n{report}",
        commit(),
        machine.cores,
        machine.cpu,
        machine.kernel,
    );
    fs::write(folder.join("report.txt"), text)?;
    Ok(folder)
}

/// The same, with everything that was measured beside it, and says where it is kept.
pub(crate) fn keep_raw(
    name: &str,
    about: &str,
    command: &str,
    report: &str,
    raw: &Raw,
) -> Result<()> {
    let folder = keep(name, about, command, &format!("\n{report}\n"))?;
    let setting = Setting {
        bench: name,
        about,
        commit: commit(),
        is_trial: trial::is_asked(),
        command,
        machine: machine(),
    };
    raw.write(&folder, &setting)?;
    report::write(&folder)?;
    println!("kept in {}", folder.display());
    Ok(())
}

/// Which commit this is, as it was when that was first asked.
fn commit() -> &'static str {
    static COMMIT: OnceLock<String> = OnceLock::new();
    COMMIT.get_or_init(|| answer(Command::new("git").args(["describe", "--always", "--dirty"])))
}

fn machine() -> Machine {
    let line = answer(Command::new("grep").args(["-m1", "model name", "/proc/cpuinfo"]));
    let cpu = line
        .split_once(": ")
        .map_or(line.as_str(), |(_, name)| name);
    Machine {
        cpu: cpu.to_owned(),
        cores: answer(&mut Command::new("nproc")).parse().unwrap_or(0),
        kernel: answer(Command::new("uname").arg("-r")),
    }
}

/// What a command says, or that it says nothing.
fn answer(command: &mut Command) -> String {
    command
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_told_apart_and_the_page_has_none_that_there_is_not() {
        let names: Vec<_> = entries().iter().map(|(name, ..)| *name).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "there are two of {name}");
        }
        let unknown: Vec<_> = report::scenarios()
            .filter(|name| !names.contains(name))
            .collect();
        assert!(unknown.is_empty(), "there is no benchmark {unknown:?}");
    }
}
