//! Clients behind proxies: whose word counts about where a connection comes from.

use parlor_server::{FileConfig, Limits};
use parlor_tests::{Handshake, Metrics, Options, Refused, Socket, TestServer, in_time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server with one connection per address, that trusts this proxy.
async fn trusting(proxy: &str, proxy_protocol: bool) -> TestServer {
    let mut limits = Limits::default();
    limits.doors.connections_per_address_max = 1;
    TestServer::with(Options {
        limits,
        settings: FileConfig {
            trusted_proxy: vec![proxy.to_owned()],
            proxy_protocol: Some(proxy_protocol),
            ..FileConfig::default()
        },
        ..Options::default()
    })
    .await
}

async fn open(handshake: Handshake) -> Result<Socket, Refused> {
    handshake.offer(&["v1.json"]).open().await
}

/// Opens a WebSocket that stays.
async fn enter(handshake: Handshake) -> Socket {
    open(handshake).await.expect("it is let in")
}

/// Asserts that the address has a connection already.
async fn assert_taken(handshake: Handshake) {
    let socket = enter(handshake).await;
    assert_eq!(socket.closed().await.code(), 4430);
}

#[tokio::test]
async fn lm13_a_trusted_proxy_says_whom_it_speaks_for_and_is_read_from_the_right() {
    let server = trusting("127.0.0.0/8", false).await;
    let from = |addresses| Handshake::with(&server).forwarded_for(addresses);
    let _first = enter(from("203.0.113.1")).await;
    // What stands to the left of the client is the client's own invention.
    assert_taken(from("198.51.100.7, 203.0.113.1")).await;
    assert_taken(from("198.51.100.7, 203.0.113.1, 127.0.0.3")).await;
    let _second = enter(from("203.0.113.1, 198.51.100.7")).await;
    // Without the header, all its clients are the proxy.
    let _third = enter(Handshake::with(&server)).await;
    assert_taken(Handshake::with(&server)).await;
}

#[tokio::test]
async fn lm13_what_a_stranger_says_about_itself_does_not_count() {
    let server = trusting("10.9.9.9", false).await;
    let from = |addresses| Handshake::with(&server).forwarded_for(addresses);
    let _first = enter(from("203.0.113.1")).await;
    assert_taken(from("203.0.113.2")).await;
}

/// A PROXY header of version 2 for this client.
fn header(client: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    header.extend(client);
    header.extend([127, 0, 0, 1, 0x12, 0x34, 0x1f, 0x90]);
    header
}

/// The same where the proxy speaks for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

/// Sends bytes, and reads what comes of them to the end.
async fn exchange(server: &TestServer, bytes: &[u8]) -> String {
    let exchanging = async {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        let mut answer = Vec::new();
        // A server that cuts the connection off resets it.
        if stream.write_all(bytes).await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    in_time("the answer", exchanging).await
}

const REQUEST: &[u8] = b"GET /ready HTTP/1.1\r\nHost: parlor\r\nConnection: close\r\n\r\n";

fn dropped(metrics: &Metrics, reason: &str) -> f64 {
    metrics.get(&format!("connections_dropped_total{{reason=\"{reason}\"}}"))
}

#[tokio::test]
async fn lm13_a_proxy_header_says_where_a_connection_comes_from() {
    let server = trusting("127.0.0.1", true).await;
    let from = |last| Handshake::with(&server).preamble(&header([203, 0, 113, last]));
    let _first = enter(from(1)).await;
    assert_taken(from(1)).await;
    // It stands for the socket's own address: what that client says about itself does not count.
    assert_taken(from(1).forwarded_for("203.0.113.9")).await;
    let _second = enter(from(2)).await;
    let answer = exchange(&server, &[LOCAL, REQUEST].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_trusted_proxy_that_sends_no_proxy_header_is_cut_off() {
    let server = trusting("127.0.0.1", true).await;
    assert_eq!(exchange(&server, REQUEST).await, "");
    let cut = header([203, 0, 113, 1]);
    assert_eq!(exchange(&server, b"PROXY TCP4 203.0.113.1 ").await, "");
    let metrics = server.metrics().await;
    assert_eq!(dropped(&metrics, "proxy-header"), 2.0);
    // A length beyond all reason is not waited for.
    let mut long = cut;
    long[14..16].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(exchange(&server, &long).await, "");
}

#[tokio::test]
async fn hs9_a_proxy_header_that_never_ends_is_cut_off() {
    let mut limits = Limits::default();
    limits.doors.proxy_header_timeout = std::time::Duration::from_millis(100);
    limits.doors.first_byte_timeout = std::time::Duration::from_secs(3_600);
    let server = TestServer::with(Options {
        limits,
        settings: FileConfig {
            trusted_proxy: vec!["127.0.0.1".to_owned()],
            proxy_protocol: Some(true),
            ..FileConfig::default()
        },
        ..Options::default()
    })
    .await;
    assert_eq!(exchange(&server, &header([203, 0, 113, 1])[..20]).await, "");
    server
        .until("the count of it", |it| {
            dropped(it, "proxy-header-timeout") == 1.0
        })
        .await;
}

#[tokio::test]
async fn a_proxy_header_of_a_stranger_is_no_http() {
    let server = trusting("10.9.9.9", true).await;
    let answer = exchange(&server, &[&header([203, 0, 113, 1]), REQUEST].concat()).await;
    assert!(!answer.contains("ready"), "{answer}");
    let answer = exchange(&server, REQUEST).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
