//! The keys that tokens are checked with, as a JWK set (RFC 7517) has them.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::{hmac, signature};
use serde::Deserialize;

use super::verify::TokenError;

/// The largest key set that is read, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 256 << 10;
/// The most keys in a set.
pub const KEYS_MAX: usize = 100;

/// The shortest secret that HS256 may be used with (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;
/// The sizes of an RSA modulus: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// The size of a coordinate of P-256, and of a key of Ed25519.
const COORDINATE_BYTES: usize = 32;

/// Base64url as issuers write it; some pad it.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, by a shared secret.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of this name. There is none for `none`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // The second is its newer name (RFC 9864).
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// Its name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key. Its kind is its algorithm: there is no way to use one with another.
#[derive(Clone)]
enum Material {
    Secret(hmac::Key),
    Rsa(signature::RsaPublicKeyComponents<Vec<u8>>),
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    material: Material,
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Rsa(_) => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether this key signed that.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let unparsed = |algorithm, key| {
            let key = signature::UnparsedPublicKey::new(algorithm, key);
            key.verify(message, signature)
        };
        let verified = match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature),
            Material::Rsa(key) => {
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Material::P256(key) => unparsed(&signature::ECDSA_P256_SHA256_FIXED, key),
            Material::Ed25519(key) => unparsed(&signature::ED25519, key),
        };
        verified.is_ok()
    }
}

/// The keys of an issuer.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<String>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.iter().map(|key| (&key.id, key.algorithm()));
        formatter
            .debug_struct("KeySet")
            .field("keys", &keys.collect::<Vec<_>>())
            .field("skipped", &self.skipped)
            .finish()
    }
}

/// Why a text is no set of keys. Says nothing of what is in it, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is too large.
    #[error("read a key set of {0} bytes: at most {KEY_SET_BYTES_MAX} are read")]
    TooLarge(usize),
    /// It is not the JSON of a key set.
    #[error(
        "read the key set: line {line}, column {column} is not as in {{\"keys\": [{{\"kty\": …}}, …]}}"
    )]
    NotAKeySet {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// It has too many keys.
    #[error("read a key set of {0} keys: it may have {KEYS_MAX}")]
    TooMany(usize),
    /// None of its keys can be used.
    #[error("find a usable key in the set: {0}")]
    NoneUsable(String),
}

impl KeySet {
    /// Reads a JWK set. As RFC 7517 asks for, keys that cannot be used are passed over; [`skipped`](Self::skipped) says
    /// which, and why.
    ///
    /// # Errors
    ///
    /// If it is no key set, or none of its keys can be used.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetError::TooLarge(text.len()));
        }
        let set: JwkSet =
            serde_json::from_slice(text).map_err(|error| KeySetError::NotAKeySet {
                line: error.line(),
                column: error.column(),
            })?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeySetError::TooMany(set.keys.len()));
        }
        let (mut keys, mut skipped) = (Vec::<Key>::new(), Vec::new());
        for (index, value) in set.keys.into_iter().enumerate() {
            let read = read_key(value).and_then(|key| {
                let is_twin = |other: &Key| {
                    key.id.is_some() && other.id == key.id && other.algorithm() == key.algorithm()
                };
                if keys.iter().any(is_twin) {
                    return Err("another key has the same kid");
                }
                Ok(key)
            });
            match read {
                Ok(key) => keys.push(key),
                Err(why) => skipped.push(format!("key {}: {why}", index + 1)),
            }
        }
        if keys.is_empty() {
            let why = if skipped.is_empty() {
                "it is empty".to_owned()
            } else {
                skipped.join("; ")
            };
            return Err(KeySetError::NoneUsable(why));
        }
        Ok(Self { keys, skipped })
    }

    /// The keys that were passed over, each with the reason.
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// How many keys there are to use.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Whether one of the keys is a shared secret, with which tokens can be made, too.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.keys
            .iter()
            .any(|key| matches!(key.material, Material::Secret(_)))
    }

    /// The one key for a token whose header says this.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, TokenError> {
        let mut of_id = self
            .keys
            .iter()
            .filter(|key| id.is_none() || key.id.as_deref() == id)
            .peekable();
        if id.is_some() && of_id.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        let mut matching = of_id.filter(|key| key.algorithm() == algorithm);
        match (matching.next(), matching.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(TokenError::AmbiguousKey),
            (None, _) => Err(TokenError::WrongAlgorithm),
        }
    }
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<serde_json::Value>,
}

/// A key as it is written. Whatever else is in it does not matter.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    k: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

fn read_key(value: serde_json::Value) -> Result<Key, &'static str> {
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| "it is not an object as in a JWK")?;
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err("its use is not sig");
    }
    let can_verify = |operations: &Vec<String>| operations.iter().any(|it| it == "verify");
    if jwk.key_ops.as_ref().is_some_and(|it| !can_verify(it)) {
        return Err("its key_ops have no verify");
    }
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("oct", None) => secret(&jwk)?,
        ("RSA", None) => rsa(&jwk)?,
        ("EC", Some("P-256")) => p256(&jwk)?,
        ("OKP", Some("Ed25519")) => ed25519(&jwk)?,
        _ => return Err("it is not of kty oct, RSA, EC with crv P-256, or OKP with crv Ed25519"),
    };
    let key = Key {
        id: jwk.kid,
        material,
    };
    let is_pinned_otherwise =
        |alg: &String| Algorithm::from_name(alg.as_str()) != Some(key.algorithm());
    if jwk.alg.as_ref().is_some_and(is_pinned_otherwise) {
        return Err("its alg is not HS256, RS256, ES256 or EdDSA, as is right for its kty");
    }
    Ok(key)
}

fn secret(jwk: &Jwk) -> Result<Material, &'static str> {
    let secret = bytes(jwk.k.as_ref()).ok_or("its k is not base64url")?;
    if secret.len() < SECRET_BYTES_MIN {
        return Err("its k is shorter than 32 bytes");
    }
    Ok(Material::Secret(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
}

fn rsa(jwk: &Jwk) -> Result<Material, &'static str> {
    let number = |member| {
        let bytes = bytes(member)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Some(bytes[zeros..].to_vec())
    };
    let n = number(jwk.n.as_ref()).ok_or("its n is not base64url")?;
    let e = number(jwk.e.as_ref()).ok_or("its e is not base64url")?;
    if !MODULUS_BYTES.contains(&n.len()) {
        return Err("its n has not 2048 to 8192 bits");
    }
    if e.is_empty() || e.len() > 4 {
        return Err("its e has not 1 to 4 bytes");
    }
    Ok(Material::Rsa(signature::RsaPublicKeyComponents { n, e }))
}

fn p256(jwk: &Jwk) -> Result<Material, &'static str> {
    let x = coordinate(jwk.x.as_ref())?;
    let y = coordinate(jwk.y.as_ref())?;
    // The point as SEC 1 writes it, uncompressed. That it is on the curve is checked where it is used.
    Ok(Material::P256([&[4], x.as_slice(), y.as_slice()].concat()))
}

fn ed25519(jwk: &Jwk) -> Result<Material, &'static str> {
    coordinate(jwk.x.as_ref()).map(Material::Ed25519)
}

fn coordinate(member: Option<&String>) -> Result<Vec<u8>, &'static str> {
    bytes(member)
        .filter(|bytes| bytes.len() == COORDINATE_BYTES)
        .ok_or("its x or y is not 32 bytes in base64url")
}

fn bytes(member: Option<&String>) -> Option<Vec<u8>> {
    BASE64_URL.decode(member?).ok()
}
