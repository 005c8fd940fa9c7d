//! What the server's time goes into: only work that waits for nothing is timed, so that the sums are of a core's time as long
//! as the server has its cores to itself.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use super::Label;

type Seconds = Counter<f64, AtomicU64>;

/// A part of the way from a tick or an input to the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Calls of the plugin's steps; by the thread's CPU clock.
    Plugin,
    /// States: their order, their hashes, and what changed in them.
    Diff,
    /// Frames to bytes, for each encoding in use.
    Encode,
    /// Messages to sockets: WebSocket frames, encryption, and the system's calls.
    Write,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Plugin, Self::Diff, Self::Encode, Self::Write];

    const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Diff => "diff",
            Self::Encode => "encode",
            Self::Write => "write",
        }
    }
}

/// The time that each stage has taken.
pub(super) struct WorkMetrics {
    seconds: [Seconds; Stage::ALL.len()],
}

impl WorkMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let family = Family::<Label, Seconds>::default();
        registry.register_with_unit(
            "work",
            "Time that work took, by stage: plugin, diff, encode or write",
            Unit::Seconds,
            family.clone(),
        );
        Self {
            seconds: Stage::ALL
                .map(|stage| family.get_or_create(&[("stage", stage.name())]).clone()),
        }
    }
}

impl super::Metrics {
    /// Work of this stage took so long.
    pub(crate) fn worked(&self, stage: Stage, time: Duration) {
        self.work.seconds[stage as usize].inc_by(time.as_secs_f64());
    }

    /// Does work of this stage, and counts its time.
    pub(crate) fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        self.time_sample(stage, 1, work)
    }

    /// Does work of this stage, and counts its time for so much work of the kind.
    pub(crate) fn time_sample<T>(&self, stage: Stage, count: u32, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        self.worked(stage, started.elapsed() * count);
        done
    }

    /// Does work of this stage that may have to wait in between, and counts the time in which it does not wait.
    pub(crate) async fn time_polls<F: Future>(&self, stage: Stage, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| self.time(stage, || work.as_mut().poll(context))).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::telemetry::Metrics;

    fn seconds(metrics: &Metrics, stage: &str) -> f64 {
        let text = metrics.text();
        let name = format!("parlor_work_seconds_total{{stage=\"{stage}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.unwrap().parse().unwrap()
    }

    #[test]
    fn each_stage_is_counted_by_its_name() {
        let metrics = Metrics::new();
        let mut millis = 1;
        for stage in Stage::ALL {
            metrics.worked(stage, Duration::from_millis(millis));
            metrics.worked(stage, Duration::from_millis(millis));
            millis *= 10;
        }
        let names = ["plugin", "diff", "encode", "write"];
        let counted = names.map(|name| seconds(&metrics, name));
        assert_eq!(counted, [0.002, 0.02, 0.2, 2.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_is_no_work() {
        let metrics = Metrics::new();
        let work = async {
            sleep(Duration::from_secs(60)).await;
            7
        };
        assert_eq!(metrics.time_polls(Stage::Write, work).await, 7);
        assert_eq!(seconds(&metrics, "write"), 0.0);
    }
}
