//! `parlor serve`: settings from flags, environment and file, checked before anything binds; then the server.

mod doors;
mod journal;
mod plugins;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use parlor_server::{
    Auth, Config, CrashAt, DataDir, FileConfig, JwtTable, Listeners, Switch, TestBreak,
    connections_within, raise_open_files,
};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::doors::DoorArgs;
use self::journal::JournalArgs;
use self::plugins::PluginArgs;
use crate::admin::address::AddressFile;
use crate::bundle;
use crate::failure::Failure as Error;

/// A flag wins over its environment variable, and both over the configuration file. What is written nowhere takes its
/// default.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where clients connect; port 0 takes any free one [default: 127.0.0.1:8080]
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where the operator connects [default: 127.0.0.1:8081]
    #[arg(long, env = "PARLOR_ADMIN_LISTEN", value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// Where the server keeps what must outlive it [default: ./.parlor]
    #[arg(long, env = "PARLOR_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A folder of your own files to serve at / in place of the bundled pages
    #[arg(long, env = "PARLOR_WEB", value_name = "DIR")]
    web: Option<PathBuf>,
    /// Who may connect; needed when listening beyond this machine [default on loopback: guest]
    #[arg(long, env = "PARLOR_AUTH", value_name = "MODE")]
    auth: Option<AuthMode>,
    #[command(flatten)]
    jwt: JwtArgs,
    /// An origin whose pages may connect, such as https://play.example.com; may be given several times
    #[arg(
        long,
        env = "PARLOR_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    origin: Vec<String>,
    /// The most rooms at a time [default: 10000]
    #[arg(long, env = "PARLOR_ROOMS_MAX", value_name = "COUNT")]
    rooms_max: Option<usize>,
    /// Whether clients are held to rates (messages a second, joins a minute, …); off only on a loopback address, for
    /// load tests, and leaves sizes and bounds in force [default: on]
    #[arg(long, env = "PARLOR_LIMITS", value_name = "SWITCH")]
    limits: Option<Limits>,
    /// How long a room without members stays, in seconds [default: 10]
    #[arg(long, env = "PARLOR_EMPTY_ROOM_SECONDS", value_name = "SECONDS")]
    empty_room_seconds: Option<u64>,
    /// How long a stopping server waits for its connections, in seconds [default: 10]
    #[arg(
        long,
        visible_alias = "drain-timeout",
        env = "PARLOR_DRAIN_TIMEOUT_SECONDS",
        value_name = "SECONDS"
    )]
    drain_timeout_seconds: Option<u64>,
    /// A TOML file with any of these settings, named with underscores, and [limits] and [plugin.NAME] tables
    #[arg(long, env = "PARLOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The process that this server was started by and for: it ends when that one does, however that comes about
    #[arg(long, value_name = "PID", hide = true)]
    ends_with: Option<i32>,
    /// Breaks the server on purpose, so that a test of tests can see them fail
    #[arg(long, env = "PARLOR_TEST_BREAK", hide = true)]
    test_break: Option<TestBreak>,
    /// Ends the server at a point, as if it were killed there, so that a test can see what it finds afterwards
    #[arg(long, env = "PARLOR_TEST_CRASH_AT", hide = true)]
    test_crash_at: Option<CrashAt>,
    /// How log lines are written
    #[arg(
        long,
        env = "PARLOR_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
    /// What is logged, such as `info` or `parlor_server=debug,parlor::guest=debug`
    #[arg(
        long,
        env = "PARLOR_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    log: String,
    #[command(flatten)]
    plugins: PluginArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    doors: DoorArgs,
}

/// How tokens are checked, with `--auth jwt`; in the configuration file these are in the table [jwt], without `jwt-`.
#[derive(Debug, clap::Args)]
struct JwtArgs {
    /// The keys that tokens are checked with: the path or the https:// address of a JWK set
    #[arg(long, env = "PARLOR_JWT_KEYS", value_name = "PATH|URL")]
    jwt_keys: Option<String>,
    /// What a token's `iss` must be [default: any]
    #[arg(long, env = "PARLOR_JWT_ISSUER", value_name = "TEXT")]
    jwt_issuer: Option<String>,
    /// What must be in a token's `aud` [default: anything]
    #[arg(long, env = "PARLOR_JWT_AUDIENCE", value_name = "TEXT")]
    jwt_audience: Option<String>,
    /// By how much the issuer's clock may differ, in seconds [default: 60]
    #[arg(long, env = "PARLOR_JWT_LEEWAY_SECONDS", value_name = "SECONDS")]
    jwt_leeway_seconds: Option<u64>,
    /// The claim with the user's roles, a list of text [default: roles]
    #[arg(long, env = "PARLOR_JWT_ROLES_CLAIM", value_name = "NAME")]
    jwt_roles_claim: Option<String>,
    /// Take tokens from ?token= in addresses, too, where proxies and logs may see them [default: false]
    #[arg(
        long,
        env = "PARLOR_JWT_TOKEN_IN_QUERY",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    jwt_token_in_query: Option<bool>,
}

