//! How many connections there may be, how fast they may come, and how long each may take to its first request.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use parlor_server::{DoorLimits, FileConfig, Limits};
use parlor_tests::{Ended, Handshake, Metrics, Options, Socket, TestClient, TestServer, in_time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval};

/// For a deadline that a test is not about.
const LONG: Duration = Duration::from_secs(3_600);

/// A server on which addresses count though all are this machine's, and with these limits.
async fn counting(change: impl FnOnce(&mut DoorLimits)) -> TestServer {
    counting_behind("10.9.9.9", change).await
}

/// The same, with this proxy.
async fn counting_behind(proxy: &str, change: impl FnOnce(&mut DoorLimits)) -> TestServer {
    let mut limits = Limits {
        // Ends a session with its connection, so that a test sees when it is gone.
        resume_window: Duration::ZERO,
        ..Limits::default()
    };
    change(&mut limits.doors);
    TestServer::with(Options {
        limits,
        settings: FileConfig {
            trusted_proxy: vec![proxy.to_owned()],
            ..FileConfig::default()
        },
        ..Options::default()
    })
    .await
}

/// Opens a WebSocket, for whatever it is good.
async fn open(handshake: Handshake) -> Socket {
    let opened = handshake.offer(&["v1.json"]).open().await;
    opened.unwrap_or_else(|refused| panic!("the server refused: {refused:?}"))
}

/// Asserts that a handshake gets a WebSocket that is closed at once with this code and a reason like this.
async fn assert_closed(handshake: Handshake, code: u16, like: &str) {
    let socket = open(handshake).await;
    assert_eq!(socket.chosen.as_deref(), Some("v1.json"));
    let ended = socket.closed().await;
    let Ended::Closed(given, reason) = &ended else {
        panic!("not closed with {code}: {ended:?}");
    };
    assert_eq!(*given, code, "{reason}");
    assert!(reason.contains(like), "{reason}");
}

/// Connects without saying anything.
async fn connect(server: &TestServer) -> TcpStream {
    let connecting = TcpStream::connect(server.address);
    in_time("a connection", connecting)
        .await
        .expect("the server listens")
}

/// Reads to the end, which must come without a byte before it.
async fn assert_dropped(mut stream: TcpStream) {
    let mut byte = [0];
    match in_time("the end", stream.read(&mut byte)).await {
        Ok(0) | Err(_) => {}
        Ok(_) => panic!("the server answered"),
    }
}

fn refused(metrics: &Metrics, reason: &str) -> f64 {
    metrics.get(&format!("connections_refused_total{{reason=\"{reason}\"}}"))
}

fn dropped(metrics: &Metrics, reason: &str) -> f64 {
    metrics.get(&format!("connections_dropped_total{{reason=\"{reason}\"}}"))
}

#[tokio::test]
async fn lm13_an_address_has_so_many_connections_and_the_next_is_closed_with_4430() {
    let server = counting(|doors| doors.connections_per_address_max = 3).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(TestClient::connect(&server).await);
    }
    assert_closed(Handshake::with(&server), 4430, "too many connections").await;
    let page = server.get("/ready", &[]).await;
    assert_eq!(page.status, 429, "{page:?}");
    assert!(page.head.contains("retry-after:"), "{}", page.head);
    let metrics = server.metrics().await;
    assert_eq!(refused(&metrics, "address-connections"), 2.0);
    assert_eq!(
        metrics.get("closes_total{reason=\"too-many-connections\"}"),
        1.0
    );
    // Once one is gone there is room for another.
    drop(clients.pop());
    server
        .until("one client less", |it| it.get("connections") == 2.0)
        .await;
    let mut pace = interval(Duration::from_millis(20));
    let entering = async {
        loop {
            pace.tick().await;
            if server.get("/ready", &[]).await.status == 200 {
                return;
            }
        }
    };
    in_time("a place", entering).await;
}

#[tokio::test]
async fn lm13_another_address_is_not_held_back() {
    let server = counting_behind("127.0.0.1", |doors| doors.connections_per_address_max = 1).await;
    let from = |address| Handshake::with(&server).forwarded_for(address);
    let mut stay = Vec::new();
    for address in [
        "203.0.113.1",
        "203.0.113.2",
        "2001:db8:1::1",
        "2001:db8:1:1::1",
    ] {
        let socket = open(from(address)).await;
        stay.push(socket);
    }
    for taken in ["203.0.113.1", "2001:db8:1:0:ffff::2", "::ffff:203.0.113.2"] {
        assert_closed(from(taken), 4430, "too many connections").await;
    }
}

