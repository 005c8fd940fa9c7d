//! Bans, for the operator to look at and to lift.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parlor_gate::bans::BanKey;
use tokio::time::Instant;

use crate::node::Node;

/// All bans in force, oldest first: whom they are about, which close code was the last before them, and until when they
/// last, in milliseconds since 1970.
pub(super) async fn list(State(node): State<Arc<Node>>) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let bans: Vec<_> = node
        .bans
        .list(Instant::now())
        .iter()
        .map(|ban| {
            serde_json::json!({
                "key": ban.key.to_string(),
                "code": ban.code.code(),
                "name": ban.code.name(),
                "until_ms": u64::try_from((now + ban.left).as_millis()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    axum::Json(serde_json::json!({ "bans": bans })).into_response()
}

/// Lifts a ban, by its key or by an address.
pub(super) async fn lift(State(node): State<Arc<Node>>, Path(key): Path<String>) -> Response {
    match key.parse::<BanKey>() {
        Ok(key) if node.bans.lift(&key, Instant::now()) => StatusCode::NO_CONTENT.into_response(),
        Ok(key) => {
            let text = format!("{key} is not banned\n");
            (StatusCode::NOT_FOUND, text).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("failed to {error}\n")).into_response(),
    }
}
