//! A server for tests that are clients of a real one: own ports, own data folder, gone when dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{exec, files};

/// How long a server may take to say that it listens. Compiling the bundled plugins is most of it.
const START_SECONDS_MAX: u64 = 60;
/// How long one of its answers may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Its log, in its folder.
const LOG: &str = "server.log";
/// What the kernel counts time in, on every system that there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running `parlor serve`.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens, such as `http://127.0.0.1:40001`.
    pub(crate) url: String,
    /// Its admin address.
    pub(crate) admin_url: String,
    /// Removed after the process is gone.
    folder: TempDir,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        ensure!(
            binary.exists(),
            "{} is not built; type: cargo xtask build",
            binary.display()
        );
        Self::spawn(Command::new(binary).arg("serve"))
    }

    /// Runs a command that becomes a server, and waits until it listens. It is told by the environment which addresses
    /// and which data folder to use.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        Self::spawn_at(command, ["127.0.0.1:0", "127.0.0.1:0"])
    }

    /// The same at addresses that are known before: of the server, and of its admin.
    pub(crate) fn spawn_at(command: &mut Command, listen: [&str; 2]) -> Result<Self> {
        // Not in the system's folder for such, which may be memory: what is written to the disk is to get there.
        let target = files::target();
        fs::create_dir_all(&target)?;
        let folder = tempfile::tempdir_in(target).context("failed to make a data folder")?;
        Self::launch(command, folder, listen)
    }

    /// Ends the server without a word, as a power failure does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().context("failed to kill the server")?;
        self.child.wait().context("failed to bury the server")?;
        Ok(())
    }

    /// Ends the server, if it has not ended, without a word, as a power failure does, and has this command become another one in its place. The
    /// time from the end of the first to when the second listens.
    pub(crate) fn kill_and_spawn(&mut self, command: &mut Command) -> Result<Duration> {
        self.child.kill().context("failed to kill the server")?;
        let start = exec::now();
        self.child.wait().context("failed to bury the server")?;
        let listen = [&self.url, &self.admin_url].map(|url| url.replace("http://", ""));
        let folder = std::mem::replace(&mut self.folder, TempDir::new()?);
        *self = Self::launch(command, folder, listen.each_ref().map(String::as_str))?;
        Ok(start.elapsed())
    }

    fn launch(command: &mut Command, folder: TempDir, listen: [&str; 2]) -> Result<Self> {
        let log = folder.path().join(LOG);
        let mut child = command
            .env("PARLOR_LISTEN", listen[0])
            .env("PARLOR_ADMIN_LISTEN", listen[1])
            .env("PARLOR_DATA_DIR", folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(File::create(&log).context("failed to make a log file")?)
            .spawn()
            .context("failed to start the server")?;
        let stdout = child.stdout.take().expect("stdout was asked to be piped");
        let mut server = Self {
            child,
            url: String::new(),
            admin_url: String::new(),
            folder,
        };

        let Some((url, admin_url)) = said(stdout, parse_listening) else {
            let log = server.log();
            bail!("the server did not say that it listens; its log:\n{log}");
        };
        println!("==> parlor serve at {url}");
        server.url = url;
        server.admin_url = admin_url;
        Ok(server)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the server has logged since it was started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// One of its metrics, as it is now.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let text = self.metrics()?;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.with_context(|| format!("the server has no metric {name}"))?;
        value
            .trim()
            .parse()
            .with_context(|| format!("{name} is no number"))
    }

    /// The sum of one of its metrics over all labels: 0 where there is none yet.
    pub(crate) fn metric_sum(&self, name: &str) -> Result<f64> {
        let text = self.metrics()?;
        sum(&text, name).with_context(|| format!("{name} is no number"))
    }

    /// A quantile of one of its histograms, in the unit of that.
    pub(crate) fn metric_quantile(&self, name: &str, quantile: f64) -> Result<f64> {
        let text = self.metrics()?;
        histogram_quantile(&text, name, quantile)
            .with_context(|| format!("the server has no histogram {name} with anything in it"))
    }

    fn metrics(&self) -> Result<String> {
        self.ask_for_metrics()
            .context("failed to read the server's metrics")
    }

    fn ask_for_metrics(&self) -> Result<String> {
        let authority = self.admin_url.replace("http://", "");
        let token = fs::read_to_string(self.data_dir().join("admin-token"))?;
        let mut stream = TcpStream::connect(&authority)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            token.trim()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// How much time of a core it has taken, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program, in brackets, may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("failed to read /proc")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks: [u64; 2] = [fields[11].parse()?, fields[12].parse()?];
        Ok((ticks[0] + ticks[1]) as f64 / TICKS_PER_SECOND)
    }

    /// The server's data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// How much memory the server holds now, as the kernel says it.
    pub(crate) fn resident_memory(&self) -> String {
        self.status("VmRSS:")
            .unwrap_or_else(|| "unknown".to_owned())
    }

    /// The same as a number of kilobytes.
    pub(crate) fn resident_kilobytes(&self) -> Option<u64> {
        self.status("VmRSS:")?.strip_suffix(" kB")?.parse().ok()
    }

    /// What the kernel says of the process in the line that begins like this.
    fn status(&self, name: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name))?;
        Some(value.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process says in one of its lines, once it has started; `None` if it ends first, or takes too long.
pub(crate) fn said<T: Send + 'static>(
    stdout: ChildStdout,
    parse: impl Fn(&str) -> Option<T> + Send + 'static,
) -> Option<T> {
    let (found, saying) = mpsc::sync_channel(1);
    // Reads on after the line it looks for: a server whose output nobody reads would block one day.
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(what) = parse(&line) {
                // Nobody waits any more once the time is over.
                let _ = found.try_send(what);
            }
        }
    });
    saying
        .recv_timeout(Duration::from_secs(START_SECONDS_MAX))
        .ok()
}

