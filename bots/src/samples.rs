//! Latencies, from all bots at once.

use std::sync::{Mutex, MutexGuard};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than this is recorded as this.
const LATENCY_US_MAX: u64 = 120_000_000;
/// Significant decimal digits of a recorded latency.
const DIGITS: u8 = 3;
/// Bots record into one of so many sets of histograms, so that they do not wait for each other; a set for each bot would
/// take a megabyte each.
const STRIPES: usize = 8;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// From an input's scheduled time to its reply or refusal.
    Reply,
    /// From an input's scheduled time until its sender sees what came of it.
    OwnScreen,
    /// The same, until another member sees it.
    OtherScreen,
    /// How far the time between two states is from the time between their ticks.
    StateJitter,
    /// How long after its scheduled time an input was sent: what the generator itself adds to every latency. About 1 ms
    /// of it is the resolution of tokio's timer.
    SendLag,
}

const MEASURES: usize = 5;

/// Histograms, in microseconds.
#[derive(Debug)]
pub(crate) struct Samples {
    stripes: [Mutex<[Histogram<u64>; MEASURES]>; STRIPES],
}

impl Samples {
    pub(crate) fn new() -> Self {
        let stripe = || Mutex::new(std::array::from_fn(|_| histogram()));
        Self {
            stripes: std::array::from_fn(|_| stripe()),
        }
    }

    /// Records one latency; `bot` only spreads the load.
    pub(crate) fn record(&self, bot: usize, measure: Measure, micros: u64) {
        lock(&self.stripes[bot % STRIPES])[measure as usize].saturating_record(micros);
    }

    /// Forgets all that was recorded so far.
    pub(crate) fn clear(&self) {
        for stripe in &self.stripes {
            for histogram in lock(stripe).iter_mut() {
                histogram.reset();
            }
        }
    }

    /// The percentiles of all that was recorded; `None` where nothing was.
    pub(crate) fn percentiles(&self, measure: Measure) -> Option<Percentiles> {
        let mut all = histogram();
        for stripe in &self.stripes {
            all.add(&lock(stripe)[measure as usize])
                .expect("all histograms have the same bounds");
        }
        Percentiles::of(&all)
    }
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS).expect("the bounds are in order")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|lock| lock.into_inner())
}

/// Percentiles of a latency, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Half are not longer than this.
    pub p50_ms: f64,
    /// 90 % are not longer than this.
    pub p90_ms: f64,
    /// 99 % are not longer than this.
    pub p99_ms: f64,
    /// 99.9 % are not longer than this.
    pub p999_ms: f64,
    /// None is longer than this.
    pub max_ms: f64,
}

impl Percentiles {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: millis(histogram.max()),
        })
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_bots_together() {
        let samples = Samples::new();
        for bot in 0..100 {
            samples.record(bot, Measure::Reply, 1_000 * (bot as u64 + 1));
        }
        let percentiles = samples.percentiles(Measure::Reply).unwrap();
        assert_eq!(percentiles.count, 100);
        for (got, wanted) in [
            (percentiles.p50_ms, 50.0),
            (percentiles.p99_ms, 99.0),
            (percentiles.max_ms, 100.0),
        ] {
            assert!(
                (got - wanted).abs() < wanted / 500.0,
                "{got} is not {wanted}"
            );
        }
        assert_eq!(samples.percentiles(Measure::OwnScreen), None);
    }

    #[test]
    fn what_was_forgotten_does_not_count() {
        let samples = Samples::new();
        for bot in 0..2 * STRIPES {
            samples.record(bot, Measure::Reply, 1_000);
        }
        samples.clear();
        assert_eq!(samples.percentiles(Measure::Reply), None);
        samples.record(0, Measure::Reply, 1_000);
        assert_eq!(samples.percentiles(Measure::Reply).unwrap().count, 1);
    }

    #[test]
    fn what_is_longer_than_the_longest_is_not_dropped() {
        let samples = Samples::new();
        samples.record(0, Measure::Reply, 10 * LATENCY_US_MAX);
        assert_eq!(samples.percentiles(Measure::Reply).unwrap().count, 1);
    }
}
