//! Where a token may be, and what a handshake without one comes to.

use std::time::Duration;

use parlor_proto::Subprotocol;
use parlor_tests::{Handshake, Log, Options, TestClient, TestServer};
use serde_json::json;

use super::{Guarded, PAGE, assert_closed, auth, closed, unknown};

#[tokio::test]
async fn op1_au1_with_a_token_in_the_handshake_welcome_comes_unasked() {
    let guarded = Guarded::start().await;
    let token = guarded.token("ann");
    for subprotocol in Subprotocol::ALL {
        let handshake = || Handshake::with(&guarded.server).origin(PAGE);
        for handshake in [
            handshake().bearer(&token),
            handshake().token_in_offer(&token),
        ] {
            let mut client = TestClient::through(handshake, subprotocol).await;
            let joined = client.join("hall", "chat").await;
            assert_eq!(joined.you.user.as_deref(), Some("ann"));
        }
    }
}

#[tokio::test]
async fn hs8_a_token_in_the_offer_is_never_echoed_and_no_subprotocol() {
    let guarded = Guarded::start().await;
    let token = guarded.token("ann");
    let entry = format!("auth.{token}");
    let first = format!("{entry}, v1.json");
    let last = format!("v1.binary, v1.json, {entry}");
    for (offer, chosen) in [(first, "v1.json"), (last, "v1.binary")] {
        let handshake = Handshake::with(&guarded.server).origin(PAGE);
        let socket = handshake.offer(&[&offer]).open().await.unwrap();
        assert_eq!(socket.chosen.as_deref(), Some(chosen));
    }
    // Nor where nothing else in the offer is known.
    let handshake = Handshake::with(&guarded.server).origin(PAGE);
    let unknown = handshake.offer(&[&format!("{entry}, soap")]);
    let socket = unknown.open().await.unwrap();
    assert_eq!(socket.chosen.as_deref(), Some("soap"));
    assert_eq!(socket.closed().await.code(), 1002);
}

#[tokio::test]
async fn au1_the_first_place_with_a_token_decides() {
    let guarded = Guarded::with(|options| {
        options.jwt.as_mut().unwrap().token_in_query = Some(true);
    })
    .await;
    let good = guarded.token("ann");
    let query = format!("token={good}");
    let bad = || guarded.handshake().query(&query);
    for handshake in [
        bad().bearer("no.to.ken").token_in_offer(&good),
        bad().token_in_offer("no.to.ken"),
        bad().query("ticket=00"),
    ] {
        assert_closed(&closed(handshake.open().await).await, 4403, "");
    }
    let handshake = bad().bearer(&good).token_in_offer("no.to.ken");
    TestClient::through(handshake, Subprotocol::Json).await;
}

#[tokio::test]
async fn au1_a_token_in_the_query_is_taken_only_where_that_is_switched_on() {
    let with = |is_on| {
        Guarded::with(move |options| {
            options.jwt.as_mut().unwrap().token_in_query = is_on;
            options.limits.auth_timeout = Duration::from_millis(50);
        })
    };
    for off in [None, Some(false)] {
        let guarded = with(off).await;
        let query = format!("token={}", guarded.token("ann"));
        let handshake = guarded.handshake().query(&query);
        assert_closed(&closed(handshake.open().await).await, 4401, "no token");
        // For whoever sends no Origin, neither does it count as one.
        let handshake = Handshake::with(&guarded.server).offer(&["v1.json"]);
        let ended = closed(handshake.query(&query).open().await).await;
        assert_closed(&ended, 4401, "Origin");
    }
    let guarded = with(Some(true)).await;
    let query = format!("token={}", guarded.token("ann"));
    let handshake = guarded.handshake().query(&query);
    let mut client = TestClient::through(handshake, Subprotocol::Json).await;
    let joined = client.join("hall", "chat").await;
    assert_eq!(joined.you.user.as_deref(), Some("ann"));
}

