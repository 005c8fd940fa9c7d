//! A listener's door: takes connections from the kernel, decides at once about those of whom the address says enough,
//! and leads the others to their first request, with a deadline for every step.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use parlor_gate::address::{AddressLimits, Addresses, Verdict};
use parlor_gate::proxy::Proxies;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::arrival::{Arrival, Caller, Connection, Standing};
use super::refusal::Refusal;
use super::seats::{Seat, Seats};
use super::{Tls, steps};
use crate::config::{Config, DoorLimits};
use crate::telemetry::Metrics;

/// How long accepting pauses when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections at a time on the admin listener.
const ADMIN_CONNECTIONS_MAX: usize = 128;
/// How long a connection may stay on the admin listener: an upload is answered when it is compiled, by a process that lets all
/// others go first.
const ADMIN_HTTP_MAX: Duration = Duration::from_secs(900);

/// The header in which proxies write whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What a listener does with those who knock.
#[derive(Debug)]
pub(crate) struct Door {
    pub(super) limits: DoorLimits,
    seats: Seats,
    /// None where addresses are not limited.
    addresses: Option<Addresses>,
    proxies: Proxies,
    reads_proxy_header: bool,
    pub(super) tls: Option<Tls>,
    pub(super) metrics: Arc<Metrics>,
    /// Once is enough.
    has_warned: AtomicBool,
}

impl Door {
    /// The door for clients.
    pub(crate) fn public(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let limits = config.limits.doors.clone();
        let addresses = Addresses::new(AddressLimits {
            connections_max: limits.connections_per_address_max,
            new_per_second: limits.new_connections_per_address_per_second,
            refusals_per_second: limits.refusals_per_address_per_second,
        });
        Self {
            seats: Seats::new(&limits),
            addresses: Some(addresses),
            proxies: config.proxies.clone(),
            reads_proxy_header: config.is_proxy_protocol,
            tls: config.tls.clone(),
            metrics: Arc::clone(metrics),
            has_warned: AtomicBool::new(false),
            limits,
        }
    }

    /// The door for the operator: with seats of its own, so that it opens however many crowd at the other one.
    pub(crate) fn admin(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let limits = DoorLimits {
            connections_max: ADMIN_CONNECTIONS_MAX,
            plain_http_max: ADMIN_HTTP_MAX,
            ..config.limits.doors.clone()
        };
        Self {
            seats: Seats::new(&limits),
            addresses: None,
            proxies: Proxies::default(),
            reads_proxy_header: false,
            tls: None,
            metrics: Arc::clone(metrics),
            has_warned: AtomicBool::new(false),
            limits,
        }
    }

    /// Accepts connections for as long as it is polled.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, router: Router) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => match self.judge(peer.ip()) {
                    Ok((standing, seat)) => {
                        let span = tracing::debug_span!("accept", %peer);
                        let arrival = Arrival {
                            peer: peer.ip().to_canonical(),
                            standing,
                            seat,
                        };
                        let serving =
                            steps::serve(Arc::clone(&self), stream, arrival, router.clone());
                        tokio::spawn(serving.instrument(span));
                    }
                    Err(refusal) => {
                        self.drop_unanswered(stream, refusal.metric_label());
                        // Whoever floods the door is not to hold up those who are in.
                        tokio::task::yield_now().await;
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection; pausing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Whether a connection from this address begins with a PROXY header.
    pub(super) fn expects_proxy_header(&self, peer: IpAddr) -> bool {
        self.reads_proxy_header && self.proxies.trusts(peer)
    }

    /// Decides about a connection by its address alone. Those who are not even to be told why they cannot stay get an
    /// error: answering each of a flood would be the harm that the flood is meant to do.
    fn judge(&self, peer: IpAddr) -> Result<(Standing, Seat), Refusal> {
        let standing = self.standing(peer)?;
        Ok((standing, self.seats.take()?))
    }

    /// How the client at this address stands.
    pub(super) fn standing(&self, client: IpAddr) -> Result<Standing, Refusal> {
        if self.proxies.trusts(client) {
            return Ok(Standing::Forwarded);
        }
        match self.call(client) {
            Ok(caller) => Ok(Standing::Admitted(caller)),
            Err(Turned::Told(refusal)) => Ok(Standing::Refused(refusal)),
            Err(Turned::Away(refusal)) => Err(refusal),
        }
    }

    /// Counts a connection for this address, if it may have one more.
    fn call(&self, client: IpAddr) -> Result<Caller, Turned> {
        let (Some(addresses), Some(place)) = (&self.addresses, self.proxies.place(client)) else {
            return Ok(Caller::default());
        };
        match addresses.admit(place, Instant::now().into_std()) {
            Verdict::Admitted(guard) => Ok(Caller {
                place: Some(place),
                guard: Some(guard),
            }),
            Verdict::Refused(excess) => Err(Turned::Told(excess.into())),
            Verdict::Dropped(excess) => Err(Turned::Away(excess.into())),
        }
    }

    /// The client that a request is from.
    fn client(&self, arrival: &Arrival, headers: &HeaderMap) -> IpAddr {
        let forwarded_for = headers.get_all(FORWARDED_FOR).iter();
        // What is not even text cannot be read as an address either.
        let texts = forwarded_for.map(|value| value.to_str().unwrap_or_default());
        self.proxies.client(arrival.peer, texts)
    }

    /// Lets a request become a WebSocket, or says why not.
    pub(super) fn admit(
        &self,
        arrival: &Arc<Arrival>,
        headers: &HeaderMap,
    ) -> Result<Connection, Turned> {
        if let Some(refusal) = arrival.refusal() {
            return Err(Turned::Told(refusal));
        }
        let arrival = Arc::clone(arrival);
        if let Standing::Admitted(caller) = &arrival.standing {
            let place = caller.place;
            return Ok(Connection::direct(arrival, place));
        }
        let client = self.client(&arrival, headers);
        if self.proxies.trusts(client) && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(%client, "a trusted proxy does not say whom it speaks for; let it send X-Forwarded-For, or all its clients count as one address");
        }
        let caller = self.call(client).inspect_err(|turned| match turned {
            Turned::Told(refusal) | Turned::Away(refusal) => {
                self.metrics.connection_refused(refusal.metric_label());
            }
        })?;
        Ok(Connection::forwarded(arrival, caller))
    }

    /// Ends a connection without a word. With a reset, which leaves nothing behind in the kernel.
    pub(super) fn drop_unanswered(&self, stream: TcpStream, reason: &'static str) {
        self.metrics.connection_dropped(reason);
        // Without it, the kernel closes it the slower way.
        let _ = stream.set_zero_linger();
        drop(stream);
    }
}

/// A connection that may not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// It is told why.
    Told(Refusal),
    /// Its address was told often enough.
    Away(Refusal),
}
