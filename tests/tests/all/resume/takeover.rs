//! A newer connection of a session replaces the older one, whatever the older one is doing.

use parlor_proto::{ServerFrame, Subprotocol, client};
use parlor_tests::{Handshake, TestClient, TestServer};
use serde_json::json;

use super::{changed, count, counted, numbers, pair, position};

#[tokio::test]
async fn rs2_the_older_connection_is_closed_with_4409_and_its_end_is_no_loss() {
    let server = TestServer::start().await;
    let (mut speaker, mut older, joined) = pair(&server).await;
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut newer, _) = older.memory().back(&server, Subprotocol::Json, rooms).await;
    assert_eq!(older.expect_end().await.code(), 4409);
    drop(older);
    count(&mut speaker, 0..3).await;
    assert_eq!(numbers(&counted(&mut newer, 3).await), [0, 1, 2]);
    let seen = speaker.list_rooms(Some("broadcast"), None).await;
    assert_eq!(seen[0]["players"], 2);
    // The fresh session that the newer connection began with is forgotten.
    server
        .until("two sessions", |it| it.get("sessions") == 2.0)
        .await;
}

#[tokio::test]
async fn rs2_a_connection_that_does_not_read_is_replaced_at_once() {
    let server = TestServer::start().await;
    let mut speaker = TestClient::connect(&server).await;
    speaker.join("hall", "broadcast").await;
    let handshake = Handshake::with(&server).receive_buffer(16 << 10);
    let mut stuck = TestClient::through(handshake, Subprotocol::Binary).await;
    let joined = stuck.join("hall", "broadcast").await;
    let filler = "x".repeat(60 << 10);
    // More than the kernel takes for it, so that the server is in the middle of writing.
    for n in 0..30 {
        speaker
            .applied("hall", &json!({ "n": n, "filler": filler }))
            .await;
    }
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut newer, _) = stuck.memory().back(&server, Subprotocol::Json, rooms).await;
    let all: Vec<u64> = (0..30).collect();
    assert_eq!(numbers(&counted(&mut newer, 30).await), all);
}

#[tokio::test]
async fn rs2_of_many_connections_that_take_the_session_up_the_last_one_has_it() {
    let server = TestServer::start().await;
    let (mut speaker, first, joined) = pair(&server).await;
    let mut memory = first.memory();
    let mut replaced = vec![first];
    let mut newest = None;
    for _ in 0..20 {
        let rooms = vec![position(joined.epoch, joined.seq)];
        let (next, _) = memory.back(&server, Subprotocol::Binary, rooms).await;
        memory = next.memory();
        replaced.extend(newest.replace(next));
    }
    for mut older in replaced {
        assert_eq!(older.expect_end().await.code(), 4409);
    }
    count(&mut speaker, 0..2).await;
    let mut newest = newest.expect("there were some");
    assert_eq!(numbers(&counted(&mut newest, 2).await), [0, 1]);
}

#[tokio::test]
async fn a_leave_that_is_under_way_at_the_takeover_is_carried_out_once() {
    let server = TestServer::start().await;
    let mut other = TestClient::connect(&server).await;
    other.join("hall", "on-tick").await;
    let mut client = TestClient::connect(&server).await;
    let joined = client.join("hall", "on-tick").await;
    // The room handles it with its next tick.
    client
        .send(client::LeaveRoom {
            room: "hall".to_owned(),
            id: Some(77),
        })
        .await;
    client.round_trip().await;
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut newer, resumed) = client
        .memory()
        .back(&server, Subprotocol::Json, rooms)
        .await;
    assert!(resumed.rooms.is_empty(), "it is on its way out");
    let left = other
        .expect("user_left", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left.member.id),
            _ => None,
        })
        .await;
    assert_eq!(left, joined.you.id);
    let again = newer.join("hall", "on-tick").await;
    assert!(again.you.id > joined.you.id);
}

#[tokio::test]
async fn a_join_that_is_under_way_at_the_takeover_is_answered_when_it_is_asked_again() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client
        .send(client::JoinRoom {
            id: Some(5),
            ..TestClient::into_room("hall", "broadcast")
        })
        .await;
    client.round_trip().await;
    let memory = client.memory();
    drop(client);
    let (mut back, resumed) = memory.back(&server, Subprotocol::Json, Vec::new()).await;
    assert!(resumed.rooms.is_empty());
    let joined = back.join("hall", "broadcast").await;
    assert_eq!(joined.you.id, 1, "it is in once");
    assert_eq!(joined.member_count, 1);
}

#[tokio::test]
async fn a_session_that_has_rooms_of_its_own_leaves_them_when_it_takes_up_another() {
    let server = TestServer::start().await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let mut fresh = TestClient::connect(&server).await;
    let own = fresh.join("hall", "broadcast").await;
    let lost = listener.cut();
    assert!(changed(&mut speaker).await.member.away);
    let resume = lost.resume_frame(vec![position(joined.epoch, joined.seq)]);
    fresh.try_resume(resume).await.expect("it is resumed");
    let left = speaker
        .expect("user_left", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left.member.id),
            _ => None,
        })
        .await;
    assert_eq!(left, own.you.id);
}

/// A room once told a client to begin anew as often as it had come back while the room was busy.
#[tokio::test]
async fn rs4_who_comes_back_twice_while_the_room_is_busy_begins_anew_once() {
    let server = TestServer::start().await;
    let mut harmful = TestClient::connect(&server).await;
    harmful.join("hall", "hostile").await;
    let mut ann = TestClient::connect(&server).await;
    let joined = ann.join("hall", "hostile").await;
    // Each of these keeps the room busy for as long as a step may take, and a few are no reason to close it.
    for _ in 0..12 {
        harmful.say("hall", &json!({ "do": "spin" })).await;
    }
    // A position in a history that never was.
    let memory = ann.cut();
    let resume = memory.resume_frame(vec![position(joined.epoch + 1, joined.seq)]);
    let mut first = TestClient::connect(&server).await;
    first.send(resume.clone()).await;
    let mut second = TestClient::connect(&server).await;
    second.try_resume(resume).await.expect("it may come back");
    let mut resets = 0;
    let id = 1;
    second
        .say_with("hall", &json!({ "do": "add", "n": 1 }), Some(id))
        .await;
    second
        .expect("the answer, behind what begins anew", |frame| match frame {
            ServerFrame::Reset(reset) => {
                assert_eq!(reset.reason, "epoch-changed");
                resets += 1;
                None
            }
            ServerFrame::Reply(reply) => (reply.id == id).then_some(()),
            _ => None,
        })
        .await;
    assert_eq!(resets, 1);
}
