//! What a user may do in rooms of a plugin that is not for everybody. Its hosts may make rooms; they and players may
//! play; viewers may watch.

use parlor_proto::{Seat, ServerFrame, client};
use parlor_tests::{TestClient, TestServer};
use serde_json::json;

use super::{Guarded, auth, claims_with};

impl Guarded {
    fn token_as(&self, user: &str, roles: &[&str]) -> String {
        self.issuer
            .sign(&claims_with(user, &json!({ "roles": roles })))
    }

    async fn client_as(&self, user: &str, roles: &[&str]) -> TestClient {
        self.client(&self.token_as(user, roles)).await
    }
}

/// A join that wants this seat.
fn wanting(seat: Seat) -> client::JoinRoom {
    client::JoinRoom {
        seat: Some(seat),
        ..TestClient::into_room("hall", "reserved")
    }
}

/// Waits until the client is told that it is out of the room, and returns the code of why.
async fn sent_away(client: &mut TestClient) -> String {
    let code = client.expect_error().await.code;
    client
        .expect("room_left", |frame| match frame {
            ServerFrame::RoomLeft(left) => (left.room == "hall").then_some(()),
            _ => None,
        })
        .await;
    code
}

#[tokio::test]
async fn au9_a_room_is_made_by_whom_the_plugin_lets() {
    let guarded = Guarded::start().await;
    let mut player = guarded.client_as("pat", &["player"]).await;
    let refused = player
        .try_join(TestClient::into_room("hall", "reserved"))
        .await;
    assert_eq!(refused.unwrap_err().code, "FORBIDDEN");
    // By quick match, too.
    let anywhere = client::JoinRoom {
        plugin: Some("reserved".to_owned()),
        ..client::JoinRoom::default()
    };
    let refused = player.try_join(anywhere.clone()).await;
    assert_eq!(refused.unwrap_err().code, "FORBIDDEN");
    let mut host = guarded.client_as("hal", &["host"]).await;
    host.join("hall", "reserved").await;
    player.try_join(anywhere).await.unwrap();
    // And nobody is a host who only says so.
    let mut stranger = guarded.client(&guarded.token("eve")).await;
    let refused = stranger.try_join(wanting(Seat::Player)).await;
    assert_eq!(refused.unwrap_err().code, "FORBIDDEN");
}

#[tokio::test]
async fn au9_a_seat_is_taken_by_whom_the_plugin_lets() {
    let guarded = Guarded::start().await;
    guarded
        .client_as("hal", &["host"])
        .await
        .join("hall", "reserved")
        .await;
    let mut viewer = guarded.client_as("vic", &["viewer"]).await;
    let refused = viewer.try_join(wanting(Seat::Player)).await;
    assert_eq!(refused.unwrap_err().code, "FORBIDDEN");
    let joined = viewer.try_join(wanting(Seat::Spectator)).await;
    assert_eq!(joined.unwrap().you.seat, Seat::Spectator);
    let mut player = guarded.client_as("pat", &["player", "other"]).await;
    let joined = player.try_join(wanting(Seat::Player)).await;
    assert_eq!(joined.unwrap().you.seat, Seat::Player);
    for roles in [&[][..], &["guest"]] {
        let mut nobody = guarded.client_as("eve", roles).await;
        for seat in [Seat::Player, Seat::Spectator] {
            let refused = nobody.try_join(wanting(seat)).await;
            assert_eq!(refused.unwrap_err().code, "FORBIDDEN");
        }
    }
}

#[tokio::test]
async fn au9_a_guest_has_no_roles() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    let refused = client.try_join(wanting(Seat::Player)).await;
    assert_eq!(refused.unwrap_err().code, "FORBIDDEN");
}

#[tokio::test]
async fn au9_the_plugin_is_told_who_its_members_are() {
    let guarded = Guarded::start().await;
    let mut host = guarded.client_as("hal", &["host", "staff"]).await;
    host.join("hall", "reserved").await;
    let shown = host.applied("hall", &json!(null)).await;
    assert_eq!(shown["user"], "hal");
    assert_eq!(shown["roles"], json!(["host", "staff"]));
}

#[tokio::test]
async fn au6_a_renewal_with_other_roles_reaches_the_rooms() {
    let guarded = Guarded::start().await;
    let mut host = guarded.client_as("hal", &["host"]).await;
    host.join("hall", "reserved").await;
    let renewed = guarded.token_as("hal", &["player"]);
    host.send(auth(Some(&renewed), None)).await;
    let told = host.expect_data("hall").await;
    assert_eq!(told["roles"], json!(["player"]));
    // The new roles are those that count from now on.
    let other = TestClient::into_room("other-hall", "reserved");
    assert_eq!(host.try_join(other).await.unwrap_err().code, "FORBIDDEN");
    // With the same again nobody is told anything.
    host.send(auth(Some(&renewed), None)).await;
    let shown = host.applied("hall", &json!(null)).await;
    assert_eq!(shown["roles"], json!(["player"]));
    let renewed = guarded.token_as("hal", &["viewer"]);
    host.send(auth(Some(&renewed), None)).await;
    assert_eq!(sent_away(&mut host).await, "FORBIDDEN");
    assert_eq!(host.refused("hall", &json!(1)).await.code, "NOT_IN_ROOM");
}

#[tokio::test]
async fn rs10_au10_permissions_are_checked_again_when_a_session_is_resumed() {
    let guarded = Guarded::start().await;
    for (roles, stays) in [(&["player"][..], true), (&["viewer"], false)] {
        let mut host = guarded.client_as("hal", &["host"]).await;
        let joined = host.join("hall", "reserved").await;
        let mut again = guarded.client_as("hal", roles).await;
        again
            .send(client::Resume {
                session: host.welcome.session.clone(),
                resume_token: host.welcome.resume_token.clone(),
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
        assert_eq!(resumed.rooms.len(), usize::from(stays));
        if stays {
            let told = again.expect_data("hall").await;
            assert_eq!(told["roles"], json!(roles));
            again.leave("hall").await;
        } else {
            assert_eq!(sent_away(&mut again).await, "FORBIDDEN");
        }
    }
}
