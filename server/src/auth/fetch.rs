//! Gets a document over HTTP: one request, one answer, bounded in size and time. Redirects are not followed, so that
//! keys come from where the operator said.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use parlor_gate::jwt::KEY_SET_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::settings::KeyUrl;

/// How long all of it may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a document did not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// Nobody answers there, or TLS fails.
    #[error("connect to {host}:{port}: {error}")]
    Connect {
        host: String,
        port: u16,
        error: io::Error,
    },
    /// What answers there speaks no HTTP.
    #[error("ask for it: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is not the document.
    #[error("get it: the answer was {0}, and redirects are not followed")]
    Status(StatusCode),
    /// The document broke off, or is too large.
    #[error("read it: {0}")]
    Body(String),
    /// It took too long.
    #[error("get it within {TIMEOUT:?}")]
    Timeout,
}

/// Trusts what the system trusts; `SSL_CERT_FILE` names other certificates.
pub(super) fn connector_for_system() -> io::Result<TlsConnector> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let text = "no certificate authorities were found to check https:// with; install the package ca-certificates, \
                    or name a file with SSL_CERT_FILE";
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    connector(roots)
}

/// Trusts these certificates.
fn connector(roots: RootCertStore) -> io::Result<TlsConnector> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Gets the document at this address. Plain HTTP needs no connector.
pub(super) async fn get(url: &KeyUrl, tls: Option<&TlsConnector>) -> Result<Bytes, FetchError> {
    let getting = async {
        let failed = |error| FetchError::Connect {
            host: url.host.clone(),
            port: url.port,
            error,
        };
        let stream = TcpStream::connect((url.host.as_str(), url.port))
            .await
            .map_err(failed)?;
        let Some(tls) = tls.filter(|_| url.is_tls) else {
            return exchange(stream, url).await;
        };
        let name = ServerName::try_from(url.host.clone())
            .map_err(|error| failed(io::Error::other(error)))?;
        exchange(tls.connect(name, stream).await.map_err(failed)?, url).await
    };
    tokio::time::timeout(TIMEOUT, getting)
        .await
        .unwrap_or(Err(FetchError::Timeout))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    url: &KeyUrl,
) -> Result<Bytes, FetchError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    let path = url.uri.path_and_query().map_or("/", |it| it.as_str());
    if let Ok(path) = path.parse() {
        *request.uri_mut() = path;
    }
    let headers = request.headers_mut();
    if let Some(host) = url.uri.authority().and_then(|it| it.as_str().parse().ok()) {
        headers.insert(header::HOST, host);
    }
    for (name, value) in [
        (header::ACCEPT, "application/jwk-set+json, application/json"),
        (
            header::USER_AGENT,
            concat!("parlor/", env!("CARGO_PKG_VERSION")),
        ),
        (header::CONNECTION, "close"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    let answering = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), KEY_SET_BYTES_MAX);
        let collected = body.collect().await.map_err(|error| {
            FetchError::Body(if error.is::<LengthLimitError>() {
                format!("it is larger than {KEY_SET_BYTES_MAX} bytes")
            } else {
                error.to_string()
            })
        })?;
        Ok(collected.to_bytes())
    };
    // The connection does nothing unless it is polled, and is of no use once there is an answer.
    let connection = async {
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        answer = answering => answer,
        () = connection => unreachable!("it is pending for ever"),
    }
}
