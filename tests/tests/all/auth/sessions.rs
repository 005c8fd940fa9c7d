//! What becomes of a session with its token: it is a user's, ends with the token, and goes on with the next.

use parlor_proto::{ServerFrame, client};
use parlor_tests::{Options, TestClient, json_of};
use serde_json::json;

use super::{Guarded, assert_closed, auth, claims_with, now, unknown};

/// How long the short tokens are good, in seconds: long enough for a busy machine to get that far, and no longer.
const SOON: f64 = 2.5;

/// A guarded server that takes tokens to the second.
async fn to_the_second() -> Guarded {
    let strict = |options: &mut Options| {
        let jwt = options.jwt.get_or_insert_default();
        jwt.leeway_seconds = Some(0);
    };
    Guarded::with(strict).await
}

#[tokio::test]
async fn op1_op3_until_a_token_came_every_other_frame_is_not_authenticated() {
    let guarded = Guarded::start().await;
    let mut client = unknown(&guarded.server).await;
    let refused = client.try_join(TestClient::into_room("hall", "echo")).await;
    assert_eq!(refused.unwrap_err().code, "NOT_AUTHENTICATED");
    let refused = client.refused("hall", &json!(1)).await;
    assert_eq!(refused.code, "NOT_AUTHENTICATED");
    assert_eq!(refused.room.as_deref(), Some("hall"));
    client.send(client::Ping { timestamp: 1 }).await;
    assert_eq!(client.expect_error().await.code, "NOT_AUTHENTICATED");
    client.send(auth(None, Some("Ann"))).await;
    assert_eq!(client.expect_error().await.code, "NOT_AUTHENTICATED");
    // What is sent behind the token is handled after it.
    client
        .send(auth(Some(&guarded.token("ann")), Some("Ann")))
        .await;
    let joined = client.join("hall", "echo").await;
    assert_eq!(joined.you.user.as_deref(), Some("ann"));
    assert_eq!(joined.you.name, "Ann");
}

#[tokio::test]
async fn au5_the_connection_ends_when_its_token_does() {
    let guarded = to_the_second().await;
    let soon = guarded
        .issuer
        .sign(&claims_with("ann", &json!({ "exp": now() + SOON })));
    let mut client = guarded.client(&soon).await;
    client.join("hall", "echo").await;
    let mut later = unknown(&guarded.server).await;
    let soon = guarded
        .issuer
        .sign(&claims_with("bob", &json!({ "exp": now() + SOON })));
    later.send(auth(Some(&soon), None)).await;
    later.expect_welcome().await;
    assert_closed(&client.expect_end().await, 4403, "has expired");
    assert_closed(&later.expect_end().await, 4403, "has expired");
}

#[tokio::test]
async fn au5_au6_a_connection_whose_token_was_renewed_goes_on() {
    let guarded = to_the_second().await;
    let ends_at = now() + SOON;
    let soon = guarded
        .issuer
        .sign(&claims_with("ann", &json!({ "exp": ends_at })));
    let mut ann = guarded.client(&soon).await;
    // Has the same token, and shows when its time is over.
    let mut witness = guarded.client(&soon).await;
    ann.join("hall", "echo").await;
    ann.send(auth(Some(&guarded.token("ann")), None)).await;
    let again = ann.expect_welcome().await;
    assert_eq!(again.session, ann.welcome.session);
    assert_eq!(witness.expect_end().await.code(), 4403);
    ann.applied("hall", &json!({ "type": "echo", "data": 1 }))
        .await;
}

#[tokio::test]
async fn au6_another_users_token_closes_with_4403() {
    let guarded = Guarded::start().await;
    let mut client = guarded.client(&guarded.token("ann")).await;
    client.send(auth(Some(&guarded.token("bob")), None)).await;
    assert_closed(&client.expect_end().await, 4403, "another user");
}

#[tokio::test]
async fn au6_a_renewal_with_a_bad_token_closes_with_4403() {
    let guarded = Guarded::start().await;
    let mut client = guarded.client(&guarded.token("ann")).await;
    let expired = guarded.issuer.sign(&json!({ "sub": "ann", "exp": 1 }));
    client.send(auth(Some(&expired), None)).await;
    assert_closed(&client.expect_end().await, 4403, "has expired");
}

