//! The steps of a connection to its first request, each with its deadline: the PROXY header, the first byte, the TLS
//! handshake, the request's headers.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use parlor_gate::proxy_header::{ProxyHeaderError, START_BYTES, Start};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::arrival::Arrival;
use super::door::Door;

/// The most that a request's headers may take: a token and cookies fit in well, and a stranger fills no more.
const HEADER_BYTES_MAX: usize = 32 << 10;

/// Why a connection ended before its first request.
#[derive(Debug, thiserror::Error)]
enum StepError {
    /// A step took longer than it may.
    #[error("finish the {0} in time")]
    TooSlow(Step),
    /// The client is gone.
    #[error("read from the connection: {0}")]
    Gone(#[from] std::io::Error),
    /// A trusted proxy did not say whom it speaks for.
    #[error("{0}")]
    ProxyHeader(#[from] ProxyHeaderError),
    /// Its client may not stay, and is not to be told.
    #[error("let in one more of this address")]
    TurnedAway(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Step {
    ProxyHeader,
    FirstByte,
    Tls,
    Headers,
}

impl Step {
    /// As metrics say that it took too long.
    fn metric_label(self) -> &'static str {
        match self {
            Self::ProxyHeader => "proxy-header-timeout",
            Self::FirstByte => "first-byte-timeout",
            Self::Tls => "tls-timeout",
            Self::Headers => "header-timeout",
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ProxyHeader => "PROXY header",
            Self::FirstByte => "first byte",
            Self::Tls => "TLS handshake",
            Self::Headers => "request's headers",
        })
    }
}

impl StepError {
    fn metric_label(&self) -> &'static str {
        match self {
            Self::TooSlow(step) => step.metric_label(),
            Self::Gone(_) => "gone",
            Self::ProxyHeader(_) => "proxy-header",
            Self::TurnedAway(label) => label,
        }
    }
}

/// Leads a connection from its first byte to its end, or to its upgrade.
pub(super) async fn serve(
    door: Arc<Door>,
    mut stream: TcpStream,
    mut arrival: Arrival,
    router: Router,
) {
    // Small messages must not wait for larger ones; a socket that does not know this option works all the same.
    let _ = stream.set_nodelay(true);
    if let Err(error) = begin(&door, &mut stream, &mut arrival).await {
        tracing::debug!("failed to {error}");
        door.drop_unanswered(stream, error.metric_label());
        return;
    }
    if let Some(refusal) = arrival.refusal() {
        door.metrics.connection_refused(refusal.metric_label());
    }
    let Some(tls) = &door.tls else {
        return serve_http(&door, stream, arrival, router).await;
    };
    let handshake = tls.acceptor().accept(stream);
    match timeout(door.limits.tls_timeout, handshake).await {
        Ok(Ok(stream)) => serve_http(&door, stream, arrival, router).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the TLS handshake failed");
            door.metrics.connection_dropped("tls-failed");
        }
        Err(_) => {
            tracing::debug!("the TLS handshake took too long");
            door.metrics.connection_dropped(Step::Tls.metric_label());
        }
    }
}

/// Everything before the first byte of TLS or HTTP.
async fn begin(
    door: &Door,
    stream: &mut TcpStream,
    arrival: &mut Arrival,
) -> Result<(), StepError> {
    if door.expects_proxy_header(arrival.peer) {
        let reading = read_proxy_header(stream);
        let client = timeout(door.limits.proxy_header_timeout, reading).await;
        if let Some(client) = client.map_err(|_| StepError::TooSlow(Step::ProxyHeader))?? {
            arrival.peer = client;
            arrival.standing = door
                .standing(client)
                .map_err(|refusal| StepError::TurnedAway(refusal.metric_label()))?;
        }
    }
    // Only looked at, and left for whoever reads on; whether the socket is readable would be no more than a guess.
    let mut byte = [0];
    let first_byte = timeout(door.limits.first_byte_timeout, stream.peek(&mut byte)).await;
    first_byte.map_err(|_| StepError::TooSlow(Step::FirstByte))??;
    Ok(())
}

/// Reads a PROXY header, and not a byte beyond it. The client's address; none where the proxy speaks for itself.
async fn read_proxy_header(stream: &mut TcpStream) -> Result<Option<std::net::IpAddr>, StepError> {
    let mut first = [0; START_BYTES];
    stream.read_exact(&mut first).await?;
    let start = Start::parse(&first)?;
    let mut rest = vec![0; start.rest_bytes];
    stream.read_exact(&mut rest).await?;
    Ok(start.client(&rest)?)
}

async fn serve_http<S>(door: &Door, stream: S, arrival: Arrival, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let arrival = Arc::new(arrival);
    let service = hyper::service::service_fn({
        let arrival = Arc::clone(&arrival);
        move |request| answer(Arc::clone(&arrival), router.clone(), request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(door.limits.header_timeout)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A connection that becomes a WebSocket is done here when it does; any other may not stay for ever.
    match timeout(door.limits.plain_http_max, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(%error, "connection ended");
            // A connection that is kept open after an answer ends like this too, and nothing is wrong with that.
            if error.is_timeout() && arrival.seat.is_in_handshake() {
                let label = Step::Headers.metric_label();
                door.metrics.connection_dropped(label);
            }
        }
        Err(_) => tracing::debug!("connection ended: it never became a WebSocket"),
    }
}

/// Answers a request, or says why the connection cannot stay.
async fn answer(
    arrival: Arc<Arrival>,
    router: Router,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    arrival.seat.end_handshake();
    // A WebSocket is opened to be told by its close frame, and a full server is still alive.
    let is_led_on = matches!(request.uri().path(), "/ws" | "/health");
    if let Some(refusal) = arrival.refusal().filter(|_| !is_led_on) {
        return Ok(refusal.response());
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(arrival);
    router.oneshot(request).await
}
