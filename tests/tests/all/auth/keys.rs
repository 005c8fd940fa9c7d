//! Keys that change, in a file and at an address.

use std::time::Duration;

use parlor_proto::Subprotocol;
use parlor_server::JwtTable;
use parlor_tests::signer::{Signer, key_set};
use parlor_tests::{KeyServer, Options, TestServer, in_time, request};

use super::{assert_closed, claims, client_with, closed, handshake};

/// A server with keys from here.
async fn with_keys(keys: String) -> TestServer {
    TestServer::with(options(keys)).await
}

fn options(keys: String) -> Options {
    Options {
        jwt: Some(JwtTable {
            keys: Some(keys),
            ..JwtTable::default()
        }),
        ..Options::default()
    }
}

async fn assert_refused(server: &TestServer, token: &str, code: u16, named: &str) {
    let opened = handshake(server).bearer(token).open().await;
    assert_closed(&closed(opened).await, code, named);
}

#[tokio::test]
async fn au11_a_token_of_a_new_key_makes_the_server_ask_again() {
    let (old, new) = (Signer::ed25519("old"), Signer::p256("new"));
    let keys = KeyServer::start(&key_set(&[old.jwk()])).await;
    let server = with_keys(keys.url()).await;
    client_with(&server, &old.sign(&claims("ann"))).await;
    assert_eq!(keys.requests().len(), 1);
    assert!(keys.requests()[0].starts_with("GET /jwks.json HTTP/1.1\r\n"));
    keys.serve(&key_set(&[new.jwk()]));
    client_with(&server, &new.sign(&claims("ann"))).await;
    assert_eq!(keys.requests().len(), 2);
    // The old key is a key no more.
    assert_refused(&server, &old.sign(&claims("ann")), 4403, "kid").await;
}

#[tokio::test]
async fn au11_unknown_keys_do_not_make_it_ask_more_often() {
    let issuer = Signer::ed25519("one");
    let keys = KeyServer::start(&key_set(&[issuer.jwk()])).await;
    let server = with_keys(keys.url()).await;
    for kid in 0..20 {
        let forged = Signer::ed25519(&format!("forged-{kid}")).sign(&claims("ann"));
        assert_refused(&server, &forged, 4403, "kid").await;
    }
    // Once at the start, and once for the first of them.
    assert_eq!(keys.requests().len(), 2);
    client_with(&server, &issuer.sign(&claims("ann"))).await;
}

#[tokio::test]
async fn au11_the_keys_there_are_stay_in_use_while_others_cannot_be_had() {
    let issuer = Signer::ed25519("one");
    let secret = Signer::secret("one", b"a shared secret of 32 bytes, yes");
    for bad in ["", "{}", "not JSON", &key_set(&[secret.jwk()])] {
        let keys = KeyServer::start(&key_set(&[issuer.jwk()])).await;
        let server = with_keys(keys.url()).await;
        if bad.is_empty() {
            keys.fail("500 Internal Server Error");
        } else {
            keys.serve(bad);
        }
        let stranger = Signer::ed25519("other").sign(&claims("ann"));
        assert_refused(&server, &stranger, 4403, "kid").await;
        assert_eq!(keys.requests().len(), 2, "{bad}");
        client_with(&server, &issuer.sign(&claims("ann"))).await;
    }
}

#[tokio::test]
async fn au4_au11_without_keys_the_server_is_not_ready_and_says_come_back() {
    let issuer = Signer::ed25519("one");
    let keys = KeyServer::start("").await;
    keys.fail("503 Service Unavailable");
    let server = TestServer::with(options(keys.url())).await;
    assert_eq!(server.get("/ready", &[]).await.status, 503);
    let token = issuer.sign(&claims("ann"));
    assert_refused(&server, &token, 1013, "no keys yet").await;
    let bearer = format!("Bearer {token}");
    let ticket = request(
        server.address,
        "POST",
        "/ticket",
        &[("Authorization", &bearer)],
    )
    .await;
    assert_eq!(ticket.status, 503);
    // It asks again by itself.
    keys.serve(&key_set(&[issuer.jwk()]));
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let asking = async {
        while server.get("/ready", &[]).await.status != 200 {
            pace.tick().await;
        }
    };
    in_time("keys", asking).await;
    client_with(&server, &token).await;
}

#[tokio::test]
async fn au11_a_file_of_keys_is_read_again_when_it_changes() {
    let (old, new) = (Signer::ed25519("old"), Signer::rsa("new"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    let write = |text: &str| {
        // As configuration management does it: whole, and at once.
        let fresh = dir.path().join("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(&fresh, &path).unwrap();
    };
    write(&key_set(&[old.jwk()]));
    let server = with_keys(path.display().to_string()).await;
    client_with(&server, &old.sign(&claims("ann"))).await;
    assert_refused(&server, &new.sign(&claims("ann")), 4403, "kid").await;
    write(&key_set(&[new.jwk()]));
    assert_refused(&server, &old.sign(&claims("ann")), 4403, "kid").await;
    client_with(&server, &new.sign(&claims("ann"))).await;
    // A broken one changes nothing, and neither does one that is gone.
    write("{");
    client_with(&server, &new.sign(&claims("ann"))).await;
    std::fs::remove_file(&path).unwrap();
    client_with(&server, &new.sign(&claims("ann"))).await;
}

#[tokio::test]
async fn au2_a_token_is_taken_in_every_encoding() {
    let issuer = Signer::ed25519("one");
    let keys = KeyServer::start(&key_set(&[issuer.jwk()])).await;
    let server = with_keys(keys.url()).await;
    for subprotocol in Subprotocol::ALL {
        let handshake = parlor_tests::Handshake::with(&server).origin(super::PAGE);
        let mut client = parlor_tests::TestClient::unknown(handshake, subprotocol).await;
        let token = issuer.sign(&claims("ann"));
        client.send(super::auth(Some(&token), None)).await;
        client.expect_welcome().await;
    }
}
