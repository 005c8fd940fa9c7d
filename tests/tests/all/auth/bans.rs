//! Bans of users, and of addresses from where tokens come that are not good.

use parlor_tests::{Handshake, TestClient};
use tokio_tungstenite::tungstenite::Message;

use super::{Guarded, assert_closed, auth, claims_with, client_with, closed, now, unknown};
use serde_json::json;

/// Does what is closed with 1003.
async fn offend(mut client: TestClient) {
    client.send_message(Message::binary(vec![1])).await;
    assert_eq!(client.expect_end().await.code(), 1003);
}

#[tokio::test]
async fn lm16_a_banned_user_comes_in_by_no_way_and_others_of_the_same_address_do() {
    let guarded = Guarded::start().await;
    let token = guarded.token("ann");
    for _ in 0..5 {
        offend(guarded.client(&token).await).await;
    }
    let refused = guarded.handshake().bearer(&token).open().await;
    let refused = refused.expect_err("she is banned");
    assert_eq!(refused.status, 429);
    assert!(refused.retry_after > Some(500), "{refused:?}");
    let mut late = unknown(&guarded.server).await;
    late.send(auth(Some(&token), None)).await;
    assert_closed(&late.expect_end().await, 4403, "banned");
    let bob = guarded.token("bob");
    guarded.client(&bob).await.round_trip().await;
    let lifted = guarded
        .server
        .admin_request("DELETE", "/api/v1/bans/user:ann");
    assert_eq!(lifted.await.status, 204);
    guarded.client(&token).await.round_trip().await;
}

#[tokio::test]
async fn lm16_tokens_that_are_not_good_ban_their_address_but_for_those_with_a_good_one() {
    let guarded = Guarded::with(|options| {
        options.settings.trusted_proxy = vec!["127.0.0.1".to_owned()];
    })
    .await;
    let from = |address| -> Handshake { guarded.handshake().forwarded_for(address) };
    for _ in 0..5 {
        let opened = from("203.0.113.1").bearer("not.a.token").open().await;
        assert_eq!(closed(opened).await.code(), 4403);
    }
    let again = from("203.0.113.1").bearer("not.a.token").open().await;
    assert_eq!(again.expect_err("it is banned").status, 429);
    let without = from("203.0.113.1").open().await;
    assert_eq!(without.expect_err("it is banned").status, 429);
    assert!(from("203.0.113.2").open().await.is_ok());
    let ann = guarded.token("ann");
    assert!(from("203.0.113.1").bearer(&ann).open().await.is_ok());
}

#[tokio::test]
async fn lm16_a_token_that_ends_is_no_offence() {
    let guarded = Guarded::with(|options| {
        if let Some(jwt) = &mut options.jwt {
            jwt.leeway_seconds = Some(0);
        }
    })
    .await;
    let expires_at = now() + 2.0;
    let token = claims_with("ann", &json!({ "exp": expires_at }));
    let token = guarded.issuer.sign(&token);
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(client_with(&guarded.server, &token).await);
    }
    for mut client in clients {
        assert_closed(&client.expect_end().await, 4403, "expired");
    }
    let renewed = guarded.token("ann");
    guarded.client(&renewed).await.round_trip().await;
}
