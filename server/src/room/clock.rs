//! A room's time: an absolute tick schedule that never drifts, and timers in room time.
//!
//! Tick n is due n periods after the room was opened. A room that is late by whole periods does not make up for them:
//! it gets one tick, with the number of the newest that is due and a `dt` that covers what was merged.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A tick that comes later than this after its time is counted as late.
pub(crate) const LATE_TICK: Duration = Duration::from_millis(5);

/// The tick schedule.
#[derive(Debug)]
pub(crate) struct Clock {
    opened: Instant,
    tick_hz: u32,
    tick: u64,
}

/// A tick that is due.
#[derive(Debug, PartialEq)]
pub(crate) struct DueTick {
    pub(crate) number: u64,
    pub(crate) dt_ms: f64,
    /// How many ticks were merged into this one.
    pub(crate) merged: u64,
    /// How long after its time it runs.
    pub(crate) lateness: Duration,
}

impl Clock {
    /// A clock that starts now; 0 Hz never ticks.
    pub(crate) fn new(opened: Instant, tick_hz: u32) -> Self {
        Self {
            opened,
            tick_hz,
            tick: 0,
        }
    }

    /// The last tick's number.
    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }

    /// Room time.
    pub(crate) fn room_time_ms(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }

    /// When the room has been open for `room_time_ms`.
    pub(crate) fn instant_of(&self, room_time_ms: u64) -> Instant {
        // Far beyond the life of any server; without a bound the addition could overflow.
        self.opened + Duration::from_millis(room_time_ms.min(1 << 42))
    }

    /// When the next tick is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        (self.tick_hz > 0).then(|| self.opened + self.offset(self.tick + 1))
    }

    /// Takes the tick that is due, if one is.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<DueTick> {
        let elapsed = now.duration_since(self.opened);
        if self.tick_hz == 0 || elapsed < self.offset(self.tick + 1) {
            return None;
        }
        let elapsed_ticks = elapsed.as_nanos() * u128::from(self.tick_hz) / 1_000_000_000;
        let mut number = u64::try_from(elapsed_ticks)
            .unwrap_or(u64::MAX)
            .max(self.tick + 1);
        // Rounding must not make a tick come before its time.
        if self.offset(number) > elapsed {
            number -= 1;
        }
        let ticks = number - self.tick;
        self.tick = number;
        Some(DueTick {
            number,
            dt_ms: 1000.0 / f64::from(self.tick_hz)
                * f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)),
            merged: ticks - 1,
            lateness: elapsed.saturating_sub(self.offset(number)),
        })
    }

    /// The time of tick `number` after the start, rounded up so that the schedule never runs early.
    fn offset(&self, number: u64) -> Duration {
        let nanos = (u128::from(number) * 1_000_000_000).div_ceil(u128::from(self.tick_hz.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How often the views that changed are sent.
#[derive(Debug)]
pub(crate) enum StatePace {
    /// At most once a tick: with the tick that changed them, or at once when nothing was sent since the last tick.
    OnceATick {
        /// The tick in which they were last sent.
        sent_in: Option<u64>,
    },
    /// At most once in an interval, on a schedule that a late send does not put off.
    Every {
        interval: Duration,
        due: Option<Instant>,
    },
}

impl StatePace {
    pub(crate) fn once_a_tick() -> Self {
        Self::OnceATick { sent_in: None }
    }

    pub(crate) fn every(interval: Duration) -> Self {
        Self::Every {
            interval,
            due: None,
        }
    }

    /// Whether views may be sent now.
    pub(crate) fn is_due(&self, now: Instant, tick: u64) -> bool {
        match self {
            Self::OnceATick { sent_in } => *sent_in != Some(tick),
            Self::Every { due, .. } => due.is_none_or(|due| due <= now),
        }
    }

    /// Notes that views were sent.
    pub(crate) fn sent(&mut self, now: Instant, tick: u64) {
        match self {
            Self::OnceATick { sent_in } => *sent_in = Some(tick),
            Self::Every { interval, due } => {
                let scheduled = due.filter(|due| now.duration_since(*due) < *interval);
                *due = Some(scheduled.unwrap_or(now) + *interval);
            }
        }
    }

    /// When views may be sent next, where no tick says so.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        match self {
            Self::OnceATick { .. } => None,
            Self::Every { due, .. } => *due,
        }
    }
}

/// The plugin's timers, by room time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due_ms: BTreeMap<u32, u64>,
}

