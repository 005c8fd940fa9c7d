//! Finding, making, joining and leaving rooms.

use std::time::Duration;

use parlor_proto::{Create, ServerFrame, Visibility, client};
use parlor_server::RateSettings;
use parlor_tests::{TestClient, TestServer, payload};
use serde_json::json;

/// The code of the refusal to this join.
async fn refusal(client: &mut TestClient, join: client::JoinRoom) -> String {
    match client.try_join(join).await {
        Ok(joined) => panic!("let in: {joined:?}"),
        Err(error) => error.code,
    }
}

fn named(room: &str) -> client::JoinRoom {
    client::JoinRoom {
        room: Some(room.to_owned()),
        ..client::JoinRoom::default()
    }
}

fn creating(room: &str, plugin: &str, create: Create) -> client::JoinRoom {
    client::JoinRoom {
        create: Some(create),
        ..TestClient::into_room(room, plugin)
    }
}

fn visible(room: &str, visibility: Visibility) -> client::JoinRoom {
    client::JoinRoom {
        visibility: Some(visibility),
        ..TestClient::into_room(room, "chat")
    }
}

fn quick_match(plugin: &str, options: &serde_json::Value) -> client::JoinRoom {
    client::JoinRoom {
        plugin: Some(plugin.to_owned()),
        options: Some(payload(options)),
        ..client::JoinRoom::default()
    }
}

fn by_code(code: &str) -> client::JoinRoom {
    client::JoinRoom {
        code: Some(code.to_owned()),
        ..client::JoinRoom::default()
    }
}

#[tokio::test]
async fn jn1_a_join_needs_a_room_a_code_or_a_plugin() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let code = refusal(&mut client, client::JoinRoom::default()).await;
    assert_eq!(code, "INVALID_MESSAGE_FORMAT");
}

#[tokio::test]
async fn jn2_names_outside_of_the_rules_are_refused() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for bad in ["", "two words", "käse", "a/b", &"x".repeat(65)] {
        let code = refusal(&mut client, TestClient::into_room(bad, "echo")).await;
        assert_eq!(code, "INVALID_ROOM_NAME", "{bad:?}");
    }
    let longest = "Az.09_:-".repeat(8);
    assert_eq!(client.join(&longest, "echo").await.room, longest);
}

#[tokio::test]
async fn jn3_create_says_what_to_do_about_the_room() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let never = creating("hall", "chat", Create::Never);
    assert_eq!(refusal(&mut ann, never.clone()).await, "ROOM_NOT_FOUND");
    assert_eq!(refusal(&mut ann, named("hall")).await, "ROOM_NOT_FOUND");
    let always = creating("hall", "chat", Create::Always);
    ann.try_join(always.clone())
        .await
        .expect("the name is free");
    assert_eq!(refusal(&mut bob, always).await, "ROOM_EXISTS");
    bob.try_join(never).await.expect("the room exists");
    bob.leave("hall").await;
    bob.try_join(named("hall"))
        .await
        .expect("a name is enough for a room that exists");
}

#[tokio::test]
async fn jn4_an_unknown_plugin_and_another_plugin_have_their_own_errors() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let unknown = TestClient::into_room("hall", "no-such-plugin");
    let error = client.try_join(unknown).await.expect_err("there is none");
    assert_eq!(error.code, "PLUGIN_NOT_FOUND");
    assert!(
        error.message.contains("echo"),
        "it lists what there is: {}",
        error.message
    );
    client.join("hall", "echo").await;
    let mut other = TestClient::connect(&server).await;
    let code = refusal(&mut other, TestClient::into_room("hall", "chat")).await;
    assert_eq!(code, "PLUGIN_MISMATCH");
}

#[tokio::test]
async fn jn5_two_simultaneous_quick_matches_share_a_room() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    for round in 0..25 {
        let join = quick_match("probe", &json!({ "match": round }));
        let (a, b) = tokio::join!(ann.try_join(join.clone()), bob.try_join(join));
        let (a, b) = (a.expect("a seat"), b.expect("a seat"));
        assert_eq!(a.room, b.room, "round {round}");
        assert_ne!(a.you.id, b.you.id);
    }
}

