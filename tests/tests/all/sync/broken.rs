//! Servers that are broken on purpose: what is not noticed here would not be noticed anywhere.

use parlor_server::TestBreak;
use parlor_tests::Options;
use parlor_tests::sync::{Kind, Play, check};

use crate::chaos::report;

/// Breaks the server, and sees to it that the checker finds what that does.
async fn is_noticed(name: &str, wanted: fn(Kind) -> bool) {
    let test_break = name.parse::<TestBreak>().expect("it is one of them");
    let options = Options {
        test_break: Some(test_break),
        ..Options::default()
    };
    let scene = Play {
        clients: 2,
        rounds: 1,
        deeds: 150,
        seed: 7,
    };
    let history = super::play(name, &scene, options).await;
    let violations = check(&history);
    let found = violations.iter().filter(|it| wanted(it.kind)).count();
    report(&format!("{name}: {found} of {}", violations.len()));
    let other = violations.first().map(|it| history.end_of(&it.client));
    assert!(
        found > 0,
        "{name}: {violations:?}, {}",
        other.unwrap_or_default()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn st7_a_patch_on_what_the_client_has_not_is_noticed() {
    let wanted = |kind| matches!(kind, Kind::PatchFirst | Kind::Unusable);
    is_noticed("patch-on-wrong-base", wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn st1_a_state_that_goes_to_somebody_else_is_noticed() {
    is_noticed("state-to-the-wrong-member", |kind| kind == Kind::Overheard).await;
}
