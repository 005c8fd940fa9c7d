//! What is counted of plugin versions: how they come in, and what runs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Label;
use crate::plugin::Version;

/// Versions that are named; the rooms of those beyond are counted together.
const VERSIONS_MAX: usize = 200;

type VersionLabels = [(&'static str, String); 3];

/// What the catalog counts.
#[derive(Debug, Clone)]
pub(crate) struct PluginCounts {
    taken: Family<Label, Counter>,
    cache_reads: Family<Label, Counter>,
    compile_seconds: Histogram,
}

impl Default for PluginCounts {
    fn default() -> Self {
        Self {
            taken: Family::default(),
            cache_reads: Family::default(),
            // From 10 ms to 40 s.
            compile_seconds: Histogram::new(exponential_buckets(0.01, 2.0, 13)),
        }
    }
}

impl PluginCounts {
    pub(crate) fn taken(&self, outcome: &'static str) {
        self.taken.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn cache_read(&self, outcome: &'static str) {
        self.cache_reads
            .get_or_create(&[("outcome", outcome)])
            .inc();
    }

    pub(crate) fn compiled(&self, time: Duration) {
        self.compile_seconds.observe(time.as_secs_f64());
    }
}

/// The rooms of each version.
#[derive(Debug)]
pub(super) struct PluginMetrics {
    rooms: Family<VersionLabels, Gauge>,
}

impl PluginMetrics {
    pub(super) fn new(registry: &mut Registry, counts: &PluginCounts) -> Self {
        registry.register(
            "plugin_uploads",
            "Components brought while the server runs, by outcome: new, known, or why they were refused",
            counts.taken.clone(),
        );
        registry.register(
            "plugin_cache_reads",
            "Compiled code looked for in the cache, by outcome: hit, miss, or refused because the server did not write it",
            counts.cache_reads.clone(),
        );
        registry.register_with_unit(
            "plugin_compile",
            "Time of compiling a component",
            Unit::Seconds,
            counts.compile_seconds.clone(),
        );
        let rooms = Family::default();
        registry.register(
            "rooms_by_version",
            "Open rooms, by the plugin version that they run",
            rooms.clone(),
        );
        Self { rooms }
    }

    /// Counts the rooms anew.
    pub(super) fn read(&self, running: impl Iterator<Item = Arc<Version>>) {
        let mut counts: BTreeMap<Arc<str>, (Arc<Version>, i64)> = BTreeMap::new();
        for version in running {
            let digest = Arc::clone(&version.digest);
            counts.entry(digest).or_insert((version, 0)).1 += 1;
        }
        self.rooms.clear();
        for (index, (version, count)) in counts.into_values().enumerate() {
            let labels = if index < VERSIONS_MAX {
                labels_of(&version)
            } else {
                ["plugin", "version", "digest"].map(|label| (label, "other".to_owned()))
            };
            self.rooms.get_or_create(&labels).inc_by(count);
        }
    }
}

fn labels_of(version: &Version) -> VersionLabels {
    [
        ("plugin", version.description.name.clone()),
        ("version", version.description.version.clone()),
        ("digest", version.digest.to_string()),
    ]
}
