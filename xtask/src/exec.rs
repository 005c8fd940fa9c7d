//! Running commands so that one sees what runs and how long it took.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::files;
use crate::tally::Tally;

/// A cargo command in the checkout, with the target folder that the rest of xtask looks into.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .arg(subcommand)
        .current_dir(files::root())
        .env("CARGO_TARGET_DIR", files::target());
    for (name, _) in std::env::vars_os() {
        if is_of_this_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether `cargo run` has set this variable to tell of the package `xtask`. Build scripts of others watch such: handed on, they
/// would have all that is above them built anew whenever one builds by hand in between.
fn is_of_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// An npm command in `folder`.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}

/// Node.js with the tests in `folder`, of the checkout. What a failed test leaves open, a server or a socket, does not keep it
/// from ending.
pub(crate) fn node_tests(folder: &str) -> Command {
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-force-exit", folder])
        .current_dir(files::root());
    command
}

/// Runs a command to its end, with its output on ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = announce(command);
    let start = now();
    let status = command
        .status()
        .with_context(|| format!("failed to start `{line}`"))?;
    report(&line, start, status.success(), &status.to_string())
}

/// Runs a test command to its end; its output goes through to ours, and the test runners' summaries in it are counted.
pub(crate) fn run_tests(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let line = announce(command);
    let start = now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start `{line}`"))?;
    let stdout = child.stdout.take().expect("stdout was asked to be piped");
    for output in BufReader::new(stdout).split(b'\n') {
        let output = output.with_context(|| format!("failed to read the output of `{line}`"))?;
        let output = String::from_utf8_lossy(&output);
        println!("{output}");
        tally.read_line(&output);
    }
    let status = child
        .wait()
        .with_context(|| format!("failed to wait for `{line}`"))?;
    report(&line, start, status.success(), &status.to_string())
}

/// What a command prints, trimmed; `None` where it cannot be started or fails.
pub(crate) fn output_of(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(files::root())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// The time, for durations that people read.
#[expect(
    clippy::disallowed_methods,
    reason = "no async runtime here whose clock a test could pause"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A duration as people read it: `3.4 s`, `2 min 05 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// Prints the command that is about to run.
pub(crate) fn announce(command: &Command) -> String {
    let line = command_line(command);
    println!("==> {line}");
    line
}

fn report(line: &str, start: Instant, success: bool, status: &str) -> Result<()> {
    if !success {
        bail!("`{line}` failed ({status})");
    }
    println!("    {}", human(start.elapsed()));
    Ok(())
}

/// The command as one would type it, paths relative to the checkout.
fn command_line(command: &Command) -> String {
    let root = format!("{}/", files::root().display());
    let mut words = vec![match Path::new(command.get_program()).file_name() {
        Some(name) if command.get_program().to_string_lossy().ends_with("/cargo") => {
            name.to_string_lossy().into_owned()
        }
        _ => command.get_program().to_string_lossy().replace(&root, ""),
    }];
    words.extend(
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().replace(&root, "")),
    );
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn what_cargo_says_of_this_package_is_not_handed_on() {
        let command = cargo("build");
        let variables: Vec<_> = command.get_envs().collect();
        assert!(variables.contains(&("CARGO_MANIFEST_DIR".as_ref(), None)));
        assert!(variables.contains(&("CARGO_PKG_NAME".as_ref(), None)));
        assert!(
            variables
                .iter()
                .any(|(name, value)| *name == "CARGO_TARGET_DIR" && value.is_some())
        );
    }

    #[test]
    fn a_failing_command_is_named() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(
            error.to_string().contains("`sh -c exit 3` failed"),
            "{error}"
        );
        assert!(error.to_string().contains('3'), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "failed to start `no-such-program`");
    }

    #[test]
    fn a_failing_test_command_still_counts() {
        let mut tally = Tally::default();
        let script = "echo 'test result: FAILED. 3 passed; 1 failed; 0 ignored'; exit 1";
        run_tests(Command::new("sh").args(["-c", script]), &mut tally).unwrap_err();
        assert_eq!(
            tally,
            Tally {
                passed: 3,
                failed: 1
            }
        );
    }

    #[test]
    fn a_test_that_leaves_something_open_does_not_hold_up_the_others() {
        const LEAK: &str = "import { createServer } from 'node:net'; import { it } from 'node:test';
            it('fails', (_, done) => { createServer().listen(0, '127.0.0.1', () => done(new Error('as it must'))); });";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("leak.test.mjs"), LEAK).unwrap();
        let mut command = node_tests(&folder.path().display().to_string());
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let id = child.id().to_string();
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(child.wait()));
        if end.recv_timeout(Duration::from_secs(60)).is_err() {
            output_of("kill", &[&id]);
            panic!("it has not ended");
        }
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(human(Duration::from_millis(3_400)), "3.4 s");
        assert_eq!(human(Duration::from_secs(125)), "2 min 05 s");
    }
}
