//! What is missed comes again, once and in order; a hole never stays unseen.

use std::time::Duration;

use parlor_proto::{ServerFrame, Subprotocol, client};
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::json;

use super::{count, counted, numbers, pair, position, reset};

#[tokio::test]
async fn rs4_every_frame_after_the_position_comes_once_and_in_order() {
    let server = TestServer::start().await;
    let (mut speaker, mut listener, joined) = pair(&server).await;
    count(&mut speaker, 0..3).await;
    let before = counted(&mut listener, 3).await;
    let lost = listener.cut();
    count(&mut speaker, 3..6).await;
    // It got the first two only: the third was on its way.
    let rooms = || vec![position(joined.epoch, before[1].0)];
    let (mut back, resumed) = lost.back(&server, Subprotocol::Json, rooms()).await;
    assert_eq!(resumed.session, lost.welcome.session);
    assert_eq!(resumed.rooms.len(), 1);
    assert_eq!(resumed.rooms[0].epoch, joined.epoch);
    assert_eq!(numbers(&counted(&mut back, 4).await), [2, 3, 4, 5]);
    count(&mut speaker, 6..7).await;
    assert_eq!(
        numbers(&counted(&mut back, 1).await),
        [6],
        "and what is new"
    );
    // Once more from the same place, as if nothing of this had arrived.
    let lost = back.cut();
    let (mut again, _) = lost.back(&server, Subprotocol::Json, rooms()).await;
    assert_eq!(numbers(&counted(&mut again, 5).await), [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn rs4_the_session_changes_its_subprotocol_with_each_connection() {
    let server = TestServer::start().await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let mut seq = joined.seq;
    let mut lost = listener.cut();
    let mut n = 0;
    for subprotocol in [Subprotocol::Proto, Subprotocol::Binary, Subprotocol::Json] {
        count(&mut speaker, n..n + 2).await;
        let rooms = vec![position(joined.epoch, seq)];
        let (mut back, _) = lost.back(&server, subprotocol, rooms).await;
        let missed = counted(&mut back, 2).await;
        assert_eq!(numbers(&missed), [n, n + 1]);
        seq = missed[1].0;
        n += 2;
        lost = back.cut();
    }
}

#[tokio::test]
async fn rs4_what_was_for_others_is_neither_sent_nor_missed() {
    let server = TestServer::start().await;
    let mut first = TestClient::connect(&server).await;
    first.join("hall", "probe").await;
    let mut second = TestClient::connect(&server).await;
    let joined = second.join("hall", "probe").await;
    let lost = second.cut();
    for to in [1, 2, 1, 2] {
        let data = json!({ "do": "send", "to": [to], "data": { "n": to } });
        first.applied("hall", &data).await;
    }
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut back, _) = lost.back(&server, Subprotocol::Json, rooms).await;
    assert_eq!(numbers(&counted(&mut back, 2).await), [2, 2]);
    back.round_trip().await;
}

#[tokio::test]
async fn rs4_a_position_that_the_room_does_not_know_is_a_reset() {
    let server = TestServer::start().await;
    let (mut speaker, listener, joined) = pair(&server).await;
    count(&mut speaker, 0..1).await;
    let mut lost = listener.cut();
    for (epoch, seq, reason) in [
        (joined.epoch, joined.seq + 1_000, "unknown-position"),
        (joined.epoch, joined.seq - 1, "unknown-position"),
        (joined.epoch + 1, joined.seq, "epoch-changed"),
    ] {
        let rooms = vec![position(epoch, seq)];
        let (mut back, _) = lost.back(&server, Subprotocol::Json, rooms).await;
        let reset = reset(&mut back).await;
        assert_eq!((reset.reason.as_str(), reset.epoch), (reason, joined.epoch));
        assert!(reset.members.iter().all(|it| !it.away));
        assert_eq!(reset.members.len(), 2);
        lost = back.cut();
    }
}

#[tokio::test]
async fn rs4_frames_that_are_older_than_the_window_are_a_reset_and_states_come_again() {
    let server = TestServer::with_limits(|limits| {
        limits.retained_bytes_max = 0;
    })
    .await;
    let (mut speaker, mut listener) = (
        TestClient::connect(&server).await,
        TestClient::connect(&server).await,
    );
    speaker.join("hall", "probe").await;
    let joined = listener.join("hall", "probe").await;
    let publish = json!({ "do": "publish", "view": "board", "n": 7 });
    speaker.applied("hall", &publish).await;
    let lost = listener.cut();
    // A room keeps 64 KiB in any case, and this is more.
    let filler = "x".repeat(30 << 10);
    for _ in 0..5 {
        let data = json!({ "do": "send", "to": [2], "data": { "filler": filler } });
        speaker.applied("hall", &data).await;
    }
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut back, _) = lost.back(&server, Subprotocol::Json, rooms).await;
    assert_eq!(reset(&mut back).await.reason, "window-exceeded");
    back.expect_state("hall", "board").await;
    assert_eq!(back.last_patch(), None, "SQ5: what it needs comes behind");
    let metrics = server.metrics().await;
    assert_eq!(
        metrics.get("resumes_total{outcome=\"window-exceeded\"}"),
        1.0
    );
}

#[tokio::test]
async fn sq4_a_count_that_differs_is_answered_by_a_reset_and_one_that_agrees_by_nothing() {
    let server = TestServer::start().await;
    let (mut speaker, mut listener, joined) = pair(&server).await;
    count(&mut speaker, 0..3).await;
    let got = counted(&mut listener, 3).await;
    let ack = |seq, count| client::Ack {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq,
        count,
    };
    listener.send(ack(got[1].0, 2)).await;
    listener.send(ack(got[2].0, 3)).await;
    // An ack of another history is of no account, nor is one of a room that one is not in.
    listener
        .send(client::Ack {
            epoch: joined.epoch + 1,
            ..ack(1, 1)
        })
        .await;
    listener
        .send(client::Ack {
            room: "elsewhere".to_owned(),
            ..ack(1, 1)
        })
        .await;
    count(&mut speaker, 3..4).await;
    let next = listener
        .expect("anything of the room", |frame| match frame {
            ServerFrame::RoomMessage(message) => Some(json_of(&message.data)["n"].as_u64()),
            ServerFrame::Reset(reset) => panic!("a needless reset: {reset:?}"),
            ServerFrame::Error(error) => panic!("a needless error: {error:?}"),
            _ => None,
        })
        .await;
    assert_eq!(next, Some(3));
    listener.send(ack(got[2].0 + 1, 3)).await;
    let reset = reset(&mut listener).await;
    assert_eq!(reset.reason, "count-mismatch");
    // SQ5: from here on it counts anew.
    count(&mut speaker, 4..5).await;
    let after = counted(&mut listener, 1).await;
    assert!(after[0].0 > reset.seq);
    listener.send(ack(after[0].0, 1)).await;
    count(&mut speaker, 5..6).await;
    assert_eq!(numbers(&counted(&mut listener, 1).await), [5]);
}

#[tokio::test]
async fn rs4_more_than_an_outbox_holds_is_replayed_from_several_rooms() {
    let server = TestServer::start().await;
    let mut speaker = TestClient::connect(&server).await;
    let mut listener = TestClient::connect(&server).await;
    let mut rooms = Vec::new();
    for room in ["one", "two", "three"] {
        speaker.join(room, "broadcast").await;
        let joined = listener.join(room, "broadcast").await;
        rooms.push(parlor_proto::Position {
            room: room.to_owned(),
            epoch: joined.epoch,
            seq: joined.seq,
        });
    }
    let lost = listener.cut();
    for n in 0..1_500 {
        for room in ["one", "two", "three"] {
            speaker.say(room, &json!({ "n": n })).await;
        }
    }
    for room in ["one", "two", "three"] {
        speaker.applied(room, &json!({ "n": 1_500 })).await;
    }
    let (mut back, resumed) = lost.back(&server, Subprotocol::Json, rooms).await;
    assert_eq!(resumed.rooms.len(), 3);
    let mut next = std::collections::HashMap::from([("one", 0), ("two", 0), ("three", 0)]);
    while next.values().any(|n| *n <= 1_500) {
        let (room, n) = back
            .expect("what was missed", |frame| match frame {
                ServerFrame::RoomMessage(message) => {
                    let n = json_of(&message.data)["n"].as_u64();
                    Some((message.room, n.expect("a number")))
                }
                ServerFrame::Reset(reset) => panic!("a needless reset: {reset:?}"),
                _ => None,
            })
            .await;
        let expected = next.get_mut(room.as_str()).expect("one of the three");
        assert_eq!(n, *expected, "of {room}");
        *expected += 1;
    }
}

#[tokio::test]
async fn a_client_whose_acks_are_wrong_is_reset_once_a_second_and_not_by_each() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let joined = client.join("hall", "away").await;
    for count in 1..=50 {
        let ack = client::Ack {
            room: "hall".to_owned(),
            epoch: joined.epoch,
            seq: joined.seq,
            count,
        };
        client.send(ack).await;
    }
    client.round_trip().await;
    let resets = server
        .until("a reset", |it| {
            it.get("resumes_total{outcome=\"count-mismatch\"}") > 0.0
        })
        .await;
    assert!(resets.get("resumes_total{outcome=\"count-mismatch\"}") <= 2.0);
}

