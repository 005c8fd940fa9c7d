//! A token bucket that is told the time.
//!
//! The `governor` crate was looked at and left: it asks a clock of its own, counts in atomics that one session has no use
//! for, and keeps its arithmetic private, so that time could not be an argument. What is needed is this little.

use std::time::Duration;

/// The unit of what was spent: billionths of a token, so that a nanosecond gives back `per_second` of them, exactly.
const UNITS_PER_TOKEN: u64 = 1_000_000_000;

/// So many tokens at once, and so many a second in the long run.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    per_second: u64,
    burst_units: u64,
    /// What was taken and has not come back yet.
    spent_units: u64,
    /// The time for which `spent_units` holds.
    at: Duration,
}

impl Bucket {
    pub(super) fn new(per_second: u64, burst: u64) -> Self {
        Self {
            per_second,
            burst_units: burst.saturating_mul(UNITS_PER_TOKEN),
            spent_units: 0,
            at: Duration::ZERO,
        }
    }

    /// Whether so many tokens are there. More than the bucket ever holds are there while it is full: they are then owed,
    /// so that the rate holds in the long run and nothing is refused for ever.
    pub(super) fn has(&mut self, tokens: u64, now: Duration) -> bool {
        self.refill(now);
        let after = self.spent_units.saturating_add(units(tokens));
        after <= self.burst_units || self.spent_units == 0
    }

    /// Takes tokens that [`Self::has`] found there.
    pub(super) fn take(&mut self, tokens: u64) {
        self.spent_units = self.spent_units.saturating_add(units(tokens));
    }

    fn refill(&mut self, now: Duration) {
        // A clock that goes back gives nothing back.
        let elapsed = now.saturating_sub(self.at);
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let back = nanoseconds.saturating_mul(self.per_second);
        self.spent_units = self.spent_units.saturating_sub(back);
        self.at = self.at.max(now);
    }
}

fn units(tokens: u64) -> u64 {
    tokens.saturating_mul(UNITS_PER_TOKEN)
}
