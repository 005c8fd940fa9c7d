//! Versions that take a room over and do not prove themselves: each goes by itself, and the room is as if it had never been.

use std::collections::BTreeMap;

use parlor_proto::ServerFrame;
use parlor_tests::{Report, TestClient, changeling, json_of};
use serde_json::{Value as Json, json};

use super::{LONG, Made, add, inspect, post, second, server, swapped, until, upload, version};

/// What is wrong, what the report calls it, and what it says.
const TRICKS: &[(&str, &str, &str)] = &[
    ("traps", "trap", "it traps at once"),
    ("traps-tenth", "trap", "its tenth step"),
    ("loops", "deadline", "longer than its budget"),
    ("eats-memory", "memory", "memory"),
    ("lies", "lying-save", "comes out otherwise"),
];

#[tokio::test]
async fn vs2_vs3_a_version_that_fails_on_trial_goes_and_members_see_the_room_as_it_is() {
    for (trick, kind, says) in TRICKS {
        fails_on_trial(Made::OfRust, trick, kind, says).await;
    }
}

pub(super) async fn fails_on_trial(made: Made, trick: &str, kind: &str, says: &str) {
    let server = made.server(LONG).await;
    let mut ann = TestClient::connect(&server).await;
    let joined = ann.join("hall", made.plugin()).await;
    let mut bob = TestClient::connect(&server).await;
    bob.join("hall", made.plugin()).await;
    let bad = made.version(&server, trick).await;
    add(&mut ann, 1).await;
    // Whatever the shadow run says.
    let order = json!({ "version": bad, "force": true });
    let forced = post(&server, "/api/v1/rooms/hall/swap", &order).await;
    assert_eq!(forced.status, 200, "{trick}: {forced:?}");
    for n in 0..20 {
        assert_eq!(add(&mut ann, 1).await, 2 + n, "{trick}");
    }
    let seen = until(&server, "hall", "the version before", |it| {
        it["swap"].is_null()
    })
    .await;
    assert_eq!(seen["version"], "1.0.0", "{trick}");
    assert_eq!(seen["epoch"], joined.epoch, "{trick}");
    assert_eq!(version(&mut ann).await, "1.0.0", "{trick}");
    assert_eq!(add(&mut ann, 0).await, 21, "{trick}");
    let reports = server.reports_of("hall").await;
    let is_of_trial = |it: &&Report| {
        it.input
            .as_deref()
            .is_some_and(|it| it.contains("on trial"))
    };
    let report = reports
        .iter()
        .filter(|it| it.digest == bad)
        .find(is_of_trial);
    let report = report.unwrap_or_else(|| panic!("{trick}: {reports:?}"));
    assert_eq!(report.kind, kind, "{trick}");
    assert!(report.message.contains(says), "{trick}: {report:?}");
    // Bob has every sum once and in order, whichever version said it, and the view is that of the version in charge.
    let all: Vec<i64> = (1..=21).chain([21]).collect();
    let shown = json!({ "sum": 21, "version": "1.0.0" });
    assert_eq!(heard(&mut bob, all.len(), &shown).await, all, "{trick}");
    let suspect = server.admin_request("GET", "/api/v1/plugins").await;
    assert!(suspect.body.contains(says), "{trick}: {suspect:?}");
    let again = super::swap(&server, "hall", &bad).await;
    assert_eq!(again.status, 409, "{trick}");
    drop(ann);
}

/// The sums that a member was told, by their sequence numbers, once it is shown this, too.
async fn heard(client: &mut TestClient, count: usize, shown: &Json) -> Vec<i64> {
    let mut sums: BTreeMap<u64, i64> = BTreeMap::new();
    let mut is_shown = false;
    client
        .expect("all sums and the view", |frame| {
            match frame {
                ServerFrame::RoomMessage(message) => {
                    if let Some(sum) = json_of(&message.data)["sum"].as_i64() {
                        assert_eq!(sums.insert(message.seq, sum), None, "it came twice");
                    }
                }
                ServerFrame::RoomState(state) => {
                    is_shown = json_of(&state.state) == *shown;
                }
                _ => {}
            }
            (sums.len() == count && is_shown).then_some(())
        })
        .await;
    sums.into_values().collect()
}

#[tokio::test]
async fn a_version_that_says_ten_times_as_much_goes_even_if_nothing_showed_before() {
    let server = server(LONG).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", "changeling").await;
    for _ in 0..20 {
        add(&mut ann, 1).await;
    }
    let good = upload(&server, &second()).await;
    let bad = upload(&server, &changeling("3.0.0", "ten-times")).await;
    // Nothing was recorded since the version before came back, but what it usually says is known.
    swapped(&server, "hall", &good).await;
    let path = "/api/v1/rooms/hall/rollback";
    assert_eq!(post(&server, path, &json!({})).await.status, 200);
    swapped(&server, "hall", &bad).await;
    for n in 0..10 {
        assert_eq!(add(&mut ann, 1).await, 21 + n);
    }
    assert_eq!(inspect(&server, "hall").await["version"], "1.0.0");
    let reports = server.reports_of("hall").await;
    assert_eq!(reports.last().expect("a report").kind, "output");
}

#[tokio::test]
async fn timers_that_ran_under_the_version_that_went_are_due_once() {
    let server = server(LONG).await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", "changeling").await;
    let bad = upload(&server, &changeling("3.0.0", "traps-tenth")).await;
    swapped(&server, "hall", &bad).await;
    ann.applied("hall", &json!({ "do": "timer", "after_ms": 1 }))
        .await;
    let timers = |frame: ServerFrame| match frame {
        ServerFrame::RoomMessage(message) => json_of(&message.data)["timers"].as_u64(),
        _ => None,
    };
    assert_eq!(ann.expect("the timer", timers).await, 1);
    ann.applied("hall", &json!({ "do": "timer", "after_ms": 200 }))
        .await;
    for _ in 0..10 {
        add(&mut ann, 1).await;
    }
    assert_eq!(version(&mut ann).await, "1.0.0");
    assert_eq!(ann.expect("the second timer", timers).await, 2);
}
