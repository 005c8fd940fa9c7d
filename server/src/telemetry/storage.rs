//! What plugins store beyond their rooms.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Label, PluginLabel, counter, gauge};

/// Operations, and what is stored.
pub(super) struct StorageMetrics {
    operations: Family<Label, Counter>,
    waiting: Gauge,
    keys: Family<PluginLabel, Gauge>,
    bytes: Family<PluginLabel, Gauge>,
    damages: Counter,
}

impl StorageMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let operations = Family::<Label, Counter>::default();
        registry.register(
            "storage_operations",
            "Storage operations of plugins, by what they came to",
            operations.clone(),
        );
        let keys = Family::<PluginLabel, Gauge>::default();
        registry.register(
            "storage_keys",
            "Keys that plugins store, by plugin",
            keys.clone(),
        );
        let bytes = Family::<PluginLabel, Gauge>::default();
        registry.register_with_unit(
            "storage",
            "What plugins store, keys and values, by plugin",
            Unit::Bytes,
            bytes.clone(),
        );
        Self {
            operations,
            waiting: gauge(
                registry,
                "storage_waiting",
                "Storage operations that were not answered yet",
            ),
            keys,
            bytes,
            damages: counter(
                registry,
                "storage_damages",
                "Plugins whose storage lost its newest changes to damage on the disk",
            ),
        }
    }
}

/// How much one plugin stores: resolved once for each plugin.
#[derive(Debug)]
pub(crate) struct StorageSize {
    keys: Gauge,
    bytes: Gauge,
}

impl StorageSize {
    pub(crate) fn set(&self, keys: usize, bytes: usize) {
        self.keys.set(keys.try_into().unwrap_or(i64::MAX));
        self.bytes.set(bytes.try_into().unwrap_or(i64::MAX));
    }
}

impl super::Metrics {
    pub(crate) fn storage_operation(&self, outcome: &'static str) {
        let operations = &self.storage.operations;
        operations.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// What counts the operations that wait.
    pub(crate) fn storage_waiting(&self) -> Gauge {
        self.storage.waiting.clone()
    }

    pub(crate) fn storage_damaged(&self) {
        self.storage.damages.inc();
    }

    /// What a plugin's storage shows of itself.
    pub(crate) fn storage_of(&self, plugin: &str) -> StorageSize {
        let label = [("plugin", plugin.to_owned())];
        StorageSize {
            keys: self.storage.keys.get_or_create(&label).clone(),
            bytes: self.storage.bytes.get_or_create(&label).clone(),
        }
    }
}
