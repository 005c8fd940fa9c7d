//! What a journal has done, for metrics.

use std::time::Duration;

/// How many syncs the times are of.
const SYNCS_KEPT: usize = 1024;

/// What a journal has done and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Streams that have not ended.
    pub streams: usize,
    /// Files.
    pub segments: usize,
    /// What they take.
    pub bytes: u64,
    /// What of that counts.
    pub live_bytes: u64,
    /// Groups that became durable.
    pub commits: u64,
    /// Frames in them, without those that compaction moved.
    pub frames: u64,
    /// Bytes that were written, with all that compaction moved.
    pub written_bytes: u64,
    /// Segments whose frames were moved, so that they could be removed.
    pub compactions: u64,
    /// Tries to write or sync that failed.
    pub failures: u64,
    /// How long a sync took, of the last 1024: half took no longer.
    pub sync_p50: Duration,
    /// One in a hundred took longer.
    pub sync_p99: Duration,
    /// The longest.
    pub sync_max: Duration,
}

/// The times of the last syncs.
#[derive(Debug, Default)]
pub(crate) struct SyncTimes {
    times: Vec<Duration>,
    next: usize,
}

impl SyncTimes {
    pub(crate) fn add(&mut self, time: Duration) {
        if self.times.len() < SYNCS_KEPT {
            self.times.push(time);
        } else {
            self.times[self.next] = time;
            self.next = (self.next + 1) % SYNCS_KEPT;
        }
    }

    pub(crate) fn fill(&self, stats: &mut Stats) {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |percent: usize| {
            times
                .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
                .copied()
        };
        stats.sync_p50 = at(50).unwrap_or_default();
        stats.sync_p99 = at(99).unwrap_or_default();
        stats.sync_max = times.last().copied().unwrap_or_default();
    }
}
