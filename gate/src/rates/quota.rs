//! So many in a period, counted exactly: in no stretch of that length are there more.

use std::collections::VecDeque;
use std::time::Duration;

/// For what is rare: it keeps the time of each that passed, which is nothing for a session that never does it.
#[derive(Debug, Clone)]
pub(super) struct Quota {
    count_max: usize,
    period: Duration,
    passed: VecDeque<Duration>,
}

impl Quota {
    pub(super) fn new(count_max: u32, period: Duration) -> Self {
        Self {
            count_max: count_max.try_into().unwrap_or(usize::MAX),
            period,
            passed: VecDeque::new(),
        }
    }

    /// Whether one more may pass.
    pub(super) fn has_room(&mut self, now: Duration) -> bool {
        while let Some(oldest) = self.passed.front()
            && now.saturating_sub(*oldest) >= self.period
        {
            self.passed.pop_front();
        }
        self.passed.len() < self.count_max
    }

    /// Notes one that passed after [`Self::has_room`] said that it may.
    pub(super) fn note(&mut self, now: Duration) {
        self.passed.push_back(now);
    }
}
