//! A server whose disk loses what was not synced when the power goes.

use std::time::Duration;

use parlor_tests::CrashableServer;
use parlor_tests::chaos::{CrashRun, Pace};

use super::{ms, seed, survived};
use crate::chaos::is_full;

/// Small rooms, and short lives.
pub(super) fn run(kills: usize) -> CrashRun {
    CrashRun {
        clients: 8,
        chatters: 4,
        pace: Pace {
            every: Duration::from_millis(20),
            unanswered_max: 16,
        },
        kills,
        ends_by_itself: None,
        life: ms(10..80),
        start_up: Duration::from_millis(30),
        check_every: 50,
        settle_max: Duration::from_secs(40),
        seed: seed(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du1_du2_du3_nothing_acknowledged_or_seen_is_lost_when_the_power_goes_again_and_again() {
    let run = run(if is_full() { 1_000 } else { 25 });
    let mut server = CrashableServer::new(run.seed, None).await;
    survived("power cut", &run, &mut server).await;
}
