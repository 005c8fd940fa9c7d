//! How a journal is opened.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{Disk, Pacing, RealDisk};

/// How a journal is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the segments; made if it is not there.
    pub dir: PathBuf,
    /// What "durable" promises.
    pub sync: SyncPolicy,
    /// A segment that is longer gets no more groups. At most 1 GiB.
    pub segment_bytes_max: u64,
    /// History beyond what recovery needs is kept while its stream takes no more than this.
    pub history_bytes_max: u64,
    /// How commits are put off, so that more goes together.
    pub pacing: Pacing,
    /// Where the files are.
    pub disk: Arc<dyn Disk>,
    /// What tests change.
    pub hooks: Hooks,
}

impl Options {
    /// Segments of 64 MiB, 1 MiB of history a stream, every commit synced and none put off, on the real disk.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            sync: SyncPolicy::Always,
            segment_bytes_max: 64 << 20,
            history_bytes_max: 1 << 20,
            pacing: Pacing::NONE,
            disk: Arc::new(RealDisk),
            hooks: Hooks::default(),
        }
    }
}

/// What "durable" promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// It survives the loss of power.
    Always,
    /// It survives the end of the process, and the loss of power if it is older than this.
    Every(Duration),
    /// It survives the end of the process.
    Never,
}

/// What tests change.
#[derive(Clone)]
pub struct Hooks {
    /// Frames are called durable without a sync: a test of crashes that passes with this tests nothing.
    pub is_fsync_skipped: bool,
    /// How long each commit waits first.
    pub commit_delay: Duration,
    /// How long after a failure the disk is tried again; 250 ms.
    pub retry_after: Duration,
    /// Called at named points: `group-written`, `segment-created`, `compaction-copied`, `compaction-removed`, `retry`.
    pub at: Option<Arc<dyn Fn(&'static str) + Send + Sync>>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            is_fsync_skipped: false,
            commit_delay: Duration::ZERO,
            retry_after: Duration::from_millis(250),
            at: None,
        }
    }
}

impl Hooks {
    pub(crate) fn reached(&self, point: &'static str) {
        if let Some(at) = &self.at {
            at(point);
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("is_fsync_skipped", &self.is_fsync_skipped)
            .field("commit_delay", &self.commit_delay)
            .finish_non_exhaustive()
    }
}
