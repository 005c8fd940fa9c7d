//! The times at which a bot sends. Open-loop: they are fixed before the first input, and wait for nothing.

use std::time::Duration;

use tokio::time::Instant;

/// 0.618 of 2^64.
const GOLDEN_SECTION: u64 = 0x9e37_79b9_7f4a_7c15;

/// When a bot sends: at fixed times, whatever came of the last one.
#[derive(Debug)]
pub(crate) struct Schedule {
    first: Instant,
    end: Instant,
    period_ns: u64,
    sent: u64,
}

impl Schedule {
    /// Begins somewhere in the first period: however many bots there are, they are spread evenly over it by their numbers.
    pub(crate) fn new(start: Instant, end: Instant, rate: f64, number: u64) -> Self {
        let period = Duration::from_secs_f64(rate.recip());
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
        // Steps of the golden section fall into the widest gap that those before them have left.
        let share = u128::from(number.wrapping_mul(GOLDEN_SECTION));
        let offset_ns = (share * u128::from(period_ns)) >> u64::BITS;
        let offset = Duration::from_nanos(u64::try_from(offset_ns).unwrap_or_default());
        Self {
            first: start + offset,
            end,
            period_ns,
            sent: 0,
        }
    }

    /// When the next input is due; `None` when there is none any more.
    pub(crate) fn next(&self) -> Option<Instant> {
        let since = Duration::from_nanos(self.sent.saturating_mul(self.period_ns));
        self.first.checked_add(since).filter(|at| *at < self.end)
    }

    /// Takes the next input off the schedule, and says when it is due.
    pub(crate) fn take(&mut self) -> Option<Instant> {
        let next = self.next()?;
        self.sent += 1;
        Some(next)
    }

    /// How many inputs were due by `now` and not taken.
    pub(crate) fn due(mut self, now: Instant) -> u64 {
        let taken = self.sent;
        while self.next().is_some_and(|next| next <= now) {
            self.sent += 1;
        }
        self.sent - taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_wait_for_anything() {
        let start = Instant::now();
        let end = start + Duration::from_secs(2);
        let mut schedule = Schedule::new(start, end, 10.0, 7);
        let times: Vec<_> = std::iter::from_fn(|| schedule.take()).collect();
        assert_eq!(times.len(), 20);
        assert!(times[0] >= start && times[0] < start + Duration::from_millis(100));
        assert!(
            times
                .windows(2)
                .all(|pair| pair[1] - pair[0] == Duration::from_millis(100))
        );
        assert!(times.iter().all(|at| *at < end));
    }

    #[test]
    fn bots_are_spread_evenly_over_the_period() {
        let start = Instant::now();
        let end = start + Duration::from_secs(2);
        let first = |number| Schedule::new(start, end, 2.0, number).next().unwrap();
        let mut firsts: Vec<_> = (0..100).map(first).collect();
        firsts.sort_unstable();
        let gaps = firsts.windows(2).map(|pair| pair[1] - pair[0]);
        // 5 ms each, if they were on a grid.
        assert!(gaps.clone().min() >= Some(Duration::from_millis(2)));
        assert!(gaps.max() <= Some(Duration::from_millis(10)));
    }

    #[test]
    fn what_was_due_and_not_sent_is_counted() {
        let start = Instant::now();
        let end = start + Duration::from_secs(2);
        let mut schedule = Schedule::new(start, end, 10.0, 7);
        for _ in 0..5 {
            schedule.take();
        }
        assert_eq!(schedule.due(end), 15);
        let schedule = Schedule::new(start, end, 10.0, 7);
        assert_eq!(schedule.due(start + Duration::from_millis(1_000)), 10);
    }
}