/// What came of a connection that asked for a WebSocket: its close code, 101 if it stays, 0 if there was no answer.
async fn outcome(stream: std::io::Result<TcpStream>) -> u16 {
    // One that is dropped may be gone before its client has looked at it.
    let Ok(mut stream) = stream else {
        return 0;
    };
    let request = "GET /ws HTTP/1.1\r\nHost: parlor\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: v1.json\r\n\r\n";
    if stream.write_all(request.as_bytes()).await.is_err() {
        return 0;
    }
    let mut answer = Vec::new();
    // Up to the head, and then the first two bytes of the first frame, and its code if it is the last.
    let frame = loop {
        let mut bytes = [0; 512];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) if answer.is_empty() => return 0,
            Ok(0) | Err(_) => panic!("cut off: {}", String::from_utf8_lossy(&answer)),
            Ok(count) => answer.extend(&bytes[..count]),
        }
        let head = answer.windows(4).position(|it| it == b"\r\n\r\n");
        let frame = head.map(|head| &answer[head + 4..]);
        if let Some(frame) = frame.filter(|frame| frame.len() >= 4) {
            break frame;
        }
    };
    match frame {
        [0x88, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 101,
    }
}

#[tokio::test]
async fn lm14_a_crowd_from_one_address_is_let_in_at_its_rate_told_a_few_times_and_then_dropped() {
    let server = counting(|doors| doors.connections_per_address_max = 1_000).await;
    // All of them wait in the kernel's queue before the first is looked at, or come right behind it.
    let connecting = join_all((0..200).map(|_| TcpStream::connect(server.address)));
    let streams = in_time("the connections", connecting).await;
    let answers = join_all(streams.into_iter().map(outcome));
    let mut counts: HashMap<u16, usize> = HashMap::new();
    for answer in in_time("all the answers", answers).await {
        *counts.entry(answer).or_default() += 1;
    }
    let count = |answer| counts.get(&answer).copied().unwrap_or(0);
    assert_eq!(count(101) + count(4430) + count(0), 200, "{counts:?}");
    assert!(count(101) >= 20, "{counts:?}");
    assert!(count(4430) >= 5, "{counts:?}");
    assert!(count(0) > 0, "{counts:?}");
    let metrics = server.metrics().await;
    assert!(dropped(&metrics, "address-rate") > 0.0);
    assert!(refused(&metrics, "address-rate") >= 5.0);
}

/// How long a refusal is held back where that is looked at.
const DELAY: Duration = Duration::from_millis(200);

#[tokio::test]
async fn lm14_a_crowd_behind_a_proxy_is_told_a_few_times_and_then_gets_429() {
    let server = counting_behind("127.0.0.1", |doors| {
        doors.connections_per_address_max = 1;
        doors.refusals_per_address_per_second = 1;
        doors.refusal_delay = DELAY;
    })
    .await;
    let knock = || {
        let handshake = Handshake::with(&server).offer(&["v1.json"]);
        handshake.forwarded_for("203.0.113.1").open()
    };
    let _stays = knock().await.expect("it is let in");
    let told = knock().await.expect("it is told by a close frame");
    assert_eq!(told.closed().await.code(), 4430);
    let turned_away = async {
        loop {
            let start = Instant::now();
            // Within a second of the last, unless this machine is very slow.
            if let Err(refused) = knock().await {
                return (refused, start.elapsed());
            }
        }
    };
    let (refused, waited) = in_time("a 429", turned_away).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    // Whoever asks again at once is to be slowed down.
    assert!(waited >= DELAY, "{waited:?}");
}

#[tokio::test]
async fn lm13_this_machine_is_not_counted_unless_a_proxy_is_trusted() {
    let server = TestServer::with_limits(|limits| {
        limits.doors.connections_per_address_max = 1;
        limits.doors.new_connections_per_address_per_second = 1;
    })
    .await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(TestClient::connect(&server).await);
    }
    for client in &mut clients {
        client.round_trip().await;
    }
}

#[tokio::test]
async fn lm15_a_full_server_says_1013_or_503_and_is_alive() {
    let server = TestServer::with_limits(|limits| limits.doors.connections_max = 2).await;
    let mut clients = [
        TestClient::connect(&server).await,
        TestClient::connect(&server).await,
    ];
    assert_closed(Handshake::with(&server), 1013, "come back later").await;
    let ready = server.get("/ready", &[]).await;
    assert_eq!(ready.status, 503, "{ready:?}");
    assert!(ready.head.contains("retry-after:"), "{}", ready.head);
    let health = server.get("/health", &[]).await;
    assert_eq!(health.status, 200, "{health:?}");
    let metrics = server.metrics().await;
    assert_eq!(refused(&metrics, "full"), 3.0);
    for client in &mut clients {
        client.round_trip().await;
    }
}

