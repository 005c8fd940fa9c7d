//! From the TCP connection to an agreed subprotocol.

use parlor_tests::{Ended, Handshake, Options, TestServer};

#[tokio::test]
async fn hs1_a_websocket_is_opened_at_ws_and_nowhere_else() {
    let server = TestServer::start().await;
    let at = |path| {
        let handshake = Handshake::with(&server).offer(&["v1.json"]);
        handshake.path(path).open()
    };
    assert!(at("/ws").await.is_ok());
    for elsewhere in ["/", "/ws/", "/websocket"] {
        let refused = at(elsewhere).await.expect_err(elsewhere);
        assert_ne!(refused.status, 101, "{elsewhere}");
    }
}

#[tokio::test]
async fn hs2_the_first_offer_that_the_server_knows_is_taken_in_the_clients_order() {
    let server = TestServer::start().await;
    for (offer, chosen) in [
        (&["v1.json, v1.binary, v2.proto"][..], "v1.json"),
        (&["v2.proto, v1.json"], "v2.proto"),
        (&["v1.binary", "v1.json"], "v1.binary"),
        (&["v9.magic,soap, v1.binary"], "v1.binary"),
    ] {
        let socket = Handshake::with(&server).offer(offer).open().await;
        let socket = socket.expect("it is let in");
        assert_eq!(socket.chosen.as_deref(), Some(chosen), "{offer:?}");
    }
}

/// Asserts that the end is 1002, with a reason that lists what the server speaks.
fn assert_lists_subprotocols(ended: &Ended) {
    let Ended::Closed(1002, reason) = ended else {
        panic!("not closed with 1002: {ended:?}");
    };
    for name in ["v1.json", "v1.binary", "v2.proto"] {
        assert!(reason.contains(name), "{reason}");
    }
}

#[tokio::test]
async fn hs3_an_unknown_offer_is_echoed_by_its_first_entry_and_closed_with_1002() {
    let server = TestServer::start().await;
    let handshake = Handshake::with(&server).offer(&["v9.magic, soap"]);
    let socket = handshake.open().await.expect("the handshake succeeds");
    assert_eq!(socket.chosen.as_deref(), Some("v9.magic"));
    assert_lists_subprotocols(&socket.closed().await);
}

#[tokio::test]
async fn hs3_no_offer_at_all_is_closed_with_1002() {
    let server = TestServer::start().await;
    let socket = Handshake::with(&server)
        .open()
        .await
        .expect("the handshake succeeds");
    assert_eq!(socket.chosen, None);
    assert_lists_subprotocols(&socket.closed().await);
    let metrics = server.metrics().await;
    assert_eq!(metrics.get("closes_total{reason=\"protocol-error\"}"), 1.0);
}

#[tokio::test]
async fn hs4_only_pages_of_allowed_origins_may_connect() {
    let options = Options {
        origins: vec!["https://play.example.com".to_owned()],
        ..Options::default()
    };
    let server = TestServer::with(options).await;
    let from = |origin| {
        Handshake::with(&server)
            .offer(&["v1.json"])
            .origin(origin)
            .open()
    };
    for stranger in [
        "https://evil.example",
        "null",
        "https://play.example.com.evil.example",
    ] {
        let refused = from(stranger).await.expect_err("a stranger is refused");
        assert_eq!(refused.status, 403, "{stranger}");
        assert!(refused.body.contains("--origin"), "{}", refused.body);
    }
    for friend in ["https://play.example.com", "http://localhost:5173"] {
        assert!(from(friend).await.is_ok(), "{friend}");
    }
}

#[tokio::test]
async fn hs4_a_request_that_is_no_upgrade_gets_426() {
    let server = TestServer::start().await;
    let response = server.get("/ws", &[]).await;
    assert_eq!(response.status, 426);
    assert!(
        response.head.contains("upgrade: websocket"),
        "{}",
        response.head
    );
}

#[tokio::test]
async fn hs4_a_handshake_that_is_not_right_is_told_what_is_not() {
    let server = TestServer::start().await;
    let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let version = ("Sec-WebSocket-Version", "13");
    for (headers, status, named) in [
        (
            vec![key, ("Sec-WebSocket-Version", "8")],
            426,
            "sec-websocket-version: 13",
        ),
        (vec![key], 426, "sec-websocket-version: 13"),
        (vec![version], 400, "sec-websocket-key"),
        (
            vec![version, ("Sec-WebSocket-Key", "short")],
            400,
            "sec-websocket-key",
        ),
    ] {
        let mut all = vec![("Connection", "Upgrade"), ("Upgrade", "websocket")];
        all.extend(headers);
        let response = server.get("/ws", &all).await;
        assert_eq!(response.status, status, "{all:?}");
        let answer = response.head + &response.body.to_ascii_lowercase();
        assert!(answer.contains(named), "{all:?}: {answer}");
    }
}

#[tokio::test]
async fn the_admin_listener_needs_its_token() {
    let server = TestServer::start().await;
    for path in ["/metrics", "/api/v1/reports"] {
        let response = server.admin_without_token(path).await;
        assert_eq!(response.status, 401, "{path}");
        assert!(response.body.contains("admin-token"), "{}", response.body);
    }
}
