//! A server that stops.

use parlor_tests::{Handshake, TestClient, TestServer};
use serde_json::json;

async fn expect_goaway(client: &mut TestClient) {
    let goaway = client.expect_goaway().await;
    assert!(goaway.retry_after_ms <= 3_000, "{goaway:?}");
    assert!(!goaway.reason.is_empty());
}

#[tokio::test]
async fn cl2_a_stopping_server_says_goaway_and_closes_with_1012() {
    let mut server = TestServer::start().await;
    let mut clients = [
        TestClient::connect(&server).await,
        TestClient::connect(&server).await,
    ];
    for client in &mut clients {
        client.join("hall", "chat").await;
        client
            .applied("hall", &json!({ "type": "say", "text": "hello" }))
            .await;
    }
    server.begin_stop();
    for client in &mut clients {
        expect_goaway(client).await;
        assert_eq!(client.expect_end().await.code(), 1012);
    }
    server.ended().await;
}

#[tokio::test]
async fn hs4_a_stopping_server_answers_503_until_it_is_gone() {
    let mut server = TestServer::start().await;
    let mut last = TestClient::connect(&server).await;
    server.begin_stop();
    // It waits for this client, which has not yet read that it is to go.
    expect_goaway(&mut last).await;
    assert_eq!(server.get("/ready", &[]).await.status, 503);
    assert_eq!(server.get("/health", &[]).await.status, 200);
    let refused = Handshake::with(&server).offer(&["v1.json"]).open().await;
    assert_eq!(refused.expect_err("it takes nobody new").status, 503);
    assert_eq!(last.expect_end().await.code(), 1012);
    server.ended().await;
}

#[tokio::test]
async fn a_server_without_clients_ends_at_once() {
    let server = TestServer::start().await;
    let mut client = TestClient::connect(&server).await;
    client.join("hall", "ticker").await;
    drop(client);
    // The room is empty, and would stay open for its grace time.
    server.ended().await;
}
