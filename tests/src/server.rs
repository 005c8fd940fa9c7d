//! A server in this process, on ports of its own, with a data directory of its own.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parlor_journal::Disk;
use parlor_server::{
    Assets, Auth, Catalog, Config, DataDir, FileConfig, JwtTable, Limits, Listeners, TestBreak,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::http::{HttpResponse, get};
use crate::{Admin, DEADLINE, Log, Metrics, bundle, in_time};

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its limits. By default without rates: a test talks as fast as it can, and those about rates set them.
    pub limits: Limits,
    /// The origins it allows beside loopback ones.
    pub origins: Vec<String>,
    /// How tokens are checked, if they are.
    pub jwt: Option<JwtTable>,
    /// Where its log is kept, if it is.
    pub log: Option<Log>,
    /// How it is broken on purpose: see [`TestBreak`].
    pub test_break: Option<TestBreak>,
    /// The disk that its journal is on, if it is not the real one.
    pub disk: Option<Arc<dyn Disk>>,
    /// Whether its plugins are those made of TypeScript; with a catalog of its own, it has all versions of `changeling-ts`.
    pub is_typescript: bool,
    /// Other settings, as an operator writes them; the limits are those above.
    pub settings: FileConfig,
    /// Whether its catalog is its own, as that of a real server is, rather than that of all tests.
    pub has_own_catalog: bool,
    /// The program that compiles what is uploaded, if it is not this one.
    pub compiler: Option<PathBuf>,
    /// The catalog, if it is another than these.
    pub catalog: Option<Arc<Catalog>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits {
                rates: None,
                ..Limits::default()
            },
            origins: Vec::new(),
            jwt: None,
            log: None,
            test_break: None,
            disk: None,
            is_typescript: false,
            settings: FileConfig::default(),
            has_own_catalog: false,
            compiler: None,
            catalog: None,
        }
    }
}

/// A running server. It has threads of its own, so that a test that is busy does not slow it down, and ends when this is
/// dropped.
#[derive(Debug)]
pub struct TestServer {
    /// Where clients connect.
    pub address: SocketAddr,
    admin: Admin,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    /// Until another server goes on with it.
    data_dir: Option<TempDir>,
}

/// What `/api/v1/reports` says of one failure.
#[derive(Debug, Clone)]
pub struct Report {
    /// `name@version`.
    pub plugin: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// The room.
    pub room: String,
    /// The step that failed.
    pub step: u64,
    /// How many events that step had.
    pub events: u64,
    /// The kind of failure.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// The event to blame.
    pub input: Option<String>,
}

