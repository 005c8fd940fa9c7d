//! Tokens and keys, the right ones and the wrong ones.

#[path = "support/signer.rs"]
pub mod signer;

use std::time::Duration;

use parlor_gate::jwt::{
    Identity, KEY_SET_BYTES_MAX, KEYS_MAX, KeySet, KeySetError, Rules, TOKEN_BYTES_MAX, TokenError,
    verify,
};
use serde_json::{Value as Json, json};
use signer::{Signer, key_set, unsigned};

/// What the tests take for the present, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

const SECRET: &[u8] = b"a shared secret of 32 bytes, yes";

fn claims() -> Json {
    json!({ "sub": "ann", "exp": NOW + 300 })
}

/// The usual claims, with some of their own.
fn with(more: &Json) -> Json {
    let mut claims = claims();
    for (name, value) in more.as_object().expect("claims by name") {
        claims[name] = value.clone();
    }
    claims
}

fn keys(signers: &[&Signer]) -> KeySet {
    let jwks: Vec<Json> = signers.iter().map(|signer| signer.jwk()).collect();
    KeySet::parse(key_set(&jwks).as_bytes()).expect("a set of keys")
}

fn check_by(keys: &KeySet, token: &str, rules: &Rules, now: u64) -> Result<Identity, TokenError> {
    verify(token, keys, rules, Duration::from_secs(now))
}

/// Checks claims that are signed as they should be.
fn check(claims: &Json, rules: &Rules) -> Result<Identity, TokenError> {
    check_at(claims, rules, NOW)
}

fn check_at(claims: &Json, rules: &Rules, now: u64) -> Result<Identity, TokenError> {
    let signer = Signer::secret("k", SECRET);
    check_by(&keys(&[&signer]), &signer.sign(claims), rules, now)
}

/// Checks a token by these keys and no special rules.
fn check_token(signers: &[&Signer], token: &str) -> Result<Identity, TokenError> {
    check_by(&keys(signers), token, &Rules::default(), NOW)
}

#[test]
fn every_algorithm_is_taken_from_its_own_key() {
    let signers = [
        Signer::secret("s", SECRET),
        Signer::rsa("r"),
        Signer::p256("p"),
        Signer::ed25519("e"),
    ];
    let all: Vec<&Signer> = signers.iter().collect();
    for signer in &signers {
        let identity = check_token(&all, &signer.sign(&claims())).unwrap();
        assert_eq!(identity.user, "ann", "{}", signer.algorithm());
        assert_eq!(identity.expires_at, Duration::from_secs(NOW + 300 + 60));
    }
}

#[test]
fn a_token_without_a_signature_is_refused_whatever_it_is_called() {
    let signer = Signer::ed25519("k");
    assert_eq!(
        check_token(&[&signer], &unsigned(&claims())),
        Err(TokenError::UnknownAlgorithm)
    );
    for alg in [
        "none", "None", "NONE", "", "hs256", "HS384", "RS512", "PS256", "ES384",
    ] {
        let token = signer.sign_as(&json!({ "alg": alg, "kid": "k" }), &claims());
        let unsigned = &token[..=token.rfind('.').unwrap()];
        for token in [token.as_str(), unsigned] {
            let refused = check_token(&[&signer], token);
            assert_eq!(refused, Err(TokenError::UnknownAlgorithm), "{alg}");
        }
    }
    // A known algorithm, and no signature.
    let token = signer.sign(&claims());
    let unsigned = &token[..=token.rfind('.').unwrap()];
    assert_eq!(
        check_token(&[&signer], unsigned),
        Err(TokenError::BadSignature)
    );
}

#[test]
fn a_public_key_is_not_taken_for_a_shared_secret() {
    let rsa = Signer::rsa("k");
    let jwk = rsa.jwk();
    // The attacker knows all of the public key, and signs with HMAC by each form of it.
    let modulus = jwk["n"].as_str().unwrap().as_bytes();
    for secret in [modulus, jwk.to_string().as_bytes()] {
        let forger = Signer::secret("k", secret);
        assert_eq!(
            check_token(&[&rsa], &forger.sign(&claims())),
            Err(TokenError::WrongAlgorithm)
        );
        let without_kid = forger.sign_as(&json!({ "alg": "HS256" }), &claims());
        assert_eq!(
            check_token(&[&rsa], &without_kid),
            Err(TokenError::WrongAlgorithm)
        );
        let as_rsa = forger.sign_as(&rsa.header(), &claims());
        assert_eq!(check_token(&[&rsa], &as_rsa), Err(TokenError::BadSignature));
    }
}