#[tokio::test]
async fn au8_the_name_is_that_of_the_token_where_it_has_one() {
    let guarded = Guarded::start().await;
    let named = |name: &str| {
        guarded
            .issuer
            .sign(&claims_with("ann", &json!({ "name": name })))
    };
    let mut ann = guarded.client(&named("Ann Smith")).await;
    let mut bob = guarded.client(&guarded.token("bob")).await;
    assert_eq!(ann.join("hall", "chat").await.you.name, "Ann Smith");
    bob.join("hall", "chat").await;
    ann.send(auth(None, Some("Bob"))).await;
    assert_eq!(ann.expect_error().await.code, "FORBIDDEN");
    // A renewal may bring another.
    ann.send(auth(Some(&named("Ann Jones")), Some("Bob"))).await;
    let changed = bob
        .expect("user_changed", |frame| match frame {
            ServerFrame::UserChanged(changed) => Some(changed),
            _ => None,
        })
        .await;
    assert_eq!(changed.member.name, "Ann Jones");
    assert_eq!(changed.member.user.as_deref(), Some("ann"));
    // And where the token has none, OP4 holds.
    bob.send(auth(None, Some("Bob the First"))).await;
    bob.expect_welcome().await;
}

/// Takes up the session that `of` has, in a connection that came with this token.
async fn resume(
    guarded: &Guarded,
    of: &TestClient,
    token: Option<&str>,
) -> (TestClient, ServerFrame) {
    let mut client = match token {
        Some(token) => guarded.client(token).await,
        None => unknown(&guarded.server).await,
    };
    client
        .send(client::Resume {
            session: of.welcome.session.clone(),
            resume_token: of.welcome.resume_token.clone(),
            rooms: Vec::new(),
        })
        .await;
    let frame = client
        .expect("the answer to resume", |frame| match frame {
            ServerFrame::Resumed(_) | ServerFrame::Error(_) => Some(frame),
            _ => None,
        })
        .await;
    (client, frame)
}

#[tokio::test]
async fn au10_a_session_is_resumed_by_its_user_only() {
    let guarded = Guarded::start().await;
    let ann = guarded.client(&guarded.token("ann")).await;
    let expect_refused = |frame: ServerFrame| match frame {
        ServerFrame::Error(error) => assert_eq!(error.code, "RESUME_REFUSED"),
        other => panic!("resumed: {other:?}"),
    };
    let (mut bob, refused) = resume(&guarded, &ann, Some(&guarded.token("bob"))).await;
    expect_refused(refused);
    // RS3: the fresh session stays usable.
    bob.join("hall", "echo").await;
    let (mut nobody, refused) = resume(&guarded, &ann, None).await;
    expect_refused(refused);
    nobody.send(auth(Some(&guarded.token("cid")), None)).await;
    nobody.expect_welcome().await;
    let (_ann, resumed) = resume(&guarded, &ann, Some(&guarded.token("ann"))).await;
    assert!(matches!(resumed, ServerFrame::Resumed(_)), "{resumed:?}");
}

#[tokio::test]
async fn au5_au10_a_session_whose_token_ended_goes_on_with_the_next() {
    let guarded = to_the_second().await;
    let soon = guarded
        .issuer
        .sign(&claims_with("ann", &json!({ "exp": now() + SOON })));
    let mut ann = guarded.client(&soon).await;
    let joined = ann.join("hall", "chat").await;
    let mut bob = guarded.client(&guarded.token("bob")).await;
    bob.join("hall", "chat").await;
    assert_eq!(ann.expect_end().await.code(), 4403);
    let mut again = guarded.client(&guarded.token("ann")).await;
    again
        .send(client::Resume {
            session: ann.welcome.session.clone(),
            resume_token: ann.welcome.resume_token.clone(),
            rooms: vec![parlor_proto::Position {
                room: "hall".to_owned(),
                epoch: joined.epoch,
                seq: joined.seq,
            }],
        })
        .await;
    let resumed = again
        .expect("resumed", |frame| match frame {
            ServerFrame::Resumed(resumed) => Some(resumed),
            _ => None,
        })
        .await;
    assert_eq!(resumed.rooms.len(), 1);
    // It has the new token's time now, and the seat it had.
    again
        .say("hall", &json!({ "type": "say", "text": "hello" }))
        .await;
    let said = bob
        .expect("what was said", |frame| match frame {
            ServerFrame::RoomMessage(message) => {
                (json_of(&message.data)["text"] == "hello").then_some(message.from)
            }
            _ => None,
        })
        .await;
    assert_eq!(said, Some(joined.you.id));
}
