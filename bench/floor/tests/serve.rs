//! The floor over real sockets, against a client that is not ours.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const ANSWER_MAX: Duration = Duration::from_secs(10);

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        let stream = stream.expect("the floor listens");
        let (socket, _) = client_async(format!("ws://{address}/"), stream)
            .await
            .expect("the handshake is good");
        Self(socket)
    }

    async fn join(address: SocketAddr, room: &str, kind: &str) -> (Self, String) {
        let mut client = Self::connect(address).await;
        client
            .say(&format!(r#"{{"join":"{room}","kind":"{kind}"}}"#))
            .await;
        let joined = client.hear().await.expect("the join is answered");
        (client, joined)
    }

    async fn say(&mut self, text: &str) {
        let sent = self.0.send(Message::text(text)).await;
        sent.expect("the connection is there");
    }

    /// The next message; nothing where the connection is over.
    async fn hear(&mut self) -> Option<String> {
        let message = timeout(ANSWER_MAX, self.0.next()).await.expect("in time");
        match message? {
            Ok(Message::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }
}

/// Runs a test against a floor.
fn with_floor<F: Future<Output = ()>>(test: impl FnOnce(SocketAddr) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::select! {
            ended = parlor_floor::serve(listener) => panic!("the floor ended: {ended:?}"),
            () = test(address) => {}
        }
    });
}

#[test]
fn an_echo_comes_back_as_it_was_and_in_order() {
    with_floor(|address| async move {
        let (mut client, joined) = Client::join(address, "a", "echo").await;
        assert_eq!(joined, r#"{"joined":"a","member":1}"#);
        let texts = [r#"{ "any": "thing" }"#, "not even JSON", ""];
        for text in texts {
            client.say(text).await;
        }
        for text in texts {
            assert_eq!(client.hear().await.as_deref(), Some(text));
        }
    });
}

#[test]
fn a_fan_out_reaches_all_in_the_room_in_one_order() {
    with_floor(|address| async move {
        let (mut ann, _) = Client::join(address, "a", "fanout").await;
        let (mut bob, joined) = Client::join(address, "a", "fanout").await;
        assert_eq!(joined, r#"{"joined":"a","member":2}"#);
        let (mut other, joined) = Client::join(address, "b", "fanout").await;
        assert_eq!(joined, r#"{"joined":"b","member":1}"#);
        for number in 0..100 {
            ann.say(&number.to_string()).await;
        }
        for number in 0..100 {
            let number = Some(number.to_string());
            assert_eq!(ann.hear().await, number);
            assert_eq!(bob.hear().await, number);
        }
        other.say("mine").await;
        assert_eq!(other.hear().await.as_deref(), Some("mine"));
    });
}

#[test]
fn whoever_joins_nothing_is_sent_away() {
    with_floor(|address| async move {
        for first in ["hello", r#"{"join":"a","kind":"match"}"#] {
            let mut client = Client::connect(address).await;
            client.say(first).await;
            assert_eq!(client.hear().await, None, "{first}");
        }
    });
}