#[tokio::test]
async fn jn5_quick_match_fills_a_room_and_then_makes_another() {
    let server = TestServer::start().await;
    let mut rooms = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = TestClient::connect(&server).await;
        let join = quick_match("probe", &json!({}));
        rooms.push(client.try_join(join).await.expect("a seat").room);
        clients.push(client);
    }
    assert_eq!(rooms[0], rooms[1]);
    assert_eq!(rooms[2], rooms[3]);
    assert_ne!(rooms[0], rooms[2]);
}

#[tokio::test]
async fn jn5_quick_match_looks_only_at_rooms_with_equal_options_match() {
    let server = TestServer::start().await;
    let mut clients = [
        TestClient::connect(&server).await,
        TestClient::connect(&server).await,
        TestClient::connect(&server).await,
    ];
    let mut rooms = Vec::new();
    let options = [
        json!({ "match": { "map": "ice", "size": 2 }, "colour": "red" }),
        json!({ "match": { "map": "fire", "size": 2 } }),
        json!({ "match": { "size": 2, "map": "ice" } }),
    ];
    for (client, options) in clients.iter_mut().zip(&options) {
        let joined = client.try_join(quick_match("probe", options)).await;
        rooms.push(joined.expect("a seat").room);
    }
    assert_eq!(
        rooms[0], rooms[2],
        "the order of keys, and other options, do not matter"
    );
    assert_ne!(rooms[0], rooms[1]);
}

#[tokio::test]
async fn jn5_quick_match_does_not_enter_locked_or_unlisted_rooms() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let locked = ann
        .try_join(quick_match("probe", &json!({})))
        .await
        .expect("a seat")
        .room;
    ann.applied(&locked, &json!({ "do": "lock", "on": true }))
        .await;
    let unlisted = client::JoinRoom {
        visibility: Some(Visibility::Unlisted),
        ..TestClient::into_room("unlisted", "probe")
    };
    ann.try_join(unlisted).await.expect("a room");
    let mut bob = TestClient::connect(&server).await;
    let other = bob
        .try_join(quick_match("probe", &json!({})))
        .await
        .expect("a seat")
        .room;
    assert!(other != locked && other != "unlisted", "{other}");
}

#[tokio::test]
async fn jn6_a_private_room_is_joined_by_its_code_only() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let joined = ann
        .try_join(visible("den", Visibility::Private))
        .await
        .expect("a room");
    let code = joined.code.expect("a private room has a code");
    assert_eq!(code.len(), 8);
    assert_eq!(refusal(&mut bob, named("den")).await, "FORBIDDEN");
    let joined = bob
        .try_join(by_code(&code.to_lowercase()))
        .await
        .expect("the code is right");
    assert_eq!(
        (joined.room.as_str(), joined.code.as_deref()),
        ("den", Some(code.as_str()))
    );
    // JN1: the code goes before the name.
    let mut eve = TestClient::connect(&server).await;
    let both = client::JoinRoom {
        room: Some("elsewhere".to_owned()),
        ..by_code(&code)
    };
    assert_eq!(
        eve.try_join(both).await.expect("the code is right").room,
        "den"
    );
}

#[tokio::test]
async fn jn6_wrong_codes_are_limited() {
    let server =
        TestServer::with_limits(|limits| limits.rates = Some(RateSettings::default())).await;
    let mut client = TestClient::connect(&server).await;
    for _ in 0..10 {
        assert_eq!(
            refusal(&mut client, by_code("AAAAAAAA")).await,
            "WRONG_CODE"
        );
    }
    assert_eq!(
        refusal(&mut client, by_code("AAAAAAAA")).await,
        "RATE_LIMIT_EXCEEDED"
    );
    client.join("hall", "echo").await;
}

#[tokio::test]
async fn jn6_jn12_only_public_rooms_are_listed() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for (room, visibility) in [
        ("open", Visibility::Public),
        ("quiet", Visibility::Unlisted),
        ("den", Visibility::Private),
    ] {
        client
            .try_join(visible(room, visibility))
            .await
            .expect("a room");
    }
    client.join("other", "echo").await;
    let names = |rooms: Vec<serde_json::Value>| -> Vec<String> {
        rooms.iter().map(|room| room["room"].to_string()).collect()
    };
    assert_eq!(
        names(client.list_rooms(None, None).await),
        ["\"open\"", "\"other\""]
    );
    assert_eq!(
        names(client.list_rooms(Some("chat"), None).await),
        ["\"open\""]
    );
}

