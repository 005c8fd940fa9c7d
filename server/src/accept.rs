//! The listeners: connections are accepted one by one, under a bound that is taken before the connection is, and with a
//! deadline for their headers. What asks for `/ws` on the public one becomes a session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parlor_gate::offer::{self, Negotiated};
use parlor_gate::origin::{OriginVerdict, Origins};
use parlor_proto::{CloseCode, Subprotocol};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::auth::{self, Refused};
use crate::node::{Node, Phase};
use crate::session::transport::Transport;
use crate::session::{self, Link};
use crate::upgrade::{Upgrade, UpgradeError};
use crate::web::{self, Site};

/// How long accepting pauses when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may stay that does not become a WebSocket, however slowly it reads.
const PLAIN_HTTP_MAX: Duration = Duration::from_secs(30);

/// Held by a connection for as long as it lives, also as a WebSocket.
pub(crate) type Permit = Arc<OwnedSemaphorePermit>;

#[derive(Debug, Clone)]
struct Gate {
    node: Arc<Node>,
    origins: Arc<Origins>,
}

/// The routes of the public listener.
pub(crate) fn router(node: &Arc<Node>, origins: Origins, site: Site) -> Router {
    let origins = Arc::new(origins);
    let tickets = auth::ticket_router(Arc::clone(node), Arc::clone(&origins));
    let gate = Gate {
        node: Arc::clone(node),
        origins,
    };
    Router::new()
        .route("/ws", any(upgrade))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .with_state(gate)
        .merge(tickets)
        .merge(web::router(site))
}

/// Accepts connections for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, router: Router, node: Arc<Node>) {
    let permits = Arc::new(Semaphore::new(node.limits.connections_max));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let timeout = node.limits.header_timeout;
                let serving = serve_connection(stream, router.clone(), permit, timeout);
                tokio::spawn(serving.instrument(tracing::debug_span!("accept", %peer)));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection; pausing");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    permit: OwnedSemaphorePermit,
    header_timeout: Duration,
) {
    // Small messages must not wait for larger ones; a socket that does not know this option works all the same.
    let _ = stream.set_nodelay(true);
    let permit: Permit = Arc::new(permit);
    let service = router.layer(Extension(permit)).map_request(
        |request: hyper::Request<hyper::body::Incoming>| request.map(axum::body::Body::new),
    );
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    // A connection that becomes a WebSocket is done here when it does; any other may not stay for ever.
    match tokio::time::timeout(PLAIN_HTTP_MAX, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "connection ended"),
        Err(_) => tracing::debug!("connection ended: it never became a WebSocket"),
    }
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

async fn upgrade(
    State(gate): State<Gate>,
    Extension(permit): Extension<Permit>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<Upgrade, UpgradeError>,
) -> Response {
    let origin = origin_of(&headers);
    let verdict = gate.origins.judge(origin, host_of(&headers));
    if verdict == OriginVerdict::Refused {
        let text =
            "pages of this origin may not connect; the operator can allow it with --origin\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    if gate.node.phase() == Phase::Draining {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is stopping; come back soon\n",
        )
            .into_response();
    }
    let mut upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(error) => return error.into_response(),
    };
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offer = offer::read(offers.iter().filter_map(|value| value.to_str().ok()));
    tracing::debug!(negotiated = ?offer.negotiated, origin, "negotiate");
    match offer.negotiated {
        Negotiated::Speak(subprotocol) => {
            upgrade.set_selected_protocol(HeaderValue::from_static(subprotocol.name()));
            let node = gate.node;
            let admitted = node.auth.admit(&headers, &uri, offer.token, verdict).await;
            let admission = match admitted {
                Ok(admission) => admission,
                Err(refused) => return refuse_socket(upgrade, node, permit, refused),
            };
            upgrade.on_upgrade(async move |stream| {
                let span = tracing::debug_span!("session");
                let link = Link {
                    transport: Transport::new(stream, subprotocol, &node.limits),
                    subprotocol,
                    permit,
                };
                session::run(node, link, admission).instrument(span).await;
            })
        }
        Negotiated::Unknown { first } => {
            if let Ok(first) = HeaderValue::from_str(&first) {
                upgrade.set_selected_protocol(first);
            }
            refuse_subprotocol(upgrade, gate.node, permit)
        }
        Negotiated::NoOffer => refuse_subprotocol(upgrade, gate.node, permit),
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

fn refuse_subprotocol(upgrade: Upgrade, node: Arc<Node>, permit: Permit) -> Response {
    let reason = offer::refusal_reason();
    let code = CloseCode::ProtocolError;
    refuse_socket(upgrade, node, permit, Refused { code, reason })
}

/// Opens the WebSocket only to close it: a browser shows nothing of a handshake that failed.
fn refuse_socket(
    upgrade: Upgrade,
    node: Arc<Node>,
    permit: Permit,
    Refused { code, reason }: Refused,
) -> Response {
    upgrade.on_upgrade(async move |stream| {
        node.metrics.closed(code);
        let transport = Transport::new(stream, Subprotocol::Json, &node.limits);
        transport.close(code, &reason).await;
        drop(permit);
    })
}
