//! Servers that are broken on purpose: what the checker does not notice here, it would not notice anywhere.

use std::time::Duration;

use parlor_server::TestBreak;
use parlor_tests::chaos::{Kind, Limits, Outcome, Pace, Storm, Tally, Until, check};
use parlor_tests::{Options, TestServer, Weather};

/// Few clients, and connections that end often.
fn small_storm(is_broken: bool, is_enough: fn(&Tally) -> bool) -> Storm {
    Storm {
        clients: 8,
        plays: false,
        until: Until::Reached(is_enough, Duration::from_secs(20)),
        weather: Some(Weather {
            bytes_max: 4 << 10,
            stall_max: Duration::from_millis(200),
            ..Weather::storm()
        }),
        pace: Pace {
            every: Duration::from_millis(60),
            unanswered_max: 16,
        },
        patience_max: Duration::from_millis(600),
        absence_max: Duration::ZERO,
        // Some of these servers never let everybody come to rest; what is wrong with them shows before that.
        settle_max: Duration::from_secs(if is_broken { 3 } else { 40 }),
        seed: 11,
        limits: Limits::default(),
    }
}

/// So many resumes that frames were missed in some of them.
fn resumed(tally: &Tally) -> bool {
    tally.resumed >= 40
}

/// So many inputs sent again that some had been applied already.
fn answered_again(tally: &Tally) -> bool {
    tally.answered_again >= 60
}

async fn pass(test_break: Option<&str>, is_enough: fn(&Tally) -> bool) -> Outcome {
    let test_break = test_break.map(|name| name.parse::<TestBreak>().expect("it is one of them"));
    let options = Options {
        test_break,
        ..Options::default()
    };
    let server = TestServer::with(options).await;
    small_storm(test_break.is_some(), is_enough)
        .pass(server.address)
        .await
}

/// Breaks the server, and sees to it that the checker finds what that does.
async fn is_noticed(name: &str, is_enough: fn(&Tally) -> bool, wanted: fn(&Kind) -> bool) {
    let outcome = pass(Some(name), is_enough).await;
    let violations = check(&outcome.history);
    let found = violations.iter().filter(|it| wanted(&it.kind)).count();
    super::report(&format!(
        "{name}: {found} {:?} {}",
        outcome.tally, outcome.is_settled
    ));
    assert!(found > 0, "{name}: {violations:?} {:?}", outcome.tally);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_clients_find_nothing_wrong_with_a_server_that_is_not_broken() {
    let outcome = pass(None, |tally| resumed(tally) && answered_again(tally)).await;
    assert_eq!(check(&outcome.history), []);
    assert!(outcome.is_settled, "{:?}", outcome.tally);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_a_resume_that_leaves_out_a_frame_is_noticed() {
    let wanted = |kind: &Kind| matches!(kind, Kind::FrameMissing(_));
    is_noticed("resume-skip-one", resumed, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_a_resume_that_sends_a_frame_twice_is_noticed() {
    let wanted = |kind: &Kind| matches!(kind, Kind::FrameDoubled(_));
    is_noticed("resume-repeat-one", resumed, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_a_resume_that_swaps_two_frames_is_noticed() {
    let wanted = |kind: &Kind| matches!(kind, Kind::FrameOutOfOrder(_));
    is_noticed("resume-swap", resumed, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rs4_a_reset_without_need_is_noticed() {
    let wanted = |kind: &Kind| matches!(kind, Kind::ResetNeedless(_));
    is_noticed("reset-needless", resumed, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ms5_an_input_that_is_applied_twice_is_noticed() {
    let wanted = |kind: &Kind| matches!(kind, Kind::AppliedTwice(_));
    is_noticed("apply-twice", answered_again, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ms2_an_input_that_is_answered_twice_is_noticed() {
    let wanted = |kind: &Kind| matches!(kind, Kind::AnsweredTwice(_));
    is_noticed("reply-twice", resumed, wanted).await;
}

#[test]
fn every_way_to_break_a_server_is_tried() {
    let sources = [
        include_str!("broken.rs"),
        include_str!("../crash/broken.rs"),
        include_str!("../sync/broken.rs"),
    ];
    for (name, _) in TestBreak::ALL {
        let tried = format!("is_noticed(\"{name}\"");
        let is_tried = sources.iter().any(|source| source.contains(&tried));
        assert!(is_tried, "{name}");
    }
}