#[tokio::test]
async fn jn12_a_listing_shows_what_is_in_the_room_and_filters_by_metadata() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for (room, status) in [("a", "waiting"), ("b", "active")] {
        client.join(room, "probe").await;
        let entries = json!({ "status": status, "round": 1 });
        client
            .applied(room, &json!({ "do": "metadata", "entries": entries }))
            .await;
    }
    client
        .applied("b", &json!({ "do": "lock", "on": true }))
        .await;
    let listed = client
        .list_rooms(None, Some(&json!({ "status": "active", "round": 1 })))
        .await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    for (field, value) in [
        ("room", json!("b")),
        ("plugin", json!("probe")),
        ("players", json!(1)),
        ("players_max", json!(2)),
        ("spectators", json!(0)),
        ("locked", json!(true)),
        ("metadata", json!({ "status": "active", "round": 1 })),
    ] {
        assert_eq!(listed[0][field], value, "{field}");
    }
    let none = client
        .list_rooms(None, Some(&json!({ "status": "over" })))
        .await;
    assert!(none.is_empty(), "{none:?}");
}

#[tokio::test]
async fn jn8_a_session_is_in_a_room_once_and_in_32_rooms_at_most() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    for room in 0..32 {
        client.join(&format!("room-{room}"), "echo").await;
    }
    let code = refusal(&mut client, TestClient::into_room("room-32", "echo")).await;
    assert_eq!(code, "TOO_MANY_ROOMS");
    client.leave("room-31").await;
    assert_eq!(
        refusal(&mut client, named("room-0")).await,
        "ALREADY_IN_ROOM"
    );
    client.join("room-32", "echo").await;
}

#[tokio::test]
async fn jn9_a_plugin_may_refuse_to_open_and_to_let_in() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let not_opening = client::JoinRoom {
        options: Some(payload(&json!({ "refuse_open": true }))),
        ..TestClient::into_room("hall", "probe")
    };
    let error = client.try_join(not_opening).await.expect_err("it refuses");
    assert_eq!(error.code, "ROOM_REFUSED");
    assert_eq!(error.message, "this room was asked not to open");
    let name = Some("Eve".to_owned());
    client.send(client::Auth { token: None, name }).await;
    client.expect_welcome().await;
    let not_eve = client::JoinRoom {
        options: Some(payload(&json!({ "refuse_join_of": "Eve" }))),
        ..TestClient::into_room("hall", "probe")
    };
    let error = client.try_join(not_eve).await.expect_err("it refuses");
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("NOT_YOU", "this name is not let in")
    );
    let mut friends = Vec::new();
    // The refused member gave its seat back, and was never seen.
    for name in ["Ann", "Bob"] {
        let mut friend = TestClient::connect(&server).await;
        let joined = friend.join("hall", "probe").await;
        assert_eq!(joined.you.seat, parlor_proto::Seat::Player, "{name}");
        let notes = friend.applied("hall", &json!({ "do": "notes" })).await;
        assert!(!notes.to_string().contains("Eve"), "{notes}");
        friends.push(friend);
    }
}

#[tokio::test]
async fn jn10_what_is_sent_right_behind_a_join_is_applied_after_it() {
    let server = TestServer::start().await;
    for round in 0..10 {
        let mut client = TestClient::connect(&server).await;
        let room = format!("hall-{round}");
        client
            .send(client::JoinRoom {
                id: Some(1),
                ..TestClient::into_room(&room, "probe")
            })
            .await;
        for id in 2..6 {
            let note = json!({ "do": "note", "text": "early" });
            client.say_with(&room, &note, Some(id)).await;
        }
        let ServerFrame::RoomJoined(joined) = client.next().await else {
            panic!("the answer to the join comes first");
        };
        assert_eq!(joined.last_id, 0);
        for id in 2..6 {
            let reply = client.answer(id).await.expect("it was applied");
            // The plugin noted the join first.
            assert_eq!(reply.data.map(|it| it.to_json()), Some(id.to_string()));
        }
    }
}

