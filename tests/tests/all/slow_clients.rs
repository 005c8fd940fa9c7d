//! Clients that do not read as fast as their rooms speak.

use std::time::Duration;

use parlor_proto::{ServerFrame, Subprotocol};
use parlor_tests::{Handshake, TestClient, TestServer};
use serde_json::json;

/// More of these than any kernel buffers fill the way to a client that does not read.
const LARGE: usize = 60 << 10;

/// A client behind a small buffer, so that the server soon notices when it does not read.
async fn narrow(server: &TestServer) -> TestClient {
    let handshake = Handshake::with(server).receive_buffer(16 << 10);
    TestClient::through(handshake, Subprotocol::Binary).await
}

#[tokio::test]
async fn lm6_a_client_that_never_reads_is_closed_with_4440_and_the_others_hear_everything() {
    let server = TestServer::with_limits(|limits| {
        limits.write_timeout = Duration::from_millis(300);
    })
    .await;
    let mut slow = narrow(&server).await;
    let mut speaker = TestClient::connect(&server).await;
    let mut listener = TestClient::speaking(&server, Subprotocol::Binary).await;
    for client in [&mut slow, &mut speaker, &mut listener] {
        client.join("hall", "broadcast").await;
    }
    let is_closed = "closes_total{reason=\"slow-consumer\"}";
    let mut said = 0;
    while server.metrics().await.get(is_closed) == 0.0 {
        let filler = "x".repeat(LARGE);
        speaker
            .say("hall", &json!({ "n": said, "filler": filler }))
            .await;
        assert_eq!(listener.expect_data("hall").await["n"], said);
        said += 1;
    }
    // It gets what was on its way, and then why it got no more.
    assert_eq!(slow.expect_end().await.code(), 4440);
    speaker.say("hall", &json!({ "n": "still here" })).await;
    assert_eq!(listener.expect_data("hall").await["n"], "still here");
    // It may come back, and keeps its seat until then.
    let changed = speaker
        .expect("user_changed", |frame| match frame {
            ServerFrame::UserChanged(changed) => Some(changed),
            _ => None,
        })
        .await;
    assert!(changed.member.away);
}

#[tokio::test]
async fn lm6_a_client_that_reads_but_far_too_slowly_is_closed_for_what_waits() {
    let server = TestServer::start().await;
    let mut slow = narrow(&server).await;
    let mut speaker = TestClient::connect(&server).await;
    let mut listener = TestClient::speaking(&server, Subprotocol::Binary).await;
    for client in [&mut slow, &mut speaker, &mut listener] {
        client.join("hall", "broadcast").await;
    }
    let is_closed = "slow_consumers_total{reason=\"bytes\"}";
    let mut said = 0;
    while server.metrics().await.get(is_closed) == 0.0 {
        let filler = "x".repeat(LARGE);
        speaker
            .say("hall", &json!({ "n": said, "filler": filler }))
            .await;
        assert_eq!(listener.expect_data("hall").await["n"], said);
        // So that the write which is under way always makes some progress.
        if said % 100 == 0 {
            slow.expect_data("hall").await;
        }
        said += 1;
        // 60 MB: what the kernel keeps and what may wait is a sixth of that. To write it would take ten times as many.
        assert!(said < 1_000, "it is held in memory and not closed");
    }
    assert_eq!(slow.expect_end().await.code(), 4440);
}

#[tokio::test]
async fn lm6_a_slow_client_loses_older_states_and_stays() {
    let server = TestServer::start().await;
    let mut slow = narrow(&server).await;
    let mut publisher = TestClient::connect(&server).await;
    slow.join("hall", "probe").await;
    publisher.join("hall", "probe").await;
    // 24 MB: several times what the kernel keeps for a socket.
    let published = 400;
    for n in 0..published {
        let data = json!({ "do": "publish", "view": "board", "n": n, "filler_bytes": LARGE });
        publisher.applied("hall", &data).await;
    }
    let (mut seen, mut version) = (0, 0);
    loop {
        let state = slow.expect_state("hall", "board").await;
        assert!(
            state.version > version,
            "never an older one behind a newer one"
        );
        version = state.version;
        seen += 1;
        if state.state.get("n") == Some(parlor_tests::payload(&json!(published - 1))) {
            break;
        }
    }
    assert!(seen < published, "{seen} of {published}");
    slow.round_trip().await;
}
