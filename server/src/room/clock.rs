//! A room's time: an absolute tick schedule that never drifts, and timers in room time.
//!
//! Tick n is due n periods after the room was opened. A room that is late by whole periods does not make up for them:
//! it gets one tick, with the number of the newest that is due and a `dt` that covers what was merged.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Sleep};

use crate::plugin::Version;

/// A tick that comes later than this after its time is counted as late.
pub(crate) const LATE_TICK: Duration = Duration::from_millis(5);

/// Later than anything a room waits for.
pub(super) const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Has the alarm ring by then. One that rings sooner is left as it is: who hears it looks at what is due in any case, and
/// that costs less than to set it anew for every message, which may have to wake whoever waits for the timers.
pub(super) fn ring_by(alarm: Pin<&mut Sleep>, by: Instant) {
    if alarm.is_elapsed() || by < alarm.deadline() {
        alarm.reset(by);
    }
}

/// The tick schedule.
#[derive(Debug)]
pub(crate) struct Clock {
    /// A moment at which it was this room time and this tick: the room's opening, or its coming back.
    anchor: Instant,
    anchor_ms: u64,
    anchor_tick: u64,
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
            anchor: opened,
            anchor_ms: 0,
            anchor_tick: 0,
            tick_hz,
            tick: 0,
        }
    }

    /// Sets the clock: now it is this room time, and this was the last tick. The next is due a period from now.
    pub(crate) fn set(&mut self, now: Instant, room_time_ms: u64, tick: u64) {
        self.anchor = now;
        self.anchor_ms = room_time_ms;
        self.anchor_tick = tick;
        self.tick = tick;
    }

    /// Ticks at another rate from now on. Room time and the numbers of ticks go on.
    pub(crate) fn set_rate(&mut self, now: Instant, tick_hz: u32) {
        if tick_hz != self.tick_hz {
            let room_time_ms = self.room_time_ms(now);
            self.set(self.instant_of(room_time_ms), room_time_ms, self.tick);
            self.tick_hz = tick_hz;
        }
    }

    /// The last tick's number.
    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }

    /// Room time.
    pub(crate) fn room_time_ms(&self, now: Instant) -> u64 {
        let since = now.duration_since(self.anchor).as_millis();
        self.anchor_ms
            .saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// When it will be `room_time_ms`; what is past is at the clock's beginning.
    pub(crate) fn instant_of(&self, room_time_ms: u64) -> Instant {
        let millis = room_time_ms.saturating_sub(self.anchor_ms);
        // Far beyond the life of any server; without a bound the addition could overflow.
        self.anchor + Duration::from_millis(millis.min(1 << 42))
    }

    /// When the next tick is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        (self.tick_hz > 0).then(|| self.anchor + self.offset(self.tick + 1))
    }

    /// Takes the tick that is due, if one is.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<DueTick> {
        let elapsed = now.duration_since(self.anchor);
        if self.tick_hz == 0 || elapsed < self.offset(self.tick + 1) {
            return None;
        }
        let elapsed_ticks = elapsed.as_nanos() * u128::from(self.tick_hz) / 1_000_000_000;
        let mut number = u64::try_from(elapsed_ticks)
            .unwrap_or(u64::MAX)
            .saturating_add(self.anchor_tick)
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

    /// The time of tick `number` after the anchor, rounded up so that the schedule never runs early.
    fn offset(&self, number: u64) -> Duration {
        let ticks = number.saturating_sub(self.anchor_tick);
        let nanos = (u128::from(ticks) * 1_000_000_000).div_ceil(u128::from(self.tick_hz.max(1)));
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
    /// That of a version's views.
    pub(crate) fn of(version: &Version) -> Self {
        let description = &version.description;
        match description.state_interval_ms {
            None if description.tick_hz > 0 => Self::once_a_tick(),
            interval_ms => Self::every(Duration::from_millis(interval_ms.unwrap_or(0).into())),
        }
    }

    fn once_a_tick() -> Self {
        Self::OnceATick { sent_in: None }
    }

    fn every(interval: Duration) -> Self {
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    set: BTreeMap<u32, SetTimer>,
    /// How many were ever set.
    serial: u64,
}

/// A timer that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SetTimer {
    due_ms: u64,
    /// Which setting it is: a timer that is due and one of its number that was set since are not the same.
    serial: u64,
}

