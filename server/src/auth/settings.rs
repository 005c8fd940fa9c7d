//! How tokens are checked: as it is written ([`JwtTable`]), and checked ([`JwtSettings`]).

use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Scheme;
use parlor_gate::jwt::{KeySet, Rules};
use serde::Deserialize;

/// The longest leeway: more would be a longer life for tokens, and no matter of clocks.
const LEEWAY_SECONDS_MAX: u64 = 3600;

/// The `[jwt]` table of the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtTable {
    /// The keys that tokens are checked with: the path or the `https://` address of a JWK set. Needed. A file is read
    /// again when it changes; an address every 5 minutes, and when a token has a `kid` that is not known.
    pub keys: Option<String>,
    /// What a token's `iss` must be. Without it, any.
    pub issuer: Option<String>,
    /// What must be in a token's `aud`. Without it, anything; tokens for other services of the issuer are taken then.
    pub audience: Option<String>,
    /// By how much the issuer's clock may differ, in seconds. Default 60, at most 3600.
    pub leeway_seconds: Option<u64>,
    /// The claim with the user's roles, a list of text. Default `roles`.
    pub roles_claim: Option<String>,
    /// Whether a token is also taken from `?token=` in the address of the WebSocket, where proxies and logs may see it.
    /// Default `false`; tickets do the same without that danger.
    pub token_in_query: Option<bool>,
}

/// How tokens are checked.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// Where the keys are.
    pub keys: KeyLocation,
    /// What a token must say.
    pub rules: Rules,
    /// Whether a token is taken from `?token=`.
    pub is_token_in_query_allowed: bool,
}

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Url(KeyUrl),
}

/// An address that keys can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUrl {
    pub(super) uri: Uri,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
}

/// Settings of tokens that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// There are no keys.
    #[error(
        "check tokens: --auth jwt needs --jwt-keys, the path or the https:// address of a JWK set"
    )]
    NoKeys,
    /// There are settings, and no use for them.
    #[error("use the settings of [jwt] or --jwt-…: they need --auth jwt")]
    NotAsked,
    /// The file with the keys cannot be read.
    #[error("read the keys in {path}: {reason}")]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address of the keys is none.
    #[error("fetch keys from {0:?}: write it as https://id.example/jwks.json")]
    BadUrl(String),
    /// A text that is empty.
    #[error("set {0} to nothing: leave it out instead")]
    Empty(&'static str),
    /// The leeway is too long.
    #[error("set jwt.leeway_seconds to {0}: it must be 0 to {LEEWAY_SECONDS_MAX}")]
    LeewayTooLong(u64),
}

impl JwtSettings {
    /// Checks what the operator wrote. A file of keys is read, to be sure that it can be.
    pub(crate) fn check(table: JwtTable) -> Result<Self, JwtError> {
        let defaults = Rules::default();
        for (name, text) in [
            ("jwt.keys", &table.keys),
            ("jwt.issuer", &table.issuer),
            ("jwt.audience", &table.audience),
            ("jwt.roles_claim", &table.roles_claim),
        ] {
            if text.as_ref().is_some_and(String::is_empty) {
                return Err(JwtError::Empty(name));
            }
        }
        let keys = KeyLocation::parse(table.keys.ok_or(JwtError::NoKeys)?)?;
        if let KeyLocation::File(path) = &keys {
            let bad = |reason: String| JwtError::BadFile {
                path: path.clone(),
                reason,
            };
            let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
            KeySet::parse(&text).map_err(|error| bad(format!("failed to {error}")))?;
        }
        let leeway = match table.leeway_seconds {
            Some(seconds) if seconds > LEEWAY_SECONDS_MAX => {
                return Err(JwtError::LeewayTooLong(seconds));
            }
            Some(seconds) => Duration::from_secs(seconds),
            None => defaults.leeway,
        };
        Ok(Self {
            keys,
            rules: Rules {
                issuer: table.issuer,
                audience: table.audience,
                leeway,
                roles_claim: table.roles_claim.unwrap_or(defaults.roles_claim),
            },
            is_token_in_query_allowed: table.token_in_query.unwrap_or(false),
        })
    }
}

impl JwtTable {
    /// Whether anything was written.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            keys,
            issuer,
            audience,
            leeway_seconds,
            roles_claim,
            token_in_query,
        } = self;
        let texts = [keys, issuer, audience, roles_claim];
        texts.iter().all(|it| it.is_none()) && leeway_seconds.is_none() && token_in_query.is_none()
    }
}

impl KeyLocation {
    /// Tells a path from an address.
    fn parse(text: String) -> Result<Self, JwtError> {
        if text.contains("://") {
            let url = KeyUrl::parse(&text);
            return url.map(Self::Url).ok_or(JwtError::BadUrl(text));
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

impl KeyUrl {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().trim_matches(['[', ']']);
        let has_password = authority.as_str().contains('@');
        if host.is_empty() || has_password {
            return None;
        }
        Some(Self {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
            uri,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<JwtSettings, JwtError> {
        JwtSettings::check(toml::from_str(toml).unwrap())
    }

    #[test]
    fn an_address_is_told_from_a_path() {
        let url = |text: &str| match KeyLocation::parse(text.to_owned()) {
            Ok(KeyLocation::Url(url)) => (url.host, url.port, url.is_tls),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(
            url("https://id.example/jwks"),
            ("id.example".to_owned(), 443, true)
        );
        assert_eq!(url("http://[::1]:9/k?x=1"), ("::1".to_owned(), 9, false));
        let path = KeyLocation::parse("keys/jwks.json".to_owned());
        assert_eq!(path, Ok(KeyLocation::File("keys/jwks.json".into())));
        for bad in [
            "ftp://a/b",
            "https://",
            "https:///jwks",
            "https://u:p@a/b",
            "://",
        ] {
            let refused = KeyLocation::parse(bad.to_owned());
            assert_eq!(refused, Err(JwtError::BadUrl(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn settings_that_could_not_work_are_refused() {
        assert!(matches!(check(""), Err(JwtError::NoKeys)));
        let url = "keys = 'https://id.example/jwks'\n";
        assert!(check(url).is_ok());
        for empty in ["issuer", "audience", "roles_claim"] {
            let refused = check(&format!("{url}{empty} = ''"));
            assert!(matches!(refused, Err(JwtError::Empty(_))), "{empty}");
        }
        assert!(check(&format!("{url}leeway_seconds = 3600")).is_ok());
        assert!(check(&format!("{url}leeway_seconds = 3601")).is_err());
        assert!(toml::from_str::<JwtTable>("secret = 'hush'").is_err());
    }

    #[test]
    fn a_file_of_keys_must_be_readable_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jwks.json");
        let settings = format!("keys = '{}'", path.display());
        let missing = check(&settings).unwrap_err();
        assert!(matches!(missing, JwtError::BadFile { .. }), "{missing}");
        std::fs::write(&path, r#"{"keys": []}"#).unwrap();
        let empty = check(&settings).unwrap_err().to_string();
        assert!(empty.contains("usable"), "{empty}");
    }
}
