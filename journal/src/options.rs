//! How a journal is opened.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{Disk, RealDisk};

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

/// How commits are put off, so that more goes together. A commit costs the same, most of it inside the kernel, however much is
/// in it: without this, a disk that syncs fast has it done as often as it can, and a server that is busy becomes busier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// From the beginning of one commit to that of the next it takes at least so long,
    pub interval_min: Duration,
    /// and as long as this many of the last commit, which takes longer where the disk or the processor is busy,
    pub commits: u32,
    /// but not longer than this on that account.
    pub interval_max: Duration,
}

impl Pacing {
    /// Each commit begins as soon as the one before has ended.
    pub const NONE: Self = Self {
        interval_min: Duration::ZERO,
        commits: 0,
        interval_max: Duration::ZERO,
    };

    /// From the beginning of a commit that took so long to that of the next.
    pub(crate) fn interval(self, took: Duration) -> Duration {
        let stretched = took.saturating_mul(self.commits).min(self.interval_max);
        stretched.max(self.interval_min)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_that_take_longer_come_less_often_within_bounds() {
        let ms = Duration::from_millis;
        let pacing = Pacing {
            interval_min: ms(1),
            commits: 8,
            interval_max: ms(8),
        };
        assert_eq!(pacing.interval(Duration::from_micros(50)), ms(1));
        assert_eq!(pacing.interval(Duration::from_micros(500)), ms(4));
        assert_eq!(pacing.interval(ms(20)), ms(8));
        assert_eq!(Pacing::NONE.interval(ms(20)), Duration::ZERO);
    }
}
