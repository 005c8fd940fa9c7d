//! What came of changing rooms to other versions.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{Label, fine_buckets};

/// Pauses and roll-backs.
pub(super) struct SwapMetrics {
    pauses: Histogram,
    rollbacks: Family<Label, Counter>,
}

impl SwapMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let pauses = Histogram::new(fine_buckets());
        registry.register_with_unit(
            "swap_pause",
            "How long a room stood still while another version took it over",
            Unit::Seconds,
            pauses.clone(),
        );
        let rollbacks = Family::<Label, Counter>::default();
        registry.register(
            "rollbacks",
            "Rooms that went back to the version before, by cause",
            rollbacks.clone(),
        );
        Self { pauses, rollbacks }
    }
}

impl super::Metrics {
    /// A room runs another version, and stood still for so long.
    pub(crate) fn room_swapped(&self, pause: Duration) {
        self.swaps.pauses.observe(pause.as_secs_f64());
    }

    /// A room went back to the version before.
    pub(crate) fn room_rolled_back(&self, cause: &'static str) {
        let rollbacks = &self.swaps.rollbacks;
        rollbacks.get_or_create(&[("cause", cause)]).inc();
    }
}
