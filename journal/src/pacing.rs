//! How commits are put off, so that more goes together.
//!
//! A commit costs about the same processor time however much is in it, most of it inside the kernel. While the processor
//! has nothing else to do that costs nobody anything, and commits come close behind one another; while it is full, it is
//! taken from those whose work is committed, and they come farther apart.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How far apart commits are, from the beginning of one to that of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// At least; and no more than that while this process has its cores for itself.
    pub interval_min: Duration,
    /// While this process keeps all its cores busy.
    pub interval_max: Duration,
}

impl Pacing {
    /// Each commit begins as soon as the one before has ended.
    pub const NONE: Self = Self {
        interval_min: Duration::ZERO,
        interval_max: Duration::ZERO,
    };

    /// At this share of the cores that is in use, from 0 to 1. By its fourth power: as long as there is time that nothing else
    /// wants, commits may have it.
    fn interval(self, busy: f64) -> Duration {
        let range = self.interval_max.saturating_sub(self.interval_min);
        self.interval_min + range.mul_f64(busy.clamp(0.0, 1.0).powi(4))
    }
}

/// What is longer ago does not count for how busy the process is.
const MEMORY: Duration = Duration::from_millis(100);

/// When the next commit may begin.
#[derive(Debug)]
pub(crate) struct Pacer {
    pacing: Pacing,
    cores: f64,
    last: Option<Moment>,
    /// The share of the cores that was in use lately.
    busy: f64,
}

/// A time, and what the process has used of its cores by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) cpu: Duration,
}

impl Pacer {
    pub(crate) fn new(pacing: Pacing) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::on(pacing, cores)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "there are not as many cores as that"
    )]
    fn on(pacing: Pacing, cores: usize) -> Self {
        Self {
            pacing,
            cores: cores as f64,
            last: None,
            busy: 0.0,
        }
    }

    /// How long the next commit has to wait from now on.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let since = self.last.map(|last| now.saturating_duration_since(last.at));
        let interval = self.pacing.interval(self.busy);
        since.map_or(Duration::ZERO, |since| interval.saturating_sub(since))
    }

    /// A commit begins.
    pub(crate) fn begins(&mut self, now: Moment) {
        if let Some(last) = self.last.replace(now) {
            let time = now.at.saturating_duration_since(last.at).as_secs_f64();
            let used = now.cpu.saturating_sub(last.cpu).as_secs_f64();
            let weight = (time / MEMORY.as_secs_f64()).min(1.0);
            if time > 0.0 {
                self.busy += weight * (used / (time * self.cores) - self.busy);
            }
        }
    }
}

/// What this process has used of its cores.
pub(crate) fn process_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    const PACING: Pacing = Pacing {
        interval_min: ms(1),
        interval_max: ms(11),
    };

    #[expect(
        clippy::disallowed_methods,
        reason = "nothing here waits: it is the time that others are counted from"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    /// The wait behind commits that were `apart`, each with so much work beside it.
    fn wait_after(pacer: &mut Pacer, commits: u32, apart: Duration, work: Duration) -> Duration {
        let last = pacer.last.unwrap_or(Moment {
            at: now(),
            cpu: Duration::ZERO,
        });
        for n in 1..=commits {
            pacer.begins(Moment {
                at: last.at + apart * n,
                cpu: last.cpu + work * n,
            });
        }
        pacer.wait(pacer.last.unwrap().at)
    }

    #[test]
    fn the_first_commit_waits_for_nothing_and_the_next_for_an_interval() {
        let mut pacer = Pacer::on(PACING, 1);
        let now = now();
        assert_eq!(pacer.wait(now), Duration::ZERO);
        let cpu = Duration::ZERO;
        pacer.begins(Moment { at: now, cpu });
        assert_eq!(pacer.wait(now), ms(1));
        assert_eq!(
            pacer.wait(now + Duration::from_micros(400)),
            Duration::from_micros(600)
        );
        assert_eq!(pacer.wait(now + ms(5)), Duration::ZERO);
    }

    #[test]
    fn the_busier_the_process_the_farther_apart() {
        let idle = wait_after(&mut Pacer::on(PACING, 1), 500, ms(2), Duration::ZERO);
        let half = wait_after(&mut Pacer::on(PACING, 1), 500, ms(2), ms(1));
        let full = wait_after(&mut Pacer::on(PACING, 1), 500, ms(2), ms(2));
        let half_of_two = wait_after(&mut Pacer::on(PACING, 2), 500, ms(2), ms(2));
        assert_eq!(idle, ms(1));
        assert!(
            half > Duration::from_micros(1_500) && half < ms(2),
            "{half:?}"
        );
        assert_eq!(half, half_of_two);
        assert!(full > ms(10) && full <= ms(11), "{full:?}");
    }

    #[test]
    fn what_is_past_is_soon_forgotten() {
        let mut pacer = Pacer::on(PACING, 1);
        wait_after(&mut pacer, 500, ms(2), ms(2));
        assert!(wait_after(&mut pacer, 150, ms(2), Duration::ZERO) < ms(2));
        wait_after(&mut pacer, 500, ms(2), ms(2));
        assert_eq!(wait_after(&mut pacer, 1, ms(1_000), Duration::ZERO), ms(1));
    }

    #[test]
    fn no_pacing_is_no_wait_however_busy() {
        let mut pacer = Pacer::on(Pacing::NONE, 1);
        assert_eq!(wait_after(&mut pacer, 10, ms(2), ms(2)), Duration::ZERO);
    }

    #[test]
    fn the_process_uses_time() {
        let before = process_cpu_time();
        let mut sum = 0_u64;
        while process_cpu_time() == before {
            sum = std::hint::black_box(sum + 1);
        }
    }
}
