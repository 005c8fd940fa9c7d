//! Servers to kill.

use std::future::Future;
use std::net::SocketAddr;

use parlor_tests::chaos::Victim;
use parlor_tests::{ParlorProcess, Serve};
use tempfile::TempDir;

/// Where a server is told to end itself.
pub(super) const CRASH_AT: &str = "PARLOR_TEST_CRASH_AT";

/// A `parlor serve` of its own, which SIGKILL ends.
pub(super) struct Process {
    serve: Serve,
    running: Option<ParlorProcess>,
    _data_dir: TempDir,
}

impl Process {
    /// One with more settings than all have, and what is written in its configuration file.
    pub(super) fn with(settings: &[(&'static str, &str)], file: &str) -> Self {
        let data_dir = tempfile::tempdir().expect("there is room for a data directory");
        let path = data_dir.path().join("parlor.toml");
        std::fs::write(&path, file).expect("there is room for a file");
        let plain = super::serve(data_dir.path())
            .lasting()
            .with("PARLOR_CONFIG", path.display().to_string());
        let serve = settings
            .iter()
            .fold(plain, |serve, (name, value)| serve.with(name, *value));
        Self {
            serve,
            running: None,
            _data_dir: data_dir,
        }
    }
}

impl Victim for Process {
    fn address(&self) -> SocketAddr {
        self.serve.address()
    }

    fn spawn(&mut self) {
        self.running = Some(self.serve.spawn());
    }

    async fn is_ready(&mut self) {
        if let Some(running) = &mut self.running {
            running.is_ready().await;
        }
    }

    async fn ended(&mut self) {
        if let Some(running) = &mut self.running {
            running.end().await;
        }
    }

    fn kill(&mut self) -> impl Future<Output = ()> + Send {
        // Dropping it is SIGKILL, and waits for the end.
        self.running = None;
        std::future::ready(())
    }

    fn spare(&mut self) {
        self.serve = self.serve.clone().without(CRASH_AT);
    }
}
