//! Why somebody may not stay, and how they are told.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parlor_gate::address::Excess;
use parlor_proto::CloseCode;

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its address has as many connections as it may have.
    AddressConnections,
    /// Its address opens connections too fast.
    AddressRate,
    /// The server has as many connections as it may have.
    Full,
    /// Too many connections have not come to their first request yet.
    HandshakesFull,
}

impl From<Excess> for Refusal {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Connections => Self::AddressConnections,
            Excess::Rate => Self::AddressRate,
        }
    }
}

impl Refusal {
    /// How a WebSocket is closed. It is opened for that, since browsers do not show pages an HTTP status.
    pub(super) fn close_code(self) -> CloseCode {
        match self {
            Self::AddressConnections | Self::AddressRate => CloseCode::TooManyConnections,
            Self::Full | Self::HandshakesFull => CloseCode::Overloaded,
        }
    }

    /// The reason in the close frame, or the text of the page.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::AddressConnections => "too many connections from this address; close some first",
            Self::AddressRate => "too many new connections from this address; wait a second",
            Self::Full => "this server has all the connections it can take; come back later",
            Self::HandshakesFull => "this server is busy with newcomers; come back in a moment",
        }
    }

    pub(super) fn metric_label(self) -> &'static str {
        match self {
            Self::AddressConnections => "address-connections",
            Self::AddressRate => "address-rate",
            Self::Full => "full",
            Self::HandshakesFull => "handshakes-full",
        }
    }

    /// The answer to a request that is not for a WebSocket, or to one too many.
    pub(super) fn response(self) -> Response {
        let (status, retry_after) = match self {
            Self::AddressConnections => (StatusCode::TOO_MANY_REQUESTS, "10"),
            Self::AddressRate => (StatusCode::TOO_MANY_REQUESTS, "1"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "10"),
            Self::HandshakesFull => (StatusCode::SERVICE_UNAVAILABLE, "1"),
        };
        let headers = [
            (header::RETRY_AFTER, HeaderValue::from_static(retry_after)),
            (header::CONNECTION, HeaderValue::from_static("close")),
        ];
        (status, headers, format!("{}\n", self.reason())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_fits_a_close_frame() {
        for refusal in [
            Refusal::AddressConnections,
            Refusal::AddressRate,
            Refusal::Full,
            Refusal::HandshakesFull,
        ] {
            assert!(refusal.reason().len() <= 123, "{refusal:?}");
        }
    }
}
