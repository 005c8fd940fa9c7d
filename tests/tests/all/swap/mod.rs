//! Rooms that change to another version while people are in them, and go back by themselves.

mod durable;
mod killed;
mod load;
mod rollouts;
mod rooms;
mod trials;

use std::time::Duration;

use parlor_tests::{HttpResponse, Options, TestClient, TestServer, changeling, in_time};
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

/// For trials that a test ends by itself, or not at all.
const LONG: Duration = Duration::from_secs(3_600);
/// For trials that are to be over soon.
const SHORT: Duration = Duration::from_millis(200);

/// Brings a version along, and gives its digest. New rooms go on being made of the first one.
async fn upload(server: &TestServer, component: &[u8]) -> String {
    let path = "/api/v1/plugins?default=false";
    let (answer, _) = server.admin_send("POST", path, &[], component).await;
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
    let content = [("Content-Type", "application/json")];
    let bytes = json.to_string().into_bytes();
    let (answer, _) = server.admin_send("POST", path, &content, &bytes).await;
    answer
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
