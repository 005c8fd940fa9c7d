//! One server process: what its connections and rooms share. Registries and counters only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::auth::Authenticator;
use crate::bans::Bans;
use crate::breakage::TestBreak;
use crate::config::Limits;
use crate::crash_point::CrashPoints;
use crate::epochs::Epochs;
use crate::persistence::Persistence;
use crate::plugin::{AuditPace, Catalog, FaultReport, SlowLane, Uploads, Version};
use crate::rollout::Rollouts;
use crate::room::{Registry, RetainedBytes};
use crate::session::Sessions;
use crate::session::outbox::QueuedBytes;
use crate::storage::Storage;
use crate::telemetry::Metrics;

/// What the node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Taking clients.
    Ready,
    /// About to stop.
    Draining,
}

/// The shared state of a node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) limits: Limits,
    pub(crate) auth: Authenticator,
    pub(crate) catalog: Arc<Catalog>,
    /// The way of components into the catalog while the server runs.
    pub(crate) uploads: Uploads,
    pub(crate) sessions: Sessions,
    pub(crate) rooms: Registry,
    /// What waits for all clients.
    pub(crate) queued: Arc<QueuedBytes>,
    /// What all rooms keep for those who come back.
    pub(crate) retained: Arc<RetainedBytes>,
    /// How the server is broken on purpose.
    pub(crate) test_break: Option<TestBreak>,
    /// Where the server ends itself, for a test.
    pub(crate) crash_points: CrashPoints,
    /// What outlives the process.
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) epochs: Epochs,
    pub(crate) slow_lane: SlowLane,
    pub(crate) reports: Reports,
    /// When it is looked whether a plugin is deterministic.
    pub(crate) audits: AuditPace,
    pub(crate) bans: Bans,
    pub(crate) storage: Storage,
    /// Versions on their way to rooms.
    pub(crate) rollouts: Rollouts,
    pub(crate) phase: watch::Sender<Phase>,
}

impl Node {
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// The version of a digest: one of the catalog, or one that rooms of an earlier server run.
    pub(crate) fn version_of(&self, digest: &str) -> Option<Arc<Version>> {
        if let Some(version) = self.catalog.by_digest(digest) {
            return Some(version);
        }
        let component = self.persistence.component(digest);
        let component = component
            .inspect_err(
                |error| tracing::error!(digest, %error, "failed to read a component that was kept"),
            )
            .ok()?;
        let loaded = self.catalog.load_earlier(&component);
        let version = loaded
            .inspect_err(
                |error| tracing::error!(digest, %error, "failed to load a component that was kept"),
            )
            .ok()?;
        (*version.digest == *digest).then_some(version)
    }

    /// The version that each room runs.
    pub(crate) fn running_versions(&self) -> impl Iterator<Item = Arc<Version>> {
        let rooms = self.rooms.all().into_iter();
        rooms.map(|room| room.identity.version())
    }
}

/// How many failure reports are kept.
const REPORTS_KEPT: usize = 256;

/// The newest failure reports, for whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    newest: Mutex<VecDeque<FaultReport>>,
}

impl Reports {
    pub(crate) fn add(&self, report: FaultReport) {
        let mut newest = self.newest.lock().unwrap_or_else(|lock| lock.into_inner());
        if newest.len() == REPORTS_KEPT {
            newest.pop_front();
        }
        newest.push_back(report);
    }

    /// From the oldest to the newest.
    pub(crate) fn all(&self) -> Vec<FaultReport> {
        let newest = self.newest.lock().unwrap_or_else(|lock| lock.into_inner());
        newest.iter().cloned().collect()
    }
}