#[tokio::test]
async fn jn11_frames_for_a_room_one_is_not_in_are_refused() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let mut other = TestClient::connect(&server).await;
    other.join("hall", "probe").await;
    let error = client.refused("hall", &json!({ "do": "notes" })).await;
    assert_eq!(error.code, "NOT_IN_ROOM");
    assert_eq!(error.room.as_deref(), Some("hall"));
    client
        .send(client::LeaveRoom {
            room: "hall".to_owned(),
            id: Some(77),
        })
        .await;
    let error = client.expect_error().await;
    assert_eq!((error.code.as_str(), error.id), ("NOT_IN_ROOM", Some(77)));
    let (room, view) = ("hall".to_owned(), "board".to_owned());
    client.send(client::StateRequest { room, view }).await;
    assert_eq!(client.expect_error().await.code, "NOT_IN_ROOM");
}

#[tokio::test]
async fn jn11_a_member_that_is_removed_is_told_that_it_left() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "probe").await;
    let id = bob.join("hall", "probe").await.you.id;
    ann.applied("hall", &json!({ "do": "kick", "member": id }))
        .await;
    let why = bob.expect_error().await;
    assert_eq!(
        (why.code.as_str(), why.message.as_str()),
        ("KICKED", "as somebody asked")
    );
    assert_eq!((why.room.as_deref(), why.id), (Some("hall"), None));
    let ServerFrame::RoomLeft(left) = bob.next().await else {
        panic!("no room_left");
    };
    assert_eq!((left.room.as_str(), left.id), ("hall", None));
    assert_eq!(
        bob.refused("hall", &json!({ "do": "notes" })).await.code,
        "NOT_IN_ROOM"
    );
    bob.join("hall", "probe").await;
}

#[tokio::test]
async fn jn13_a_members_number_is_never_used_again() {
    let server = TestServer::start().await;
    let mut keeper = TestClient::connect(&server).await;
    assert_eq!(keeper.join("hall", "chat").await.you.id, 1);
    for expected in [2, 4] {
        let mut guest = TestClient::connect(&server).await;
        assert_eq!(guest.join("hall", "chat").await.you.id, expected);
        guest.leave("hall").await;
        assert_eq!(guest.join("hall", "chat").await.you.id, expected + 1);
        guest.leave("hall").await;
    }
}

#[tokio::test]
async fn sq3_an_empty_room_closes_and_a_new_one_of_its_name_has_a_greater_epoch() {
    let server = TestServer::with_limits(|limits| {
        limits.empty_room_grace = Duration::from_millis(50);
    })
    .await;
    let mut client = TestClient::connect(&server).await;
    let first = client.join("hall", "probe").await;
    client
        .applied("hall", &json!({ "do": "note", "text": "old" }))
        .await;
    client.leave("hall").await;
    server
        .until("the end of an empty room", |metrics| {
            metrics.get("rooms") == 0.0
        })
        .await;
    let code = refusal(&mut client, creating("hall", "probe", Create::Never)).await;
    assert_eq!(code, "ROOM_NOT_FOUND");
    // The name is free for anything.
    let second = client.join("hall", "echo").await;
    assert!(
        second.epoch > first.epoch,
        "{} > {}",
        second.epoch,
        first.epoch
    );
    assert_eq!(second.seq, 0);
}

#[tokio::test]
async fn an_empty_room_waits_for_its_grace_time() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let first = client.join("hall", "probe").await;
    client.leave("hall").await;
    let again = client
        .try_join(creating("hall", "probe", Create::Never))
        .await;
    let again = again.expect("the room is still there");
    assert_eq!(again.epoch, first.epoch);
    assert_eq!(again.you.id, first.you.id + 1);
}

#[tokio::test]
async fn jn10_a_join_by_code_right_behind_a_leave_waits_for_it() {
    let server = TestServer::start().await;
    let mut host = TestClient::connect(&server).await;
    let private = client::JoinRoom {
        visibility: Some(Visibility::Private),
        ..TestClient::into_room("den", "on-tick")
    };
    let code = host.try_join(private).await.expect("it is made").code;
    let by_code = || client::JoinRoom {
        code: code.clone(),
        ..client::JoinRoom::default()
    };
    let mut guest = TestClient::connect(&server).await;
    guest.try_join(by_code()).await.expect("the code is right");
    // The room gets to the leave with its next tick.
    guest
        .send(client::LeaveRoom {
            room: "den".to_owned(),
            id: Some(900),
        })
        .await;
    let again = guest.try_join(by_code()).await;
    assert!(again.is_ok(), "{again:?}");
}
