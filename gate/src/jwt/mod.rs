//! Signed tokens (JWT, RFC 7519): the keys they are checked with, and the check.
//!
//! A key says by what it is with which algorithm it is used, so that a token has no say in that: its header is only
//! compared. Time is an argument, as the time since 1970.

mod claims;
mod keys;
mod verify;

use std::time::Duration;

pub use keys::{Algorithm, KEY_SET_BYTES_MAX, KEYS_MAX, KeySet, KeySetError};
pub use verify::{Rules, TOKEN_BYTES_MAX, TokenError, verify};

/// Who a token says the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user: the claim `sub`.
    pub user: String,
    /// What the user is called: the claim `name`, where there is one.
    pub name: Option<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Until when this holds, leeway included, as the time since 1970.
    pub expires_at: Duration,
}
