//! The real server, killed with SIGKILL at random moments and started again on the same data.

use std::time::Duration;

use parlor_tests::chaos::{CrashRun, Pace};

use super::victims::Process;
use super::{ms, seed, survived};
use crate::chaos::is_full;

/// In full, 25 games of 8 and as many chats.
fn run() -> CrashRun {
    let is_full = is_full();
    CrashRun {
        clients: if is_full { 200 } else { 48 },
        chatters: 8,
        pace: Pace {
            every: Duration::from_millis(250),
            unanswered_max: 16,
        },
        kills: if is_full { 200 } else { 12 },
        ends_by_itself: None,
        life: ms(50..400),
        start_up: Duration::from_millis(1_500),
        check_every: if is_full { 10 } else { 1 },
        settle_max: Duration::from_secs(60),
        seed: seed(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du1_du2_du3_nothing_acknowledged_or_seen_is_lost_when_the_server_is_killed_again_and_again()
 {
    let mut process = Process::with(&[], "");
    let outcome = survived("kill -9", &run(), &mut process).await;
    assert!(outcome.kills.under_load > 0 && outcome.kills.starting > 0);
}
