//! Latencies and traffic, from all bots at once.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// What went over the wire so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    frames_out: AtomicU64,
    bytes_out: AtomicU64,
    frames_in: AtomicU64,
    bytes_in: AtomicU64,
    answered: AtomicU64,
    unsent: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) frames_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) frames_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) answered: u64,
    pub(crate) unsent: u64,
}

impl Count {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            frames_out: self.frames_out - before.frames_out,
            bytes_out: self.bytes_out - before.bytes_out,
            frames_in: self.frames_in - before.frames_in,
            bytes_in: self.bytes_in - before.bytes_in,
            answered: self.answered - before.answered,
            unsent: self.unsent - before.unsent,
        }
    }
}

impl Counters {
    pub(crate) fn on_sent(&self, bytes: usize) {
        self.frames_out.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn on_received(&self, bytes: usize) {
        self.frames_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn on_answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Inputs were due that the generator never got to send.
    pub(crate) fn on_unsent(&self, inputs: u64) {
        self.unsent.fetch_add(inputs, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Count {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Count {
            frames_out: read(&self.frames_out),
            bytes_out: read(&self.bytes_out),
            frames_in: read(&self.frames_in),
            bytes_in: read(&self.bytes_in),
            answered: read(&self.answered),
            unsent: read(&self.unsent),
        }
    }
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
    fn what_is_longer_than_the_longest_is_not_dropped() {
        let samples = Samples::new();
        samples.record(0, Measure::Reply, 10 * LATENCY_US_MAX);
        assert_eq!(samples.percentiles(Measure::Reply).unwrap().count, 1);
    }
}
