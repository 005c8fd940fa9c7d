//! `cargo xtask test`: the stages of CI, in order. One that fails does not keep the others from running, so that one run says
//! all that is wrong; without a build there is nothing to run. Each can be run alone by its name.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::build::{self, Part, Profile, WASM_TARGET};
use crate::exec::{self, cargo, npm};
use crate::server::Server;
use crate::tally::Tally;
use crate::{counts, files, tools, tutorial, typescript};

/// One stage of the test run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Formatting and lints.
    Check,
    /// Components, hostile components, web pages and the binary.
    Build,
    /// All Rust tests.
    Rust,
    /// How many instructions the hot paths take, compared with bench/counts.toml.
    Counts,
    /// Types and unit tests of the web client.
    Web,
    /// Types and tests of the TypeScript SDK, of its example and of what `parlor new` makes of its template.
    #[value(name = "typescript")]
    TypeScript,
    /// A client made of stock Python libraries, against a real server.
    StockClient,
    /// The code blocks of docs/tutorial.md.
    Tutorial,
    /// Chromium against a real server.
    Browser,
}

impl Stage {
    /// All stages in the order in which they run.
    pub(crate) const ALL: &[Self] = &[
        Self::Check,
        Self::Build,
        Self::Rust,
        Self::Counts,
        Self::Web,
        Self::TypeScript,
        Self::StockClient,
        Self::Tutorial,
        Self::Browser,
    ];

