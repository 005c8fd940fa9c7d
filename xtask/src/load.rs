//! What benches have in common that put a load on a server.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use crate::build::Profile;
use crate::exec;
use crate::server::{Server, said};

/// The server has this core to itself.
pub(crate) const SERVER_CORE: &str = "0";
/// And those who use it share the other.
pub(crate) const CLIENT_CORE: &str = "1";

/// Says what is missing where commands cannot be given a core of their own.
pub(crate) fn ensure_cores() -> Result<()> {
    ensure!(
        exec::output_of("taskset", &["-c", CLIENT_CORE, "true"]).is_some(),
        "this bench needs two cores and `taskset`"
    );
    Ok(())
}

/// A command that runs on one core.
pub(crate) fn pinned(core: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]);
    command
}

/// A release server on its core.
pub(crate) fn serve() -> Command {
    let mut command = pinned(SERVER_CORE);
    command.arg(Profile::Release.binary()).arg("serve");
    command
}

/// Gives `command` the arguments of `parlor bots` against the server.
pub(crate) fn bots(command: &mut Command, server: &Server) {
    command
        .arg(Profile::Release.binary())
        .args(["bots", "--json", "--url"])
        .arg(format!("{}/ws", server.url.replacen("http", "ws", 1)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
}

/// Bots with these arguments, on the clients' core, and what they say of it. Fails where they missed something.
pub(crate) fn play(server: &Server, args: &[&str]) -> Result<Json> {
    let mut command = pinned(CLIENT_CORE);
    bots(&mut command, server);
    let output = command
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run the bots")?;
    serde_json::from_str(&summary(&output)?).context("failed to read what the bots say")
}

/// What bots have said in the end. Fails where they missed something.
pub(crate) fn summary(output: &Output) -> Result<String> {
    let summary = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "the bots missed something: {}\n{summary}",
        output.status
    );
    Ok(summary)
}

/// A program that serves and says in one line where, gone when dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    pub(crate) url: String,
}

impl Serving {
    /// Runs it, and waits for the line, which begins with `ready`.
    pub(crate) fn start(command: &mut Command, ready: &'static str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout was asked to be piped");
        let mut serving = Self {
            child,
            url: String::new(),
        };
        let url = said(stdout, move |line| {
            line.strip_prefix(ready).map(str::to_owned)
        });
        serving.url = url.context("it did not say that it listens")?;
        Ok(serving)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bots that go on while something else is done, gone when dropped.
pub(crate) struct Playing(Child);

impl Playing {
    /// Starts what [`bots`] has made.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.spawn().map(Self).context("failed to start bots")
    }

    /// Ends them as Ctrl-C does, and says what they did.
    pub(crate) fn end(mut self) -> Result<String> {
        exec::output_of("sh", &["-c", &format!("kill -INT {}", self.0.id())])
            .context("bots ended before their time")?;
        let stdout = self.0.stdout.take().expect("stdout was asked to be piped");
        std::io::read_to_string(stdout)
            .map(|text| text.trim().to_owned())
            .context("failed to read what bots did")
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A load that goes on while something else is done, gone when dropped.
#[derive(Debug)]
pub(crate) struct Going(Option<Child>);

impl Going {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map(|child| Self(Some(child)))
            .context("failed to start the load")
    }

    /// Whether it has ended, however that came about.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        let child = self.0.as_mut().context("it was waited for already")?;
        Ok(child.try_wait()?.is_some())
    }

    /// What it says in the end.
    pub(crate) fn output(mut self) -> Result<Output> {
        let child = self.0.take().context("it was waited for already")?;
        child.wait_with_output().context("failed to hear the load")
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Both fail only when the process is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A number somewhere in what bots say.
pub(crate) fn number(summary: &Json, pointer: &str) -> Result<f64> {
    let number = summary.pointer(pointer).and_then(Json::as_f64);
    number.with_context(|| format!("the bots do not say {pointer}:\n{summary}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "no async runtime here, and nothing to wait for but time"
)]
pub(crate) fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// The value in the middle, or between the two that are there.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    let of = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(of(lower), of(upper))
}
