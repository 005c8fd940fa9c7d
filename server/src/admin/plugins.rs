//! Plugin versions, for the operator: what is there, and more of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use crate::node::Node;
use crate::plugin::{CompileError, FindError, LoadError, Offer, Origin, SignatureError, Version};

/// The header with the text of a `.minisig` file, in base64.
const SIGNATURE_HEADER: &str = "parlor-signature";
/// A component that takes longer to come in is not waited for.
const RECEIVE_MAX: Duration = Duration::from_secs(60);
/// A client that sends too much is heard to its end up to so many times the limit, so that it gets to see why.
const PATIENCE: usize = 4;

/// All plugins, and files that were not taken.
pub(super) async fn list(State(node): State<Arc<Node>>) -> Response {
    let mut rooms: HashMap<Arc<str>, usize> = HashMap::new();
    for version in node.running_versions() {
        *rooms.entry(Arc::clone(&version.digest)).or_default() += 1;
    }
    let catalog = &node.catalog;
    let show = |version: &Arc<Version>| {
        json!({
            "version": version.description.version,
            "digest": &*version.digest,
            "is_default": catalog.is_default(version),
            "rooms": rooms.get(&version.digest).copied().unwrap_or(0),
            "suspect": version.suspect().as_deref(),
            "source": version.source().name(),
        })
    };
    let plugins = catalog.names().into_iter().map(|name| {
        let versions: Vec<_> = catalog.versions_of(&name).iter().map(show).collect();
        let rollout = node.rollouts.of(&name);
        let canary = rollout.and_then(|it| Some((Arc::clone(&it.version), it.canary_percent()?)));
        let canary = canary
            .map(|(version, percent)| json!({ "digest": &*version.digest, "percent": percent }));
        json!({ "name": name, "canary": canary, "versions": versions })
    });
    let plugins: Vec<_> = plugins.collect();
    let refused = catalog.refused_files().into_iter();
    let refused = refused.map(|it| json!({ "path": it.path, "reason": it.why }));
    let refused: Vec<_> = refused.collect();
    Json(json!({ "plugins": plugins, "refused": refused })).into_response()
}

/// How a component is to be taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadQuery {
    #[serde(default)]
    replace: bool,
    #[serde(default = "yes")]
    default: bool,
}

fn yes() -> bool {
    true
}

/// Takes a component.
pub(super) async fn upload(
    State(node): State<Arc<Node>>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let signature = signature(&headers)?;
    let place = node.uploads.place().inspect_err(|error| {
        node.catalog.counts().taken(error.metric_label());
    })?;
    let bytes_max = node.catalog.component_bytes_max();
    let receiving = tokio::time::timeout(RECEIVE_MAX, receive(body, bytes_max)).await;
    let component = receiving.unwrap_or_else(|_| {
        let text = format!(
            "the component did not come in within {} s",
            RECEIVE_MAX.as_secs()
        );
        let status = StatusCode::REQUEST_TIMEOUT;
        Err(ApiError::new(status, "REQUEST_TIMEOUT", text))
    });
    let component = component.inspect_err(|_| node.catalog.counts().taken("not-received"))?;
    let offer = Offer {
        component,
        signature,
        origin: Origin::Upload,
        may_replace: query.replace,
        is_default: query.default,
    };
    let taken = node.uploads.take(place, offer).await?;
    let version = &taken.version;
    let body = json!({
        "name": version.description.name,
        "version": version.description.version,
        "digest": &*version.digest,
        "is_new": taken.is_new,
        "is_default": node.catalog.is_default(version),
        "suspect": version.suspect().as_deref(),
    });
    let status = if taken.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(body)).into_response())
}

/// The component of a version.
pub(super) async fn component(
    State(node): State<Arc<Node>>,
    Path(version): Path<String>,
) -> Result<Response, ApiError> {
    let version = node.catalog.find(&version)?;
    let mime = [(header::CONTENT_TYPE, "application/wasm")];
    Ok((mime, version.component.clone()).into_response())
}

fn signature(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(SIGNATURE_HEADER) else {
        return Ok(None);
    };
    let decoded = STANDARD.decode(value.as_bytes());
    let text = decoded.ok().and_then(|text| String::from_utf8(text).ok());
    let text = text.ok_or(LoadError::Signature(SignatureError::Unreadable))?;
    Ok(Some(text))
}

/// Reads a body, and keeps no more of it than a component may have.
async fn receive(mut body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let mut component = Vec::new();
    let mut received = 0_usize;
    while let Some(frame) = body.frame().await {
        let broken_off = |_| {
            let text = "the component did not come in to its end; send it again";
            ApiError::new(StatusCode::BAD_REQUEST, "INCOMPLETE", text)
        };
        let Ok(data) = frame.map_err(broken_off)?.into_data() else {
            continue;
        };
        received = received.saturating_add(data.len());
        if received <= bytes_max {
            component.extend_from_slice(&data);
        } else {
            component = Vec::new();
        }
        if received > bytes_max.saturating_mul(PATIENCE) {
            break;
        }
    }
    if received > bytes_max {
        return Err(LoadError::TooLarge { bytes_max }.into());
    }
    Ok(component.into())
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        let (status, code) = match &error {
            LoadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "COMPONENT_TOO_LARGE"),
            LoadError::Signature(SignatureError::Missing) => {
                (StatusCode::FORBIDDEN, "SIGNATURE_REQUIRED")
            }
            LoadError::Signature(_) => (StatusCode::FORBIDDEN, "SIGNATURE_INVALID"),
            LoadError::Duplicate { .. } => (StatusCode::CONFLICT, "VERSION_EXISTS"),
            LoadError::Busy | LoadError::Compiler(CompileError::Starved(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "BUSY")
            }
            LoadError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "STOPPING"),
            LoadError::Keep(_)
            | LoadError::Read { .. }
            | LoadError::Compiler(CompileError::Run(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "SERVER_FAILED")
            }
            LoadError::Inspect(_)
            | LoadError::Compile(_)
            | LoadError::Compiler(_)
            | LoadError::Describe(_)
            | LoadError::DescribeChanges
            | LoadError::DescribeLies(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_COMPONENT"),
        };
        let message = match &error {
            LoadError::Duplicate { .. } => {
                format!("failed to {error}, or push it with `replace=true`")
            }
            _ => format!("failed to {error}"),
        };
        Self::new(status, code, message)
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        let (status, code) = match &error {
            FindError::NotFound(_) => (StatusCode::NOT_FOUND, "VERSION_NOT_FOUND"),
            FindError::Ambiguous { .. } => (StatusCode::CONFLICT, "VERSION_AMBIGUOUS"),
        };
        Self::new(status, code, error.to_string())
    }
}