    fn perform(self, context: &mut Run) -> Result<()> {
        match self {
            Self::Check => check(),
            Self::Build => build::build(Part::ALL, Profile::Debug),
            Self::Rust => rust(context),
            Self::Counts => counts::check(false),
            Self::Web => web(context),
            Self::TypeScript => typescript(context),
            Self::StockClient => stock_client(context),
            Self::Tutorial => {
                tutorial::run(&files::root().join("docs/tutorial.md"), &mut context.tally)
            }
            Self::Browser => browser(context),
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .expect("no stage is hidden")
            .get_name()
            .to_owned()
    }
}

/// What stages share.
#[derive(Debug, Default)]
struct Run {
    /// Whether slow tests run too.
    full: bool,
    /// The tests of the current stage.
    tally: Tally,
}

impl Run {
    /// Runs a test command and counts its tests.
    fn tests(&mut self, command: &mut Command) -> Result<()> {
        if self.full {
            command.env("PARLOR_FULL", "1");
        }
        exec::run_tests(command, &mut self.tally)
    }
}

/// A stage that has ended.
struct Ended {
    name: String,
    duration: Duration,
    tally: Tally,
    is_ok: bool,
}

/// Runs the stages, then says what happened. The error is that of the first that failed.
pub(crate) fn run(stages: &[Stage], full: bool) -> Result<()> {
    let mut ended = Vec::new();
    let mut outcome = Ok(());
    for stage in stages {
        let mut context = Run {
            full,
            tally: Tally::default(),
        };
        let start = exec::now();
        println!("\n=== {} ===", stage.name());
        let performed = stage.perform(&mut context);
        if performed.is_err() && context.tally.failed == 0 {
            // A stage that fails before or beside its tests is a failure all the same.
            context.tally.failed = 1;
        }
        let (name, is_ok) = (stage.name(), performed.is_ok());
        let performed = performed.with_context(|| {
            format!("stage {name} failed; to run it alone, type: cargo xtask test {name}\ncause")
        });
        if let Err(error) = &performed {
            println!("==> {error:#}");
        }
        outcome = outcome.and(performed);
        ended.push(Ended {
            name,
            duration: start.elapsed(),
            tally: context.tally,
            is_ok,
        });
        if !is_ok && *stage == Stage::Build {
            break;
        }
    }
    print!("{}", summary(&ended));
    outcome
}

/// The table of stages, and the sum of all tests as the last line.
fn summary(ended: &[Ended]) -> String {
    let mut text = String::from("\n");
    let mut total = Tally::default();
    for stage in ended {
        let verdict = if stage.is_ok { "ok" } else { "FAILED" };
        let tests = if stage.tally == Tally::default() {
            String::new()
        } else {
            stage.tally.to_string()
        };
        let line = format!(
            "{:<14}{:<8}{:>14}   {tests}",
            stage.name,
            verdict,
            exec::human(stage.duration)
        );
        text.push_str(line.trim_end());
        text.push('\n');
        total.add(stage.tally);
    }
    text.push_str(&format!("\n{total}\n"));
    text
}

fn check() -> Result<()> {
    tools::rust_components()?;
    tools::wasm_target()?;
    exec::run(cargo("fmt").args(["--all", "--check"]))?;
    exec::run(cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // `export!` and what hangs on it exist only there.
    let mut plugins = cargo("clippy");
    plugins.args(["--target", WASM_TARGET]);
    for name in files::crates_in(&files::root().join("plugins"))? {
        plugins.args(["-p", &format!("parlor-plugin-{name}")]);
    }
    for name in files::crates_in(&files::root().join("tests/guests"))? {
        plugins.args(["-p", &format!("guest-{name}")]);
    }
    exec::run(plugins.args(["--", "-D", "warnings"]))?;
    dependencies()
}

/// Licences and sources of dependencies, as `deny.toml` has them, where cargo-deny is installed.
fn dependencies() -> Result<()> {
    let found = cargo("deny").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("==> cargo-deny is not installed: dependencies are not checked");
        return Ok(());
    }
    exec::run(cargo("deny").args(["--offline", "check", "bans", "licenses", "sources"]))
}

fn rust(context: &mut Run) -> Result<()> {
    // One of the tests has clients of the SDK beside those of our own, against the same server.
    tools::node()?;
    context.tests(cargo("test").args(["--workspace", "--no-fail-fast"]))
}

fn web(context: &mut Run) -> Result<()> {
    let source = files::root().join("web-client");
    tools::node()?;
    tools::npm_packages(&source)?;
    exec::run(npm(&source).args(["run", "check"]))?;
    context.tests(npm(&source).arg("test"))
}

fn typescript(context: &mut Run) -> Result<()> {
    typescript::tools()?;
    exec::run(npm(&typescript::sdk()).args(["run", "check"]))?;
    context.tests(npm(&typescript::sdk()).arg("test"))?;
    for folder in typescript::examples()? {
        context.tests(&mut typescript::command(&folder, "test"))?;
    }
    Ok(())
}

fn stock_client(context: &mut Run) -> Result<()> {
    let source = files::root().join("tests/stock-client");
    let python = tools::python(&source.join("requirements.txt"))?;
    let server = Server::start(&Profile::Debug.binary())?;
    context.tests(
        Command::new(python)
            // `-B`: no compiled files beside the sources.
            .args(["-B", "-m", "pytest"])
            .current_dir(&source)
            .env("PARLOR_URL", &server.url),
    )
}

fn browser(context: &mut Run) -> Result<()> {
    let source = files::root().join("tests/browser");
    // What the plugins are built with that one test writes, as their authors do.
    tools::wasm_target()?;
    typescript::tools()?;
    let chromium = tools::chromium()?;
    if source.join("package-lock.json").exists() {
        tools::npm_packages(&source)?;
    }
    let server = Server::start(&Profile::Debug.binary())?;
    context.tests(
        exec::node_tests("tests/browser/")
            .env("PARLOR_URL", &server.url)
            .env("PARLOR_ADMIN_URL", &server.admin_url)
            .env("PARLOR_CHROMIUM", chromium),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_in_the_default_run_once() {
        assert_eq!(Stage::ALL, Stage::value_variants());
    }

    #[test]
    fn the_summary_ends_in_the_sum() {
        let stage = |name: &str, tally, is_ok| Ended {
            name: name.to_owned(),
            duration: Duration::from_secs(2),
            tally,
            is_ok,
        };
        let text = summary(&[
            stage("check", Tally::default(), true),
            stage(
                "rust",
                Tally {
                    passed: 7,
                    failed: 0,
                },
                true,
            ),
            stage(
                "web",
                Tally {
                    passed: 2,
                    failed: 1,
                },
                false,
            ),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "check         ok               2.0 s",
                "rust          ok               2.0 s   7 passed, 0 failed",
                "web           FAILED           2.0 s   2 passed, 1 failed",
                "",
                "9 passed, 1 failed",
            ]
        );
    }
}