impl TestServer {
    /// Starts a server with the default limits, but for rates.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// Starts a server with changed limits.
    pub async fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut options = Options::default();
        change(&mut options.limits);
        Self::with(options).await
    }

    /// Starts a server.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub async fn with(options: Options) -> Self {
        let data_dir = tempfile::tempdir().expect("there is room for a data directory");
        Self::start_in(data_dir, options).await
    }

    /// Stops the server, and starts one that goes on with what it left behind.
    ///
    /// # Panics
    ///
    /// When the one does not end well, or the other does not come up.
    pub async fn restarted(mut self, options: Options) -> Self {
        let data_dir = self.data_dir.take().expect("a server has a data directory");
        self.ended().await;
        Self::start_in(data_dir, options).await
    }

    async fn start_in(data_dir: TempDir, options: Options) -> Self {
        let file = FileConfig {
            data_dir: Some(data_dir.path().to_owned()),
            origin: options.origins,
            auth: options.jwt.is_some().then_some(Auth::Jwt),
            jwt: options.jwt.unwrap_or_default(),
            ..options.settings
        };
        let mut config = Config::check(file).expect("these settings are fine");
        config.limits = options.limits;
        config.test_break = options.test_break;
        config.persistence.disk = options.disk;
        let (public, admin) = (bind(), bind());
        let address = public.local_addr().expect("it is bound");
        let admin_address = admin.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        // Compiling the components takes long on a busy machine, and only once.
        let own = options.has_own_catalog.then(|| config.clone());
        let is_typescript = options.is_typescript;
        let catalog = tokio::task::spawn_blocking(move || match (options.catalog, own) {
            (Some(catalog), _) => catalog,
            (None, Some(config)) if is_typescript => {
                own_catalog(&bundle::typescript_changelings(), &config, options.compiler)
            }
            (None, Some(config)) => own_catalog(&bundle::catalog(), &config, options.compiler),
            (None, None) if is_typescript => bundle::typescript_catalog(),
            (None, None) => bundle::catalog(),
        });
        let catalog = catalog.await.expect("the components are built");
        let log = options.log;
        let thread =
            std::thread::spawn(move || serve(public, admin, config, catalog, log, stopped));
        // The server makes its token before it accepts. It is asked by the operator's listener: a connection to the other
        // one would have a seat there until the server has noticed that it is gone.
        let up = get(admin_address, "/metrics", &[]).await;
        assert_eq!(up.status, 401, "{up:?}");
        Self {
            address,
            admin: Admin::of(admin_address, data_dir.path()),
            stop: Some(stop),
            thread: Some(thread),
            data_dir: Some(data_dir),
        }
    }

    /// Asks for a page of the public listener.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> HttpResponse {
        get(self.address, path, headers).await
    }

    /// What the server counted so far.
    pub async fn metrics(&self) -> Metrics {
        Metrics::parse(&self.page("/metrics").await)
    }

    /// Looks at the metrics again and again until they are as wanted.
    ///
    /// # Panics
    ///
    /// When they never are.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Metrics) -> bool) -> Metrics {
        // Paces the looking, not the test: it goes on as soon as it is so.
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let looking = async {
            loop {
                pace.tick().await;
                let metrics = self.metrics().await;
                if is_so(&metrics) {
                    return metrics;
                }
            }
        };
        in_time(what, looking).await
    }

    /// All failure reports, the oldest first.
    ///
    /// # Panics
    ///
    /// When the answer is not what it should be.
    pub async fn reports(&self) -> Vec<Report> {
        let body = self.page("/api/v1/reports").await;
        let answer: serde_json::Value = serde_json::from_str(&body).expect("reports are JSON");
        let reports = answer["reports"].as_array().expect("a list of reports");
        reports.iter().map(report).collect()
    }

    /// The failure reports of one room, the oldest first.
    pub async fn reports_of(&self, room: &str) -> Vec<Report> {
        let mut reports = self.reports().await;
        reports.retain(|report| report.room == room);
        reports
    }

    /// Asks for a page of the admin listener without a token.
    pub async fn admin_without_token(&self, path: &str) -> HttpResponse {
        get(self.admin.address(), path, &[]).await
    }

    /// Sends a request to the admin listener, with its token.
    pub async fn admin_request(&self, method: &str, path: &str) -> HttpResponse {
        self.admin.ask(method, path).await
    }

    /// Sends a request with a body to the admin listener, with its token. The answer comes as bytes, too.
    pub async fn admin_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (HttpResponse, Vec<u8>) {
        self.admin.send(method, path, headers, body).await
    }

    /// The operator's way to it.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Where the server keeps what outlives it.
    ///
    /// # Panics
    ///
    /// Never, while there is a server.
    #[must_use]
    pub fn data_dir(&self) -> &std::path::Path {
        let data_dir = self.data_dir.as_ref();
        data_dir.expect("a server has a data directory").path()
    }

    /// Tells the server to stop, without waiting for it.
    pub fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A server that is gone already needs no telling.
            let _ = stop.send(());
        }
    }

    /// Waits until the server has come to its end by itself.
    ///
    /// # Panics
    ///
    /// When it does not, or not well.
    pub async fn ended(mut self) {
        self.begin_stop();
        let thread = self.thread.take().expect("nobody joined it yet");
        let joining = tokio::task::spawn_blocking(move || thread.join());
        let outcome = in_time("the end of the server", joining).await;
        let served = outcome
            .expect("joining does not fail")
            .expect("the server does not panic");
        served.expect("the server ends well");
    }

    async fn page(&self, path: &str) -> String {
        let response = self.admin_request("GET", path).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended
                    .expect("the server does not panic")
                    .expect("the server ends well");
            }
        }
    }
}

/// What a real server does for its catalog, with these components as those that it brings along.
fn own_catalog(bundle: &Catalog, config: &Config, compiler: Option<PathBuf>) -> Arc<Catalog> {
    let settings = config.catalog(compiler).expect("the settings are fine");
    let catalog = bundle.beside(settings);
    let catalog = catalog.expect("the data directory can be used");
    catalog.restore().expect("the data directory can be read");
    if let Some(folder) = &config.plugins {
        catalog.load_folder(folder).expect("the folder can be read");
    }
    Arc::new(catalog)
}

/// No pages: these tests are about sockets.
pub(crate) struct NoPages;

impl Assets for NoPages {
    fn get(&self, _path: &str) -> Option<Cow<'static, [u8]>> {
        None
    }
}

fn bind() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener
        .set_nonblocking(true)
        .expect("sockets can be non-blocking");
    listener
}

fn serve(
    public: std::net::TcpListener,
    admin: std::net::TcpListener,
    config: Config,
    catalog: Arc<Catalog>,
    log: Option<Log>,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(log) = log {
        log.keep_thread();
        runtime.on_thread_start(move || log.keep_thread());
    }
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let listeners = Listeners {
            public: TcpListener::from_std(public)?,
            admin: TcpListener::from_std(admin)?,
        };
        let shutdown = async {
            // The sender is gone when the test is, which is the same thing.
            let _ = stopped.await;
        };
        let data_dir = DataDir::open(&config.data_dir)?;
        let pages = Arc::new(NoPages);
        parlor_server::run(listeners, data_dir, config, catalog, pages, shutdown).await
    });
    runtime.shutdown_timeout(DEADLINE);
    outcome
}

fn report(json: &serde_json::Value) -> Report {
    let text = |field: &str| json[field].as_str().map(str::to_owned);
    let number = |field: &str| json[field].as_u64();
    let read = || {
        Some(Report {
            plugin: text("plugin")?,
            digest: text("digest")?,
            room: text("room")?,
            step: number("step")?,
            events: number("events")?,
            kind: text("kind")?,
            message: text("message")?,
            input: text("input"),
        })
    };
    read().unwrap_or_else(|| panic!("an incomplete report: {json}"))
}
