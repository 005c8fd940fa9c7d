//! Every member has what was shown to it, after each frame, whatever happens: in all three encodings, and in both client
//! libraries.

mod broken;

use parlor_proto::Subprotocol;
use parlor_tests::sync::{History, Library, Play, Tally, check};
use parlor_tests::{Options, TestServer};
use tokio::time::Instant;

use crate::chaos::{is_full, report};

/// What is drawn is drawn from this; `PARLOR_SEED` has another run.
fn seed() -> u64 {
    let given = std::env::var("PARLOR_SEED");
    given.map_or(5, |seed| seed.parse().expect("PARLOR_SEED is a number"))
}

/// Plays on a server, and says what it was.
async fn play(name: &str, play: &Play, options: Options) -> History {
    let server = TestServer::with(options).await;
    let start = Instant::now();
    let history = play.pass(&server).await;
    let (time, tally) = (start.elapsed(), Tally::of(&history));
    let replaced = server.metrics().await.get("states_replaced_total");
    report(&format!(
        "{name} (seed {}, {time:.1?}): {tally}; {replaced} states replaced in outboxes",
        play.seed
    ));
    history
}

/// ST1 to ST5, ST7, PT1 to PT8, RS4: with every applied frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn st2_after_every_frame_every_client_has_what_was_shown_to_it() {
    let scene = Play {
        clients: if is_full() { 8 } else { 4 },
        rounds: if is_full() { 24 } else { 5 },
        deeds: if is_full() { 500 } else { 220 },
        seed: seed(),
    };
    let history = play("states", &scene, Options::default()).await;
    let violations = check(&history);
    let shown: Vec<_> = violations
        .iter()
        .take(20)
        .map(ToString::to_string)
        .chain(violations.first().map(|it| history.end_of(&it.client)))
        .collect();
    assert!(
        violations.is_empty(),
        "seed {}: {} violations: {}",
        scene.seed,
        violations.len(),
        shown.join("\n")
    );
    // It was what it says: nothing of this holds for a run in which nothing happened.
    let tally = Tally::of(&history);
    for library in [Library::Rust, Library::TypeScript] {
        for subprotocol in Subprotocol::ALL {
            let frames = tally.frames.get(&(library, subprotocol.name()));
            let is_used = frames.is_some_and(|(wholes, patches)| *wholes > 0 && *patches > 20);
            assert!(is_used, "{library:?} {}: {frames:?}", subprotocol.name());
        }
        let (spoilt, healed) = tally.healed.get(&library).copied().unwrap_or_default();
        assert!(healed > 0 && spoilt >= healed, "{tally}");
    }
    assert!(tally.skipped > 0 && tally.secret > 0, "{tally}");
    assert!(tally.resumed.0 > 0 && tally.resumed.1 > 0, "{tally}");
}
