//! TLS in the server itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use parlor_server::{FileConfig, Limits};
use parlor_tests::{Metrics, Options, TestServer, in_time};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion, version::TLS12, version::TLS13,
};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// A certificate for `localhost` and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.expect("a certificate can be made");
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("it is PEM")
    }
}

/// The two files of a server.
struct Files {
    _dir: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn with(pair: &Pair) -> Self {
        let dir = tempfile::tempdir().expect("there is room for two files");
        let files = Self {
            certificate: dir.path().join("cert.pem"),
            key: dir.path().join("key.pem"),
            _dir: dir,
        };
        files.replace(pair);
        files
    }

    fn replace(&self, pair: &Pair) {
        replace(&self.key, &pair.key);
        replace(&self.certificate, &pair.certificate);
    }

    async fn serve(&self, change: impl FnOnce(&mut Limits)) -> TestServer {
        let mut limits = Limits::default();
        change(&mut limits);
        TestServer::with(Options {
            limits,
            settings: FileConfig {
                tls_cert: Some(self.certificate.clone()),
                tls_key: Some(self.key.clone()),
                ..FileConfig::default()
            },
            ..Options::default()
        })
        .await
    }
}

fn replace(path: &Path, text: &str) {
    std::fs::write(path, text).expect("it can be written");
}

/// Connects, trusting this certificate and no other.
async fn connect(
    server: &TestServer,
    trusted: &Pair,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der()).expect("it is a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("the version is known")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = async {
        let stream = TcpStream::connect(server.address).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    };
    in_time("the TLS handshake", connecting).await
}

#[tokio::test]
async fn hs10_a_websocket_goes_over_tls_1_2_and_1_3() {
    let pair = Pair::new();
    let server = Files::with(&pair).serve(|_| {}).await;
    for version in [&TLS12, &TLS13] {
        let stream = connect(&server, &pair, version)
            .await
            .expect("it is trusted");
        let mut request = "wss://localhost/ws".into_client_request().expect("a URL");
        let offer = "v1.json".parse().expect("a header");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", offer);
        let opening = Box::pin(client_async(request, stream));
        let opened = in_time("the handshake", opening).await;
        let (mut socket, _) = opened.expect("it is opened");
        let welcome = in_time("welcome", socket.next()).await;
        let welcome = welcome.expect("a message").expect("a whole one");
        assert!(welcome.to_text().is_ok_and(|it| it.contains("\"welcome\"")));
    }
}

#[tokio::test]
async fn hs10_tls_1_1_is_refused() {
    let server = Files::with(&Pair::new()).serve(|_| {}).await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    // A ClientHello of TLS 1.1 with one cipher suite, no session, and one extension, without which it would be refused
    // for that: the signatures it knows.
    let mut hello = vec![0x03, 0x02];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(hello.len()).expect("it is short");
    let mut record = vec![0x16, 0x03, 0x01, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    stream.write_all(&record).await.expect("it listens");
    let mut alert = [0; 7];
    in_time("the alert", stream.read_exact(&mut alert))
        .await
        .expect("it answers");
    // An alert, fatal, of the kind protocol_version.
    assert_eq!((alert[0], alert[5], alert[6]), (0x15, 2, 70), "{alert:?}");
}

fn dropped(metrics: &Metrics, reason: &str) -> f64 {
    metrics.get(&format!("connections_dropped_total{{reason=\"{reason}\"}}"))
}

#[tokio::test]
async fn hs10_plain_http_gets_no_page_where_tls_is_spoken() {
    let server = Files::with(&Pair::new()).serve(|_| {}).await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    stream
        .write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("it listens");
    let mut answer = Vec::new();
    // It may be a reset that ends it.
    let _ = in_time("the end", stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    server
        .until("the count of it", |it| dropped(it, "tls-failed") == 1.0)
        .await;
}

#[tokio::test]
async fn hs9_a_tls_handshake_that_never_ends_is_cut_off() {
    let files = Files::with(&Pair::new());
    let server = files
        .serve(|limits| {
            limits.doors.first_byte_timeout = Duration::from_secs(3_600);
            limits.doors.header_timeout = Duration::from_secs(3_600);
            limits.doors.tls_timeout = Duration::from_millis(200);
        })
        .await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    stream.write_all(&[0x16]).await.expect("it listens");
    let mut answer = Vec::new();
    // It may be a reset that ends it.
    let _ = in_time("the end", stream.read_to_end(&mut answer)).await;
    assert_eq!(answer, [0; 0]);
    server
        .until("the count of it", |it| dropped(it, "tls-timeout") == 1.0)
        .await;
}

#[tokio::test]
async fn hs10_a_new_certificate_is_taken_up_and_a_broken_one_is_not() {
    let (old, new) = (Pair::new(), Pair::new());
    let files = Files::with(&old);
    let server = files
        .serve(|limits| limits.doors.certificate_poll = Duration::from_millis(10))
        .await;
    let read = |outcome| format!("certificates_read_total{{outcome=\"{outcome}\"}}");
    let mut early = connect(&server, &old, &TLS13).await.expect("it is trusted");

    // A key that belongs to no certificate here, and then no file at all.
    replace(&files.key, &new.key);
    let refused = read("refused");
    server
        .until("a refusal", |it| it.get(&refused) == 1.0)
        .await;
    connect(&server, &old, &TLS13)
        .await
        .expect("the old one is shown");
    std::fs::remove_file(&files.certificate).expect("it is there");
    server
        .until("a refusal", |it| it.get(&refused) == 2.0)
        .await;
    connect(&server, &old, &TLS13)
        .await
        .expect("the old one is shown");

    replace(&files.certificate, &new.certificate);
    let used = read("used");
    server.until("the new one", |it| it.get(&used) == 1.0).await;
    connect(&server, &new, &TLS13)
        .await
        .expect("the new one is shown");
    assert!(connect(&server, &old, &TLS13).await.is_err());
    // Whoever was there before has noticed nothing.
    early
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .expect("it is open");
    let mut answer = [0; 12];
    in_time("the answer", early.read_exact(&mut answer))
        .await
        .expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 200");
}
