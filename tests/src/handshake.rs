//! Opening a WebSocket in every way, the wrong ones too.

use std::net::SocketAddr;

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::Ended;
use crate::{TestServer, in_time};

/// A handshake that can still be changed.
#[derive(Debug)]
pub struct Handshake {
    address: SocketAddr,
    path: String,
    offer: Vec<String>,
    token_in_offer: Option<String>,
    headers: Vec<(String, String)>,
    preamble: Vec<u8>,
    receive_buffer_bytes: Option<u32>,
}

/// An HTTP answer in place of a WebSocket.
#[derive(Debug)]
pub struct Refused {
    /// Its status.
    pub status: u16,
    /// After how many seconds to try again, where it says so.
    pub retry_after: Option<u64>,
    /// Its body.
    pub body: String,
}

/// A WebSocket, and the subprotocol that was agreed on.
#[derive(Debug)]
pub struct Socket {
    /// The WebSocket.
    pub stream: WebSocketStream<TcpStream>,
    /// What the server chose.
    pub chosen: Option<String>,
}

impl Handshake {
    /// A handshake with `/ws` that offers nothing.
    #[must_use]
    pub fn with(server: &TestServer) -> Self {
        Self::to(server.address)
    }

    /// The same, with a server that is no [`TestServer`].
    #[must_use]
    pub fn to(address: SocketAddr) -> Self {
        Self {
            address,
            path: "/ws".to_owned(),
            offer: Vec::new(),
            token_in_offer: None,
            headers: Vec::new(),
            preamble: Vec::new(),
            receive_buffer_bytes: None,
        }
    }

    /// Asks for another path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Offers these subprotocols, each in a header of its own.
    #[must_use]
    pub fn offer(mut self, headers: &[&str]) -> Self {
        self.offer = headers.iter().map(|it| (*it).to_owned()).collect();
        self
    }

    /// Comes from a page of this origin.
    #[must_use]
    pub fn origin(self, origin: &str) -> Self {
        self.header("Origin", origin)
    }

    /// Carries a token in the `Authorization` header.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Carries this header as well.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Says that it comes through a proxy, from the last of these addresses.
    #[must_use]
    pub fn forwarded_for(self, addresses: &str) -> Self {
        self.header("X-Forwarded-For", addresses)
    }

    /// Sends these bytes before the request, as proxies do.
    #[must_use]
    pub fn preamble(mut self, bytes: &[u8]) -> Self {
        self.preamble = bytes.to_vec();
        self
    }

    /// Carries a token in front of the subprotocols that it offers.
    #[must_use]
    pub fn token_in_offer(mut self, token: &str) -> Self {
        self.token_in_offer = Some(token.to_owned());
        self
    }

    /// Has this behind the path.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        self.path = format!("{}?{query}", self.path);
        self
    }

    /// Lets the kernel keep only this much for the client to read.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer_bytes = Some(bytes);
        self
    }

    /// Opens the WebSocket.
    ///
    /// # Errors
    ///
    /// The server's HTTP answer, where it was another than a WebSocket.
    ///
    /// # Panics
    ///
    /// When the connection fails in any other way.
    pub async fn open(mut self) -> Result<Socket, Refused> {
        let url = format!("ws://{}{}", self.address, self.path);
        let mut request = url.into_client_request().expect("the URL is one");
        let header = |value: &str| HeaderValue::from_str(value).expect("a header's text");
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            request.headers_mut().append(name, header(value));
        }
        if let (Some(token), Some(first)) = (&self.token_in_offer, self.offer.first_mut()) {
            // In one header: the client below compares the answer with the first.
            *first = format!("auth.{token}, {first}");
        }
        for offer in &self.offer {
            request
                .headers_mut()
                .append("Sec-WebSocket-Protocol", header(offer));
        }
        let connecting = async {
            let socket = TcpSocket::new_v4().expect("sockets are to be had");
            if let Some(bytes) = self.receive_buffer_bytes {
                socket
                    .set_recv_buffer_size(bytes)
                    .expect("any size will do");
            }
            let mut stream = socket
                .connect(self.address)
                .await
                .expect("the server listens");
            stream
                .set_nodelay(true)
                .expect("small messages need not wait");
            stream.write_all(&self.preamble).await?;
            tokio_tungstenite::client_async(request, stream).await
        };
        match in_time("the handshake", connecting).await {
            Ok((stream, response)) => {
                let chosen = response.headers().get("Sec-WebSocket-Protocol");
                let chosen = chosen.map(|it| it.to_str().expect("a name").to_owned());
                Ok(Socket { stream, chosen })
            }
            Err(Error::Http(response)) => Err(Refused {
                status: response.status().as_u16(),
                retry_after: response
                    .headers()
                    .get("Retry-After")
                    .and_then(|it| it.to_str().ok()?.parse().ok()),
                body: String::from_utf8_lossy(response.body().as_deref().unwrap_or_default())
                    .into_owned(),
            }),
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }
}

impl Socket {
    /// Reads to the end, which must come without any message before it.
    ///
    /// # Panics
    ///
    /// When a message comes.
    pub async fn closed(mut self) -> Ended {
        match in_time("the close frame", self.stream.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => {
                Ended::Closed(frame.code.into(), frame.reason.to_string())
            }
            Some(Ok(message)) => panic!("instead of the close frame came {message:?}"),
            Some(Err(_)) | None => Ended::Lost,
        }
    }
}
