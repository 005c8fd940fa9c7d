//! From the kernel's queue to the upgrade: connections are accepted one by one, and each step on the way has a bound and
//! a deadline. What asks for `/ws` on the public listener becomes a session.
//!
//! Who may come in is decided in `parlor-gate`; here are the sockets and the clock. Knows no room and no frame.

mod arrival;
mod door;
mod handshake;
mod listen;
mod refusal;
mod seats;
mod steps;
mod tarpit;
mod tls;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use parlor_gate::origin::Origins;

use crate::auth;
use crate::node::{Node, Phase};
use crate::web::{self, Site};

pub(crate) use self::arrival::Connection;
pub(crate) use self::door::Door;
pub(crate) use self::handshake::Stream;
pub use self::listen::listen;
use self::tarpit::Tarpit;
pub use self::tls::{Tls, TlsError};

/// What the routes of the public listener know.
#[derive(Debug, Clone)]
struct Gate {
    node: Arc<Node>,
    origins: Arc<Origins>,
    door: Arc<Door>,
    tarpit: Arc<Tarpit>,
}

/// The routes of the public listener, behind this door.
pub(crate) fn router(node: &Arc<Node>, door: &Arc<Door>, origins: Origins, site: Site) -> Router {
    let origins = Arc::new(origins);
    let tickets = auth::ticket_router(Arc::clone(node), Arc::clone(&origins));
    let gate = Gate {
        node: Arc::clone(node),
        origins,
        door: Arc::clone(door),
        tarpit: Arc::new(Tarpit::new(&door.limits)),
    };
    Router::new()
        .route("/ws", any(upgrade::upgrade))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .with_state(gate)
        .merge(tickets)
        .merge(web::storage_router(Arc::clone(node)))
        .merge(web::router(site))
}

async fn ready(State(gate): State<Gate>) -> Response {
    match gate.node.phase() {
        Phase::Ready if !gate.node.auth.is_ready() => {
            let text = "starting: there are no keys yet to check tokens with\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        Phase::Ready => "ready\n".into_response(),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response(),
    }
}

/// The page's origin. What is no text, or there more than once, is nobody's.
pub(crate) fn origin_of(headers: &HeaderMap) -> Option<&str> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let first = origins.next()?;
    let is_one = origins.next().is_none();
    Some(first.to_str().ok().filter(|_| is_one).unwrap_or("null"))
}

/// The host that was asked.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}
