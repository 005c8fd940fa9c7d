//! Refusals that are held back. Whoever asks again at once after each 429 would cost the server a handshake each time;
//! one who has to wait for it asks as seldom as it is answered.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::config::DoorLimits;

/// Where those wait who are to be refused.
#[derive(Debug)]
pub(super) struct Tarpit {
    delay: Duration,
    /// Each that waits holds a connection and a file descriptor.
    places: Semaphore,
}

impl Tarpit {
    pub(super) fn new(limits: &DoorLimits) -> Self {
        Self {
            delay: limits.refusal_delay,
            places: Semaphore::new(limits.delayed_refusals_max),
        }
    }

    /// Lets whoever is to be refused wait, if there is a place; the place is free again when this is dropped.
    pub(super) async fn hold(&self) {
        if let Ok(_place) = self.places.try_acquire() {
            sleep(self.delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use tokio::time::Instant;

    use super::*;

    fn tarpit(places: usize) -> Tarpit {
        Tarpit::new(&DoorLimits {
            refusal_delay: Duration::from_secs(1),
            delayed_refusals_max: places,
            ..DoorLimits::default()
        })
    }

    async fn waits(tarpit: &Tarpit) -> Duration {
        let start = Instant::now();
        tarpit.hold().await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_held_back() {
        let tarpit = tarpit(1);
        assert!(waits(&tarpit).await >= Duration::from_secs(1));
        assert!(waits(&tarpit).await >= Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_a_refusal_comes_at_once_until_one_hangs_up() {
        let tarpit = tarpit(1);
        {
            let mut first = pin!(tarpit.hold());
            let mut context = Context::from_waker(Waker::noop());
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert_eq!(waits(&tarpit).await, Duration::ZERO);
        }
        assert!(waits(&tarpit).await >= Duration::from_secs(1));
    }
}
