//! A server for tests that are clients of a real one: own ports, own data folder, gone when dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// How long a server may take to say that it listens. Compiling the bundled plugins is most of it.
const START_SECONDS_MAX: u64 = 60;

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
        let data = tempfile::tempdir().context("failed to make a data folder")?;
        let log = data.path().join("server.log");
        let mut child = command
            .env("PARLOR_LISTEN", "127.0.0.1:0")
            .env("PARLOR_ADMIN_LISTEN", "127.0.0.1:0")
            .env("PARLOR_DATA_DIR", data.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(File::create(&log).context("failed to make a log file")?)
            .spawn()
            .context("failed to start the server")?;
        let stdout = child.stdout.take().expect("stdout was asked to be piped");
        let mut server = Self {
            child,
            url: String::new(),
            admin_url: String::new(),
            folder: data,
        };

        let (found, listening) = mpsc::sync_channel(1);
        // Reads on after the line it looks for: a server whose output nobody reads would block one day.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(addresses) = parse_listening(&line) {
                    // Nobody waits any more once the time is over.
                    let _ = found.try_send(addresses);
                }
            }
        });
        let Ok((url, admin_url)) = listening.recv_timeout(Duration::from_secs(START_SECONDS_MAX))
        else {
            let log = fs::read_to_string(&log).unwrap_or_default();
            bail!("the server did not say that it listens; its log:\n{log}");
        };
        println!("==> parlor serve at {url}");
        server.url = url;
        server.admin_url = admin_url;
        Ok(server)
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
    fn the_log_of_a_server_that_ends_is_shown() {
        let folder = fake_server("echo 'error: no such folder' >&2; exit 64");
        let error = Server::start(&folder.path().join("parlor")).unwrap_err();
        assert!(
            format!("{error:#}").contains("error: no such folder"),
            "{error:#}"
        );
    }
}