#[tokio::test]
async fn au1_no_token_is_ever_logged() {
    let log = Log::default();
    let guarded = Guarded::with(|options| {
        options.jwt.as_mut().unwrap().token_in_query = Some(true);
        options.log = Some(log.clone());
    })
    .await;
    let good = guarded.token("ann");
    let bad = guarded.issuer.sign(&json!({ "sub": "ann", "exp": 1 }));
    let ticket = super::tickets::ticket_for(&guarded, &good).await;
    for token in [&good, &bad] {
        for handshake in [
            guarded.handshake().bearer(token),
            guarded.handshake().token_in_offer(token),
            guarded.handshake().query(&format!("token={token}")),
            guarded.handshake().query(&format!("ticket={ticket}")),
        ] {
            // Some are let in and some are not; both leave their lines.
            let mut client = TestClient::unknown(handshake, Subprotocol::Json).await;
            client.send_unwelcome(json_frame(&good)).await;
        }
        let mut client = unknown(&guarded.server).await;
        client.send(auth(Some(token), None)).await;
        client.send_unwelcome(json_frame(token)).await;
    }
    guarded.client(&good).await.round_trip().await;
    guarded.server.ended().await;
    let log = log.text();
    assert!(
        log.contains("negotiate") && log.contains("has expired"),
        "{log}"
    );
    for secret in [&good, &bad] {
        for part in secret.split('.').skip(1) {
            assert!(!log.contains(part), "{part} is in the log:\n{log}");
        }
    }
    assert!(!log.contains(&ticket), "the ticket is in the log:\n{log}");
}

/// A frame with a token in a field that the server does not know.
fn json_frame(token: &str) -> tokio_tungstenite::tungstenite::Message {
    let frame = json!({ "type": "auth", "token": token, "wish": token });
    tokio_tungstenite::tungstenite::Message::text(frame.to_string())
}

#[tokio::test]
async fn hs7_without_an_origin_the_token_must_be_in_the_handshake() {
    let guarded = Guarded::start().await;
    let handshake = || Handshake::with(&guarded.server).offer(&["v1.json"]);
    assert_closed(&closed(handshake().open().await).await, 4401, "Origin");
    let token = guarded.token("ann");
    TestClient::through(handshake().bearer(&token), Subprotocol::Json).await;
    // A guest needs neither.
    let server = TestServer::start().await;
    TestClient::connect(&server).await;
}

#[tokio::test]
async fn hs4_a_token_does_not_open_the_door_for_pages_of_other_sites() {
    let guarded = Guarded::start().await;
    let token = guarded.token("ann");
    for stranger in ["https://evil.example", "null"] {
        let handshake = Handshake::with(&guarded.server).origin(stranger);
        let handshake = handshake.offer(&["v1.json"]).bearer(&token);
        let refused = handshake.open().await.expect_err("a stranger is refused");
        assert_eq!(refused.status, 403);
    }
}

#[tokio::test]
async fn op2_where_no_token_comes_in_time_the_connection_is_closed_with_4401() {
    let guarded = Guarded::with(|options| {
        options.limits.auth_timeout = Duration::from_millis(100);
    })
    .await;
    let mut client = unknown(&guarded.server).await;
    assert_closed(&client.expect_end().await, 4401, "no token came");
    let metrics = guarded.server.metrics().await;
    assert_eq!(metrics.get("closes_total{reason=\"token-required\"}"), 1.0);
    assert_eq!(
        Options::default().limits.auth_timeout,
        Duration::from_secs(5)
    );
}

#[tokio::test]
async fn op2_a_token_in_time_stops_that_clock() {
    let guarded = Guarded::with(|options| {
        options.limits.auth_timeout = Duration::from_millis(2000);
        options.limits.heartbeat = Duration::from_millis(800);
    })
    .await;
    let mut client = unknown(&guarded.server).await;
    let token = guarded.token("ann");
    client.send(auth(Some(&token), None)).await;
    client.expect_welcome().await;
    // Three pings later the time is over.
    for _ in 0..3 {
        let is_ping = tokio_tungstenite::tungstenite::Message::is_ping;
        client.expect_message_of("a ping", is_ping).await;
    }
    client.round_trip().await;
}