#[tokio::test]
async fn sq5_the_plugin_is_told_of_a_reset_so_that_it_says_again_what_is_needed() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let joined = client.join("hall", "away").await;
    let ack = client::Ack {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq: joined.seq,
        count: 99,
    };
    client.send(ack).await;
    assert_eq!(reset(&mut client).await.reason, "count-mismatch");
    let resync = json!({ "resync": joined.you.id });
    assert_eq!(client.expect_data("hall").await, resync);
}

#[tokio::test]
async fn rs5_an_input_under_way_at_the_loss_is_applied_once_and_answered() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let joined = client.join("hall", "probe").await;
    let note = json!({ "do": "note", "text": "once" });
    let applied = client.ask("hall", &note).await.expect("it is applied");
    let id = applied.id;
    let lost = client.cut();
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut back, resumed) = lost.back(&server, Subprotocol::Proto, rooms).await;
    assert_eq!(resumed.rooms[0].last_id, id);
    back.say_with("hall", &note, Some(id)).await;
    let again = back.answer(id).await.expect("the kept answer");
    assert_eq!((again.data, again.seq), (applied.data, applied.seq));
    let notes = back.applied("hall", &json!({ "do": "notes" })).await;
    let notes = notes.as_array().expect("a list");
    assert_eq!(notes.iter().filter(|it| **it == json!("once")).count(), 1);
}

