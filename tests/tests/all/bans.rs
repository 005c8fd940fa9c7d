//! Who is closed for what they did too often is kept out for a while.

use parlor_proto::Subprotocol;
use parlor_server::{FileConfig, Limits};
use parlor_tests::{Handshake, Options, Refused, Socket, TestClient, TestServer};
use serde_json::Value as Json;
use tokio_tungstenite::tungstenite::Message;

/// A server behind a proxy, so that clients can come from any address.
async fn behind_a_proxy() -> TestServer {
    TestServer::with(Options {
        limits: Limits::default(),
        settings: FileConfig {
            trusted_proxy: vec!["127.0.0.1".to_owned()],
            ..FileConfig::default()
        },
        ..Options::default()
    })
    .await
}

/// Does what is closed with 1003.
async fn offend(handshake: Handshake) {
    let mut client = TestClient::through(handshake, Subprotocol::Json).await;
    client.send_message(Message::binary(vec![1])).await;
    assert_eq!(client.expect_end().await.code(), 1003);
}

async fn knock(handshake: Handshake) -> Result<Socket, Refused> {
    handshake.offer(&["v1.json"]).open().await
}

async fn bans(server: &TestServer) -> Vec<Json> {
    let answer = server.admin_request("GET", "/api/v1/bans").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Json = serde_json::from_str(&answer.body).expect("bans are JSON");
    answer["bans"].as_array().expect("a list of bans").clone()
}

#[tokio::test]
async fn lm16_the_fifth_offence_bans_the_address_and_the_operator_can_lift_that() {
    let server = behind_a_proxy().await;
    let from = |address| Handshake::with(&server).forwarded_for(address);
    for _ in 0..4 {
        offend(from("203.0.113.1")).await;
    }
    assert!(knock(from("203.0.113.1")).await.is_ok(), "four are too few");
    assert!(bans(&server).await.is_empty());
    offend(from("203.0.113.1")).await;
    let refused = knock(from("203.0.113.1")).await.expect_err("it is banned");
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("banned"), "{}", refused.body);
    let seconds = refused.retry_after.expect("it says when to come back");
    assert!((500..=600).contains(&seconds), "{seconds}");
    assert!(
        knock(from("203.0.113.2")).await.is_ok(),
        "another address is not"
    );
    let listed = bans(&server).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["key"], "address:203.0.113.1");
    assert_eq!(listed[0]["code"], 1003);
    assert_eq!(listed[0]["name"], "unsupported-data");
    assert!(listed[0]["until_ms"].as_u64() > Some(1_600_000_000_000));

    let lifted = server
        .admin_request("DELETE", "/api/v1/bans/address:203.0.113.1")
        .await;
    assert_eq!(lifted.status, 204, "{lifted:?}");
    assert!(bans(&server).await.is_empty());
    assert!(
        knock(from("203.0.113.1")).await.is_ok(),
        "the ban is lifted"
    );
}

#[tokio::test]
async fn lm16_a_ban_of_an_ipv6_network_is_lifted_by_its_key_or_by_an_address() {
    let server = behind_a_proxy().await;
    for (key, path) in [
        ("address:2001:db8:1:1::/64", "address:2001:db8:1:1::/64"),
        ("address:2001:db8:1:2::/64", "address:2001:db8:1:2::%2F64"),
        ("address:2001:db8:1:3::/64", "2001:db8:1:3::99"),
    ] {
        let network = key.trim_start_matches("address:").trim_end_matches("/64");
        for host in 1..=5 {
            let address = format!("{network}{host}");
            offend(Handshake::with(&server).forwarded_for(&address)).await;
        }
        assert_eq!(bans(&server).await[0]["key"], key);
        let path = format!("/api/v1/bans/{path}");
        assert_eq!(
            server.admin_request("DELETE", &path).await.status,
            204,
            "{path}"
        );
        assert_eq!(
            server.admin_request("DELETE", &path).await.status,
            404,
            "{path}"
        );
    }
    let unreadable = server.admin_request("DELETE", "/api/v1/bans/nobody").await;
    assert_eq!(unreadable.status, 400);
    assert!(unreadable.body.contains("user:NAME"), "{}", unreadable.body);
}

#[tokio::test]
async fn lm16_this_machine_is_never_banned_unless_a_proxy_is_trusted() {
    let server = TestServer::start().await;
    for _ in 0..6 {
        offend(Handshake::with(&server)).await;
    }
    assert!(bans(&server).await.is_empty());
    TestClient::connect(&server).await.round_trip().await;
}

#[tokio::test]
async fn lm16_an_offer_that_nobody_knows_is_no_offence() {
    let server = behind_a_proxy().await;
    for _ in 0..6 {
        let handshake = Handshake::with(&server).forwarded_for("203.0.113.1");
        let socket = handshake.offer(&["v9.magic"]).open().await;
        assert_eq!(socket.expect("it is opened").closed().await.code(), 1002);
    }
    assert!(bans(&server).await.is_empty());
}

#[tokio::test]
async fn bans_are_for_the_operator_alone() {
    let server = TestServer::start().await;
    let response = server.admin_without_token("/api/v1/bans").await;
    assert_eq!(response.status, 401);
}
