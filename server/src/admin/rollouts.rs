//! Roll-outs, for the operator: a version on its way to the rooms of its plugin.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use crate::node::Node;
use crate::rollout::{self, Rollout, RolloutError, Scope};

/// What is to be rolled out, and to which rooms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    version: String,
    scope: WantedScope,
    percent: Option<u8>,
    promote_after_minutes: Option<f64>,
    #[serde(default)]
    supersede: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WantedScope {
    All,
    New,
    Canary,
}

/// A canary that is not promoted within a year was forgotten.
const PROMOTE_AFTER_MINUTES_MAX: f64 = 525_600.0;

impl Wanted {
    fn scope(&self) -> Result<Scope, ApiError> {
        let promote_after = match self.promote_after_minutes {
            None => None,
            Some(minutes) if (0.0..=PROMOTE_AFTER_MINUTES_MAX).contains(&minutes) => {
                Some(Duration::from_secs_f64(minutes * 60.0))
            }
            Some(_) => return Err(invalid("promote_after_minutes is 0 to 525600")),
        };
        match (self.scope, self.percent) {
            (WantedScope::Canary, Some(percent @ 1..=99)) => Ok(Scope::Canary {
                percent,
                promote_after,
            }),
            (WantedScope::Canary, _) => Err(invalid("a canary needs a percent of 1 to 99")),
            (_, Some(_)) => Err(invalid("percent is for the scope canary")),
            (_, None) if promote_after.is_some() => {
                Err(invalid("promote_after_minutes is for the scope canary"))
            }
            (WantedScope::All, None) => Ok(Scope::All),
            (WantedScope::New, None) => Ok(Scope::New),
        }
    }
}

/// Begins one.
pub(super) async fn begin(
    State(node): State<Arc<Node>>,
    Path(plugin): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, ApiError> {
    let scope = wanted.scope()?;
    let version = super::version_to_run(&node, &wanted.version).await?;
    if version.description.name != plugin {
        let message = format!("{} is no version of {plugin}", version.label);
        return Err(invalid(message));
    }
    let rollout = rollout::start(&node, version, scope, wanted.supersede)?;
    Ok((StatusCode::ACCEPTED, show(&rollout)).into_response())
}

/// How far it is.
pub(super) async fn status(
    State(node): State<Arc<Node>>,
    Path(plugin): Path<String>,
) -> Result<Response, ApiError> {
    let rollout = find(&node, &plugin)?;
    Ok(show(&rollout))
}

/// Goes on from the canary to all rooms.
pub(super) async fn promote(
    State(node): State<Arc<Node>>,
    Path(plugin): Path<String>,
) -> Result<Response, ApiError> {
    let rollout = find(&node, &plugin)?;
    rollout.promote()?;
    Ok(show(&rollout))
}

/// Ends it; the rooms that changed go back.
pub(super) async fn abort(
    State(node): State<Arc<Node>>,
    Path(plugin): Path<String>,
) -> Result<Response, ApiError> {
    let rollout = find(&node, &plugin)?;
    rollout.abort("the operator ended it")?;
    Ok(show(&rollout))
}

fn find(node: &Node, plugin: &str) -> Result<Arc<Rollout>, ApiError> {
    let rollout = node.rollouts.of(plugin);
    rollout.ok_or_else(|| RolloutError::NotUnderWay(plugin.to_owned()).into())
}

fn show(rollout: &Rollout) -> Response {
    let status = rollout.status();
    let (scope, percent) = match status.scope {
        Scope::All => ("all", None),
        Scope::New => ("new", None),
        Scope::Canary { percent, .. } => ("canary", Some(percent)),
    };
    let shown = json!({
        "version": rollout.version.description.version,
        "digest": &*rollout.version.digest,
        "scope": scope,
        "percent": percent,
        "phase": status.phase.name(),
        "rooms": status.rooms,
        "switched": status.switched,
        "rolled_back": status.rolled_back,
        "refused": status.refused,
        "reason": status.reason,
    });
    Json(shown).into_response()
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_ROLLOUT", message)
}

impl From<RolloutError> for ApiError {
    fn from(error: RolloutError) -> Self {
        let (status, code) = match &error {
            RolloutError::NotUnderWay(_) => (StatusCode::NOT_FOUND, "NO_ROLLOUT"),
            RolloutError::UnderWay(_) => (StatusCode::CONFLICT, "ROLLOUT_UNDER_WAY"),
            RolloutError::Suspect { .. } => (StatusCode::CONFLICT, "SUSPECT"),
        };
        Self::new(status, code, format!("failed to {error}"))
    }
}
