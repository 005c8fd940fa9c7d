//! The text of the server's metrics, from its admin listener.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::Error;
use crate::options::Admin;

/// How long the admin listener may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the admin listener, and reads the answer; `read` finds nothing in what is not from a Parlor server.
pub(crate) async fn fetch<T>(
    admin: &Admin,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Error> {
    let url = format!("{}/metrics", admin.url.to_string().trim_end_matches('/'));
    let failed = |problem: String| Error::Metrics {
        url: url.clone(),
        problem,
    };
    let text = match timeout(FETCH_TIMEOUT, get(admin, &url)).await {
        Ok(text) => text.map_err(|error| failed(error.to_string()))?,
        Err(_) => return Err(failed(format!("no answer within {FETCH_TIMEOUT:?}"))),
    };
    read(&text).ok_or_else(|| failed("these are no metrics of a Parlor server".to_owned()))
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    #[error("the token is not that of this server")]
    Unauthorized,
    #[error("the answer is {0}")]
    Status(hyper::StatusCode),
    #[error("the answer is no text")]
    Text,
}

async fn get(admin: &Admin, url: &str) -> Result<String, FetchError> {
    let host = admin.url.host().unwrap_or_default();
    let authority = format!("{host}:{}", admin.url.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(&authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what goes wrong on it comes back from the request.
    let connection = tokio::spawn(connection);
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let request = Request::get(format!("/{path}"))
        .header(HOST, authority)
        .header(AUTHORIZATION, format!("Bearer {}", admin.token))
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    match response.status() {
        hyper::StatusCode::OK => {}
        hyper::StatusCode::UNAUTHORIZED => return Err(FetchError::Unauthorized),
        other => return Err(FetchError::Status(other)),
    }
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    String::from_utf8(body.into()).map_err(|_| FetchError::Text)
}
