//! The real `parlor` as a process of its own, on a data directory that outlives it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::in_time;

/// A running `parlor serve`. It is killed when this is dropped.
#[derive(Debug)]
pub struct ParlorProcess {
    child: Child,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where the operator connects.
    pub admin: SocketAddr,
}

impl ParlorProcess {
    /// Starts the server on any free ports.
    pub async fn start(data_dir: &Path) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::listening(data_dir, any, any).await
    }

    /// Starts the server on these ports.
    ///
    /// # Panics
    ///
    /// When it is not built, or does not say that it listens.
    pub async fn listening(data_dir: &Path, address: SocketAddr, admin: SocketAddr) -> Self {
        let mut child = Command::new(binary())
            .arg("serve")
            .env("PARLOR_LISTEN", address.to_string())
            .env("PARLOR_ADMIN_LISTEN", admin.to_string())
            .env("PARLOR_DATA_DIR", data_dir)
            .env("PARLOR_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let stdout = child.stdout.take().expect("stdout was asked to be piped");
        let (found, listening) = oneshot::channel();
        // Reads to the end: a server whose output nobody reads would block one day.
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(addresses) = addresses(&line)
                    && let Some(found) = found.take()
                {
                    // Whoever waited may have given up.
                    let _ = found.send(addresses);
                }
            }
        });
        let listening = in_time("the server's addresses", listening).await;
        let (address, admin) = listening.expect("the server says where it listens");
        Self {
            child,
            address,
            admin,
        }
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    ///
    /// When there is no such process.
    pub fn terminate(&self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)
            .expect("the server is there");
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub async fn ended(mut self) -> ExitStatus {
        // Paces the looking, not the test. A thread that waits would keep the process alive where a test fails.
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let looking = async {
            loop {
                pace.tick().await;
                let status = self.child.try_wait().expect("a child can be looked at");
                if let Some(status) = status {
                    return status;
                }
            }
        };
        in_time("the end of the server", looking).await
    }
}

impl Drop for ParlorProcess {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The two addresses in the line a server prints when it is ready.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.strip_prefix("parlor listening on http://")?;
    let (address, admin) = rest.split_once(" (admin http://")?;
    Some((
        address.parse().ok()?,
        admin.strip_suffix(')')?.parse().ok()?,
    ))
}

fn binary() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/parlor");
    assert!(
        binary.exists(),
        "{} is not built; run: cargo xtask build",
        binary.display()
    );
    binary
}
