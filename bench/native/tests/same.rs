//! Native rooms over real sockets, beside the components that they stand in for.

use std::collections::HashMap;
use std::sync::Arc;

use parlor_proto::{Durability, ServerFrame, Subprotocol, client};
use parlor_server::Catalog;
use parlor_tests::{Options, TestClient, TestServer, component, json_of, payload};
use serde_json::{Value as Json, json};

/// A server with these plugins, whose rooms are native or not.
async fn options(is_native: bool, plugins: &'static [&'static str]) -> Options {
    let catalog = tokio::task::spawn_blocking(move || {
        let mut catalog = Catalog::new(HashMap::new()).expect("the pool can be reserved");
        if is_native {
            parlor_native::run_natively(&mut catalog);
        }
        for name in plugins {
            let loaded = catalog.load(&component("plugins", name));
            loaded.expect("what comes with the server can be loaded");
        }
        Arc::new(catalog)
    });
    let catalog = catalog.await.expect("the components are built");
    Options {
        catalog: Some(catalog),
        ..Options::default()
    }
}

/// All that a client is sent in a new room while it says these things.
async fn sent(server: &TestServer, plugin: &str, inputs: &[Json]) -> Vec<ServerFrame> {
    let mut client = TestClient::speaking(server, Subprotocol::Json).await;
    let join = client::JoinRoom {
        options: Some(payload(&json!({ "include_self": true }))),
        ..TestClient::into_room(plugin, plugin)
    };
    client.try_join(join).await.expect("a room");
    let mut frames = Vec::new();
    for input in inputs {
        let id = client.next_id();
        client.say_with(plugin, input, Some(id)).await;
        loop {
            let frame = client.next().await;
            let is_last = match &frame {
                ServerFrame::Reply(reply) => reply.id == id,
                ServerFrame::Error(error) => error.id == Some(id),
                _ => false,
            };
            frames.push(frame);
            if is_last {
                break;
            }
        }
    }
    frames
}

#[tokio::test]
async fn native_rooms_send_what_components_send() {
    let plugins = &["echo", "broadcast"];
    let component = TestServer::with(options(false, plugins).await).await;
    let native = TestServer::with(options(true, plugins).await).await;
    let echo = |data: Json| json!({ "type": "echo", "data": data });
    let inputs = [
        echo(json!({ "text": "hi", "list": [1, -2, 3.5, null, true] })),
        echo(json!("")),
        json!({ "type": "shout" }),
    ];
    for plugin in ["echo", "broadcast"] {
        let expected = sent(&component, plugin, &inputs).await;
        assert!(expected.len() > inputs.len(), "{expected:?}");
        assert_eq!(sent(&native, plugin, &inputs).await, expected);
        assert!(memory_bytes(&component, plugin).await > 0);
        assert_eq!(memory_bytes(&native, plugin).await, 0, "it has no sandbox");
    }
}

/// What the sandbox of a room takes.
async fn memory_bytes(server: &TestServer, room: &str) -> u64 {
    let path = format!("/api/v1/rooms/{room}");
    let room = server.admin_request("GET", &path).await;
    let room: Json = serde_json::from_str(&room.body).expect("the admin API speaks JSON");
    let bytes = room["memory_bytes"].as_u64();
    bytes.unwrap_or_else(|| panic!("no such room: {room}"))
}

#[tokio::test]
async fn a_native_match_is_written_down_and_taken_up() {
    let native = options(true, &["grid"]).await;
    let server = TestServer::with(native.clone()).await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let joined = ann.join("board", "grid").await;
    assert_eq!(joined.durability, Durability::Journal);
    bob.join("board", "grid").await;
    ann.applied("board", &json!({ "type": "start" })).await;
    let capture = json!({ "type": "capture", "cell": 40 });
    ann.applied("board", &capture).await;
    let refusal = bob.refused("board", &capture).await;
    assert_eq!(refusal.code, "CELL_TAKEN");
    until_owned(&mut bob, joined.you.id).await;

    let server = server.restarted(native).await;
    let mut cid = TestClient::connect(&server).await;
    cid.join("board", "grid").await;
    until_owned(&mut cid, joined.you.id).await;
}

/// Waits until the cell is shown to be a member's.
async fn until_owned(client: &mut TestClient, member: u32) {
    loop {
        let board = client.expect_state("board", "board").await;
        if json_of(&board.state)["cells"][40] == json!(member) {
            return;
        }
    }
}
