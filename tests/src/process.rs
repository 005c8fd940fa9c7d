//! The real `parlor` as a process of its own, on a data directory that outlives it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::http::is_ready;
use crate::ports::lasting_address;
use crate::{Admin, in_time};

/// How a `parlor serve` is started.
#[derive(Debug, Clone)]
pub struct Serve {
    data_dir: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    settings: Vec<(&'static str, String)>,
}

impl Serve {
    /// On a data directory and any free ports.
    #[must_use]
    pub fn on(data_dir: &Path) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data_dir: data_dir.to_owned(),
            address: any,
            admin: any,
            settings: Vec::new(),
        }
    }

    /// With a setting, by its environment variable.
    #[must_use]
    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((variable, value.into()));
        self
    }

    /// Without a setting again.
    #[must_use]
    pub fn without(mut self, variable: &str) -> Self {
        self.settings.retain(|(known, _)| *known != variable);
        self
    }

    /// On ports that nobody takes while it is down.
    #[must_use]
    pub fn lasting(self) -> Self {
        self.listening(lasting_address(), lasting_address())
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// On these ports.
    #[must_use]
    pub fn listening(mut self, address: SocketAddr, admin: SocketAddr) -> Self {
        self.address = address;
        self.admin = admin;
        self
    }

    /// Starts it, without waiting until it listens.
    ///
    /// # Panics
    ///
    /// When it is not built.
    #[must_use]
    pub fn spawn(&self) -> ParlorProcess {
        let mut child = Command::new(binary())
            .arg("serve")
            .env("PARLOR_LISTEN", self.address.to_string())
            .env("PARLOR_ADMIN_LISTEN", self.admin.to_string())
            .env("PARLOR_DATA_DIR", &self.data_dir)
            .env("PARLOR_LOG", "warn")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
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
        ParlorProcess {
            child,
            address: self.address,
            admin: self.admin,
            data_dir: self.data_dir.clone(),
            listening: Some(listening),
        }
    }
}

/// A running `parlor serve`. It is killed, which no process can see coming, when this is dropped.
#[derive(Debug)]
pub struct ParlorProcess {
    child: Child,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where the operator connects.
    pub admin: SocketAddr,
    data_dir: PathBuf,
    /// Told once it listens.
    listening: Option<oneshot::Receiver<(SocketAddr, SocketAddr)>>,
}

impl ParlorProcess {
    /// Starts the server on any free ports.
    pub async fn start(data_dir: &Path) -> Self {
        let mut process = Serve::on(data_dir).spawn();
        process.listens().await;
        process
    }

    /// Starts the server on these ports.
    pub async fn listening(data_dir: &Path, address: SocketAddr, admin: SocketAddr) -> Self {
        let mut process = Serve::on(data_dir).listening(address, admin).spawn();
        process.listens().await;
        process
    }

    /// Waits until it says where it listens.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn listens(&mut self) {
        if let Some(listening) = self.listening.take() {
            let listening = in_time("the server's addresses", listening).await;
            (self.address, self.admin) = listening.expect("the server says where it listens");
        }
    }

    /// Waits until it says that it is ready for clients.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn is_ready(&mut self) {
        self.listens().await;
        // Paces the asking, not the test.
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let asking = async {
            loop {
                pace.tick().await;
                if is_ready(self.address).await {
                    return;
                }
            }
        };
        in_time("a ready server", asking).await;
    }

    /// The operator's way to it, once it is ready.
    #[must_use]
    pub fn operator(&self) -> Admin {
        Admin::of(self.admin, &self.data_dir)
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
        in_time("the end of the server", self.end()).await
    }

    /// Waits for the end of the process for as long as it takes.
    ///
    /// # Panics
    ///
    /// When it cannot be looked at.
    pub async fn end(&mut self) -> ExitStatus {
        // Paces the looking, not the test. A thread that waits would keep the process alive where a test fails.
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        loop {
            pace.tick().await;
            let status = self.child.try_wait().expect("a child can be looked at");
            if let Some(status) = status {
                return status;
            }
        }
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

/// The `parlor` that was built.
///
/// # Panics
///
/// When it was not.
#[must_use]
pub fn binary() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/parlor");
    assert!(
        binary.exists(),
        "{} is not built; run: cargo xtask build",
        binary.display()
    );
    binary
}
