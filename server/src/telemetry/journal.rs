//! What the journal has done: read from it when somebody asks.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parlor_journal::{Health, Journal};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type Seconds = Gauge<f64, AtomicU64>;

/// The journal's gauges.
pub(super) struct JournalMetrics {
    failing: Gauge,
    queued_bytes: Gauge,
    streams: Gauge,
    segments: Gauge,
    bytes: Gauge,
    live_bytes: Gauge,
    commits: Gauge,
    frames: Gauge,
    written_bytes: Gauge,
    compactions: Gauge,
    failures: Gauge,
    sync_p50: Seconds,
    sync_p99: Seconds,
    sync_max: Seconds,
}

impl JournalMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| super::gauge(registry, name, help);
        let failing = gauge(
            "journal_failing",
            "1 while the disk of the journal takes nothing, else 0",
        );
        let queued_bytes = gauge(
            "journal_queued_bytes",
            "Bytes that are not durable in the journal yet",
        );
        let streams = gauge(
            "journal_streams",
            "Rooms, sessions and storages in the journal",
        );
        let segments = gauge("journal_segments", "Files of the journal");
        let bytes = gauge("journal_bytes", "Bytes that the journal takes on the disk");
        let live_bytes = gauge("journal_live_bytes", "Bytes of these that are needed");
        let commits = gauge("journal_commits", "Groups of frames that became durable");
        let frames = gauge("journal_frames", "Frames in them");
        let written_bytes = gauge(
            "journal_written_bytes",
            "Bytes written to the journal, with those that were moved",
        );
        let compactions = gauge("journal_compactions", "Files whose frames were moved");
        let failures = gauge("journal_failures", "Writes and syncs that failed");
        let mut seconds = |name: &str, help: &str| {
            let gauge = Seconds::default();
            registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
            gauge
        };
        Self {
            failing,
            queued_bytes,
            streams,
            segments,
            bytes,
            live_bytes,
            commits,
            frames,
            written_bytes,
            compactions,
            failures,
            sync_p50: seconds(
                "journal_sync_p50",
                "Half of the last 1024 syncs took no longer",
            ),
            sync_p99: seconds(
                "journal_sync_p99",
                "One in a hundred of the last 1024 syncs took longer",
            ),
            sync_max: seconds("journal_sync_max", "The longest of the last 1024 syncs"),
        }
    }

    pub(super) fn read(&self, journal: &Journal) {
        let stats = journal.stats();
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(
            &self.failing,
            u64::from(journal.health() == Health::Failing),
        );
        set(&self.queued_bytes, journal.queued_bytes() as u64);
        set(&self.streams, stats.streams as u64);
        set(&self.segments, stats.segments as u64);
        set(&self.bytes, stats.bytes);
        set(&self.live_bytes, stats.live_bytes);
        set(&self.commits, stats.commits);
        set(&self.frames, stats.frames);
        set(&self.written_bytes, stats.written_bytes);
        set(&self.compactions, stats.compactions);
        set(&self.failures, stats.failures);
        let seconds = |gauge: &Seconds, time: Duration| gauge.set(time.as_secs_f64());
        seconds(&self.sync_p50, stats.sync_p50);
        seconds(&self.sync_p99, stats.sync_p99);
        seconds(&self.sync_max, stats.sync_max);
    }
}
