//! What a handshake says about who comes.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use parlor_gate::jwt::Identity;
use parlor_gate::origin::OriginVerdict;
use parlor_gate::token::Token;
use parlor_proto::CloseCode;
use serde::Deserialize;

use super::{Authenticator, Denied, TokenAuth};

/// How a session begins.
#[derive(Debug)]
pub(crate) enum Admission {
    /// As a guest's.
    Guest,
    /// As this user's.
    User(Identity),
    /// As somebody's who must say who it is before it does anything else.
    Unknown,
}

/// Why nobody comes in. The WebSocket is opened all the same, for the code to be seen.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: CloseCode,
    pub(crate) reason: String,
}

/// What can be in the query of the WebSocket's address.
#[derive(Default, Deserialize)]
struct InQuery {
    ticket: Option<String>,
    token: Option<String>,
}

impl Authenticator {
    /// Finds out who comes with this handshake. The first of these decides, and the others do not matter:
    /// `Authorization`, the token among the offered subprotocols, `?ticket=`, and `?token=` where it is allowed.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        offered: Option<Token>,
        origin: OriginVerdict,
    ) -> Result<Admission, Refused> {
        let Some(auth) = self.tokens() else {
            return Ok(Admission::Guest);
        };
        match auth.identify(headers, uri, offered).await {
            Some(Ok(identity)) => Ok(Admission::User(identity)),
            Some(Err(denied)) => Err(Refused {
                code: denied.close_code(),
                reason: denied.to_string(),
            }),
            None if origin == OriginVerdict::NeedsToken => Err(Refused {
                code: CloseCode::TokenRequired,
                reason:
                    "without an Origin, the token must be in the handshake: Authorization: Bearer …"
                        .to_owned(),
            }),
            None => Ok(Admission::Unknown),
        }
    }
}

impl TokenAuth {
    async fn identify(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        offered: Option<Token>,
    ) -> Option<Result<Identity, Denied>> {
        if let Some(token) = authorization(headers).or(offered) {
            return Some(self.check(&token).await);
        }
        let Query(query) = Query::<InQuery>::try_from_uri(uri).unwrap_or_default();
        if let Some(ticket) = query.ticket {
            return Some(self.redeem(&Token::new(ticket)));
        }
        let token = query.token.filter(|_| self.is_token_in_query_allowed)?;
        Some(self.check(&Token::new(token)).await)
    }
}

/// The token in the `Authorization` header.
pub(super) fn authorization(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?;
    Token::from_authorization(value.to_str().ok()?)
}
