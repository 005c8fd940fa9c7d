//! Who is let in, and as whom: tokens in every place and shape, and what becomes of a session with its token.

mod admission;
mod bans;
mod keys;
mod roles;
mod sessions;
mod tickets;
mod tokens;

use std::time::{SystemTime, UNIX_EPOCH};

use parlor_proto::{Subprotocol, client};
use parlor_server::JwtTable;
use parlor_tests::signer::{Signer, key_set};
use parlor_tests::{Ended, Handshake, Options, Refused, Socket, TestClient, TestServer};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A page that may connect: without one, the token must be in the handshake.
const PAGE: &str = "http://localhost";

/// A server that takes this issuer's tokens.
struct Guarded {
    server: TestServer,
    issuer: Signer,
    /// The file of keys is in it.
    _keys: TempDir,
}

impl Guarded {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::of(Signer::ed25519("one"), change).await
    }

    async fn of(issuer: Signer, change: impl FnOnce(&mut Options)) -> Self {
        let keys = tempfile::tempdir().expect("there is room for a folder");
        let path = keys.path().join("jwks.json");
        std::fs::write(&path, key_set(&[issuer.jwk()])).expect("there is room for a file");
        let mut options = Options {
            jwt: Some(JwtTable {
                keys: Some(path.display().to_string()),
                ..JwtTable::default()
            }),
            ..Options::default()
        };
        change(&mut options);
        Self {
            server: TestServer::with(options).await,
            issuer,
            _keys: keys,
        }
    }

    /// A handshake from an allowed page that offers JSON.
    fn handshake(&self) -> Handshake {
        handshake(&self.server)
    }

    /// A good token of this user.
    fn token(&self, user: &str) -> String {
        self.issuer.sign(&claims(user))
    }

    /// A client with this token in its handshake.
    async fn client(&self, token: &str) -> TestClient {
        client_with(&self.server, token).await
    }

    /// How a handshake with this token ends.
    async fn refusal(&self, token: &str) -> Ended {
        closed(self.handshake().bearer(token).open().await).await
    }
}

fn handshake(server: &TestServer) -> Handshake {
    Handshake::with(server).offer(&["v1.json"]).origin(PAGE)
}

async fn client_with(server: &TestServer, token: &str) -> TestClient {
    TestClient::through(handshake(server).bearer(token), Subprotocol::Json).await
}

/// A client that says nothing of who it is.
async fn unknown(server: &TestServer) -> TestClient {
    TestClient::unknown(handshake(server), Subprotocol::Json).await
}

/// Waits for the close frame of a WebSocket that was only opened to be closed.
async fn closed(opened: Result<Socket, Refused>) -> Ended {
    let socket = opened.expect("the handshake succeeds, for the code to be seen");
    socket.closed().await
}

/// Asserts the code, and that the reason says what is wrong.
fn assert_closed(ended: &Ended, code: u16, named: &str) {
    let Ended::Closed(found, reason) = ended else {
        panic!("no close frame: {ended:?}");
    };
    assert_eq!(*found, code, "{reason}");
    assert!(reason.contains(named), "{named:?} is not in {reason:?}");
}

fn auth(token: Option<&str>, name: Option<&str>) -> client::Auth {
    client::Auth {
        token: token.map(str::to_owned),
        name: name.map(str::to_owned),
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs_f64()
}

/// Claims of this user, good for five minutes.
fn claims(user: &str) -> Json {
    json!({ "sub": user, "exp": now() + 300.0 })
}

/// The same, with some more.
fn claims_with(user: &str, more: &Json) -> Json {
    let mut claims = claims(user);
    for (name, value) in more.as_object().expect("claims by name") {
        claims[name] = value.clone();
    }
    claims
}
