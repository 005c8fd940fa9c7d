//! The admin listener: for the operator, with a token that is made on the first start and kept in the data directory.

mod bans;
mod error;
mod plugins;
mod rollouts;
mod rooms;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};

use self::error::ApiError;
use crate::node::Node;
use crate::plugin::Version;

/// The file that holds the token, readable by its owner only.
const TOKEN_FILE: &str = "admin-token";

/// The token of the admin listener.
#[derive(Clone)]
pub(crate) struct AdminToken(Arc<str>);

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

impl AdminToken {
    /// Reads the token of this data directory, or makes one.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(TOKEN_FILE);
        match fs::read_to_string(&path) {
            Ok(token) if !token.trim().is_empty() => Ok(Self(token.trim().into())),
            Ok(_) => {
                let message = format!(
                    "{} is empty; delete it to have a token made",
                    path.display()
                );
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = format!("{:032x}", rand::random::<u128>());
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)?;
                writeln!(file, "{token}")?;
                Ok(Self(token.into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether an `Authorization` header carries this token, compared in constant time.
    fn admits(&self, authorization: Option<&str>) -> bool {
        let Some(token) = authorization.and_then(|it| it.strip_prefix("Bearer ")) else {
            return false;
        };
        let (given, wanted) = (token.trim().as_bytes(), self.0.as_bytes());
        given.len() == wanted.len()
            && given
                .iter()
                .zip(wanted)
                .fold(0, |difference, (a, b)| difference | (a ^ b))
                == 0
    }
}

/// The routes of the admin listener.
pub(crate) fn router(node: Arc<Node>, token: AdminToken) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/api/v1/reports", get(reports))
        .route("/api/v1/rooms", get(rooms::list).post(rooms::create))
        .route(
            "/api/v1/rooms/{room}",
            get(rooms::inspect).delete(rooms::close),
        )
        .route("/api/v1/rooms/{room}/signal", post(rooms::signal))
        .route("/api/v1/rooms/{room}/kick", post(rooms::kick))
        .route("/api/v1/rooms/{room}/lock", post(rooms::lock))
        .route("/api/v1/rooms/{room}/swap", post(rooms::swap))
        .route("/api/v1/rooms/{room}/rollback", post(rooms::roll_back))
        .route(
            "/api/v1/plugins/{plugin}/rollout",
            get(rollouts::status).post(rollouts::begin),
        )
        .route(
            "/api/v1/plugins/{plugin}/rollout/promote",
            post(rollouts::promote),
        )
        .route(
            "/api/v1/plugins/{plugin}/rollout/abort",
            post(rollouts::abort),
        )
        .route("/api/v1/bans", get(bans::list))
        // An IPv6 network has a slash in it.
        .route("/api/v1/bans/{*key}", delete(bans::lift))
        .route("/api/v1/plugins", get(plugins::list).post(plugins::upload))
        .route(
            "/api/v1/plugins/{version}/component",
            get(plugins::component),
        )
        .with_state(node)
        .layer(middleware::from_fn_with_state(token, authorize))
}

async fn authorize(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok());
    if token.admits(authorization) {
        return next.run(request).await;
    }
    let text =
        "this listener needs `Authorization: Bearer …` with the token in <data-dir>/admin-token\n";
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, "Bearer")],
        text,
    )
        .into_response()
}

/// The version that rooms are to run, meant by a digest, the beginning of one, or `name@version`. The server that comes
/// after this one has it, too.
async fn version_to_run(node: &Arc<Node>, text: &str) -> Result<Arc<Version>, ApiError> {
    let version = node.catalog.find(text)?;
    let (node, kept) = (Arc::clone(node), Arc::clone(&version));
    let keeping = tokio::task::spawn_blocking(move || node.persistence.keep_component(&kept));
    let outcome = keeping.await;
    let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("the thread that did it died")));
    outcome.map_err(|error| {
        let message = format!("failed to keep the component in the data directory: {error}");
        ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "STORAGE_UNAVAILABLE",
            message,
        )
    })?;
    Ok(version)
}

async fn metrics(State(node): State<Arc<Node>>) -> Response {
    let mime = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    node.metrics.read_journal(&node.persistence.journal);
    node.metrics.read_versions(node.running_versions());
    ([(header::CONTENT_TYPE, mime)], node.metrics.text()).into_response()
}

/// The newest plugin failures, oldest first, for their authors.
async fn reports(State(node): State<Arc<Node>>) -> Response {
    let reports: Vec<_> = node
        .reports
        .all()
        .iter()
        .map(|report| {
            serde_json::json!({
                "plugin": &*report.plugin,
                "digest": &*report.digest,
                "room": &*report.room,
                "step": report.step,
                "events": report.events,
                "kind": report.kind,
                "message": report.message,
                "input": report.input,
            })
        })
        .collect();
    axum::Json(serde_json::json!({ "reports": reports })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let first = AdminToken::open(dir.path()).unwrap();
        let again = AdminToken::open(dir.path()).unwrap();
        assert_eq!(first.0, again.0);
        let mode = fs::metadata(dir.path().join(TOKEN_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn only_the_very_token_is_admitted() {
        let token = AdminToken("secret".into());
        assert!(token.admits(Some("Bearer secret")));
        for wrong in [
            None,
            Some("secret"),
            Some("Bearer secre"),
            Some("Bearer secres"),
            Some("Bearer "),
        ] {
            assert!(!token.admits(wrong), "{wrong:?}");
        }
    }
}
