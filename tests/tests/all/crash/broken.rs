//! Servers that are broken on purpose: what is not noticed here would not be noticed anywhere.

use parlor_server::TestBreak;
use parlor_tests::CrashableServer;
use parlor_tests::chaos::{CrashRun, Kind};

use super::power;
use crate::chaos::report;

/// Cuts the power of a broken server until the checker finds what that does.
async fn is_noticed(name: &str, wanted: fn(&Kind) -> bool) {
    let test_break = name.parse::<TestBreak>().expect("it is one of them");
    let run = CrashRun {
        check_every: 1,
        ..power::run(40)
    };
    let mut server = CrashableServer::new(run.seed, Some(test_break)).await;
    let outcome = run.pass(&mut server).await;
    let kinds = outcome.violations.iter().map(|it| &it.kind);
    let found = kinds.filter(|kind| wanted(kind)).count();
    report(&format!("{name}: {found} after {}", outcome.kills));
    assert!(
        found > 0,
        "{name}: {:?} {:?}",
        outcome.violations,
        outcome.tally
    );
}

/// What of a history that was cut is seen at once: all are told to begin anew, or what was said is gone.
fn is_loss(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::ResetInDurable(_)
            | Kind::NotApplied(_)
            | Kind::FrameAltered(_)
            | Kind::FrameInvented(_)
            | Kind::EpochCut(_)
            | Kind::StateDiffers(_)
            | Kind::CaptureUndone(_)
            | Kind::ResumeRefusedEarly
            | Kind::Expelled(_)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du2_what_leaves_before_it_is_durable_is_noticed() {
    is_noticed("release-before-commit", is_loss).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du1_a_disk_that_is_never_synced_is_noticed() {
    is_noticed("no-fsync", is_loss).await;
}
