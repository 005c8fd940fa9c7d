//! Waiting until a time. The runtime's own timers have a resolution of a millisecond, which would be part of every latency that is
//! counted from a scheduled time; the kernel's are as fine as it can tell.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;
use tokio::time::Instant;

const ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// A timer of the kernel's.
#[derive(Debug)]
pub(crate) struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "what stands in its place is unsafe, for types that lie about their file; this one owns it"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self(timer))
    }

    /// Waits until then. Others get their turn in any case, also where it is late already.
    pub(crate) async fn sleep_until(&mut self, then: Instant) -> io::Result<()> {
        let time = then.saturating_duration_since(Instant::now());
        if time.is_zero() {
            yield_now().await;
            return Ok(());
        }
        let setting = Itimerspec {
            it_interval: ONCE,
            it_value: Timespec::try_from(time).map_err(|_| io::ErrorKind::InvalidInput)?,
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &setting)?;
        loop {
            let mut ready = self.0.readable().await?;
            let mut rings = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut rings)?));
            match read {
                Ok(rung) => return rung.map(drop),
                Err(_) => continue,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn it_rings_at_the_time_and_again() {
        let mut alarm = Alarm::new().unwrap();
        let start = Instant::now();
        for times in 1..=3 {
            let then = start + Duration::from_micros(700) * times;
            alarm.sleep_until(then).await.unwrap();
            assert!(Instant::now() >= then);
        }
        alarm.sleep_until(start).await.unwrap();
    }
}
