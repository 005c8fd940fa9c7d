//! `GET /storage/{plugin}/{key}`: what plugins publish. Only keys that begin with `public/` can be read here, as JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parlor_proto::Payload;
use sha2::{Digest as _, Sha256};

use crate::node::Node;
use crate::storage::Unavailable;

/// What every key that anybody may read begins with.
const PUBLIC: &str = "public/";
/// How long a reader waits for what is being written to be durable.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The route for what plugins publish.
pub(crate) fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/storage/{plugin}/{*key}", get(read))
        .with_state(node)
}

async fn read(
    State(node): State<Arc<Node>>,
    Path((plugin, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if !key.starts_with(PUBLIC) || !node.catalog.has(&plugin) {
        return not_found();
    }
    let reading = node.storage.read(&plugin, &key);
    let value = match tokio::time::timeout(TIMEOUT, reading).await {
        Ok(Ok(Some(value))) => value,
        // Not yet, most often, which is no error of the page that asks: browsers would show it as one.
        Ok(Ok(None)) => return nothing(),
        Ok(Err(Unavailable)) | Err(_) => {
            let text = "the storage does not answer at the moment; try again soon\n";
            return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
        }
    };
    let etag = etag(&value);
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, etag.clone()),
    ];
    if is_known(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    // What the plugin stored there may be anything.
    let Ok(payload) = Payload::from_msgpack(&value) else {
        return not_found();
    };
    let json = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (caching, json, payload.to_json()).into_response()
}

fn nothing() -> Response {
    let caching = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (StatusCode::NO_CONTENT, caching).into_response()
}

fn not_found() -> Response {
    let caching = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    let text = "there is nothing public here; keys that anybody may read begin with public/\n";
    (StatusCode::NOT_FOUND, caching, text).into_response()
}

/// Half of the value's digest, which is far more than it takes to tell two values apart.
fn etag(value: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(value);
    let half: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    HeaderValue::from_str(&format!("\"{half}\"")).expect("hex is a good header")
}

/// Whether the client says that it has this very value.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let named = headers.get_all(header::IF_NONE_MATCH).iter();
    named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one.as_bytes() == etag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_knows_a_value_by_its_tag_among_others() {
        let [one, two] = [etag(b"one"), etag(b"two")];
        assert_ne!(one, two);
        let tag = one.to_str().unwrap();
        let check = |written: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, written.parse().unwrap());
            is_known(&headers, &one)
        };
        assert!(check(tag.to_owned()));
        assert!(check(format!("\"other\", W/{tag}")));
        assert!(check("*".to_owned()));
        assert!(!check(two.to_str().unwrap().to_owned()));
        assert!(!is_known(&HeaderMap::new(), &one));
    }
}
