//! What others see of a member whose connection is lost, and what happens to its seat.

use std::time::Duration;

use parlor_proto::{ServerFrame, Subprotocol, client};
use parlor_tests::{TestClient, TestServer, in_time};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{changed, count, counted, numbers, pair, position};

#[tokio::test]
async fn hb4_a_lost_member_is_shown_as_away_and_then_as_back() {
    let server = TestServer::start().await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    let away = changed(&mut speaker).await;
    assert_eq!(away.reason.as_deref(), Some("away"));
    assert!(away.member.away && away.member.id == joined.you.id);
    let mut third = TestClient::connect(&server).await;
    let seen = third.join("hall", "broadcast").await;
    let members = seen.members.iter().filter(|it| it.away);
    assert_eq!(members.map(|it| it.id).collect::<Vec<_>>(), [joined.you.id]);
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut back, _) = lost.back(&server, Subprotocol::Json, rooms).await;
    let returned = changed(&mut speaker).await;
    assert_eq!(returned.reason.as_deref(), Some("back"));
    assert!(!returned.member.away);
    // It is not told of itself, and of the newcomer it is.
    let came = back
        .expect("user_joined", |frame| match frame {
            ServerFrame::UserJoined(came) => Some(came.member.id),
            ServerFrame::UserChanged(changed) => panic!("told of itself: {changed:?}"),
            _ => None,
        })
        .await;
    assert_eq!(came, seen.you.id);
}

#[tokio::test]
async fn rs7_the_seat_is_given_up_when_nobody_comes_back_in_time() {
    let server = TestServer::with_limits(|limits| {
        limits.resume_window = Duration::from_millis(100);
    })
    .await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    assert!(changed(&mut speaker).await.member.away);
    let left = speaker
        .expect("user_left", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left),
            _ => None,
        })
        .await;
    assert_eq!(left.member.id, joined.you.id);
    assert_eq!(left.reason.as_deref(), Some("disconnected"));
    let mut late = TestClient::connect(&server).await;
    let resume = lost.resume_frame(vec![position(joined.epoch, joined.seq)]);
    assert_eq!(late.try_resume(resume).await.unwrap_err(), "RESUME_REFUSED");
    // RS3: the fresh session is usable.
    late.join("hall", "broadcast").await;
    assert_eq!(server.metrics().await.get("sessions_away"), 0.0);
}

#[tokio::test]
async fn rs8_a_goodbye_leaves_at_once() {
    let server = TestServer::start().await;
    let (mut speaker, mut listener, joined) = pair(&server).await;
    let goodbye = CloseFrame {
        code: 1000.into(),
        reason: "".into(),
    };
    listener.send_message(Message::Close(Some(goodbye))).await;
    let left = speaker
        .expect("user_left, and not away before", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left.member.id),
            ServerFrame::UserChanged(changed) => panic!("{changed:?}"),
            _ => None,
        })
        .await;
    assert_eq!(left, joined.you.id);
}

#[tokio::test]
async fn rs9_a_client_that_knows_nothing_any_more_joins_again_as_the_same_member() {
    let server = TestServer::start().await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    count(&mut speaker, 0..3).await;
    let (mut back, resumed) = lost.back(&server, Subprotocol::Binary, Vec::new()).await;
    assert!(resumed.rooms.is_empty());
    // Until it asks, it is not there.
    back.say("hall", &json!({ "n": 0 })).await;
    assert_eq!(back.expect_error().await.code, "NOT_IN_ROOM");
    let again = back.join("hall", "broadcast").await;
    assert_eq!(again.you.id, joined.you.id);
    assert!(!again.you.away, "it is told that it is there");
    assert!(again.members.iter().all(|it| !it.away));
    assert!(again.seq > joined.seq, "what was before is not told again");
    count(&mut speaker, 3..4).await;
    assert_eq!(numbers(&counted(&mut back, 1).await), [3]);
    let refused = back
        .try_join(TestClient::into_room("hall", "broadcast"))
        .await;
    assert_eq!(refused.unwrap_err().code, "ALREADY_IN_ROOM");
}

#[tokio::test]
async fn rs9_the_same_quick_match_leads_back_to_the_same_room() {
    let server = TestServer::start().await;
    let quick = || client::JoinRoom {
        plugin: Some("grid".to_owned()),
        ..client::JoinRoom::default()
    };
    let mut client = TestClient::connect(&server).await;
    let joined = client.try_join(quick()).await.expect("a room is made");
    let lost = client.cut();
    let (mut back, _) = lost.back(&server, Subprotocol::Json, Vec::new()).await;
    let again = back.try_join(quick()).await.expect("the room is kept");
    assert_eq!((again.room, again.you.id), (joined.room, joined.you.id));
    assert!(
        back.try_join(quick()).await.is_ok(),
        "and the next is another"
    );
}

