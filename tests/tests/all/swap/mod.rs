//! Rooms that change to another version while people are in them, and go back by themselves.

mod canaries;
mod durable;
mod game;
mod killed;
mod load;
mod rollouts;
mod rooms;
mod suspects;
mod trials;
mod typescript;

use std::time::Duration;

use parlor_proto::client;
use parlor_tests::{HttpResponse, Options, TestClient, TestServer, changeling, in_time, json_of};
use serde_json::{Value as Json, json};

/// A server with a catalog of its own, in which the first version of the guest is, and on which trials are this long.
async fn server(trial: Duration) -> TestServer {
    TestServer::with(options(trial)).await
}

fn options(trial: Duration) -> Options {
    let mut options = Options {
        has_own_catalog: true,
        ..Options::default()
    };
    options.limits.trial_time = trial;
    options
}

/// What the guest is made of: what holds of rooms in Rust holds of rooms in TypeScript, by the same tests.
#[derive(Debug, Clone, Copy)]
enum Made {
    OfRust,
    OfTypeScript,
}

impl Made {
    fn plugin(self) -> &'static str {
        match self {
            Self::OfRust => "changeling",
            Self::OfTypeScript => "changeling-ts",
        }
    }

    async fn server(self, trial: Duration) -> TestServer {
        let is_typescript = matches!(self, Self::OfTypeScript);
        TestServer::with(Options {
            is_typescript,
            ..options(trial)
        })
        .await
    }

    /// Brings the version along that this is wrong with, and gives its digest. New rooms go on being made of the first one.
    async fn version(self, server: &TestServer, trick: &str) -> String {
        let version = match trick {
            "good" => "2.0.0",
            "next-shape" => "4.0.0",
            _ => "3.0.0",
        };
        match self {
            Self::OfRust => upload(server, &changeling(version, trick)).await,
            // It is there from the start.
            Self::OfTypeScript => {
                let versions = versions_of(server, self.plugin()).await;
                let version = versions.iter().find(|it| it["version"] == version);
                let digest = version.and_then(|it| it["digest"].as_str());
                digest.expect("it is one of them").to_owned()
            }
        }
    }
}

/// What the server says of the versions of a plugin.
async fn versions_of(server: &TestServer, plugin: &str) -> Vec<Json> {
    let listing = body(&server.admin_request("GET", "/api/v1/plugins").await);
    let plugins = listing["plugins"].as_array().expect("a list");
    let plugin = plugins.iter().find(|it| it["name"] == plugin);
    let versions = plugin.and_then(|it| it["versions"].as_array());
    versions.expect("its versions").clone()
}

/// For trials that a test ends by itself, or not at all.
const LONG: Duration = Duration::from_secs(3_600);
/// For trials that are to be over soon.
const SHORT: Duration = Duration::from_millis(200);

/// Brings a version along, and gives its digest. New rooms go on being made of the first one.
async fn upload(server: &TestServer, component: &[u8]) -> String {
    let answer = server.admin().upload("?default=false", component).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    body(&answer)["digest"]
        .as_str()
        .expect("a digest")
        .to_owned()
}

fn body(answer: &HttpResponse) -> Json {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

/// Sends JSON to the admin API.
async fn post(server: &TestServer, path: &str, json: &Json) -> HttpResponse {
    server.admin().post(path, json).await
}

/// Has a room change to a version.
async fn swap(server: &TestServer, room: &str, digest: &str) -> HttpResponse {
    let path = format!("/api/v1/rooms/{room}/swap");
    post(server, &path, &json!({ "version": digest })).await
}

/// Has a room change to a version, which must take it over.
async fn swapped(server: &TestServer, room: &str, digest: &str) -> Json {
    let answer = swap(server, room, digest).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    body(&answer)
}

/// What the operator sees of a room.
async fn inspect(server: &TestServer, room: &str) -> Json {
    let answer = server
        .admin_request("GET", &format!("/api/v1/rooms/{room}"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    body(&answer)
}

/// Looks at a room again and again until it is as wanted.
async fn until(server: &TestServer, room: &str, what: &str, is_so: impl Fn(&Json) -> bool) -> Json {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let looking = async {
        loop {
            pace.tick().await;
            let seen = inspect(server, room).await;
            if is_so(&seen) {
                return seen;
            }
        }
    };
    in_time(what, looking).await
}

/// Asks for a view again and again until it is as wanted.
async fn shown(
    client: &mut TestClient,
    room: &str,
    view: &str,
    is_so: impl Fn(&Json) -> bool,
) -> Json {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        loop {
            pace.tick().await;
            let request = client::StateRequest {
                room: room.to_owned(),
                view: view.to_owned(),
            };
            client.send(request).await;
            let state = json_of(&client.expect_state(room, view).await.state);
            if is_so(&state) {
                return state;
            }
        }
    };
    in_time(view, looking).await
}

async fn add(client: &mut TestClient, n: i64) -> Json {
    client
        .applied("hall", &json!({ "do": "add", "n": n }))
        .await
}

async fn version(client: &mut TestClient) -> Json {
    client.applied("hall", &json!({ "do": "version" })).await
}

/// The first version, with nothing wrong.
fn second() -> Vec<u8> {
    changeling("2.0.0", "good")
}
