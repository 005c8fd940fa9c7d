//! The request for `/ws`: who may make it, and what it becomes.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
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
use super::handshake::{Upgrade, UpgradeError};
use super::{Gate, host_of, origin_of};
use crate::auth::{Admission, Refused};
use crate::bans::{self, whole_seconds};
use crate::node::{Node, Phase};
use crate::session::transport::Transport;
use crate::session::{self, Link};

pub(super) async fn upgrade(
    State(gate): State<Gate>,
    Extension(arrival): Extension<Arc<Arrival>>,
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
        let text = "the server is stopping; come back soon\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(error) => return error.into_response(),
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
        Err(Turned::Away(refusal)) => {
            gate.tarpit.hold().await;
            return refusal.response();
        }
    };
    let Some(subprotocol) = subprotocol else {
        let (code, reason) = (CloseCode::ProtocolError, offer::refusal_reason());
        return close_at_once(upgrade, node, connection, Refused { code, reason });
    };
    let admitted = node.auth.admit(&headers, &uri, offer.token, verdict).await;
    if let Some(left) = ban_left(&node, &admitted, connection.place) {
        gate.tarpit.hold().await;
        return refuse_banned(&node, left);
    }
    let admission = match admitted {
        Ok(admission) => admission,
        Err(refused) => return close_at_once(upgrade, node, connection, refused),
    };
    // Before it is answered: a client has the answer before it gives up and opens another.
    let opened = Instant::now();
    upgrade.on_upgrade(async move |stream| {
        let span = tracing::debug_span!("session");
        let link = Link {
            transport: Transport::new(stream, subprotocol, &node.limits),
            subprotocol,
            opened,
            connection,
        };
        session::run(node, link, admission).instrument(span).await;
    })
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
fn select(mut upgrade: Upgrade, negotiated: Negotiated) -> (Upgrade, Option<Subprotocol>) {
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
    upgrade: Upgrade,
    node: Arc<Node>,
    held: impl Send + 'static,
    Refused { code, reason }: Refused,
) -> Response {
    upgrade.on_upgrade(async move |stream| {
        node.metrics.closed(code);
        let transport = Transport::new(stream, Subprotocol::Json, &node.limits);
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