#[tokio::test]
async fn an_answer_that_was_on_its_way_at_the_loss_goes_to_the_new_connection() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    // Its messages wait for the next tick, so that the connection is lost in between.
    let joined = client.join("hall", "on-tick").await;
    let memory = client.memory();
    client
        .say_with("hall", &json!({ "type": "anything" }), Some(1_000))
        .await;
    client.round_trip().await;
    drop(client);
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut back, _) = memory.back(&server, Subprotocol::Json, rooms).await;
    back.say_with("hall", &json!({ "type": "anything" }), Some(1_000))
        .await;
    let answered = back
        .expect("the answer", |frame| match frame {
            ServerFrame::Reply(reply) => Some(reply.id),
            ServerFrame::Error(error) => error.id,
            _ => None,
        })
        .await;
    assert_eq!(answered, 1_000);
}

#[tokio::test]
async fn lm6_a_client_that_was_closed_for_not_reading_resumes_without_a_hole() {
    let server = TestServer::with_limits(|limits| {
        limits.write_timeout = Duration::from_millis(300);
    })
    .await;
    let (mut speaker, slow, joined) = pair(&server).await;
    let filler = "x".repeat(60 << 10);
    let is_closed = "closes_total{reason=\"slow-consumer\"}";
    let mut said = 0;
    while server.metrics().await.get(is_closed) == 0.0 {
        speaker
            .applied("hall", &json!({ "n": said, "filler": filler }))
            .await;
        said += 1;
    }
    // What it did not read is more than the room keeps, unless it says where it stands in what is kept.
    let memory = slow.memory();
    let mut slow = slow;
    let mut seq = joined.seq;
    let mut read = 0;
    loop {
        match slow.next_or_end().await {
            Ok(ServerFrame::RoomMessage(message)) => {
                seq = message.seq;
                read += 1;
            }
            Ok(_) => {}
            Err(ended) => {
                assert_eq!(ended.code(), 4440);
                break;
            }
        }
    }
    assert!(read < said);
    let rooms = vec![position(joined.epoch, seq)];
    let (mut back, _) = memory.back(&server, Subprotocol::Json, rooms).await;
    let first = back
        .expect("what was missed, or a reset", |frame| match frame {
            ServerFrame::RoomMessage(message) => Some(json_of(&message.data)["n"].as_u64()),
            ServerFrame::Reset(reset) => {
                assert_eq!(reset.reason, "window-exceeded");
                Some(None)
            }
            _ => None,
        })
        .await;
    if let Some(n) = first {
        assert_eq!(n, read, "the very next");
    }
}
