//! Tokens: whatever is presented, only what a key signed is believed, and only as long as it says.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_gate::jwt::{Identity, KEYS_MAX, KeySet, Rules, TokenError, verify};
use ring::hmac;
use serde_json::Value as Json;

/// A fixed time, for the inputs that are kept must mean the same tomorrow: in 2026.
const NOW: Duration = Duration::from_secs(1_790_000_000);
const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "parlor";
const SECRET: [u8; 32] = [7; 32];
/// The longest text of an identity.
const TEXT_BYTES_MAX: usize = 256;

/// The secret, and an elliptic key of each kind: the public keys of the examples in RFC 7517 and RFC 8037.
fn key_set() -> KeySet {
    let secret = URL_SAFE_NO_PAD.encode(SECRET);
    let keys = format!(
        r#"{{"keys":[
            {{"kty":"oct","kid":"secret","alg":"HS256","k":"{secret}"}},
            {{"kty":"EC","kid":"curve","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
              "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}},
            {{"kty":"OKP","kid":"edwards","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}
        ]}}"#
    );
    KeySet::parse(keys.as_bytes()).expect("these are keys")
}

fn rules() -> Rules {
    Rules {
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        ..Rules::default()
    }
}

/// A token as a client presented it.
pub(super) fn presented(token: &str) {
    let keys = key_set();
    let verdict = verify(token, &keys, &rules(), NOW);
    let Ok(identity) = verdict else {
        return;
    };
    assert!(
        is_signed_by_us(token),
        "believed without our signature: {token}"
    );
    believed(token, &keys, &identity);
}

/// A token with these claims, signed by us, whatever its header says.
pub(super) fn signed(header: Option<&str>, claims: &str) {
    let header = header.unwrap_or(r#"{"alg":"HS256","kid":"secret"}"#);
    let [header_part, claims_part] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let said = format!("{header_part}.{claims_part}");
    let token = format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature(&said)));
    let keys = key_set();
    let verdict = verify(&token, &keys, &rules(), NOW);
    let algorithm = serde_json::from_str::<Json>(header).map(|header| header["alg"].clone());
    let is_ours = algorithm.is_ok_and(|algorithm| algorithm == "HS256");
    let identity = match verdict {
        Ok(identity) => identity,
        Err(error) => {
            let is_wrong = is_ours && error == TokenError::BadSignature;
            assert!(!is_wrong, "our own signature, with the header {header}");
            return;
        }
    };
    assert!(
        is_ours,
        "signed with one algorithm, and taken for another: {header}"
    );
    check_claims(claims, &identity);
    believed(&token, &keys, &identity);
}

/// What may be claimed by whoever is believed, read another way.
fn check_claims(claims: &str, identity: &Identity) {
    let claims: Json = serde_json::from_str(claims).expect("claims are JSON");
    let leeway = rules().leeway.as_secs_f64();
    let now = NOW.as_secs_f64();
    let expiry = claims["exp"].as_f64().expect("a token ends");
    assert!(now < expiry + leeway, "expired");
    if let Some(begin) = claims.get("nbf") {
        let begin = begin.as_f64().expect("a time");
        assert!(begin <= now + leeway, "not valid yet");
    }
    assert_eq!(claims["iss"], ISSUER);
    let audience = &claims["aud"];
    let is_meant = |it: &Json| it == AUDIENCE;
    assert!(
        is_meant(audience)
            || audience
                .as_array()
                .is_some_and(|all| all.iter().any(is_meant))
    );
    assert_eq!(claims["sub"], identity.user.as_str());
}

/// What holds for every token that is believed.
fn believed(token: &str, keys: &KeySet, identity: &Identity) {
    let texts = identity
        .roles
        .iter()
        .chain(&identity.name)
        .chain([&identity.user]);
    for text in texts {
        assert!((1..=TEXT_BYTES_MAX).contains(&text.len()));
    }
    assert!(identity.expires_at > NOW);
    let at_its_end = verify(token, keys, &rules(), identity.expires_at);
    assert_eq!(at_its_end, Err(TokenError::Expired));
    let (said, signature) = token.rsplit_once('.').expect("a token has three parts");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{said}.{other}{}", &signature[1..]);
    verify(&forged, keys, &rules(), NOW).expect_err("a changed signature is none");
}

/// A key set as an issuer might publish it.
pub(super) fn keys(text: &[u8]) {
    match KeySet::parse(text) {
        Ok(keys) => {
            assert!((1..=KEYS_MAX).contains(&keys.key_count()));
            assert!(keys.key_count() + keys.skipped().len() <= KEYS_MAX);
            // Whatever the keys are, checking a token with them ends well.
            for alg in ["HS256", "RS256", "ES256", "EdDSA", "none"] {
                let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
                let token = format!("{header}.e30.AAAA");
                verify(&token, &keys, &rules(), NOW).expect_err("nobody signed that");
            }
        }
        Err(error) => assert!(error.to_string().len() < 64 << 10),
    }
}

fn signature(said: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    hmac::sign(&key, said.as_bytes())
}

fn is_signed_by_us(token: &str) -> bool {
    token.rsplit_once('.').is_some_and(|(said, tag)| {
        URL_SAFE_NO_PAD
            .decode(tag)
            .is_ok_and(|tag| tag == signature(said).as_ref())
    })
}
