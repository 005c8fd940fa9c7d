//! Checks a token: its form, its key, its signature, and then what it claims.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Identity;
use super::claims::Claims;
use super::keys::{Algorithm, KeySet};

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// What a token must say beyond being signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What `iss` must be; `None` takes any, and none.
    pub issuer: Option<String>,
    /// What must be in `aud`; `None` takes any, and none.
    pub audience: Option<String>,
    /// By how much the issuer's clock may differ from ours.
    pub leeway: Duration,
    /// The claim with the user's roles, a list of text.
    pub roles_claim: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(60),
            roles_claim: "roles".to_owned(),
        }
    }
}

/// Why a token is not accepted. Never has any of the token in it, and fits behind "the token ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is longer than any token is looked at.
    #[error("is longer than {TOKEN_BYTES_MAX} bytes; put less into it")]
    TooLong,
    /// It is not three parts of base64url, the first of which is a header.
    #[error("is no signed JWT")]
    NotAToken,
    /// It has `crit`: extensions that must be understood, and are not.
    #[error("has a critical extension in its header, which this server does not know")]
    CriticalHeader,
    /// It is signed with an algorithm that no key can have, `none` among them.
    #[error("is not signed with HS256, RS256, ES256 or EdDSA")]
    UnknownAlgorithm,
    /// Its key is for another algorithm.
    #[error("is not signed with the algorithm of its key")]
    WrongAlgorithm,
    /// There is no key of its `kid`.
    #[error("has a kid that is not in the issuer's key set; get a new token")]
    UnknownKey,
    /// It has no `kid`, and more than one key could be meant.
    #[error("has no kid, and the key set has more than one key of its algorithm")]
    AmbiguousKey,
    /// Its signature is wrong.
    #[error("has a wrong signature")]
    BadSignature,
    /// Its claims are no JSON object.
    #[error("has claims that are no JSON object")]
    BadClaims,
    /// A claim that must be there is not.
    #[error("has no {0}")]
    MissingClaim(&'static str),
    /// A claim is not what it must be.
    #[error("has a claim {0} that is not as it must be")]
    BadClaim(&'static str),
    /// Its time is over.
    #[error("has expired; get a new one")]
    Expired,
    /// Its time has not come.
    #[error("is not valid yet")]
    NotYetValid,
    /// It is from another issuer.
    #[error("is from another issuer")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("is meant for another audience")]
    WrongAudience,
}

impl TokenError {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::NotAToken => "not-a-token",
            Self::CriticalHeader => "critical-header",
            Self::UnknownAlgorithm => "unknown-algorithm",
            Self::WrongAlgorithm => "wrong-algorithm",
            Self::UnknownKey => "unknown-key",
            Self::AmbiguousKey => "ambiguous-key",
            Self::BadSignature => "bad-signature",
            Self::BadClaims => "bad-claims",
            Self::MissingClaim(_) => "missing-claim",
            Self::BadClaim(_) => "bad-claim",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongIssuer => "wrong-issuer",
            Self::WrongAudience => "wrong-audience",
        }
    }
}

/// The header of a token. A field that is there twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// Checks a token at the time `now`, counted from 1970, and says who its bearer is.
///
/// # Errors
///
/// The first thing that is wrong with it. Nothing of its claims is looked at before its signature is found good.
pub fn verify(
    token: &str,
    keys: &KeySet,
    rules: &Rules,
    now: Duration,
) -> Result<Identity, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::TooLong);
    }
    let (signed, header, claims, signature) = take_apart(token).ok_or(TokenError::NotAToken)?;
    let header: Header = part(header).ok_or(TokenError::NotAToken)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| TokenError::NotAToken)?;
    if header.crit.is_some() {
        return Err(TokenError::CriticalHeader);
    }
    let algorithm = Algorithm::from_name(&header.alg).ok_or(TokenError::UnknownAlgorithm)?;
    let key = keys.find(header.kid.as_deref(), algorithm)?;
    if !key.has_signed(signed.as_bytes(), &signature) {
        return Err(TokenError::BadSignature);
    }
    let claims = part(claims).ok_or(TokenError::BadClaims)?;
    Claims(claims).check(rules, now)
}

/// What is signed, and the three parts.
fn take_apart(token: &str) -> Option<(&str, &str, &str, &str)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    (!claims.contains('.')).then_some((signed, header, claims, signature))
}

/// A part of the token: JSON in base64url.
fn part<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}