#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    let signers = [
        Signer::secret("k", SECRET),
        Signer::rsa("k"),
        Signer::p256("k"),
        Signer::ed25519("k"),
    ];
    for key in &signers {
        for other in &signers {
            let header = json!({ "alg": other.algorithm(), "kid": "k" });
            let outcome = check_token(&[key], &key.sign_as(&header, &claims()));
            if key.algorithm() == other.algorithm() {
                assert!(outcome.is_ok());
            } else {
                assert_eq!(outcome, Err(TokenError::WrongAlgorithm));
            }
        }
    }
}

#[test]
fn the_kid_picks_the_key() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    assert!(check_token(&[&old, &new], &new.sign(&claims())).is_ok());
    assert_eq!(
        check_token(&[&old], &new.sign(&claims())),
        Err(TokenError::UnknownKey)
    );
    let stranger = Signer::ed25519("new");
    assert_eq!(
        check_token(&[&old, &new], &stranger.sign(&claims())),
        Err(TokenError::BadSignature)
    );
}

#[test]
fn without_a_kid_there_must_be_one_key_of_the_algorithm() {
    let (one, other) = (Signer::ed25519("1"), Signer::ed25519("2"));
    let rsa = Signer::rsa("3");
    let token = one.sign_as(&json!({ "alg": "EdDSA" }), &claims());
    assert!(check_token(&[&one, &rsa], &token).is_ok());
    assert_eq!(
        check_token(&[&one, &other], &token),
        Err(TokenError::AmbiguousKey)
    );
    assert_eq!(
        check_token(&[&rsa], &token),
        Err(TokenError::WrongAlgorithm)
    );
}

#[test]
fn a_token_that_was_changed_is_refused() {
    for signer in [
        Signer::secret("k", SECRET),
        Signer::rsa("k"),
        Signer::p256("k"),
        Signer::ed25519("k"),
    ] {
        let (mine, others) = (
            signer.sign(&claims()),
            signer.sign(&with(&json!({ "sub": "bob" }))),
        );
        let signature = mine.rsplit_once('.').unwrap().1;
        let signed = others.rsplit_once('.').unwrap().0;
        assert_eq!(
            check_token(&[&signer], &format!("{signed}.{signature}")),
            Err(TokenError::BadSignature)
        );
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let signer = Signer::ed25519("k");
    let token = signer.sign(&claims());
    let (header, rest) = token.split_once('.').unwrap();
    for bad in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        header,
        &format!("{header}.{rest}."),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{header}=.{rest}"),
        &token.replacen('.', ".e30.", 1),
    ] {
        let refused = check_token(&[&signer], bad);
        assert_eq!(refused, Err(TokenError::NotAToken), "{bad}");
    }
}

#[test]
fn claims_that_are_no_object_are_refused() {
    for claims in [json!([]), json!("ann"), json!(null)] {
        assert_eq!(
            check(&claims, &Rules::default()),
            Err(TokenError::BadClaims)
        );
    }
}

#[test]
fn a_token_of_8_kib_is_read_and_a_longer_one_is_not() {
    let signer = Signer::secret("k", SECRET);
    let sized = |bytes: usize| signer.sign(&with(&json!({ "filler": "x".repeat(bytes) })));
    let overhead = sized(0).len();
    let mut filler = (TOKEN_BYTES_MAX - overhead) * 3 / 4 - 4;
    while sized(filler + 1).len() <= TOKEN_BYTES_MAX {
        filler += 1;
    }
    assert!(check_token(&[&signer], &sized(filler)).is_ok());
    assert_eq!(
        check_token(&[&signer], &sized(filler + 1)),
        Err(TokenError::TooLong)
    );
}

#[test]
fn a_header_that_must_be_understood_and_is_not_is_refused() {
    let signer = Signer::ed25519("k");
    let header = json!({ "alg": "EdDSA", "kid": "k", "crit": ["b64"], "b64": false });
    assert_eq!(
        check_token(&[&signer], &signer.sign_as(&header, &claims())),
        Err(TokenError::CriticalHeader)
    );
}

