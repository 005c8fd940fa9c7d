//! Views: the newest value of each, for whoever may see it.

use parlor_proto::{Payload, Position, Subprotocol, client, server};
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::{Value as Json, json};

fn publish(view: &str, n: u64) -> Json {
    json!({ "do": "publish", "view": view, "n": n })
}

fn number(state: &server::RoomState) -> Json {
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

#[tokio::test]
async fn st2_what_changes_comes_as_a_patch_in_every_encoding() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for subprotocol in Subprotocol::ALL {
        let mut client = TestClient::speaking(&server, subprotocol).await;
        client.join("hall", "probe").await;
        clients.push(client);
    }
    let mut base = None;
    for n in 0..5 {
        clients[0].say("hall", &publish("board", n)).await;
        for client in &mut clients {
            let state = client.expect_state("hall", "board").await;
            // The client applied it, and checked its hash.
            assert_eq!(number(&state), json!(n));
            assert_eq!((state.base, state.patch_base()), (None, base));
            assert_eq!(state.patch.is_some(), n > 0);
        }
        base = Some(base.map_or(1, |base| base + 1));
    }
}

#[tokio::test]
async fn st7_a_new_connection_and_a_request_get_the_whole() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::speaking(&server, Subprotocol::Binary).await;
    let joined = ann.join("hall", "probe").await;
    bob.join("hall", "probe").await;
    for n in 0..3 {
        bob.say("hall", &publish("board", n)).await;
        assert_eq!(number(&ann.expect_state("hall", "board").await), json!(n));
    }
    let lost = ann.cut();
    bob.applied("hall", &publish("board", 3)).await;
    let position = Position {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq: joined.seq,
    };
    let (mut ann, _) = lost.back(&server, Subprotocol::Proto, vec![position]).await;
    let whole = ann.expect_state("hall", "board").await;
    assert_eq!((number(&whole), whole.patch), (json!(3), None));
    bob.say("hall", &publish("board", 4)).await;
    let patched = ann.expect_state("hall", "board").await;
    assert_eq!(number(&patched), json!(4));
    assert_eq!(patched.patch_base(), Some(whole.version));
    ann.send(client::StateRequest {
        room: "hall".to_owned(),
        view: "board".to_owned(),
    })
    .await;
    let asked = ann.expect_state("hall", "board").await;
    assert_eq!((number(&asked), asked.patch), (json!(4), None));
}

#[tokio::test]
async fn st8_what_is_published_as_it_was_is_not_sent_again() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "probe").await;
    bob.join("hall", "probe").await;
    for n in [1, 1, 1, 2] {
        ann.applied("hall", &publish("board", n)).await;
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&json!(2)) {
        seen.push(number(&bob.expect_state("hall", "board").await));
    }
    assert_eq!(seen, [json!(1), json!(2)]);
}

#[tokio::test]
async fn st4_st5_a_client_that_has_something_else_finds_out_and_heals() {
    let server = TestServer::start().await;
    for subprotocol in Subprotocol::ALL {
        let hall = subprotocol.name();
        let mut ann = TestClient::connect(&server).await;
        let mut bob = TestClient::speaking(&server, subprotocol).await;
        ann.join(hall, "probe").await;
        bob.join(hall, "probe").await;
        ann.applied(hall, &publish("board", 1)).await;
        assert_eq!(number(&bob.expect_state(hall, "board").await), json!(1));
        bob.spoil(hall, "board");
        ann.applied(hall, &publish("board", 2)).await;
        let state = bob.expect_state(hall, "board").await;
        assert!(bob.has_healed());
        assert_eq!((number(&state), state.patch), (json!(2), None));
        ann.applied(hall, &publish("board", 3)).await;
        let state = bob.expect_state(hall, "board").await;
        assert_eq!(number(&state), json!(3));
        assert!(state.patch.is_some(), "patches go on");
    }
}

#[tokio::test]
async fn a_captured_cell_costs_at_most_120_bytes() {
    let server = TestServer::start().await;
    let mut ann = TestClient::speaking(&server, Subprotocol::Binary).await;
    let mut bob = TestClient::speaking(&server, Subprotocol::Binary).await;
    for client in [&mut ann, &mut bob] {
        client.join("game-k7m2", "grid").await;
    }
    ann.applied("game-k7m2", &json!({ "type": "start" })).await;
    let mut taken = 0;
    while taken < 10 {
        let state = bob.expect_state("game-k7m2", "board").await;
        let board = json_of(state.state.as_ref().expect("the client completes it"));
        let cells = board["cells"].as_array().expect("a list");
        let owned = cells.iter().filter(|owner| !owner.is_null()).count();
        if board["status"] != "active" || (taken > 0 && owned < taken) {
            continue;
        }
        assert_eq!(owned, taken, "one more at a time");
        if taken > 0 {
            let sent = server::RoomState {
                state: None,
                ..state
            };
            assert!(sent.patch.is_some());
            let bytes = Subprotocol::Binary.encode_server(&sent.into()).len();
            assert!(bytes <= 120, "{bytes} bytes");
        }
        let capture = json!({ "type": "capture", "cell": 8 * taken });
        ann.say("game-k7m2", &capture).await;
        taken += 1;
    }
}

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}