#[tokio::test]
async fn lm15_when_nobody_is_left_to_tell_it_newcomers_are_dropped() {
    let server = TestServer::with_limits(|limits| {
        limits.doors.connections_max = 1;
        limits.doors.full_answers_max = 1;
        limits.doors.first_byte_timeout = LONG;
    })
    .await;
    let _client = TestClient::connect(&server).await;
    let _told = connect(&server).await;
    // It may be gone before its client has looked at it.
    if let Ok(stream) = TcpStream::connect(server.address).await {
        assert_dropped(stream).await;
    }
    assert_eq!(dropped(&server.metrics().await, "full"), 1.0);
}

#[tokio::test]
async fn lm15_connections_that_never_ask_for_anything_are_bounded() {
    let server = TestServer::with_limits(|limits| {
        limits.doors.handshakes_max = 2;
        limits.doors.first_byte_timeout = LONG;
    })
    .await;
    // Those who got in do not count any more.
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(TestClient::connect(&server).await);
    }
    let silent = [connect(&server).await, connect(&server).await];
    assert_closed(Handshake::with(&server), 1013, "newcomers").await;
    assert_eq!(server.get("/ready", &[]).await.status, 503);
    drop(silent);
    let mut pace = interval(Duration::from_millis(20));
    let entering = async {
        loop {
            pace.tick().await;
            if server.get("/ready", &[]).await.status == 200 {
                return;
            }
        }
    };
    in_time("a place", entering).await;
    TestClient::connect(&server).await;
}

/// All deadlines are far away but the one that is changed.
async fn patient_but(change: impl FnOnce(&mut DoorLimits)) -> TestServer {
    TestServer::with_limits(|limits| {
        limits.doors.first_byte_timeout = LONG;
        limits.doors.header_timeout = LONG;
        change(&mut limits.doors);
    })
    .await
}

#[tokio::test]
async fn hs9_who_sends_no_first_byte_is_cut_off() {
    let server = patient_but(|doors| doors.first_byte_timeout = Duration::from_millis(100)).await;
    assert_dropped(connect(&server).await).await;
    server
        .until("the count of it", |it| {
            dropped(it, "first-byte-timeout") == 1.0
        })
        .await;
}

/// Sends text byte by byte, with this much time between, for ever or until nobody listens.
async fn drip(stream: &mut TcpStream, text: &str, between: Duration) {
    let mut pace = interval(between);
    for byte in text.bytes().cycle() {
        pace.tick().await;
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn hs9_headers_that_come_byte_by_byte_are_cut_off() {
    let server = patient_but(|doors| doors.header_timeout = Duration::from_millis(300)).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"GET /ws HTTP/1.1\r\n")
        .await
        .expect("it listens");
    let dripping = drip(&mut slow, "x-slow: 1\r\n", Duration::from_millis(20));
    in_time("the end of patience", dripping).await;
    server
        .until("the count of it", |it| dropped(it, "header-timeout") == 1.0)
        .await;
}

#[tokio::test]
async fn hs9_headers_in_small_pieces_are_fine_if_they_come_in_time() {
    let server = TestServer::start().await;
    let mut stream = connect(&server).await;
    stream
        .set_nodelay(true)
        .expect("small pieces need not wait");
    for byte in b"GET /health HTTP/1.1\r\nHost: parlor\r\nConnection: close\r\n\r\n" {
        stream.write_all(&[*byte]).await.expect("it listens");
    }
    let mut answer = String::new();
    in_time("the answer", stream.read_to_string(&mut answer))
        .await
        .expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn headers_beyond_32_kib_are_refused() {
    let server = TestServer::start().await;
    let (large, larger) = ("x".repeat(24 << 10), "x".repeat(100 << 10));
    let fine = server.get("/health", &[("X-Large", &large)]).await;
    assert_eq!(fine.status, 200);
    let refused = server.get("/health", &[("X-Large", &larger)]).await;
    assert_eq!(refused.status, 431);
}

#[tokio::test]
async fn the_operator_is_heard_while_strangers_flood_the_door() {
    let server = counting(|_| {}).await;
    let address = server.address;
    let flood = async {
        loop {
            let knocking = (0..32).map(|_| TcpStream::connect(address));
            drop(join_all(knocking).await);
        }
    };
    let asking = async {
        let mut pace = interval(Duration::from_millis(10));
        let mut seen = 0.0;
        // Until many were dropped while questions were answered.
        while seen < 500.0 {
            pace.tick().await;
            let asked = in_time("an answer", server.metrics());
            seen = dropped(&asked.await, "address-rate");
        }
    };
    tokio::select! {
        () = asking => {}
        () = flood => {}
    }
}
