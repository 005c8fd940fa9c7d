//! Issues tokens as an identity provider would, and wrong ones on request. Of the tests here and of those over real
//! sockets, which include this file.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value as Json, json};

/// Making an RSA key takes longer than any test; this one was made for the tests and is used nowhere else.
const RSA_KEY: &[u8] = include_bytes!("rsa-2048.pk8");

/// A key that signs tokens.
#[derive(Debug)]
pub struct Signer {
    kid: String,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Secret(Vec<u8>),
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// For HS256, with this secret.
    #[must_use]
    pub fn secret(kid: &str, secret: &[u8]) -> Self {
        Self::new(kid, Key::Secret(secret.to_vec()))
    }

    /// For RS256; every one has the same key.
    ///
    /// # Panics
    ///
    /// Never: the key is known.
    #[must_use]
    pub fn rsa(kid: &str) -> Self {
        let key = RsaKeyPair::from_pkcs8(RSA_KEY).expect("it is a key");
        Self::new(kid, Key::Rsa(key))
    }

    /// For ES256, with a new key.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    #[must_use]
    pub fn p256(kid: &str) -> Self {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("there is randomness");
        let key = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random);
        Self::new(kid, Key::P256(key.expect("it was just made")))
    }

    /// For EdDSA, with a new key.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    #[must_use]
    pub fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.expect("there is randomness").as_ref());
        Self::new(kid, Key::Ed25519(key.expect("it was just made")))
    }

    fn new(kid: &str, key: Key) -> Self {
        Self {
            kid: kid.to_owned(),
            key,
        }
    }

    /// The algorithm's name.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Secret(_) => "HS256",
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
            Key::Ed25519(_) => "EdDSA",
        }
    }

    /// What the issuer publishes of the key; of a secret, the secret.
    #[must_use]
    pub fn jwk(&self) -> Json {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.key {
            Key::Secret(secret) => json!({ "kty": "oct", "k": text(secret) }),
            Key::Rsa(key) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
            Key::P256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            Key::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm());
        jwk
    }

    /// The header of this key's tokens.
    #[must_use]
    pub fn header(&self) -> Json {
        json!({ "alg": self.algorithm(), "kid": self.kid, "typ": "JWT" })
    }

    /// A token that says this.
    #[must_use]
    pub fn sign(&self, claims: &Json) -> String {
        self.sign_as(&self.header(), claims)
    }

    /// A token with a header of one's own.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    #[must_use]
    pub fn sign_as(&self, header: &Json, claims: &Json) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.signature_of(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature_of(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("the signature has its length");
                signature
            }
            Key::P256(key) => {
                let signature = key.sign(&random, message).expect("there is randomness");
                signature.as_ref().to_vec()
            }
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

/// A set of keys as issuers publish it.
#[must_use]
pub fn key_set(keys: &[Json]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A token that nobody signed.
#[must_use]
pub fn unsigned(claims: &Json) -> String {
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}