#[test]
fn a_token_ends_with_its_exp_and_the_leeway() {
    let rules = Rules::default();
    let at = |now| check_at(&claims(), &rules, now);
    assert!(at(NOW + 300 + 59).is_ok());
    assert_eq!(at(NOW + 300 + 60), Err(TokenError::Expired));
    let strict = Rules {
        leeway: Duration::ZERO,
        ..rules
    };
    assert_eq!(
        check_at(&claims(), &strict, NOW + 300),
        Err(TokenError::Expired)
    );
    let fraction = json!({ "sub": "ann", "exp": NOW as f64 + 0.5 });
    assert!(check(&fraction, &strict).is_ok());
}

#[test]
fn a_token_without_an_end_is_refused() {
    let rules = Rules::default();
    assert_eq!(
        check(&json!({ "sub": "ann" }), &rules),
        Err(TokenError::MissingClaim("exp"))
    );
    for exp in [
        json!("2100-01-01"),
        json!(null),
        json!(-1),
        json!("1"),
        json!([1]),
    ] {
        assert_eq!(
            check(&with(&json!({ "exp": exp })), &rules),
            Err(TokenError::BadClaim("exp")),
            "{exp}"
        );
    }
    // An end that is as good as none is still one.
    assert!(check(&with(&json!({ "exp": u64::MAX })), &rules).is_ok());
    assert_eq!(
        check(&with(&json!({ "exp": 1e300 })), &rules),
        Err(TokenError::BadClaim("exp"))
    );
}

#[test]
fn a_token_begins_with_its_nbf_less_the_leeway() {
    let rules = Rules::default();
    let from = |nbf: Json| check(&with(&json!({ "nbf": nbf })), &rules);
    assert!(from(json!(NOW + 60)).is_ok());
    assert_eq!(from(json!(NOW + 61)), Err(TokenError::NotYetValid));
    // Not taken for absent.
    assert_eq!(from(json!("soon")), Err(TokenError::BadClaim("nbf")));
    assert_eq!(from(json!(null)), Err(TokenError::BadClaim("nbf")));
}

#[test]
fn the_audience_must_be_ours_where_we_have_one() {
    let rules = Rules {
        audience: Some("parlor".to_owned()),
        ..Rules::default()
    };
    let meant_for = |aud: Json| check(&with(&json!({ "aud": aud })), &rules);
    assert!(meant_for(json!("parlor")).is_ok());
    assert!(meant_for(json!(["other", "parlor"])).is_ok());
    for other in [
        json!("other"),
        json!(["other"]),
        json!([]),
        json!({}),
        json!(null),
    ] {
        assert_eq!(meant_for(other), Err(TokenError::WrongAudience));
    }
    assert_eq!(check(&claims(), &rules), Err(TokenError::WrongAudience));
    assert!(check(&with(&json!({ "aud": "other" })), &Rules::default()).is_ok());
}

#[test]
fn the_issuer_must_be_ours_where_we_have_one() {
    let rules = Rules {
        issuer: Some("https://id.example".to_owned()),
        ..Rules::default()
    };
    let from = |iss: Json| check(&with(&json!({ "iss": iss })), &rules);
    assert!(from(json!("https://id.example")).is_ok());
    for other in [
        json!("https://id.example/"),
        json!(["https://id.example"]),
        json!(null),
    ] {
        assert_eq!(from(other), Err(TokenError::WrongIssuer));
    }
    assert_eq!(check(&claims(), &rules), Err(TokenError::WrongIssuer));
}

#[test]
fn a_token_says_user_name_and_roles() {
    let rules = Rules {
        roles_claim: "https://parlor.example/roles".to_owned(),
        ..Rules::default()
    };
    let claims = with(&json!({
        "name": "Ann",
        "roles": ["ignored"],
        "https://parlor.example/roles": ["host", "staff"],
    }));
    let identity = check(&claims, &rules).unwrap();
    assert_eq!(identity.user, "ann");
    assert_eq!(identity.name.as_deref(), Some("Ann"));
    assert_eq!(identity.roles, ["host", "staff"]);
    // A name that cannot be shown is none.
    for name in [json!(null), json!(""), json!(7), json!("x".repeat(257))] {
        let identity = check(&with(&json!({ "name": name })), &rules).unwrap();
        assert_eq!((identity.name, identity.roles.len()), (None, 0));
    }
}