/// The sum of what the lines of a metric say, with labels or without.
fn sum(metrics: &str, name: &str) -> Option<f64> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let lines = lines.filter(|rest| rest.starts_with(['{', ' ']));
    let values = lines.map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

/// A quantile of a histogram without labels, as if what is in a bucket were spread evenly over it. `None` where nothing is.
fn histogram_quantile(metrics: &str, name: &str, quantile: f64) -> Option<f64> {
    let start = format!("{name}_bucket{{le=\"");
    let buckets: Vec<(f64, f64)> = metrics
        .lines()
        .filter_map(|line| {
            let (bound, count) = line.strip_prefix(&start)?.split_once("\"} ")?;
            let bound = bound.replace("+Inf", "inf");
            Some((bound.parse().ok()?, count.parse().ok()?))
        })
        .collect();
    let rank = quantile * buckets.last().filter(|(_, all)| *all > 0.0)?.1;
    let index = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (lower, below) = index.checked_sub(1).map_or((0.0, 0.0), |it| buckets[it]);
    let (upper, count) = buckets[index];
    // Above the last bound nothing is known but that.
    let share = if upper.is_finite() {
        (upper - lower) * (rank - below) / (count - below)
    } else {
        0.0
    };
    Some(lower + share)
}

/// The two addresses in the line a server prints when it is ready.
fn parse_listening(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix("parlor listening on ")?;
    let (url, admin) = rest.split_once(" (admin ")?;
    Some((url.to_owned(), admin.strip_suffix(')')?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn fake_server(script: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parlor");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[test]
    fn a_server_is_started_and_killed() {
        let line = "parlor listening on http://127.0.0.1:4 (admin http://127.0.0.1:5)";
        let folder = fake_server(&format!("echo loading\necho '{line}'\nexec sleep 600"));
        let server = Server::start(&folder.path().join("parlor")).unwrap();
        assert_eq!(server.url, "http://127.0.0.1:4");
        assert_eq!(server.admin_url, "http://127.0.0.1:5");
        let process = format!("/proc/{}", server.child.id());
        assert!(Path::new(&process).exists());
        drop(server);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# TYPE a_total counter\na_total{kind=\"x y\"} 3\na_total{kind=\"z\"} 4\na_total_other 9\n";
        assert_eq!(sum(text, "a_total"), Some(7.0));
        assert_eq!(sum(text, "b_total"), Some(0.0));
        assert_eq!(sum("a_total x\n", "a_total"), None);
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let metrics = "open_seconds_sum 1\nopen_seconds_bucket{le=\"0.1\"} 4\nopen_seconds_bucket{le=\"0.2\"} 8\n\
                       open_seconds_bucket{le=\"+Inf\"} 10\nempty_seconds_bucket{le=\"+Inf\"} 0\n";
        let quantile = |quantile| histogram_quantile(metrics, "open_seconds", quantile).unwrap();
        assert!((quantile(0.2) - 0.05).abs() < 1e-9);
        assert!((quantile(0.5) - 0.125).abs() < 1e-9);
        assert!((quantile(0.99) - 0.2).abs() < 1e-9);
        assert_eq!(histogram_quantile(metrics, "empty_seconds", 0.5), None);
        assert_eq!(histogram_quantile(metrics, "seconds", 0.5), None);
    }

    #[test]
    fn the_log_of_a_server_that_ends_is_shown() {
        let folder = fake_server("echo 'error: no such folder' >&2; exit 64");
        let error = Server::start(&folder.path().join("parlor")).unwrap_err();
        assert!(
            format!("{error:#}").contains("error: no such folder"),
            "{error:#}"
        );
    }
}
