//! The Parlor host: sockets, sessions, rooms, and the plugins that say what rooms do.
//!
//! The modules in the order a message passes them: [`accept`] takes the connection, agrees on an encoding and makes a
//! WebSocket of it, [`auth`] says whose it is, [`session`] owns the socket, [`room`] owns the
//! members and the clock, [`plugin`] runs the component, [`fanout`] encodes what comes of it once per encoding, and the
//! session's outbox takes it back to the socket.

mod accept;
mod admin;
mod auth;
mod bans;
mod breakage;
mod components;
mod config;
mod crash_point;
mod data_dir;
mod drain;
mod epochs;
mod fanout;
#[doc(hidden)]
pub mod hot;
mod node;
mod open_files;
mod persistence;
mod plugin;
mod release;
pub mod replay;
mod revival;
mod rollout;
mod room;
mod session;
mod storage;
mod telemetry;
mod view_frames;
mod web;
mod whole_file;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{Durability, Payload};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::accept::Door;
use self::auth::Authenticator;
use self::bans::Bans;
use self::crash_point::CrashPoints;
use self::epochs::Epochs;
use self::node::{Node, Phase, Reports};
use self::persistence::Persistence;
use self::plugin::{AuditPace, SlowLane, Uploads};
use self::room::RetainedBytes;
use self::session::outbox::QueuedBytes;
use self::storage::Storage;
use self::telemetry::Metrics;
use self::web::Site;

pub use accept::{Tls, TlsError, listen};
pub use auth::{AuthSettings, JwtError, JwtSettings, JwtTable, KeyLocation, KeyUrl};
pub use breakage::TestBreak;
pub use config::{
    Auth, Config, ConfigError, DoorLimits, Durable, FileConfig, FileJournal, FileLimits, Fsync,
    Limits, StorageLimits, Switch,
};
pub use crash_point::CrashAt;
pub use data_dir::DataDir;
pub use open_files::{connections_within, raise_open_files};
pub use parlor_gate::origin::Origins;
pub use parlor_gate::rates::RateSettings;
pub use persistence::PersistenceSettings;
pub use plugin::{
    COMPILE_COMMAND, Catalog, CatalogSettings, CompileError, CompileLimits, FaultReport,
    InspectError, KeyError, LoadError, ROOMS_MAX, SignatureError, Signatures, Source, Version,
    compile_component,
};
pub use web::Assets;

#[doc(hidden)]
pub use plugin::native;

/// The two sockets of a server, bound by the caller, so that tests can take any free ports.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub public: TcpListener,
    /// For the operator.
    pub admin: TcpListener,
}

/// Runs a server until `shutdown` is ready and everything has come to rest.
///
/// # Errors
///
/// If the data directory, or the file of keys, cannot be used.
pub async fn run(
    listeners: Listeners,
    data_dir: DataDir,
    config: Config,
    catalog: Arc<Catalog>,
    assets: Arc<dyn Assets>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let token = data_dir.token();
    if let Some(broken) = config.test_break {
        tracing::error!(
            ?broken,
            "this server is broken on purpose, for a test; use it for nothing else"
        );
    }
    if let Some(at) = &config.crash_at {
        tracing::error!(
            ?at,
            "this server ends itself there, for a test; use it for nothing else"
        );
    }
    let metrics = Arc::new(Metrics::with(catalog.counts()));
    let public_door = Arc::new(Door::public(&config, &metrics));
    let admin_door = Arc::new(Door::admin(&config, &metrics));
    let node = open_node(&config, data_dir, catalog, metrics).await?;
    revival::revive(&node);
    let site = Site {
        assets,
        folder: config.web,
    };
    let public = accept::router(&node, &public_door, config.origins, site);
    let admin = admin::router(Arc::clone(&node), token);
    // Both listeners answer until the end, so that a load balancer sees `/ready` turn 503. Each is a task of its own, so
    // that the operator is heard however many crowd at the public one.
    let mut listening = JoinSet::new();
    listening.spawn(public_door.serve(listeners.public, public));
    listening.spawn(admin_door.serve(listeners.admin, admin));
    if let Some(tls) = config.tls {
        let every = node.limits.doors.certificate_poll;
        listening.spawn(tls.watch(every, Arc::clone(&node.metrics)));
    }
    let stopped = async {
        shutdown.await;
        drain::drain(&node).await;
    };
    tokio::select! {
        never = room::tend(&node) => match never {},
        () = node.auth.keep_fresh() => {}
        () = node.storage.serve() => {}
        never = node.catalog.keep_saved() => match never {},
        never = watch_plugins(config.plugins.as_deref(), &node) => match never {},
        () = stopped => {}
        Some(Err(failed)) = listening.join_next() => return Err(io::Error::other(failed)),
    }
    node.catalog.save_changes();
    // What was written last is on the disk when the process says that it is over.
    let journal = node.persistence.journal.clone();
    let is_settled = tokio::task::spawn_blocking(move || journal.close(LAST_WRITES)).await;
    if !is_settled.unwrap_or(false) {
        tracing::error!("the journal could not be written to its end before the server stopped");
    }
    Ok(())
}