impl JwtArgs {
    /// What is written here wins over what is in the file.
    fn over(self, file: JwtTable) -> JwtTable {
        JwtTable {
            keys: self.jwt_keys.or(file.keys),
            issuer: self.jwt_issuer.or(file.issuer),
            audience: self.jwt_audience.or(file.audience),
            leeway_seconds: self.jwt_leeway_seconds.or(file.leeway_seconds),
            roles_claim: self.jwt_roles_claim.or(file.roles_claim),
            token_in_query: self.jwt_token_in_query.or(file.token_in_query),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuthMode {
    /// Anybody, by nickname.
    Guest,
    /// Who has a token.
    Jwt,
}

impl From<AuthMode> for Auth {
    fn from(mode: AuthMode) -> Self {
        match mode {
            AuthMode::Guest => Self::Guest,
            AuthMode::Jwt => Self::Jwt,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Limits {
    /// Rates are kept.
    On,
    /// Rates are not counted.
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) async fn serve(args: Args) -> Result<(), Error> {
    start_log(&args)?;
    let starter = args.ends_with;
    if let Some(starter) = starter {
        end_with(starter)?;
    }
    let config = config(args)?;
    if !bundle::is_complete() {
        let text =
            "find the bundled plugins and pages in this binary: build it with `cargo xtask build`";
        return Err(anyhow::anyhow!(text).into());
    }
    let data_dir = DataDir::open(&config.data_dir)
        .with_context(|| format!("open the data directory {}", config.data_dir.display()))?;
    let catalog = Arc::new(plugins::catalog(&config)?);
    tracing::info!(plugins = ?catalog.labels(), "plugins loaded");
    let listeners = Listeners {
        public: bind(config.listen, "--listen")?,
        admin: bind(config.admin_listen, "--admin-listen")?,
    };
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    // Whoever is told where it is may tell it to stop at once.
    let stopped = stop_signal(starter.is_some());
    let _found_by_others =
        announce(&listeners, scheme, &config.data_dir).context("tell the addresses")?;
    let pages = Arc::new(bundle::Pages);
    parlor_server::run(listeners, data_dir, config, catalog, pages, stopped)
        .await
        .context("run the server")?;
    Ok(())
}

/// Has this process be told to stop when the one ends that started it. Linux may tell so once for each thread of that
/// one, so that it must not be by a signal of which the second ends this process at once.
fn end_with(starter: i32) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::HUP)).context("be told of the starter's end")?;
    // It may have ended before it could be asked for.
    if getppid() != Pid::from_raw(starter) {
        bail!("serve the process {starter}, which is gone");
    }
    Ok(())
}

fn start_log(args: &Args) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&args.log)
        .map_err(|error| Error::Usage(format!("read --log {:?}: {error}", args.log)))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

fn config(args: Args) -> Result<Config, Error> {
    let mut file = match &args.config {
        Some(path) => read_config(path)?,
        None => FileConfig::default(),
    };
    file.listen = args.listen.or(file.listen);
    file.admin_listen = args.admin_listen.or(file.admin_listen);
    file.data_dir = args.data_dir.or(file.data_dir);
    file.web = args.web.or(file.web);
    file.auth = args.auth.map(Auth::from).or(file.auth);
    file.jwt = args.jwt.over(file.jwt);
    let rates = args.limits.map(|limits| match limits {
        Limits::On => Switch::On,
        Limits::Off => Switch::Off,
    });
    file.limits.rates = rates.or(file.limits.rates);
    file.rooms_max = args.rooms_max.or(file.rooms_max);
    file.empty_room_seconds = args.empty_room_seconds.or(file.empty_room_seconds);
    file.drain_timeout_seconds = args.drain_timeout_seconds.or(file.drain_timeout_seconds);
    if !args.origin.is_empty() {
        file.origin = args.origin;
    }
    args.doors.overlay(&mut file);
    args.journal.overlay(&mut file);
    args.plugins.overlay(&mut file);
    let connections = connections_within(file.connections_max, raise_open_files());
    file.connections_max = Some(connections.map_err(|error| Error::Usage(error.to_string()))?);
    let config = Config::check(file).map_err(|error| Error::Usage(error.to_string()))?;
    Ok(Config {
        test_break: args.test_break,
        crash_at: args.test_crash_at,
        ..config
    })
}

fn read_config(path: &Path) -> Result<FileConfig, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Usage(format!("read {}: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| Error::Usage(format!("read {}: {error}", path.display())))
}

fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    parlor_server::listen(address)
        .with_context(|| format!("listen on {address}; choose another with {flag}"))
}

/// Says where the server is: to other commands by a file, for as long as it is kept, and by the one line that scripts
/// wait for.
#[expect(clippy::print_stdout, reason = "what a command answers goes to stdout")]
fn announce(listeners: &Listeners, scheme: &str, data_dir: &Path) -> std::io::Result<AddressFile> {
    let public = listeners.public.local_addr()?;
    let admin = listeners.admin.local_addr()?;
    let file = AddressFile::write(data_dir, scheme, public, admin)?;
    println!("parlor listening on {scheme}://{public} (admin http://{admin})");
    Ok(file)
}

/// Catches signals from now on. Waits for the first SIGTERM or Ctrl-C, of which a second one ends the process at once, or
/// for the end of the starter, if it has one.
fn stop_signal(has_starter: bool) -> impl Future<Output = ()> {
    let caught = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        // Without a starter it keeps its usual meaning.
        has_starter
            .then(|| signal(SignalKind::hangup()))
            .transpose(),
    );
    async move {
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = caught else {
            tracing::warn!("signals cannot be caught; only killing stops this server");
            return std::future::pending().await;
        };
        let starter_gone = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = starter_gone => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(1);
        });
    }
}
