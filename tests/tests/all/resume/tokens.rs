//! Resume tokens: who may take a session up.

use parlor_proto::{ServerFrame, Subprotocol, client};
use parlor_tests::{TestClient, TestServer};

use serde_json::json;

use super::{count, counted, numbers, pair, position};

async fn refusal(server: &TestServer, resume: client::Resume) -> String {
    let mut stranger = TestClient::connect(server).await;
    let code = stranger.try_resume(resume).await;
    stranger.round_trip().await;
    code.expect_err("this token must not work")
}

#[tokio::test]
async fn rs3_what_is_not_the_sessions_own_token_is_refused() {
    let server = TestServer::start().await;
    let (speaker, listener, _) = pair(&server).await;
    let good = listener.memory().resume_frame(Vec::new());
    let other = speaker.memory().resume_frame(Vec::new());
    let mut turned = good.resume_token.clone().into_bytes();
    turned[3] = if turned[3] == b'A' { b'B' } else { b'A' };
    for token in [
        String::new(),
        "nonsense".to_owned(),
        other.resume_token.clone(),
        String::from_utf8(turned).expect("it is ASCII"),
        "A".repeat(4096),
    ] {
        let resume = client::Resume {
            resume_token: token,
            ..good.clone()
        };
        assert_eq!(refusal(&server, resume).await, "RESUME_REFUSED");
    }
    let resume = client::Resume {
        session: other.session,
        ..good
    };
    assert_eq!(refusal(&server, resume).await, "RESUME_REFUSED");
}

#[tokio::test]
async fn rs6_a_token_is_good_once_the_next_has_arrived() {
    let server = TestServer::start().await;
    let (_speaker, listener, joined) = pair(&server).await;
    let first = listener.memory();
    let rooms = || vec![position(joined.epoch, joined.seq)];
    let (mut back, resumed) = first.back(&server, Subprotocol::Json, rooms()).await;
    assert_ne!(resumed.resume_token, first.welcome.resume_token);
    // Reading answers the ping behind `resumed`, and so does the pong before what is sent next.
    back.round_trip().await;
    back.round_trip().await;
    let used = first.resume_frame(rooms());
    assert_eq!(refusal(&server, used).await, "RESUME_REFUSED");
    let (_again, _) = back
        .memory()
        .back(&server, Subprotocol::Json, rooms())
        .await;
}

#[tokio::test]
async fn rs6_a_token_whose_answer_was_lost_is_good_again() {
    let server = TestServer::start().await;
    let (_speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    let rooms = || vec![position(joined.epoch, joined.seq)];
    // Sends `resume` and is cut before it reads anything: no pong, and nothing else.
    for _ in 0..3 {
        let mut cut = TestClient::connect(&server).await;
        cut.send(lost.resume_frame(rooms())).await;
        drop(cut);
    }
    // One that the server has not looked at yet would come later than the one that is to stay.
    server
        .until("the end of all but the speaker", |it| {
            it.get("connections") == 1.0
        })
        .await;
    let (mut back, _) = lost.back(&server, Subprotocol::Json, rooms()).await;
    back.round_trip().await;
}

/// An older connection on which `resume` was sent may come through only now. It knows less than the newer one: what that
/// has acknowledged, the room no longer keeps.
#[tokio::test]
async fn rs6_a_token_is_good_no_more_once_what_came_behind_the_next_is_acknowledged() {
    let server = TestServer::start().await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    count(&mut speaker, 0..2).await;
    let rooms = || vec![position(joined.epoch, joined.seq)];
    // It has read up to `resumed`, and so has not answered the ping behind that.
    let (mut back, resumed) = lost.back(&server, Subprotocol::Json, rooms()).await;
    back.send(client::Ack {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq: resumed.rooms[0].seq,
        count: 2,
    })
    .await;
    back.say("hall", &json!({ "n": "acknowledged" })).await;
    assert_eq!(speaker.expect_data("hall").await["n"], "acknowledged");
    assert_eq!(
        refusal(&server, lost.resume_frame(rooms())).await,
        "RESUME_REFUSED"
    );
    back.round_trip().await;
}

/// The same, before the newer connection said anything. What the older one asks for is no longer kept, and so would have begun
/// anew at a place where the client already is: what it counts would agree no more.
#[tokio::test]
async fn rs6_a_used_token_is_not_good_again_on_an_older_connection() {
    let server = TestServer::with_limits(|limits| {
        limits.retained_bytes_max = 0;
    })
    .await;
    let (mut speaker, listener, joined) = pair(&server).await;
    let lost = listener.cut();
    count(&mut speaker, 0..2).await;
    let rooms = || vec![position(joined.epoch, joined.seq)];
    let mut older = TestClient::connect(&server).await;
    let (mut back, _) = lost.back(&server, Subprotocol::Json, rooms()).await;
    // A room keeps 64 KiB in any case, and this is more.
    let filler = "x".repeat(30 << 10);
    for n in 2..7 {
        let data = json!({ "n": n, "filler": filler });
        speaker.applied("hall", &data).await;
    }
    let late = older.try_resume(lost.resume_frame(rooms())).await;
    assert_eq!(late.unwrap_err(), "RESUME_REFUSED");
    let got = counted(&mut back, 7).await;
    assert_eq!(numbers(&got), [0, 1, 2, 3, 4, 5, 6]);
    let (mut again, _) = back
        .memory()
        .back(
            &server,
            Subprotocol::Json,
            vec![position(joined.epoch, got[6].0)],
        )
        .await;
    let ack = client::Ack {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq: got[6].0,
        count: 7,
    };
    again.send(ack).await;
    count(&mut speaker, 7..8).await;
    let next = again
        .expect("anything of the room", |frame| match frame {
            ServerFrame::RoomMessage(message) => Some(message.seq),
            ServerFrame::Reset(reset) => panic!("a needless reset: {reset:?}"),
            _ => None,
        })
        .await;
    assert!(next > got[6].0);
}

#[tokio::test]
async fn a_session_cannot_take_itself_up() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "broadcast").await;
    let own = client.memory().resume_frame(Vec::new());
    assert_eq!(client.try_resume(own).await.unwrap_err(), "RESUME_REFUSED");
    client.round_trip().await;
}

#[tokio::test]
async fn two_sessions_that_take_each_other_up_do_not_wait_for_ever() {
    let server = TestServer::start().await;
    let mut first = TestClient::connect(&server).await;
    let mut second = TestClient::connect(&server).await;
    let (one, two) = (
        first.memory().resume_frame(Vec::new()),
        second.memory().resume_frame(Vec::new()),
    );
    first.send(two).await;
    second.send(one).await;
    for client in [&mut first, &mut second] {
        let waiting = async {
            loop {
                match client.next_or_end().await {
                    Ok(ServerFrame::Resumed(_) | ServerFrame::Error(_)) => return,
                    Ok(_) => {}
                    Err(ended) => {
                        assert_eq!(ended.code(), 4409);
                        return;
                    }
                }
            }
        };
        parlor_tests::in_time("an answer", waiting).await;
    }
}
