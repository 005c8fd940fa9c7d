//! `POST /ticket`: a one-time ticket in place of a token, for pages that can put neither a header nor a subprotocol of
//! their own into a handshake.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parlor_gate::origin::{OriginVerdict, Origins};
use parlor_gate::ticket::TICKET_LIFETIME;

use super::Denied;
use super::admission::authorization;
use crate::accept::{host_of, origin_of};
use crate::node::{Node, Phase};

#[derive(Clone)]
struct Desk {
    node: Arc<Node>,
    origins: Arc<Origins>,
}

/// The route of tickets.
pub(crate) fn router(node: Arc<Node>, origins: Arc<Origins>) -> Router {
    Router::new()
        .route("/ticket", post(issue).options(preflight))
        .with_state(Desk { node, origins })
}

/// A page of another origin must ask whether it may send a token, and be told that it may read the answer.
async fn preflight(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    match desk.judge(&headers) {
        OriginVerdict::Refused => forbidden(),
        OriginVerdict::Allowed | OriginVerdict::NeedsToken => {
            let allowed = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization"),
                (header::ACCESS_CONTROL_MAX_AGE, "600"),
            ];
            for_page((StatusCode::NO_CONTENT, allowed).into_response(), &headers)
        }
    }
}

async fn issue(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    // Without an origin the token must be there; here it must be anyway.
    if desk.judge(&headers) == OriginVerdict::Refused {
        return forbidden();
    }
    for_page(desk.answer(&headers).await, &headers)
}

impl Desk {
    fn judge(&self, headers: &HeaderMap) -> OriginVerdict {
        self.origins.judge(origin_of(headers), host_of(headers))
    }

    async fn answer(&self, headers: &HeaderMap) -> Response {
        if self.node.phase() == Phase::Draining {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is stopping; come back soon",
            );
        }
        let Some(auth) = self.node.auth.tokens() else {
            return refuse(
                StatusCode::NOT_FOUND,
                "this server takes guests and issues no tickets; connect without one",
            );
        };
        let Some(token) = authorization(headers) else {
            return challenge("Bearer", "send the token as `Authorization: Bearer …`");
        };
        match auth.issue_ticket(&token).await {
            Ok(ticket) => {
                let lifetime = u64::try_from(TICKET_LIFETIME.as_millis()).unwrap_or(u64::MAX);
                let answer = serde_json::json!({
                    "ticket": ticket.as_str(),
                    "expires_in_ms": lifetime,
                });
                axum::Json(answer).into_response()
            }
            Err(Denied::NoKeys) => {
                refuse(StatusCode::SERVICE_UNAVAILABLE, &Denied::NoKeys.to_string())
            }
            Err(denied) => challenge("Bearer error=\"invalid_token\"", &denied.to_string()),
        }
    }
}

/// What every answer has: nobody keeps it, and an allowed page may read it.
fn for_page(mut response: Response, request: &HeaderMap) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = request.get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

fn forbidden() -> Response {
    let text = "pages of this origin may not connect; the operator can allow it with --origin";
    refuse(StatusCode::FORBIDDEN, text)
}

fn challenge(scheme: &'static str, text: &str) -> Response {
    let mut response = refuse(StatusCode::UNAUTHORIZED, text);
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}

fn refuse(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
