//! When things are said whatever came of what was said before: the times are fixed before the first.

const MICROS_PER_SECOND: f64 = 1e6;

/// Evenly spaced times, from a start on and before an end, in microseconds of the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    start_us: u64,
    period_us: f64,
    slots: u64,
}

impl Schedule {
    /// So many times a second.
    pub(crate) fn new(start_us: u64, end_us: u64, rate: f64) -> Self {
        let period_us = MICROS_PER_SECOND / rate;
        let time_us = end_us.saturating_sub(start_us) as f64;
        Self {
            start_us,
            period_us,
            slots: floor(time_us / period_us),
        }
    }

    /// How many times there are.
    pub(crate) fn slots(&self) -> u64 {
        self.slots
    }

    /// The time of the slot with this number.
    pub(crate) fn at_us(&self, slot: u64) -> u64 {
        // Each from the start, so that no error adds up.
        self.start_us + floor(slot as f64 * self.period_us)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times and counts of a run are positive and far below 2^53"
)]
fn floor(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_even_and_end_before_the_end() {
        let schedule = Schedule::new(500, 2_000_500, 100.0);
        assert_eq!(schedule.slots(), 200);
        for slot in 0..200 {
            assert_eq!(schedule.at_us(slot), 500 + slot * 10_000);
        }
    }

    #[test]
    fn a_period_of_no_whole_number_does_not_drift() {
        let schedule = Schedule::new(0, 3_000_000, 3_000.0);
        assert_eq!(schedule.slots(), 9_000);
        assert_eq!(schedule.at_us(1), 333);
        assert_eq!(schedule.at_us(3_000), 1_000_000);
        assert_eq!(schedule.at_us(8_999), 2_999_666);
    }
}