#[test]
fn a_token_must_have_a_user_and_roles_that_can_be_read() {
    let rules = Rules::default();
    assert_eq!(
        check(&json!({ "exp": NOW + 1 }), &rules),
        Err(TokenError::MissingClaim("sub"))
    );
    for sub in [json!(""), json!(7), json!(null), json!("x".repeat(257))] {
        assert_eq!(
            check(&with(&json!({ "sub": sub })), &rules),
            Err(TokenError::BadClaim("sub"))
        );
    }
    for roles in [json!("host"), json!([7]), json!(null), json!(vec!["r"; 65])] {
        assert_eq!(
            check(&with(&json!({ "roles": roles })), &rules),
            Err(TokenError::BadClaim("of roles"))
        );
    }
}

#[test]
fn a_key_that_cannot_be_used_is_passed_over_and_named() {
    let good = Signer::ed25519("good");
    let rsa = Signer::rsa("r").jwk();
    let change = |jwk: &Json, member: &str, value: Json| {
        let mut jwk = jwk.clone();
        jwk[member] = value;
        jwk
    };
    let secret = Signer::secret("s", SECRET).jwk();
    let p256 = Signer::p256("p").jwk();
    let bad = [
        json!(7),
        json!({ "kty": "OKP", "crv": "X25519", "x": good.jwk()["x"] }),
        change(&p256, "crv", json!("P-384")),
        change(&p256, "y", json!("AA")),
        change(&rsa, "alg", json!("HS256")),
        change(&rsa, "alg", json!("RS512")),
        change(&rsa, "use", json!("enc")),
        change(&rsa, "key_ops", json!(["sign"])),
        change(&rsa, "n", json!("AQAB")),
        change(&rsa, "e", json!(null)),
        change(&secret, "k", json!("c2hvcnQ")),
        change(&secret, "alg", json!("RS256")),
        good.jwk(),
    ];
    let mut all = vec![good.jwk()];
    all.extend(bad.clone());
    let keys = KeySet::parse(key_set(&all).as_bytes()).unwrap();
    assert_eq!(keys.key_count(), 1, "{:?}", keys.skipped());
    assert_eq!(keys.skipped().len(), bad.len());
    assert!(keys.skipped()[0].starts_with("key 2: "));
    assert!(check_by(&keys, &good.sign(&claims()), &Rules::default(), NOW).is_ok());
    let unusable = KeySet::parse(key_set(&bad[..2]).as_bytes()).unwrap_err();
    assert!(
        matches!(unusable, KeySetError::NoneUsable(_)),
        "{unusable:?}"
    );
}

#[test]
fn a_key_without_alg_is_pinned_by_its_kind() {
    for signer in [
        Signer::secret("k", SECRET),
        Signer::rsa("k"),
        Signer::p256("k"),
        Signer::ed25519("k"),
    ] {
        let mut jwk = signer.jwk();
        jwk.as_object_mut().unwrap().remove("alg");
        let keys = KeySet::parse(key_set(&[jwk]).as_bytes()).unwrap();
        assert!(check_by(&keys, &signer.sign(&claims()), &Rules::default(), NOW).is_ok());
    }
}

#[test]
fn a_key_set_is_bounded_and_its_errors_show_nothing_of_it() {
    let jwk = Signer::secret("s", SECRET).jwk();
    let many = key_set(&vec![jwk.clone(); KEYS_MAX + 1]);
    assert_eq!(
        KeySet::parse(many.as_bytes()).unwrap_err(),
        KeySetError::TooMany(KEYS_MAX + 1)
    );
    let large = " ".repeat(KEY_SET_BYTES_MAX + 1);
    assert_eq!(
        KeySet::parse(large.as_bytes()).unwrap_err(),
        KeySetError::TooLarge(KEY_SET_BYTES_MAX + 1)
    );
    for bad in ["", "{}", "[]", r#"{"keys": "hush"}"#, r#"{"keys": [}"#] {
        let error = KeySet::parse(bad.as_bytes()).unwrap_err();
        assert!(matches!(error, KeySetError::NotAKeySet { .. }), "{bad}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    let keys = KeySet::parse(key_set(std::slice::from_ref(&jwk)).as_bytes()).unwrap();
    assert!(keys.has_secret());
    assert!(!format!("{keys:?}").contains(jwk["k"].as_str().unwrap()));
    assert!(matches!(
        KeySet::parse(b"{\"keys\":[]}"),
        Err(KeySetError::NoneUsable(_))
    ));
}
