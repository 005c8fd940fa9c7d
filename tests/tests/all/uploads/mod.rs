//! Components that come in while the server runs.

mod folder;
mod kept;
mod killed;
mod refused;
mod signed;
mod taken;

use parlor_server::FileConfig;
use parlor_tests::{HttpResponse, Options, TestServer};
use serde_json::Value;

/// A server with a catalog of its own.
async fn server() -> TestServer {
    TestServer::with(options(FileConfig::default())).await
}

fn options(settings: FileConfig) -> Options {
    Options {
        settings,
        has_own_catalog: true,
        ..Options::default()
    }
}

/// An answer of the admin API.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    fn of(response: &HttpResponse) -> Self {
        let body = serde_json::from_str(&response.body);
        Self {
            status: response.status,
            body: body.unwrap_or_else(|_| panic!("it is JSON: {response:?}")),
        }
    }

    /// Whether it says this and, in its message, all of these.
    #[track_caller]
    fn refuses(&self, status: u16, code: &str, says: &[&str]) {
        assert_eq!(
            (self.status, &self.body["code"]),
            (status, &code.into()),
            "{self:?}"
        );
        let message = self.body["message"].as_str().unwrap_or_default();
        for text in says {
            assert!(message.contains(text), "{text:?} is not in {message:?}");
        }
    }

    #[track_caller]
    fn digest(&self) -> String {
        let digest = self.body["digest"].as_str();
        digest
            .unwrap_or_else(|| panic!("a digest: {self:?}"))
            .to_owned()
    }
}

/// Uploads a component.
async fn upload(server: &TestServer, query: &str, component: &[u8]) -> Answer {
    upload_signed(server, query, component, None).await
}

async fn upload_signed(
    server: &TestServer,
    query: &str,
    component: &[u8],
    signature: Option<&str>,
) -> Answer {
    let headers: Vec<_> = signature
        .map(|it| ("Parlor-Signature", it))
        .into_iter()
        .collect();
    let path = format!("/api/v1/plugins{query}");
    let (response, _) = server.admin_send("POST", &path, &headers, component).await;
    Answer::of(&response)
}

/// What the server says of its plugins.
async fn listing(server: &TestServer) -> Value {
    let (response, _) = server.admin_send("GET", "/api/v1/plugins", &[], &[]).await;
    Answer::of(&response).body
}

/// What it says of the versions of one.
async fn versions_of(server: &TestServer, name: &str) -> Vec<Value> {
    versions_in(&listing(server).await, name)
}

fn versions_in(listing: &Value, name: &str) -> Vec<Value> {
    let plugins = listing["plugins"].as_array().expect("a list of plugins");
    let plugin = plugins.iter().find(|it| it["name"] == name);
    let versions = plugin.and_then(|it| it["versions"].as_array());
    versions.cloned().unwrap_or_default()
}

/// The digest of what new rooms are made of.
#[track_caller]
fn default_of(versions: &[Value]) -> String {
    let defaults = versions.iter().filter(|it| it["is_default"] == true);
    let digests: Vec<_> = defaults.filter_map(|it| it["digest"].as_str()).collect();
    let [digest] = digests[..] else {
        panic!("one default: {versions:?}");
    };
    digest.to_owned()
}