/// Takes what changes in the folder of plugins, if there is one.
async fn watch_plugins(folder: Option<&Path>, node: &Node) -> Infallible {
    match folder {
        Some(folder) => plugin::watch_folder(folder, &node.catalog, &node.uploads).await,
        None => std::future::pending().await,
    }
}

/// Everything that connections and rooms share, opened from the data directory.
async fn open_node(
    config: &Config,
    data_dir: DataDir,
    catalog: Arc<Catalog>,
    metrics: Arc<Metrics>,
) -> io::Result<Arc<Node>> {
    let limits = config.limits.clone();
    let crash_points = CrashPoints::new(config.crash_at.clone());
    let persistence = Persistence::open(
        &config.data_dir,
        config.persistence.clone(),
        config.test_break,
        &crash_points,
    )?;
    for version in catalog.versions() {
        if persistence.durability_of(&version) != Durability::None {
            persistence.keep_component(&version)?;
        }
    }
    let journal = persistence.journal.clone();
    let persistence = Arc::new(persistence);
    Ok(Arc::new(Node {
        uploads: Uploads::start(Arc::clone(&catalog), Arc::clone(&persistence))?,
        persistence,
        auth: Authenticator::open(config.auth.clone(), Arc::clone(&metrics)).await?,
        bans: Bans::new(&limits.doors),
        storage: Storage::open(journal, limits.storage, Arc::clone(&metrics)),
        epochs: Epochs::open(data_dir)?,
        slow_lane: SlowLane::start()?,
        catalog,
        sessions: session::Sessions::open(&config.data_dir)?,
        rooms: room::Registry::default(),
        queued: Arc::new(QueuedBytes::new(limits.queued_bytes_max)),
        retained: Arc::new(RetainedBytes::new(limits.retained_bytes_max)),
        test_break: config.test_break,
        crash_points,
        metrics,
        reports: Reports::default(),
        rollouts: rollout::Rollouts::default(),
        audits: AuditPace::new(limits.audit_every),
        phase: watch::channel(Phase::Ready).0,
        limits,
    }))
}

/// How long a stopping server tries to write what is left to write.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The operator's settings as plugins get them.
///
/// # Errors
///
/// The name of a plugin whose settings are not of the value model, and why.
pub fn plugin_settings(
    settings: &HashMap<String, serde_json::Map<String, serde_json::Value>>,
) -> Result<HashMap<String, Payload>, String> {
    settings
        .iter()
        .map(|(plugin, map)| {
            let text = serde_json::Value::Object(map.clone()).to_string();
            Payload::from_json(&text)
                .map(|payload| (plugin.clone(), payload))
                .map_err(|error| format!("the settings of plugin {plugin}: {error}"))
        })
        .collect()
}