/// The most timers a room may have at a time.
const TIMERS_MAX: usize = 10_000;

impl Timers {
    /// Sets or replaces a timer. `false` if there are too many.
    pub(crate) fn set(&mut self, timer: u32, due_ms: u64) -> bool {
        if self.due_ms.len() >= TIMERS_MAX && !self.due_ms.contains_key(&timer) {
            return false;
        }
        self.due_ms.insert(timer, due_ms);
        true
    }

    pub(crate) fn cancel(&mut self, timer: u32) {
        self.due_ms.remove(&timer);
    }

    /// The room time of the earliest timer.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.due_ms.values().min().copied()
    }

    /// Takes the timers that are due, in the order of their times.
    pub(crate) fn take_due(&mut self, now_ms: u64) -> Vec<u32> {
        let mut due: Vec<(u64, u32)> = self
            .due_ms
            .iter()
            .filter(|(_, due_ms)| **due_ms <= now_ms)
            .map(|(timer, due_ms)| (*due_ms, *timer))
            .collect();
        due.sort_unstable();
        for (_, timer) in &due {
            self.due_ms.remove(timer);
        }
        due.into_iter().map(|(_, timer)| timer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(opened: Instant, millis: u64) -> Instant {
        opened + Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_keep_to_the_schedule_whenever_they_are_taken() {
        let opened = Instant::now();
        let mut clock = Clock::new(opened, 20);
        assert_eq!(clock.take_due(at(opened, 49)), None);
        let late = clock.take_due(at(opened, 70)).unwrap();
        assert_eq!((late.number, late.merged), (1, 0));
        assert_eq!(late.lateness, Duration::from_millis(20));
        assert_eq!(clock.next_due(), Some(at(opened, 100)));
        assert_eq!(clock.take_due(at(opened, 100)).unwrap().number, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn missed_ticks_are_merged_and_never_made_up() {
        let opened = Instant::now();
        let mut clock = Clock::new(opened, 10);
        let tick = clock.take_due(at(opened, 1050)).unwrap();
        assert_eq!((tick.number, tick.merged), (10, 9));
        assert!((tick.dt_ms - 1000.0).abs() < 1e-9);
        assert_eq!(clock.take_due(at(opened, 1050)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_does_not_divide_a_second_does_not_drift_or_come_early() {
        let opened = Instant::now();
        for tick_hz in 1..=128 {
            let mut clock = Clock::new(opened, tick_hz);
            for number in 1..=3 * u64::from(tick_hz) {
                let due = clock.next_due().unwrap();
                assert_eq!(clock.take_due(due - Duration::from_nanos(1)), None);
                assert_eq!(clock.take_due(due).unwrap().number, number);
            }
            let last = clock.opened + clock.offset(clock.tick);
            assert_eq!(last.duration_since(opened), Duration::from_secs(3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn states_go_once_a_tick_and_with_the_tick_that_changed_them() {
        let now = Instant::now();
        let mut pace = StatePace::once_a_tick();
        assert!(pace.is_due(now, 0));
        pace.sent(now, 0);
        assert!(!pace.is_due(now, 0));
        assert!(pace.is_due(now, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_send_does_not_put_off_the_next() {
        let start = Instant::now();
        let mut pace = StatePace::every(Duration::from_millis(50));
        pace.sent(start, 0);
        assert!(!pace.is_due(at(start, 49), 0) && pace.is_due(at(start, 50), 0));
        pace.sent(at(start, 62), 0);
        assert_eq!(pace.next_due(), Some(at(start, 100)));
        pace.sent(at(start, 500), 0);
        assert_eq!(pace.next_due(), Some(at(start, 550)));
    }

    #[test]
    fn timers_come_in_the_order_of_their_times_and_once() {
        let mut timers = Timers::default();
        assert!(timers.set(1, 30) && timers.set(2, 10) && timers.set(3, 99));
        timers.cancel(3);
        assert_eq!(timers.next_due_ms(), Some(10));
        assert_eq!(timers.take_due(30), [2, 1]);
        assert_eq!(timers.take_due(1000), Vec::<u32>::new());
    }
}
