//! What rooms and sessions need to outlive the server: the journal of the node, and the settings of all who write to it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parlor_journal::{
    Disk, Frame, Hooks, Journal, Options, Pacing, RealDisk, StreamId, SyncPolicy, write_recording,
};
use parlor_proto::Durability;
use tokio::sync::Semaphore;

use crate::breakage::TestBreak;
use crate::components::Components;
use crate::crash_point::CrashPoints;
use crate::plugin::{Version, wit};

/// The folder of the journal in the data directory.
const JOURNAL_FOLDER: &str = "journal";
/// The folder of rooms that could not be brought back.
const SET_ASIDE_FOLDER: &str = "set-aside";
/// At the least more than a sync takes of a good disk.
const SYNCED_INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Where a commit is a write alone, which takes some microseconds.
const UNSYNCED_INTERVAL_MIN: Duration = Duration::from_micros(200);
/// Less than anybody notices.
const INTERVAL_MAX: Duration = Duration::from_millis(20);
/// How many rooms are brought back at a time, for each core; those that somebody waits for have as many places of their
/// own.
const RECOVERIES_PER_CORE: usize = 1;

/// How far apart commits are.
fn pacing(sync: SyncPolicy) -> Pacing {
    Pacing {
        interval_min: match sync {
            SyncPolicy::Always => SYNCED_INTERVAL_MIN,
            SyncPolicy::Every(_) | SyncPolicy::Never => UNSYNCED_INTERVAL_MIN,
        },
        interval_max: INTERVAL_MAX,
    }
}

/// How rooms and sessions are kept.
#[derive(Debug, Clone)]
pub struct PersistenceSettings {
    /// What operators ask for beyond what plugins declare, by plugin name.
    pub raised: HashMap<String, Durability>,
    /// When what was written counts as durable.
    pub sync: SyncPolicy,
    /// How often a room whose durability is `snapshot` is saved.
    pub snapshot_every: Duration,
    /// After so many steps a room whose durability is `journal` is saved, so that bringing it back takes no longer.
    pub snapshot_steps: usize,
    /// A file of the journal, in bytes.
    pub segment_bytes_max: u64,
    /// How much of a room's history is kept beyond what bringing it back needs, in bytes.
    pub history_bytes_max: u64,
    /// How long a room is kept that nobody is in.
    pub keep_rooms: Duration,
    /// The disk; another than the real one is for tests.
    pub disk: Option<Arc<dyn Disk>>,
}

impl Default for PersistenceSettings {
    fn default() -> Self {
        Self {
            raised: HashMap::new(),
            sync: SyncPolicy::Always,
            snapshot_every: Duration::from_secs(10),
            snapshot_steps: 256,
            segment_bytes_max: 64 << 20,
            history_bytes_max: 256 << 10,
            keep_rooms: Duration::from_hours(7 * 24),
            disk: None,
        }
    }
}

/// The journal, and all that goes with it.
#[derive(Debug)]
pub(crate) struct Persistence {
    pub(crate) journal: Journal,
    pub(crate) settings: PersistenceSettings,
    /// Places for rooms that are brought back: for any, and for those that somebody waits for.
    pub(crate) recoveries: Semaphore,
    pub(crate) urgent_recoveries: Semaphore,
    components: Components,
    set_aside: PathBuf,
}

impl Persistence {
    /// Opens the journal of this data directory. What of it is damaged is said in the log; it can be opened all the same.
    pub(crate) fn open(
        data_dir: &Path,
        settings: PersistenceSettings,
        test_break: Option<TestBreak>,
        crash_points: &CrashPoints,
    ) -> io::Result<Self> {
        let options = Options {
            dir: data_dir.join(JOURNAL_FOLDER),
            sync: settings.sync,
            segment_bytes_max: settings.segment_bytes_max,
            history_bytes_max: settings.history_bytes_max,
            pacing: pacing(settings.sync),
            disk: settings.disk.clone().unwrap_or_else(|| Arc::new(RealDisk)),
            hooks: hooks(test_break, crash_points),
        };
        let (journal, report) = Journal::open(options).map_err(io::Error::other)?;
        if report.torn_bytes > 0 {
            tracing::info!(
                bytes = report.torn_bytes,
                "the journal ends in the middle of a write that nobody was told of; it is cut there"
            );
        }
        for damage in &report.damages {
            tracing::error!(
                segment = damage.segment,
                offset = damage.offset,
                bytes = damage.bytes,
                stream = ?damage.stream,
                "the journal is damaged: {}",
                damage.what
            );
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            journal,
            settings,
            recoveries: Semaphore::new(cores * RECOVERIES_PER_CORE),
            urgent_recoveries: Semaphore::new(cores * RECOVERIES_PER_CORE),
            // Whoever uploads passes the points of uploads; this is no upload.
            components: Components::open(data_dir, CrashPoints::default())?,
            set_aside: data_dir.join(SET_ASIDE_FOLDER),
        })
    }

    /// What of a version's rooms survives: what its plugin declares, or more where the operator asks for it.
    pub(crate) fn durability_of(&self, version: &Version) -> Durability {
        let declared = match version.description.durability {
            wit::Durability::None => Durability::None,
            wit::Durability::Snapshot => Durability::Snapshot,
            wit::Durability::Journal => Durability::Journal,
        };
        let raised = self.settings.raised.get(&version.description.name).copied();
        let rank = |it: &Durability| match it {
            Durability::None => 0,
            Durability::Snapshot => 1,
            Durability::Journal => 2,
        };
        raised
            .into_iter()
            .chain([declared])
            .max_by_key(rank)
            .unwrap_or(declared)
    }

    /// Keeps a component for as long as there may be rooms that run it: the server that comes after this one may bring
    /// another.
    pub(crate) fn keep_component(&self, version: &Version) -> io::Result<()> {
        self.components.keep(&version.digest, &version.component)
    }

    /// Writes what there is of a room that cannot be brought back into a file of its own, and lets go of it.
    pub(crate) fn set_aside(&self, stream: &StreamId, room: &str) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.set_aside)?;
        let path = self
            .set_aside
            .join(format!("{room}-{stream}.parlor").replace(':', "_"));
        let data = self.journal.read(stream).map_err(io::Error::other)?;
        write_recording(&path, stream, &data).map_err(io::Error::other)?;
        self.journal.append(Frame::end(stream.clone()), None);
        Ok(path)
    }

    /// A component that was kept.
    pub(crate) fn component(&self, digest: &str) -> io::Result<Bytes> {
        self.components.read(digest)
    }
}

fn hooks(test_break: Option<TestBreak>, crash_points: &CrashPoints) -> Hooks {
    let crash_points = crash_points.clone();
    let is_early = test_break == Some(TestBreak::ReleaseBeforeCommit);
    Hooks {
        is_fsync_skipped: test_break == Some(TestBreak::NoFsync),
        // What leaves too early must have the time to.
        commit_delay: if is_early {
            Duration::from_millis(20)
        } else {
            Duration::ZERO
        },
        at: Some(Arc::new(move |point| crash_points.pass(point))),
        ..Hooks::default()
    }
}
