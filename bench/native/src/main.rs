//! Parlor with native rooms as a program: what `parlor serve --limits off` does, until it is killed.
#![expect(clippy::print_stdout, reason = "whoever started it waits for the line")]

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, ValueEnum};
use parlor_server::{
    Assets, Catalog, Config, DataDir, FileConfig, Fsync, Listeners, Switch, connections_within,
    listen, raise_open_files,
};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where `cargo xtask build plugins` has put them.
const COMPONENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bundle/plugins");

/// Parlor's server, in which rooms of the bundled plugins are native code. Never for strangers: there is no sandbox.
#[derive(Debug, Parser)]
#[command(name = "parlor-native", version)]
struct Cli {
    /// Where clients connect; port 0 takes any free one
    #[arg(
        long,
        env = "PARLOR_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:0"
    )]
    listen: SocketAddr,
    /// Where the operator connects
    #[arg(
        long,
        env = "PARLOR_ADMIN_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:0"
    )]
    admin_listen: SocketAddr,
    /// Where the server keeps what must outlive it
    #[arg(long, env = "PARLOR_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// When what was written counts as durable
    #[arg(long, env = "PARLOR_FSYNC", value_name = "WHEN")]
    fsync: Option<When>,
    /// The components that say what the plugins are
    #[arg(long, value_name = "DIR", default_value = COMPONENTS)]
    components: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Always,
    Interval,
    Never,
}

/// No pages: nobody looks at a bench.
struct NoPages;

impl Assets for NoPages {
    fn get(&self, _path: &str) -> Option<Cow<'static, [u8]>> {
        None
    }
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start")?
        .block_on(serve(cli))
}

async fn serve(cli: Cli) -> Result<()> {
    let components = cli.components.clone();
    let config = config(cli)?;
    let data_dir = DataDir::open(&config.data_dir).context("open the data directory")?;
    let settings = config.catalog(None).map_err(|error| anyhow!(error))?;
    let mut catalog = Catalog::open(settings).context("reserve memory for rooms")?;
    parlor_native::run_natively(&mut catalog);
    catalog
        .load_dir(&components)
        .map_err(|(path, error)| anyhow!(error).context(format!("load {}", path.display())))?;
    tracing::info!(plugins = ?catalog.labels(), "plugins loaded");
    let listeners = Listeners {
        public: listen(config.listen).with_context(|| format!("listen on {}", config.listen))?,
        admin: listen(config.admin_listen)
            .with_context(|| format!("listen on {}", config.admin_listen))?,
    };
    let public = listeners.public.local_addr()?;
    let admin = listeners.admin.local_addr()?;
    println!("parlor listening on http://{public} (admin http://{admin})");
    let never = std::future::pending();
    parlor_server::run(
        listeners,
        data_dir,
        config,
        Arc::new(catalog),
        Arc::new(NoPages),
        never,
    )
    .await
    .context("run the server")
}

fn config(cli: Cli) -> Result<Config> {
    let mut file = FileConfig {
        listen: Some(cli.listen),
        admin_listen: Some(cli.admin_listen),
        data_dir: Some(cli.data_dir),
        connections_max: Some(connections_within(None, raise_open_files())?),
        ..FileConfig::default()
    };
    file.limits.rates = Some(Switch::Off);
    file.journal.fsync = cli.fsync.map(|when| match when {
        When::Always => Fsync::Always,
        When::Interval => Fsync::Interval,
        When::Never => Fsync::Never,
    });
    Ok(Config::check(file)?)
}
