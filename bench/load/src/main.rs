//! `parlor-bench`: prints what came of a run, and fails where a server did wrong.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its terminal"
)]

use std::process::ExitCode;

use clap::Parser as _;
use parlor_bench::{Error, Options, Report, Work, alone, run, wakes};
use serde::Serialize;

/// As with other options that cannot be used.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Where even this cannot be written, there is nobody to read it.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match conclude(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn conclude(options: &Options) -> Result<ExitCode, Error> {
    match &options.work {
        Work::First(_) | Work::Rooms(_) | Work::Sit(_) => print(&alone(options)?),
        Work::Wakes(options) => print(&wakes(options)?),
        Work::Echo(_)
        | Work::Fanout(_)
        | Work::Match(_)
        | Work::Many(_)
        | Work::Idle(_)
        | Work::Join(_) => {
            let report = run(options)?;
            print(&report);
            return Ok(judge(&report));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(said: &impl Serialize) {
    let json = serde_json::to_string_pretty(said).expect("text and numbers are JSON");
    println!("{json}");
}

fn judge(report: &Report) -> ExitCode {
    if report.is_load_the_limit {
        let share = report.load_cpu * 100.0;
        eprintln!("the load was the limit: it took {share:.0} % of its core");
    }
    if let Some(problem) = report.problem() {
        eprintln!("error: {problem}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
