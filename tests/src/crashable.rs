//! A server in this process whose power is cut again and again. What it wrote to its journal and did not sync is lost in
//! parts; with a process of its own the kernel would keep it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parlor_journal::testing::LossyDisk;
use parlor_server::{Config, DataDir, Durable, FileConfig, Listeners, TestBreak};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::chaos::Victim;
use crate::ports::lasting_address;
use crate::power::PoweredDisk;
use crate::server::NoPages;
use crate::{bundle, http, in_time};

/// Such a server.
#[derive(Debug)]
pub struct CrashableServer {
    address: SocketAddr,
    admin: SocketAddr,
    data_dir: TempDir,
    test_break: Option<TestBreak>,
    /// What is left of the disk while there is no power.
    disk: LossyDisk,
    seed: u64,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    disk: PoweredDisk,
    cut: oneshot::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl CrashableServer {
    /// A server with an empty disk, of which each cut loses what is drawn from the seed.
    ///
    /// # Panics
    ///
    /// When the components are not built.
    pub async fn new(seed: u64, test_break: Option<TestBreak>) -> Self {
        // Compiling takes long, and only once.
        let compiling = tokio::task::spawn_blocking(bundle::catalog);
        compiling.await.expect("the components are built");
        Self {
            address: lasting_address(),
            admin: lasting_address(),
            data_dir: tempfile::tempdir().expect("there is room for a data directory"),
            test_break,
            disk: LossyDisk::new(),
            seed,
            running: None,
        }
    }

    fn config(&self, disk: &PoweredDisk) -> Config {
        let file = FileConfig {
            data_dir: Some(self.data_dir.path().to_owned()),
            listen: Some(self.address),
            admin_listen: Some(self.admin),
            durability: [("chat".to_owned(), Durable::Journal)].into(),
            ..FileConfig::default()
        };
        let mut config = Config::check(file).expect("these settings are fine");
        // All clients have one address, and come back at once.
        config.limits.rates = None;
        config.limits.doors.connections_per_address_max = 10_000;
        config.limits.doors.new_connections_per_address_per_second = 1_000_000;
        config.test_break = self.test_break;
        config.persistence.disk = Some(Arc::new(disk.clone()));
        config
    }
}

impl Victim for CrashableServer {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn spawn(&mut self) {
        let disk = PoweredDisk::new(self.disk.clone());
        let config = self.config(&disk);
        let (cut, is_cut) = oneshot::channel();
        let end_disk = disk.clone();
        let thread = std::thread::spawn(move || serve(config, is_cut, &end_disk));
        self.running = Some(Running { disk, cut, thread });
    }

    async fn is_ready(&mut self) {
        // Paces the asking, not the test.
        let mut pace = tokio::time::interval(Duration::from_millis(2));
        let asking = async {
            loop {
                pace.tick().await;
                let running = self.running.as_ref();
                let is_there = running.is_some_and(|it| !it.thread.is_finished());
                assert!(is_there, "the server ended by itself");
                if http::is_ready(self.address).await {
                    return;
                }
            }
        };
        in_time("a ready server", asking).await;
    }

    async fn ended(&mut self) {
        std::future::pending().await
    }

    async fn kill(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        self.seed += 1;
        self.disk = running.disk.cut(self.seed);
        running.end().await;
    }

    fn spare(&mut self) {}
}

impl Running {
    /// Cuts it off, and waits until it is gone.
    async fn end(self) {
        // It may be gone already.
        let _ = self.cut.send(());
        let joining = tokio::task::spawn_blocking(|| self.thread.join());
        let ended = in_time("the end of the server", joining).await;
        let served = ended.expect("joining does not fail");
        // Without power it may have said that it cannot serve, which is the truth.
        drop(served.expect("the server does not panic"));
    }
}

impl Drop for CrashableServer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // Its disk may be gone, and it with that; why a test fails is known then.
            let _ = running.cut.send(());
            let _ = running.thread.join();
        }
    }
}

/// Serves in one thread, so that from one moment on nothing happens any more.
fn serve(config: Config, is_cut: oneshot::Receiver<()>, disk: &PoweredDisk) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served: io::Result<()> = runtime.block_on(async {
        let serving = async {
            let listeners = Listeners {
                public: bind(config.listen).await,
                admin: bind(config.admin_listen).await,
            };
            let never = std::future::pending();
            let catalog = bundle::catalog();
            let data_dir = DataDir::open(&config.data_dir)?;
            let pages = Arc::new(NoPages);
            parlor_server::run(listeners, data_dir, config, catalog, pages, never).await
        };
        tokio::select! {
            served = serving => served,
            // The sender is gone when the test is, which is the same thing.
            _ = is_cut => Ok(()),
        }
    });
    if let Err(error) = &served {
        tracing::warn!("the server ended: {error}");
    }
    // Nobody hears of it any more, and its journal need not wait for the disk.
    disk.restore();
    runtime.shutdown_timeout(crate::DEADLINE);
    served
}

/// Takes an address as soon as the server before has given it up.
async fn bind(address: SocketAddr) -> TcpListener {
    let mut pace = tokio::time::interval(Duration::from_millis(1));
    loop {
        pace.tick().await;
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
    }
}
