//! The request for `/ws`: who may make it, and what it becomes.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use parlor_gate::address::Place;
use parlor_gate::bans::Subject;
use parlor_gate::offer::{self, Negotiated};
use parlor_gate::origin::OriginVerdict;
use parlor_proto::{CloseCode, Subprotocol};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::arrival::Arrival;
use super::door::Turned;
use super::{Gate, host_of, origin_of};
use crate::auth::{Admission, Refused};
use crate::bans::{self, whole_seconds};
use crate::node::{Node, Phase};
use crate::session::transport::Transport;
use crate::session::{self, Link};

/// The read buffer of a socket: most messages are small, and there are many sockets.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// What is written in one go before the kernel is asked again.
const WRITE_BUFFER_BYTES: usize = 64 << 10;
/// One message more than that: at most all that a plugin may send in a step, of which JSON may make six times as much.
const WRITE_BUFFER_BYTES_MAX: usize = 16 << 20;

pub(super) async fn upgrade(
    State(gate): State<Gate>,
    Extension(arrival): Extension<Arc<Arrival>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let origin = origin_of(&headers);
    let verdict = gate.origins.judge(origin, host_of(&headers));
    if verdict == OriginVerdict::Refused {
        let text =
            "pages of this origin may not connect; the operator can allow it with --origin\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    if gate.node.phase() == Phase::Draining {
        let text = "the server is stopping; come back soon\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => with_bounds(upgrade, gate.node.limits.message_bytes_max),
        Err(rejection) => return refuse_upgrade(&rejection),
    };
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offer = offer::read(offers.iter().filter_map(|value| value.to_str().ok()));
    tracing::debug!(negotiated = ?offer.negotiated, origin, "negotiate");
    let (upgrade, subprotocol) = select(upgrade, offer.negotiated);
    let node = gate.node;
    // Before any token is looked at: that costs more than a flood is to cost.
    let connection = match gate.door.admit(&arrival, &headers) {
        Ok(connection) => connection,
        Err(Turned::Told(refusal)) => {
            let (code, reason) = (refusal.close_code(), refusal.reason().to_owned());
            return close_at_once(upgrade, node, arrival, Refused { code, reason });
        }
        Err(Turned::Away(refusal)) => return refusal.response(),
    };
    let Some(subprotocol) = subprotocol else {
        let (code, reason) = (CloseCode::ProtocolError, offer::refusal_reason());
        return close_at_once(upgrade, node, connection, Refused { code, reason });
    };
    let admitted = node.auth.admit(&headers, &uri, offer.token, verdict).await;
    if let Some(left) = ban_left(&node, &admitted, connection.place) {
        return refuse_banned(&node, left);
    }
    let admission = match admitted {
        Ok(admission) => admission,
        Err(refused) => return close_at_once(upgrade, node, connection, refused),
    };
    upgrade.on_upgrade(move |socket| async move {
        let span = tracing::debug_span!("session");
        let write_timeout = node.limits.write_timeout;
        let link = Link {
            transport: Transport::new(socket, subprotocol, write_timeout),
            subprotocol,
            connection,
        };
        session::run(node, link, admission).instrument(span).await;
    })
}

fn with_bounds(upgrade: WebSocketUpgrade, message_bytes_max: usize) -> WebSocketUpgrade {
    upgrade
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
}

/// How long whoever comes is still banned for: the user whose token is good, else everybody at this place. A token that
/// is not is an offence of the place.
fn ban_left(
    node: &Node,
    admitted: &Result<Admission, Refused>,
    place: Option<Place>,
) -> Option<Duration> {
    let now = Instant::now();
    let user = match admitted {
        Ok(Admission::User(identity)) => Some(identity.user.clone()),
        Ok(Admission::Guest | Admission::Unknown) | Err(_) => None,
    };
    let subject = Subject { user, place };
    let left = node.bans.time_left(&subject, now);
    if let Err(refused) = admitted {
        node.bans.note_offence(&subject, refused.code, now);
    }
    left
}

/// Answers with the subprotocol that is spoken, or else the first that was offered: browsers deliver a close frame only
/// where one of their own was chosen.
fn select(
    mut upgrade: WebSocketUpgrade,
    negotiated: Negotiated,
) -> (WebSocketUpgrade, Option<Subprotocol>) {
    match negotiated {
        Negotiated::Speak(subprotocol) => {
            upgrade.set_selected_protocol(HeaderValue::from_static(subprotocol.name()));
            (upgrade, Some(subprotocol))
        }
        Negotiated::Unknown { first } => {
            if let Ok(first) = HeaderValue::from_str(&first) {
                upgrade.set_selected_protocol(first);
            }
            (upgrade, None)
        }
        Negotiated::NoOffer => (upgrade, None),
    }
}

/// Opens a WebSocket only to close it: a browser shows nothing of a handshake that failed. What the connection holds of
/// its way in is kept until that is done.
fn close_at_once(
    upgrade: WebSocketUpgrade,
    node: Arc<Node>,
    held: impl Send + 'static,
    Refused { code, reason }: Refused,
) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        node.metrics.closed(code);
        let transport = Transport::new(socket, Subprotocol::Json, Duration::ZERO);
        transport.close(code, &reason).await;
        drop(held);
    })
}

fn refuse_banned(node: &Node, left: Duration) -> Response {
    node.metrics.connection_refused("banned");
    let seconds = HeaderValue::from(whole_seconds(left));
    let headers = [(header::RETRY_AFTER, seconds)];
    let text = format!("{}\n", bans::reason(left));
    (StatusCode::TOO_MANY_REQUESTS, headers, text).into_response()
}

fn refuse_upgrade(rejection: &WebSocketUpgradeRejection) -> Response {
    let text = format!("this is a WebSocket endpoint: {rejection}\n");
    let mut response = (StatusCode::UPGRADE_REQUIRED, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    response
}
