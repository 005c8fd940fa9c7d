//! Coming back after a lost connection: exactly where one was, or with a reset that says why.

mod away;
mod exact;
mod takeover;
mod tokens;

use parlor_proto::{Position, ServerFrame, server};
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::json;

/// Two members of a room that sends each what the others say.
async fn pair(server: &TestServer) -> (TestClient, TestClient, server::RoomJoined) {
    let mut speaker = TestClient::connect(server).await;
    speaker.join("hall", "broadcast").await;
    let mut listener = TestClient::connect(server).await;
    let joined = listener.join("hall", "broadcast").await;
    (speaker, listener, joined)
}

/// Where a client stands.
fn position(epoch: u64, seq: u64) -> Position {
    Position {
        room: "hall".to_owned(),
        epoch,
        seq,
    }
}

/// Says these numbers, and waits until they were applied.
async fn count(speaker: &mut TestClient, numbers: std::ops::Range<u64>) {
    for n in numbers {
        speaker.applied("hall", &json!({ "n": n })).await;
    }
}

/// The next so many messages as their sequence numbers and what they count.
async fn counted(listener: &mut TestClient, messages: usize) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    while all.len() < messages {
        let message = listener.expect_message("hall").await;
        let n = json_of(&message.data)["n"].as_u64();
        all.push((message.seq, n.expect("a number")));
    }
    all
}

/// What they count alone.
fn numbers(counted: &[(u64, u64)]) -> Vec<u64> {
    counted.iter().map(|(_, n)| *n).collect()
}

/// The next change of a member that others are told of.
async fn changed(client: &mut TestClient) -> server::UserChanged {
    client
        .expect("user_changed", |frame| match frame {
            ServerFrame::UserChanged(changed) => Some(changed),
            _ => None,
        })
        .await
}

/// The next reset.
async fn reset(client: &mut TestClient) -> server::Reset {
    client
        .expect("reset", |frame| match frame {
            ServerFrame::Reset(reset) => Some(reset),
            _ => None,
        })
        .await
}