/// The most timers a room may have at a time.
const TIMERS_MAX: usize = 10_000;

impl Timers {
    /// Sets or replaces a timer. `false` if there are too many.
    pub(crate) fn set(&mut self, timer: u32, due_ms: u64) -> bool {
        if self.set.len() >= TIMERS_MAX && !self.set.contains_key(&timer) {
            return false;
        }
        self.serial += 1;
        let serial = self.serial;
        self.set.insert(timer, SetTimer { due_ms, serial });
        true
    }

    /// All that run, each with the room time at which it is due.
    pub(crate) fn due_times(&self) -> impl Iterator<Item = (u32, u64)> {
        self.set.iter().map(|(timer, it)| (*timer, it.due_ms))
    }

    /// Has these run and no others.
    pub(crate) fn replace(&mut self, timers: impl IntoIterator<Item = (u32, u64)>) {
        self.set.clear();
        for (timer, due_ms) in timers {
            self.set(timer, due_ms);
        }
    }

    pub(crate) fn cancel(&mut self, timer: u32) {
        self.set.remove(&timer);
    }

    /// Takes out the very timer that was due when the room's journal was written.
    pub(crate) fn take(&mut self, timer: u32, serial: u64) {
        if self.set.get(&timer).is_some_and(|it| it.serial == serial) {
            self.set.remove(&timer);
        }
    }

    /// The room time of the earliest timer.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.set.values().map(|it| it.due_ms).min()
    }

    /// Takes the timers that are due, in the order of their times, each with its serial number.
    pub(crate) fn take_due(&mut self, now_ms: u64) -> Vec<(u32, u64)> {
        let mut due: Vec<(u64, u32, u64)> = self
            .set
            .iter()
            .filter(|(_, it)| it.due_ms <= now_ms)
            .map(|(timer, it)| (it.due_ms, *timer, it.serial))
            .collect();
        due.sort_unstable();
        for (_, timer, _) in &due {
            self.set.remove(timer);
        }
        due.into_iter()
            .map(|(_, timer, serial)| (timer, serial))
            .collect()
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
            let last = clock.anchor + clock.offset(clock.tick);
            assert_eq!(last.duration_since(opened), Duration::from_secs(3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_by_the_earliest_time_it_was_set_to_and_can_be_set_again() {
        let start = Instant::now();
        let mut alarm = std::pin::pin!(tokio::time::sleep(FAR));
        ring_by(alarm.as_mut(), at(start, 20));
        ring_by(alarm.as_mut(), at(start, 10));
        ring_by(alarm.as_mut(), at(start, 30));
        alarm.as_mut().await;
        assert_eq!(Instant::now(), at(start, 10));
        ring_by(alarm.as_mut(), at(start, 30));
        alarm.as_mut().await;
        assert_eq!(Instant::now(), at(start, 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_goes_on_from_there() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 10);
        let later = at(start, 12_345);
        clock.set(later, 500, 4);
        assert_eq!(clock.room_time_ms(at(later, 30)), 530);
        assert_eq!(clock.next_due(), Some(at(later, 100)));
        assert_eq!(clock.take_due(at(later, 99)), None);
        let tick = clock.take_due(at(later, 350)).unwrap();
        assert_eq!((tick.number, tick.merged), (7, 2));
        assert_eq!(clock.instant_of(700), at(later, 200));
        assert_eq!(clock.instant_of(100), later);
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
    fn a_timer_that_was_set_anew_is_another_one() {
        let mut timers = Timers::default();
        timers.set(1, 10);
        let serial = timers.take_due(10)[0].1;
        timers.set(1, 10);
        timers.take(1, serial);
        assert_eq!(timers.next_due_ms(), Some(10));
        timers.take(1, serial + 1);
        assert_eq!(timers.next_due_ms(), None);
    }

    #[test]
    fn timers_come_in_the_order_of_their_times_and_once() {
        let mut timers = Timers::default();
        assert!(timers.set(1, 30) && timers.set(2, 10) && timers.set(3, 99));
        timers.cancel(3);
        assert_eq!(timers.next_due_ms(), Some(10));
        assert_eq!(timers.take_due(30), [(2, 2), (1, 1)]);
        assert_eq!(timers.take_due(1000), []);
    }
}
