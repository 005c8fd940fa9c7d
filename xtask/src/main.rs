//! `cargo xtask`: everything one does with a checkout of Parlor.
//!
//! Each command first looks for the tools it needs, and installs them or says which line to type. What it then does is
//! printed as it happens: the command, its output, and how long it took.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its terminal"
)]

mod arena;
mod arena_page;
mod bench;
mod build;
mod compare;
mod corpus;
mod counts;
mod durability;
mod exec;
mod files;
mod fuzz;
mod load;
mod noisy;
mod peers;
mod raw;
mod report;
#[cfg(test)]
mod rules;
mod scenarios;
mod server;
mod stages;
mod tally;
mod tools;
mod trial;
mod tutorial;
mod typescript;
mod uploads;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::build::{Part, Profile};
use crate::stages::Stage;

/// Builds, runs and tests Parlor.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds everything and starts the server, which prints its address.
    Run {
        /// Passed on to `parlor serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        serve_args: Vec<String>,
    },
    /// Builds the components, the web pages, and the `parlor` binary with both inside.
    Build {
        /// What to build. Default: all but the hostile guests.
        #[arg(value_enum)]
        parts: Vec<Part>,
        /// Builds `target/release/parlor` instead of `target/debug/parlor`.
        #[arg(long)]
        release: bool,
    },
    /// Runs everything that CI runs.
    Test {
        /// Which stages to run. Default: all of them, in order, up to the first that fails.
        #[arg(value_enum)]
        stages: Vec<Stage>,
        /// Also runs the slow tests (sets `PARLOR_FULL=1`).
        #[arg(long)]
        full: bool,
    },
    /// Checks formatting and lints.
    Check,
    /// Builds everything, then runs the browser tests.
    E2e,
    /// Runs a benchmark; without a name, lists them.
    Bench {
        /// Which one.
        name: Option<String>,
        /// Counts the instructions of hot paths, and fails where they are more than bench/counts.toml says.
        #[arg(long, conflicts_with = "name")]
        check: bool,
        /// Writes bench/counts.toml in place of comparing with it.
        #[arg(long, requires = "check")]
        renew: bool,
    },
    /// Fuzzes the decoders and everything else that reads what a stranger sent, on the nightly toolchain.
    Fuzz {
        /// Which target. Default: all of them, one after the other.
        target: Option<String>,
        /// How long each target is fuzzed, such as 30s or 1h.
        #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
        time: Duration,
        /// Afterwards replaces the inputs in fuzz/corpus by the few that reach most.
        #[arg(long)]
        keep: bool,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command.perform() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Task {
    fn perform(self) -> Result<()> {
        match self {
            Self::Run { serve_args } => run(&serve_args),
            Self::Build { parts, release } => {
                let parts = if parts.is_empty() {
                    Part::DEFAULT.to_vec()
                } else {
                    parts
                };
                build::build(&parts, Profile::from_release_flag(release))
            }
            Self::Test { stages, full } => {
                let stages = if stages.is_empty() {
                    Stage::ALL.to_vec()
                } else {
                    stages
                };
                stages::run(&stages, full)
            }
            Self::Check => stages::run(&[Stage::Check], false),
            Self::E2e => stages::run(&[Stage::Build, Stage::Browser], false),
            Self::Bench {
                check: true, renew, ..
            } => counts::check(renew),
            Self::Bench { name, .. } => bench::bench(name.as_deref()),
            Self::Fuzz { target, time, keep } => fuzz::fuzz(target.as_deref(), time, keep),
        }
    }
}

/// Builds, then becomes the server, so that signals reach it and its exit code is ours.
fn run(serve_args: &[String]) -> Result<()> {
    build::build(Part::BINARY, Profile::Debug)?;
    let error = Command::new(Profile::Debug.binary())
        .arg("serve")
        .args(serve_args)
        .exec();
    Err(anyhow::Error::new(error).context("failed to start target/debug/parlor"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_run_is_for_the_server() {
        let cli = Cli::try_parse_from(["xtask", "run", "--listen", "127.0.0.1:9000", "--release"])
            .unwrap();
        let Task::Run { serve_args } = cli.command else {
            panic!("not run");
        };
        assert_eq!(serve_args, ["--listen", "127.0.0.1:9000", "--release"]);
    }

    #[test]
    fn counts_are_renewed_only_by_a_check() {
        Cli::try_parse_from(["xtask", "bench", "--renew"]).unwrap_err();
        Cli::try_parse_from(["xtask", "bench", "--check", "rooms"]).unwrap_err();
        let cli = Cli::try_parse_from(["xtask", "bench", "--check", "--renew"]).unwrap();
        let is_renewal = matches!(
            cli.command,
            Task::Bench {
                name: None,
                check: true,
                renew: true
            }
        );
        assert!(is_renewal);
    }

    #[test]
    fn stages_and_parts_are_chosen_by_name() {
        let cli = Cli::try_parse_from(["xtask", "build", "plugins", "typescript"]).unwrap();
        assert!(
            matches!(cli.command, Task::Build { parts, .. } if parts == [Part::Plugins, Part::TypeScript])
        );
        let cli = Cli::try_parse_from(["xtask", "test", "stock-client", "web", "--full"]).unwrap();
        assert!(
            matches!(cli.command, Task::Test { stages, full: true } if stages == [Stage::StockClient, Stage::Web])
        );
        Cli::try_parse_from(["xtask", "test", "no-such-stage"]).unwrap_err();
    }
}
