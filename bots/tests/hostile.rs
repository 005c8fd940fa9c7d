//! Hostile clients do what they are named for, and to nobody but this machine.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use parlor_bots::{Encoding, Error, Harm, Hostile, Options, Plugin, harass};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

const PROTOCOL: &str = "Sec-WebSocket-Protocol";

async fn attack(kind: Hostile, url: String) -> Result<Harm, Error> {
    let options = Options {
        url,
        rooms: 1,
        players: 2,
        plugin: Plugin::Grid,
        subprotocol: Encoding::Mixed,
        warm_up: Duration::ZERO,
        duration: Duration::from_millis(300),
        rate: None,
        in_flight: None,
        admin_url: None,
        admin_token: None,
        data_dir: None,
        json: false,
        forwarded_for: None,
        server_pid: None,
        hostile: Some(kind),
        lasting: None,
        history: 0,
    };
    harass(kind, options).await
}

/// What a server saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Handshake,
    Text,
    Ping,
}

/// Attacks a server that takes everything, and says what both saw.
async fn attack_a_patient_server(kind: Hostile) -> (Harm, Vec<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("it is bound"));
    let (seen, mut saw) = mpsc::channel(1_000_000);
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, seen.clone()));
        }
    });
    let harm = attack(kind, url).await.expect("loopback may be attacked");
    server.abort();
    let mut all = Vec::new();
    while let Ok(seen) = saw.try_recv() {
        all.push(seen);
    }
    (harm, all)
}

async fn serve(stream: TcpStream, seen: mpsc::Sender<Seen>) {
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let accept = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let offer = request.headers()[PROTOCOL].clone();
        response.headers_mut().insert(PROTOCOL, offer);
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, accept).await else {
        return;
    };
    let mut what = Seen::Handshake;
    // The test ends when it has seen enough.
    while seen.send(what).await.is_ok() {
        what = match socket.next().await {
            Some(Ok(Message::Text(_))) => Seen::Text,
            Some(Ok(Message::Ping(_))) => Seen::Ping,
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return,
        };
        // Pongs wait until something is sent.
        if socket.flush().await.is_err() {
            return;
        }
    }
}

fn count(all: &[Seen], what: Seen) -> usize {
    all.iter().filter(|seen| **seen == what).count()
}

#[tokio::test]
async fn nobody_but_this_machine_is_attacked() {
    let error = attack(Hostile::Pings, "ws://192.0.2.1:9/ws".to_owned()).await;
    let error = error.expect_err("that is a foreign address");
    assert_eq!(error.exit_code(), 64);
    assert!(error.to_string().contains("not this machine"), "{error}");
}

#[tokio::test]
async fn a_flood_is_as_fast_as_the_server_reads() {
    let (harm, seen) = attack_a_patient_server(Hostile::FullSpeed).await;
    assert_eq!(count(&seen, Seen::Handshake), 1);
    let texts = count(&seen, Seen::Text);
    assert!(texts > 1_000, "{texts} messages: {harm}");
    let (harm, seen) = attack_a_patient_server(Hostile::Pings).await;
    let pings = count(&seen, Seen::Ping);
    assert!(pings > 1_000, "{pings} pings: {harm}");
    assert_eq!(harm.connections, 1);
}

#[tokio::test]
async fn connections_are_opened_one_after_the_other() {
    let (harm, seen) = attack_a_patient_server(Hostile::Connects).await;
    let handshakes = count(&seen, Seen::Handshake);
    assert!(handshakes > 100, "{handshakes} handshakes: {harm}");
    assert!(harm.connections > 100, "{harm}");
}

#[tokio::test]
async fn a_slow_handshake_does_not_end() {
    let (harm, seen) = attack_a_patient_server(Hostile::SlowHandshake).await;
    assert_eq!(seen, []);
    assert_eq!((harm.connections, harm.sent), (8, 8), "{harm}");
}

#[tokio::test]
async fn who_never_reads_still_sends() {
    let (harm, seen) = attack_a_patient_server(Hostile::NeverReads).await;
    let texts = count(&seen, Seen::Text);
    assert!((2..20).contains(&texts), "{texts} messages: {harm}");
}

#[tokio::test]
async fn how_connections_ended_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("it is bound"));
    drop(listener);
    let harm = attack(Hostile::Pings, url).await.expect("it may try");
    assert_eq!(harm.connections, 0);
    assert!(harm.ends.values().sum::<u64>() > 1, "{harm}");
    assert!(harm.to_string().contains("ended: "), "{harm}");
}
