//! One-time tickets.

use parlor_proto::Subprotocol;
use parlor_tests::{HttpResponse, Options, TestClient, TestServer, request};
use serde_json::{Value as Json, json};

use super::{Guarded, PAGE, assert_closed, closed};

async fn post(server: &TestServer, headers: &[(&str, &str)]) -> HttpResponse {
    request(server.address, "POST", "/ticket", headers).await
}

/// A ticket in place of this token.
pub(super) async fn ticket_for(guarded: &Guarded, token: &str) -> String {
    let bearer = format!("Bearer {token}");
    let answer = post(
        &guarded.server,
        &[("Authorization", &bearer), ("Origin", PAGE)],
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let json: Json = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(json["expires_in_ms"], 30_000);
    json["ticket"].as_str().expect("a ticket").to_owned()
}

#[tokio::test]
async fn au7_a_ticket_lets_its_user_in_once() {
    let guarded = Guarded::start().await;
    let ticket = ticket_for(&guarded, &guarded.token("ann")).await;
    let query = format!("ticket={ticket}");
    let handshake = guarded.handshake().query(&query);
    let mut client = TestClient::through(handshake, Subprotocol::Json).await;
    let joined = client.join("hall", "chat").await;
    assert_eq!(joined.you.user.as_deref(), Some("ann"));
    let again = closed(guarded.handshake().query(&query).open().await).await;
    assert_closed(&again, 4403, "POST /ticket");
}

#[tokio::test]
async fn au7_only_a_ticket_that_was_issued_lets_anybody_in() {
    let guarded = Guarded::start().await;
    let ticket = ticket_for(&guarded, &guarded.token("ann")).await;
    let shorter = &ticket[1..];
    for wrong in ["", "0", shorter, &"0".repeat(32), &format!("{ticket}0")] {
        let handshake = guarded.handshake().query(&format!("ticket={wrong}"));
        assert_closed(&closed(handshake.open().await).await, 4403, "ticket");
    }
    let metrics = guarded.server.metrics().await;
    assert_eq!(metrics.get("tokens_refused_total{reason=\"ticket\"}"), 5.0);
}

#[tokio::test]
async fn au7_a_ticket_needs_a_good_token() {
    let guarded = Guarded::start().await;
    let expired = guarded.issuer.sign(&json!({ "sub": "ann", "exp": 1 }));
    let expired = format!("Bearer {expired}");
    for (headers, named) in [
        (&[][..], "Authorization"),
        (&[("Authorization", "Basic YTpi")], "Authorization"),
        (&[("Authorization", "Bearer no.to.ken")], "no signed JWT"),
        (&[("Authorization", &expired)], "has expired"),
    ] {
        let answer = post(&guarded.server, headers).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.body.contains(named), "{}", answer.body);
        let challenge = answer.header("www-authenticate");
        assert!(challenge.is_some_and(|it| it.starts_with("bearer")));
    }
    let get = guarded.server.get("/ticket", &[]).await;
    assert_eq!(get.status, 405);
}

#[tokio::test]
async fn au7_a_ticket_is_issued_to_allowed_pages_and_to_no_page_at_all() {
    let guarded = Guarded::with(|options: &mut Options| {
        options.origins = vec!["https://play.example.com".to_owned()];
    })
    .await;
    let bearer = format!("Bearer {}", guarded.token("ann"));
    let token = ("Authorization", bearer.as_str());
    let friend = ("Origin", "https://play.example.com");
    let answer = post(&guarded.server, &[token, friend]).await;
    assert_eq!(answer.status, 200);
    // A page of another origin must be told that it may read the answer, and send the header.
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://play.example.com"));
    let address = guarded.server.address;
    let preflight = request(address, "OPTIONS", "/ticket", &[friend]).await;
    assert_eq!(preflight.status, 204);
    let headers = preflight.header("access-control-allow-headers");
    assert_eq!(headers, Some("authorization"));
    // A client that is no page at all.
    assert_eq!(post(&guarded.server, &[token]).await.status, 200);
    let stranger = ("Origin", "https://evil.example");
    for (method, headers) in [("POST", &[token, stranger][..]), ("OPTIONS", &[stranger])] {
        let refused = request(address, method, "/ticket", headers).await;
        assert_eq!(refused.status, 403);
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn au7_where_guests_are_taken_there_are_no_tickets() {
    let server = TestServer::start().await;
    let answer = post(&server, &[("Authorization", "Bearer a.b.c")]).await;
    assert_eq!(answer.status, 404);
}
