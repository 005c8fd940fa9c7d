//! Latencies.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than this is recorded as this.
const LATENCY_US_MAX: u64 = 120_000_000;
/// Significant decimal digits of a recorded latency.
const DIGITS: u8 = 3;

/// Latencies in microseconds.
#[derive(Debug)]
pub(crate) struct Samples(Histogram<u64>);

impl Samples {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS);
        Self(histogram.expect("the bounds are in order"))
    }

    pub(crate) fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros);
    }

    /// Nothing where nothing was recorded.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile);
        (!self.0.is_empty()).then(|| Percentiles {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max(),
        })
    }
}

/// Percentiles of a latency in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Half are not longer than this.
    pub p50: u64,
    /// 90 % are not longer than this.
    pub p90: u64,
    /// 99 % are not longer than this.
    pub p99: u64,
    /// 99.9 % are not longer than this.
    pub p999: u64,
    /// None is longer than this.
    pub max: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_that_was_recorded() {
        let mut samples = Samples::new();
        assert_eq!(samples.percentiles(), None);
        for micros in 1..=1_000 {
            samples.record(micros);
        }
        let percentiles = samples.percentiles().unwrap();
        let Percentiles {
            count, p50, p99, ..
        } = percentiles;
        assert_eq!((count, p50, p99, percentiles.max), (1_000, 500, 990, 1_000));
    }

    #[test]
    fn what_is_longer_than_the_longest_is_not_left_out() {
        let mut samples = Samples::new();
        samples.record(10 * LATENCY_US_MAX);
        assert_eq!(samples.percentiles().unwrap().count, 1);
    }
}
