//! How late one wakes on this machine who has nothing else to do: what no server on it can do better than.

use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::Error;
use crate::alarm::Alarm;
use crate::options;
use crate::samples::{Percentiles, Samples};
use crate::schedule::Schedule;

/// Above this a tick of Parlor's counts as late.
const LATE_US: u64 = 5_000;
const TIMERS_MAX: u32 = 100_000;
const SECONDS_MAX: f64 = 3_600.0;

/// How late the timers rang.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Wakes {
    /// Which part of them was more than 5 ms late.
    pub late_share: f64,
    /// How late they were.
    pub lateness_us: Option<Percentiles>,
}

/// Wakes by a schedule, again and again.
///
/// # Errors
///
/// Options that cannot be used, or a timer that cannot be made.
pub fn wakes(options: &options::Wakes) -> Result<Wakes, Error> {
    if !(1..=TIMERS_MAX).contains(&options.timers) {
        let problem = format!("there are from 1 to {TIMERS_MAX}");
        return Err(Error::usage("--timers", problem));
    }
    if !(0.0..=SECONDS_MAX).contains(&options.seconds) {
        let problem = format!("it is from 0 to {SECONDS_MAX} seconds");
        return Err(Error::usage("--seconds", problem));
    }
    let time = Duration::from_secs_f64(options.seconds);
    let end_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Timers that ring once a second each, spread over it, ring like one that does so for all of them.
        let schedule = Schedule::new(0, end_us, f64::from(options.timers));
        Ok(ring(schedule).await?)
    })
}

async fn ring(schedule: Schedule) -> std::io::Result<Wakes> {
    let mut alarm = Alarm::new()?;
    let mut samples = Samples::new();
    let mut late = 0_u64;
    let start = Instant::now();
    for slot in 0..schedule.slots() {
        let due = start + Duration::from_micros(schedule.at_us(slot));
        alarm.sleep_until(due).await?;
        let lateness = Instant::now().saturating_duration_since(due).as_micros();
        let lateness = u64::try_from(lateness).unwrap_or(u64::MAX);
        late += u64::from(lateness > LATE_US);
        samples.record(lateness);
    }
    Ok(Wakes {
        late_share: late as f64 / schedule.slots().max(1) as f64,
        lateness_us: samples.percentiles(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_rings() {
        let options = options::Wakes {
            timers: 1_000,
            seconds: 0.1,
        };
        let wakes = wakes(&options).unwrap();
        assert_eq!(wakes.lateness_us.unwrap().count, 100);
        assert!((0.0..=1.0).contains(&wakes.late_share));
    }

    #[test]
    fn what_cannot_be_rung_is_refused() {
        for (timers, seconds) in [(0, 1.0), (1, f64::NAN), (1, -1.0)] {
            let error = wakes(&options::Wakes { timers, seconds }).unwrap_err();
            assert_eq!(error.exit_code(), 64);
        }
    }
}
