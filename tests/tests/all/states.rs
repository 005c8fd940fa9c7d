//! Views: the newest value of each, for whoever may see it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parlor_proto::{NUMBER_MAX, Payload, Position, ServerFrame, Subprotocol, client, server};
use parlor_tests::{Metrics, TestClient, TestServer, json_of};
use serde_json::{Value as Json, json};

fn publish(view: &str, n: u64) -> Json {
    json!({ "do": "publish", "view": view, "n": n })
}

fn number(state: &server::RoomState) -> Json {
    json_of(&state.state)["n"].clone()
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
async fn the_time_that_states_take_is_counted_by_stage() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "probe").await;
    let times = |metrics: &Metrics| {
        ["plugin", "diff", "encode", "write"]
            .map(|stage| metrics.get(&format!("work_seconds_total{{stage=\"{stage}\"}}")))
    };
    let before = times(&server.metrics().await);
    client.applied("hall", &publish("board", 7)).await;
    client.expect_state("hall", "board").await;
    // What was written may be here before it is counted there.
    let have_all_grown = |metrics: &Metrics| {
        let after = times(metrics);
        before
            .iter()
            .zip(after)
            .all(|(before, after)| *before < after)
    };
    let metrics = server
        .until("all four stages took time", have_all_grown)
        .await;
    let after = times(&metrics);
    assert!(after.iter().all(|seconds| *seconds < 60.0), "{after:?}");
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
    for n in 0..5 {
        clients[0].say("hall", &publish("board", n)).await;
        for client in &mut clients {
            let state = client.expect_state("hall", "board").await;
            // The client applied it, and checked its hash.
            assert_eq!(number(&state), json!(n));
            assert_eq!(client.last_patch().is_some(), n > 0);
        }
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
    assert_eq!((number(&whole), ann.last_patch()), (json!(3), None));
    bob.say("hall", &publish("board", 4)).await;
    let patched = ann.expect_state("hall", "board").await;
    assert_eq!(number(&patched), json!(4));
    assert_eq!(ann.last_patch().map(|it| it.handle), Some(whole.handle));
    ann.send(client::StateRequest {
        room: "hall".to_owned(),
        view: "board".to_owned(),
    })
    .await;
    let asked = ann.expect_state("hall", "board").await;
    assert_eq!((number(&asked), ann.last_patch()), (json!(4), None));
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
        assert_eq!((number(&state), bob.last_patch()), (json!(2), None));
        ann.applied(hall, &publish("board", 3)).await;
        let state = bob.expect_state(hall, "board").await;
        assert_eq!(number(&state), json!(3));
        assert!(bob.last_patch().is_some(), "patches go on");
    }
}

/// Shows `bytes` to a member, which is another one; the client itself sees nothing of it.
async fn show_to(client: &mut TestClient, member: u32, view: &str, bytes: usize) {
    let value = json!({ "$bytes": STANDARD.encode(vec![7; bytes]) });
    let deed = json!({ "do": "show", "view": view, "to": { "member": member }, "value": value });
    let id = client.next_id();
    client
        .say_with("hall", &json!({ "deeds": [deed] }), Some(id))
        .await;
    loop {
        match client.next().await {
            ServerFrame::Reply(reply) if reply.id == id => return,
            ServerFrame::RoomState(state) => panic!("{} is not for this member", state.view),
            ServerFrame::Error(error) => panic!("{error:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_one_member_sees_counts_until_it_leaves_and_is_sent_to_nobody_else() {
    const LARGE: usize = 240 << 10;
    let server = TestServer::start().await;
    let mut ann = TestClient::speaking(&server, Subprotocol::Binary).await;
    ann.join("hall", "shows").await;
    // 7 of the 8 MiB that a room's views may take.
    for turn in 0..2 {
        let mut bob = TestClient::speaking(&server, Subprotocol::Binary).await;
        let member = bob.join("hall", "shows").await.you.id;
        for view in 0..30 {
            let view = format!("hand-{view}");
            show_to(&mut ann, member, &view, LARGE).await;
            bob.expect_state("hall", &view).await;
        }
        bob.leave("hall").await;
        // What comes too late is dropped, and counted: it would never be taken away again.
        for late in 0..10 {
            show_to(&mut ann, member, &format!("late-{late}"), LARGE).await;
        }
        let dropped = server.metrics().await.get("sends_to_departed_total");
        assert!(
            (dropped - f64::from(10 * (turn + 1))).abs() < 0.5,
            "{dropped}"
        );
    }
    // ST5
    for view in ["hand-0", "late-0"] {
        let (room, view) = ("hall".to_owned(), view.to_owned());
        ann.send(client::StateRequest { room, view }).await;
        assert_eq!(ann.expect_error().await.code, "VIEW_NOT_FOUND");
    }
}

/// What a frame is on the wire: a message of the server's, and the head of its WebSocket frame.
fn wire_bytes(frame: &server::RoomPatch) -> usize {
    let message = Subprotocol::Binary.encode_server(&frame.clone().into());
    message.len() + if message.len() < 126 { 2 } else { 4 }
}

#[tokio::test]
async fn a_captured_cell_costs_at_most_120_bytes() {
    let server = TestServer::start().await;
    let mut ann = TestClient::speaking(&server, Subprotocol::Binary).await;
    let mut bob = TestClient::speaking(&server, Subprotocol::Binary).await;
    // By quick match, as from the lobby: the server gives the room its name, as it does with private ones.
    let quick = client::JoinRoom {
        plugin: Some("grid".to_owned()),
        ..client::JoinRoom::default()
    };
    let room = ann.try_join(quick.clone()).await.expect("let in").room;
    assert_eq!(bob.try_join(quick).await.expect("let in").room, room);
    ann.applied(&room, &json!({ "type": "start" })).await;
    let (mut taken, mut largest) = (0, [0; 3]);
    while taken < 10 {
        let state = bob.expect_state(&room, "board").await;
        let board = json_of(&state.state);
        let cells = board["cells"].as_array().expect("a list");
        let owned = cells.iter().filter(|owner| !owner.is_null()).count();
        if board["status"] != "active" || (taken > 0 && owned < taken) {
            continue;
        }
        assert_eq!(owned, taken, "one more at a time");
        if taken > 0 {
            let fresh = bob.last_patch().expect("a patch").clone();
            // In a room that is less than an hour old, at 20 ticks a second, on a server that had as many views.
            let hour = server::RoomPatch {
                handle: 65_535,
                tick: 65_535,
                version: 65_535,
                as_of: 65_535,
                ..fresh.clone()
            };
            // With the largest numbers that there are.
            let old = server::RoomPatch {
                handle: NUMBER_MAX,
                tick: NUMBER_MAX,
                version: NUMBER_MAX,
                as_of: NUMBER_MAX,
                ..fresh.clone()
            };
            for (largest, frame) in largest.iter_mut().zip([fresh, hour, old]) {
                *largest = wire_bytes(&frame).max(*largest);
            }
        }
        let capture = json!({ "type": "capture", "cell": 8 * taken });
        ann.say(&room, &capture).await;
        taken += 1;
    }
    crate::chaos::report(&format!(
        "a captured cell in {room}: {largest:?} bytes on the wire, in a new room, after an hour, and with the largest numbers"
    ));
    assert!(largest.into_iter().all(|bytes| bytes <= 120), "{largest:?}");
}

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}
