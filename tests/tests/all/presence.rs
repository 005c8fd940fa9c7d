//! What members learn of each other.

use parlor_proto::ServerFrame;
use parlor_tests::{TestClient, TestServer, json_of};
use serde_json::json;

#[tokio::test]
async fn members_learn_who_comes_and_who_goes() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let joined = ann.join("hall", "broadcast").await;
    assert_eq!(joined.members, std::slice::from_ref(&joined.you));
    assert_eq!(joined.member_count, 1);
    let joined = bob.join("hall", "broadcast").await;
    assert_eq!(joined.members.len(), 2);
    assert_eq!(joined.member_count, 2);
    let ServerFrame::UserJoined(came) = ann.next().await else {
        panic!("no user_joined");
    };
    assert_eq!(came.member, joined.you);
    // SQ1: it is a reliable frame. The newcomer's position is before it.
    assert_eq!((came.epoch, came.seq), (joined.epoch, joined.seq + 1));
    bob.leave("hall").await;
    let ServerFrame::UserLeft(went) = ann.next().await else {
        panic!("no user_left");
    };
    assert_eq!(
        (went.member.id, went.reason.as_deref()),
        (joined.you.id, Some("left"))
    );
    assert_eq!(went.seq, came.seq + 1);
}

#[tokio::test]
async fn jn14_where_a_plugin_shows_a_count_members_are_counted_and_not_announced() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    ann.join("hall", "tiny").await;
    let count = ann.expect_state("hall", "$presence").await;
    assert_eq!(json_of(&count.state), json!({ "count": 1 }));
    bob.join("hall", "tiny").await;
    loop {
        match ann.next().await {
            ServerFrame::RoomState(state) if state.view == "$presence" => {
                assert!(state.version > count.version);
                assert_eq!(json_of(&state.state), json!({ "count": 2 }));
                break;
            }
            ServerFrame::UserJoined(_) => panic!("members are not announced"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn jn14_where_a_plugin_shows_nothing_members_are_not_even_counted() {
    let server = TestServer::start().await;
    let mut ann = TestClient::connect(&server).await;
    let mut bob = TestClient::connect(&server).await;
    let joined = ann.join("hall", "ticker").await;
    assert!(joined.members.is_empty());
    bob.join("hall", "ticker").await;
    // The room has said so by its next tick, if it says it at all.
    ann.expect_message("hall").await;
    let ServerFrame::RoomMessage(_) = ann.next().await else {
        panic!("something else than ticks came");
    };
}

#[tokio::test]
async fn jn14_above_100_members_presence_is_a_count_and_lists_are_cut() {
    let server = TestServer::start().await;
    let mut members = Vec::new();
    for place in 1..=105_u64 {
        let mut client = TestClient::connect(&server).await;
        let joined = client.join("hall", "broadcast").await;
        assert_eq!(joined.member_count, place);
        assert_eq!(joined.members.len() as u64, place.min(100));
        members.push(client);
    }
    let first = &mut members[0];
    let mut announced = 0;
    loop {
        match first.next().await {
            ServerFrame::UserJoined(_) => announced += 1,
            ServerFrame::RoomState(state)
                if state.view == "$presence"
                    && json_of(&state.state) == json!({ "count": 105 }) =>
            {
                break;
            }
            _ => {}
        }
    }
    assert_eq!(announced, 99, "the others up to the 100th");
    // And everybody still hears everything.
    members[104].say("hall", &json!("hello")).await;
    for member in &mut members[..104] {
        assert_eq!(member.expect_data("hall").await, json!("hello"));
    }
}
