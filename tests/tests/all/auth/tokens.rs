//! Tokens that are not as they must be; what each of them is about is tested in full where tokens are checked.

use parlor_tests::signer::{Signer, unsigned};
use serde_json::json;

use super::{Guarded, assert_closed, auth, claims, claims_with, now, unknown};

#[tokio::test]
async fn au2_every_algorithm_is_taken_from_its_own_key() {
    for issuer in [
        Signer::secret("one", b"a shared secret of 32 bytes, yes"),
        Signer::rsa("one"),
        Signer::p256("one"),
        Signer::ed25519("one"),
    ] {
        let guarded = Guarded::of(issuer, |_| {}).await;
        let mut client = guarded.client(&guarded.token("ann")).await;
        client.round_trip().await;
    }
}

#[tokio::test]
async fn au2_a_token_that_nobody_signed_is_refused_with_4403() {
    let guarded = Guarded::start().await;
    let none = unsigned(&claims("ann"));
    assert_closed(&guarded.refusal(&none).await, 4403, "not signed with");
    let mut cut = guarded.token("ann");
    cut.truncate(cut.rfind('.').unwrap() + 1);
    assert_closed(&guarded.refusal(&cut).await, 4403, "wrong signature");
    let metrics = guarded.server.metrics().await;
    assert_eq!(metrics.get("closes_total{reason=\"token-refused\"}"), 2.0);
    for reason in ["unknown-algorithm", "bad-signature"] {
        let name = format!("tokens_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(metrics.get(&name), 1.0, "{reason}");
    }
}

#[tokio::test]
async fn au2_a_public_rsa_key_is_not_taken_for_a_shared_secret() {
    let guarded = Guarded::of(Signer::rsa("one"), |_| {}).await;
    let jwk = guarded.issuer.jwk();
    let forger = Signer::secret("one", jwk["n"].as_str().unwrap().as_bytes());
    let forged = forger.sign(&claims("ann"));
    assert_closed(&guarded.refusal(&forged).await, 4403, "algorithm");
    let forged = forger.sign_as(&guarded.issuer.header(), &claims("ann"));
    assert_closed(&guarded.refusal(&forged).await, 4403, "signature");
}

#[tokio::test]
async fn au2_a_key_is_not_used_with_another_algorithm() {
    let guarded = Guarded::of(Signer::p256("one"), |_| {}).await;
    let header = json!({ "alg": "EdDSA", "kid": "one" });
    let token = guarded.issuer.sign_as(&header, &claims("ann"));
    assert_closed(&guarded.refusal(&token).await, 4403, "algorithm");
}

#[tokio::test]
async fn au3_what_a_token_claims_must_hold() {
    let guarded = Guarded::with(|options| {
        let jwt = options.jwt.as_mut().unwrap();
        jwt.issuer = Some("https://id.example".to_owned());
        jwt.audience = Some("parlor".to_owned());
    })
    .await;
    let good = json!({ "iss": "https://id.example", "aud": ["parlor"] });
    let sign = |more: serde_json::Value| {
        let mut claims = claims_with("ann", &good);
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        guarded.issuer.sign(&claims)
    };
    for (more, named) in [
        (json!({ "exp": now() - 61.0 }), "has expired"),
        (json!({ "exp": null }), "exp"),
        (json!({ "nbf": now() + 90.0 }), "not valid yet"),
        (json!({ "iss": "https://evil.example" }), "issuer"),
        (json!({ "aud": "other" }), "audience"),
        (json!({ "sub": "" }), "sub"),
    ] {
        assert_closed(&guarded.refusal(&sign(more)).await, 4403, named);
    }
    let mut endless = claims_with("ann", &good);
    endless.as_object_mut().unwrap().remove("exp");
    let endless = guarded.issuer.sign(&endless);
    assert_closed(&guarded.refusal(&endless).await, 4403, "no exp");
    // Within the leeway, either way.
    for more in [
        json!({}),
        json!({ "exp": now() - 30.0 }),
        json!({ "nbf": now() + 30.0 }),
    ] {
        guarded.client(&sign(more)).await.round_trip().await;
    }
}

#[tokio::test]
async fn op2_au4_a_bad_token_in_auth_closes_with_4403() {
    let guarded = Guarded::start().await;
    for bad in ["", "no.to.ken", &"x".repeat(9 << 10)] {
        let mut client = unknown(&guarded.server).await;
        client.send(auth(Some(bad), Some("Ann"))).await;
        assert_closed(&client.expect_end().await, 4403, "the token");
    }
}
