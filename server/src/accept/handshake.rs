//! From an HTTP request to a WebSocket's stream: the opening handshake of RFC 6455 (4.2), without extensions.

use std::future::Future;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tracing::Instrument as _;

/// What a WebSocket is spoken over: TCP, or whatever lies between.
pub(crate) type Stream = TokioIo<Upgraded>;

/// What RFC 6455 (1.3) has every server add to a client's key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The only version there is.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// A request that may become a WebSocket.
#[derive(Debug)]
pub(crate) struct Upgrade {
    on_upgrade: OnUpgrade,
    accept: HeaderValue,
    selected_protocol: Option<HeaderValue>,
}

/// Why a request cannot become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpgradeError {
    /// It does not ask for that.
    #[error("it takes GET over HTTP/1.1 with \"Connection: Upgrade\" and \"Upgrade: websocket\"")]
    NoUpgrade,
    /// It asks for another version.
    #[error("it takes \"Sec-WebSocket-Version: 13\"")]
    Version,
    /// It does not say whom it asks.
    #[error("it takes one \"Host\" header")]
    Host,
    /// Its key is none.
    #[error("\"Sec-WebSocket-Key\" must be there once, as 16 bytes in base64")]
    Key,
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = UpgradeError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, UpgradeError> {
        if parts.method != Method::GET || parts.version != Version::HTTP_11 {
            return Err(UpgradeError::NoUpgrade);
        }
        let accept = check(&parts.headers)?;
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        Ok(Self {
            on_upgrade: on_upgrade.ok_or(UpgradeError::NoUpgrade)?,
            accept,
            selected_protocol: None,
        })
    }
}

impl Upgrade {
    /// Says which subprotocol of the client's offer was chosen.
    pub(crate) fn set_selected_protocol(&mut self, subprotocol: HeaderValue) {
        self.selected_protocol = Some(subprotocol);
    }

    /// Answers the request, and runs `serve` with the stream once the answer is out.
    pub(crate) fn on_upgrade<F>(self, serve: impl FnOnce(Stream) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let on_upgrade = self.on_upgrade;
        let serving = async move {
            match on_upgrade.await {
                Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
                Err(error) => tracing::debug!(%error, "the connection ended within its handshake"),
            }
        };
        tokio::spawn(serving.in_current_span());
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(subprotocol) = self.selected_protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        response
    }
}

impl IntoResponse for UpgradeError {
    fn into_response(self) -> Response {
        let text = format!("this is a WebSocket endpoint: {self}\n");
        let status = match self {
            Self::NoUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Host | Self::Key => StatusCode::BAD_REQUEST,
        };
        let headers = [
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::SEC_WEBSOCKET_VERSION, VERSION),
        ];
        match self {
            Self::NoUpgrade | Self::Version => (status, headers, text).into_response(),
            Self::Host | Self::Key => (status, text).into_response(),
        }
    }
}

/// Checks the headers of a handshake, and returns what answers its key.
fn check(headers: &HeaderMap) -> Result<HeaderValue, UpgradeError> {
    if !has_token(headers, &header::CONNECTION, "upgrade")
        || !has_token(headers, &header::UPGRADE, "websocket")
    {
        return Err(UpgradeError::NoUpgrade);
    }
    if only(headers, &header::HOST).is_none() {
        return Err(UpgradeError::Host);
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        return Err(UpgradeError::Version);
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).ok_or(UpgradeError::Key)?;
    if !BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(UpgradeError::Key);
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::from_str(&BASE64.encode(digest)).map_err(|_| UpgradeError::Key)
}

/// Whether one of the values of a header, which are separated by commas, is this one.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The handshake of RFC 6455 (1.3), with these headers in place of its own.
    fn with(changes: &[(HeaderName, Option<&str>)]) -> Result<HeaderValue, UpgradeError> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::HOST, "play.example"),
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, _) in changes {
            headers.remove(name);
        }
        for (name, value) in changes {
            if let Some(value) = value {
                headers.append(name, value.parse().unwrap());
            }
        }
        check(&headers)
    }

    #[test]
    fn the_key_is_answered_as_in_the_rfc() {
        assert_eq!(with(&[]).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let spread = [
            (header::CONNECTION, Some("keep-alive, UPGRADE")),
            (header::UPGRADE, Some("h2c")),
            (header::UPGRADE, Some("WebSocket")),
        ];
        assert!(with(&spread).is_ok());
    }

    #[test]
    fn a_request_that_is_no_handshake_is_told_what_is_missing() {
        let (connection, upgrade) = (header::CONNECTION, header::UPGRADE);
        let (version, key) = (header::SEC_WEBSOCKET_VERSION, header::SEC_WEBSOCKET_KEY);
        let a_key = "dGhlIHNhbXBsZSBub25jZQ==";
        for (changes, error) in [
            (vec![(connection.clone(), None)], UpgradeError::NoUpgrade),
            (
                vec![(connection, Some("keep-alive"))],
                UpgradeError::NoUpgrade,
            ),
            (vec![(upgrade.clone(), None)], UpgradeError::NoUpgrade),
            (vec![(upgrade, Some("websockets"))], UpgradeError::NoUpgrade),
            (vec![(header::HOST, None)], UpgradeError::Host),
            (
                vec![(header::HOST, Some("a")), (header::HOST, Some("b"))],
                UpgradeError::Host,
            ),
            (vec![(version.clone(), None)], UpgradeError::Version),
            (vec![(version.clone(), Some("8"))], UpgradeError::Version),
            (
                vec![(version.clone(), Some("13")), (version, Some("13"))],
                UpgradeError::Version,
            ),
            (vec![(key.clone(), None)], UpgradeError::Key),
            (vec![(key.clone(), Some(""))], UpgradeError::Key),
            (
                vec![(key.clone(), Some("dGhlIHNhbXBsZQ=="))],
                UpgradeError::Key,
            ),
            (
                vec![(key.clone(), Some("dGhlIHNhbXBsZSBub25jZQ"))],
                UpgradeError::Key,
            ),
            (
                vec![(key.clone(), Some(a_key)), (key, Some(a_key))],
                UpgradeError::Key,
            ),
        ] {
            assert_eq!(with(&changes), Err(error), "{changes:?}");
        }
    }
}
