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
        let tls = match tls {
            Some(tls) if url.is_tls => tls,
            None if url.is_tls => return Err(failed(io::Error::other("TLS is not set up"))),
            _ => return exchange(stream, url).await,
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    fn url(scheme: &str, port: u16) -> KeyUrl {
        KeyUrl::parse(&format!("{scheme}://localhost:{port}/jwks?a=b")).unwrap()
    }

    /// Answers one connection on its port, once it was asked, and gives what it was asked.
    async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Vec<u8>) -> String {
        let mut stream = tokio::io::BufStream::new(stream);
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        // Who asks may have seen enough before it is all written.
        let _ = stream.write_all(&answer).await;
        let _ = stream.flush().await;
        String::from_utf8(asked).unwrap()
    }

    /// What comes of a plain request that is answered so.
    async fn fetched(text: impl Into<Vec<u8>>) -> (Result<Bytes, FetchError>, String) {
        let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
        let url = url("http", listener.local_addr().unwrap().port());
        let answering = async { answer(listener.accept().await.unwrap().0, text.into()).await };
        tokio::join!(get(&url, None), answering)
    }

    fn ok(body: &str) -> String {
        let bytes = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn a_document_is_asked_for_and_read() {
        let (document, asked) = fetched(ok("keys")).await;
        assert_eq!(document.unwrap(), "keys");
        assert!(asked.starts_with("GET /jwks?a=b HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("host: localhost:"), "{asked}");
        let (document, _) =
            fetched("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nkeys\r\n0\r\n\r\n")
                .await;
        assert_eq!(document.unwrap(), "keys");
    }

    #[tokio::test]
    async fn any_other_answer_is_an_error() {
        for status in ["301 Moved", "404 Not Found", "500 Oops", "204 No Content"] {
            let text = format!("HTTP/1.1 {status}\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
            let (refused, _) = fetched(text).await;
            assert!(matches!(refused, Err(FetchError::Status(_))), "{status}");
        }
        let (refused, _) = fetched("SSH-2.0-none\r\n\r\n").await;
        assert!(matches!(refused, Err(FetchError::Http(_))), "{refused:?}");
        let (refused, _) = fetched("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nkeys").await;
        assert!(matches!(refused, Err(FetchError::Body(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_document_that_is_too_large_is_not_read_to_its_end() {
        let (document, _) = fetched(ok(&" ".repeat(KEY_SET_BYTES_MAX))).await;
        assert_eq!(document.unwrap().len(), KEY_SET_BYTES_MAX);
        let (refused, _) = fetched(ok(&" ".repeat(KEY_SET_BYTES_MAX + 1))).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("larger"), "{refused}");
    }

    #[tokio::test]
    async fn over_tls_the_certificate_must_be_one_that_is_trusted() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
        let url = url("https", listener.local_addr().unwrap().port());

        let mut trusted = RootCertStore::empty();
        trusted.add(certificate).unwrap();
        let trusting = connector(trusted).unwrap();
        let answering = async {
            let stream = listener.accept().await.unwrap().0;
            answer(acceptor.accept(stream).await.unwrap(), ok("keys").into()).await
        };
        let (document, _) = tokio::join!(get(&url, Some(&trusting)), answering);
        assert_eq!(document.unwrap(), "keys");

        let distrusting = connector(RootCertStore::empty()).unwrap();
        let refusing = async {
            let stream = listener.accept().await.unwrap().0;
            acceptor.accept(stream).await.is_err()
        };
        let (refused, is_refused) = tokio::join!(get(&url, Some(&distrusting)), refusing);
        assert!(
            matches!(refused, Err(FetchError::Connect { .. })),
            "{refused:?}"
        );
        assert!(is_refused);
    }
}