#[tokio::test]
async fn rs9_a_private_room_leads_back_by_its_code() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let joined = client
        .try_join(client::JoinRoom {
            visibility: Some(parlor_proto::Visibility::Private),
            ..TestClient::into_room("den", "echo")
        })
        .await
        .expect("a room is made");
    let lost = client.cut();
    let (mut back, _) = lost.back(&server, Subprotocol::Json, Vec::new()).await;
    let again = back
        .try_join(client::JoinRoom {
            code: joined.code.as_deref().map(str::to_lowercase),
            ..client::JoinRoom::default()
        })
        .await
        .expect("it is a member");
    assert_eq!(again.you.id, joined.you.id);
}

#[tokio::test]
async fn rs9_what_cannot_be_meant_for_a_kept_room_is_refused_as_for_any_other() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let joined = client.join("hall", "broadcast").await;
    let lost = client.cut();
    let (mut back, _) = lost.back(&server, Subprotocol::Json, Vec::new()).await;
    let other = back.try_join(TestClient::into_room("hall", "echo")).await;
    assert_eq!(other.unwrap_err().code, "PLUGIN_MISMATCH");
    let always = client::JoinRoom {
        create: Some(parlor_proto::Create::Always),
        ..TestClient::into_room("hall", "broadcast")
    };
    assert_eq!(back.try_join(always).await.unwrap_err().code, "ROOM_EXISTS");
    let again = back.join("hall", "broadcast").await;
    assert_eq!(again.you.id, joined.you.id);
}

#[tokio::test]
async fn rs9_a_room_that_is_left_for_want_of_a_claim_can_be_joined_in_the_same_moment() {
    let server = TestServer::with_limits(|limits| {
        limits.resume_window = Duration::from_millis(300);
    })
    .await;
    let mut other = TestClient::connect(&server).await;
    // It takes what comes only with its ticks, so that the way out and the way in are in one batch.
    other.join("hall", "on-tick").await;
    let mut client = TestClient::connect(&server).await;
    let joined = client.join("hall", "on-tick").await;
    let lost = client.cut();
    let (mut back, _) = lost.back(&server, Subprotocol::Json, Vec::new()).await;
    let left = other
        .expect("user_left", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left.member.id),
            _ => None,
        })
        .await;
    assert_eq!(left, joined.you.id);
    let again = back.join("hall", "on-tick").await;
    assert!(again.you.id > joined.you.id);
    let notes = back.applied("hall", &json!({ "do": "notes" })).await;
    assert!(notes.is_array(), "it is a member in full");
    back.leave("hall").await;
}

#[tokio::test]
async fn rs9_rooms_that_nobody_comes_back_to_are_left_though_the_client_is_back() {
    let server = TestServer::with_limits(|limits| {
        limits.resume_window = Duration::from_millis(300);
    })
    .await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    let (mut back, _) = lost.back(&server, Subprotocol::Json, Vec::new()).await;
    let left = speaker
        .expect("user_left", |frame| match frame {
            ServerFrame::UserLeft(left) => Some(left.member.id),
            _ => None,
        })
        .await;
    assert_eq!(left, joined.you.id);
    let again = back.join("hall", "broadcast").await;
    assert_ne!(again.you.id, joined.you.id, "as somebody new");
}

#[tokio::test]
async fn a_room_that_closed_meanwhile_is_not_resumed_and_is_made_anew() {
    let server = TestServer::start().await;
    let mut first = TestClient::connect(&server).await;
    first.join("hall", "probe").await;
    let mut second = TestClient::connect(&server).await;
    let joined = second.join("hall", "probe").await;
    let lost = second.cut();
    changed(&mut first).await;
    let close = json!({ "do": "close", "reason": "over" });
    first.say("hall", &close).await;
    first.expect_room_closed("hall").await;
    let rooms = vec![position(joined.epoch, joined.seq)];
    let (mut back, resumed) = lost.back(&server, Subprotocol::Json, rooms).await;
    assert!(resumed.rooms.is_empty());
    let anew = back.join("hall", "probe").await;
    assert!(anew.epoch > joined.epoch);
}

#[tokio::test]
async fn hb4_a_plugin_that_asks_for_it_has_silent_members_shown_as_away() {
    let server = TestServer::start().await;
    let mut watcher = TestClient::connect(&server).await;
    watcher.join("hall", "away").await;
    // It answers no pings, for it does not read; but its connection stays.
    let mut silent = TestClient::connect(&server).await;
    let joined = silent.join("hall", "away").await;
    let watching = async {
        let away = changed(&mut watcher).await;
        assert_eq!((away.member.id, away.member.away), (joined.you.id, true));
    };
    in_time("away", watching).await;
    assert_eq!(
        watcher.expect_data("hall").await,
        json!({ "away": joined.you.id })
    );
    silent.round_trip().await;
    assert!(!changed(&mut watcher).await.member.away);
    assert_eq!(
        watcher.expect_data("hall").await,
        json!({ "back": joined.you.id })
    );
}
