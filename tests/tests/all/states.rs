//! Views: the newest value of each, for whoever may see it.

use parlor_proto::{Payload, client};
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::{Value as Json, json};

fn publish(view: &str, n: u64) -> Json {
    json!({ "do": "publish", "view": view, "n": n })
}

fn number(state: &parlor_proto::server::RoomState) -> Json {
    json_of(state.state.as_ref().expect("a whole state"))["n"].clone()
}

#[tokio::test]
async fn st1_a_newcomer_gets_every_view_that_it_may_see() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    ann.join("hall", "probe").await;
    ann.applied("hall", &publish("board", 7)).await;
    ann.applied(
        "hall",
        &json!({ "do": "whisper", "view": "hand", "to": 1, "n": 8 }),
    )
    .await;
    assert_eq!(number(&ann.expect_state("hall", "hand").await), json!(8));
    let mut bob = TestClient::connect(&server).await;
    bob.join("hall", "probe").await;
    assert_eq!(number(&bob.expect_state("hall", "board").await), json!(7));
    // ST5: what somebody else may see is as if it were not there.
    let request = |view: &str| client::StateRequest {
        room: "hall".to_owned(),
        view: view.to_owned(),
    };
    bob.send(request("hand")).await;
    assert_eq!(bob.expect_error().await.code, "VIEW_NOT_FOUND");
    bob.send(request("board")).await;
    assert_eq!(number(&bob.expect_state("hall", "board").await), json!(7));
}

#[tokio::test]
async fn st2_st3_versions_rise_and_a_state_names_the_last_seq_before_it() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let mut seq = client.join("hall", "probe").await.seq;
    let mut version = 0;
    for n in 0..5 {
        let reply = client
            .ask("hall", &publish("board", n))
            .await
            .expect("it is applied");
        let state = client.expect_state("hall", "board").await;
        assert_eq!(number(&state), json!(n));
        assert!(state.version > version);
        assert_eq!(Some(state.as_of), reply.seq, "a state moves no position");
        version = state.version;
        client
            .say("hall", &json!({ "do": "send", "to": [1], "data": n }))
            .await;
        let message = client.expect_message("hall").await;
        assert!(message.seq > seq && message.seq == state.as_of + 1);
        seq = message.seq;
    }
}

#[tokio::test]
async fn st4_the_hash_is_that_of_the_value_with_sorted_keys() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "probe").await;
    client.say("hall", &publish("board", 3)).await;
    let state = client.expect_state("hall", "board").await;
    // Independently of the library's own hash: CRC-32 of canonical MessagePack, the keys in the order of their bytes.
    let canonical = Payload::from_json(r#"{"filler":{"$bytes":""},"n":3}"#).expect("a value");
    assert_eq!(state.hash, crc32(canonical.as_msgpack()));
}

#[tokio::test]
async fn st6_a_plugin_cannot_publish_a_view_of_the_servers() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "probe").await;
    let error = client.refused("hall", &publish("$mine", 1)).await;
    assert_eq!(error.code, "PLUGIN_FAILED");
    let view = "$mine".to_owned();
    let room = "hall".to_owned();
    client.send(client::StateRequest { room, view }).await;
    assert_eq!(client.expect_error().await.code, "VIEW_NOT_FOUND");
}

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}
