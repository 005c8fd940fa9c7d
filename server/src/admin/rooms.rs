//! Rooms, for the operator: what they are, and what is to become of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parlor_proto::{Create, Payload, Seat, Visibility, client};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::error::ApiError;
use crate::node::Node;
use crate::plugin::{Shadowed, Version};
use crate::rollout;
use crate::room::{
    Changed, Locator, Order, PostError, RoomHandle, RoomInput, RoomReport, SwapPhase, SwapRefusal,
};

/// Which rooms are to be listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    plugin: Option<String>,
    digest: Option<String>,
}

/// All rooms that run; those that sleep are not among them.
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    Query(query): Query<ListQuery>,
) -> Response {
    let mut rooms = node.rooms.all();
    rooms.retain(|room| {
        let is_of = |plugin: &str| *room.identity.plugin == *plugin;
        let runs = |digest: &str| room.identity.version().digest.starts_with(digest);
        query.plugin.as_deref().is_none_or(is_of) && query.digest.as_deref().is_none_or(runs)
    });
    rooms.sort_by(|a, b| a.name().cmp(b.name()));
    let rooms: Vec<_> = rooms.iter().map(summary).collect();
    Json(json!({ "rooms": rooms })).into_response()
}

fn summary(room: &RoomHandle) -> Value {
    let (identity, version) = (&room.identity, room.identity.version());
    json!({
        "room": &*identity.name,
        "plugin": &*identity.plugin,
        "version": version.description.version,
        "digest": &*version.digest,
        "players": room.status.count(Seat::Player),
        "spectators": room.status.count(Seat::Spectator),
        "visibility": match identity.visibility {
            Visibility::Public => "public",
            Visibility::Unlisted => "unlisted",
            Visibility::Private => "private",
        },
        "is_locked": room.status.is_locked(),
    })
}

/// What a room is to be made with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRoom {
    room: String,
    plugin: String,
    options: Option<Value>,
}

/// Makes a room, which somebody should join before its time without members is over.
pub(super) async fn create(
    State(node): State<Arc<Node>>,
    Json(wanted): Json<NewRoom>,
) -> Result<Response, ApiError> {
    let options = wanted.options.as_ref().map(payload).transpose()?;
    let join = client::JoinRoom {
        room: Some(wanted.room),
        plugin: Some(wanted.plugin.clone()),
        create: Some(Create::Always),
        options,
        ..client::JoinRoom::default()
    };
    // Roles are for members; the operator may make any room.
    let version = node.catalog.get(&wanted.plugin);
    let permissions = version.iter().flat_map(|it| &it.description.permissions);
    let roles: Vec<String> = permissions.flat_map(|it| it.roles.clone()).collect();
    let locator = Locator {
        node: &node,
        roles: &roles,
        is_in: &|_| false,
        may_create: true,
    };
    let located = locator
        .locate(&join)
        .map_err(|(code, message)| ApiError::new(StatusCode::CONFLICT, code.as_str(), message))?;
    Ok((StatusCode::CREATED, Json(summary(&located.room))).into_response())
}

/// One room, with all there is to know of it.
pub(super) async fn inspect(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    let report = ask(&room, Order::Inspect).await?;
    let mut shown = summary(&room);
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), details(&report)) {
        shown.extend(more);
    }
    Ok(Json(shown).into_response())
}

fn details(report: &RoomReport) -> Value {
    let usage = &report.usage;
    let swap = report.swap.as_ref().map(|swap| {
        let (phase, changed) = match swap {
            SwapPhase::Shadow(changed) => ("shadow", changed),
            SwapPhase::Trial(changed) => ("trial", changed),
        };
        json!({ "phase": phase, "from": named(&changed.from), "to": named(&changed.to) })
    });
    json!({
        "version": report.version.description.version,
        "digest": &*report.version.digest,
        "epoch": report.epoch,
        "seq": report.seq,
        "step": report.step,
        "durability": report.durability.as_str(),
        "members": report.members.iter().map(|it| json!({
            "id": it.id,
            "name": it.name,
            "seat": it.seat.as_str(),
            "away": it.away,
        })).collect::<Vec<_>>(),
        "swap": swap,
        "steps": {
            "count": usage.steps,
            "mean_us": micros(usage.mean_cost()),
            "p99_us": micros(usage.p99_cost()),
            "max_us": micros(usage.max_cost),
            "soft_overruns": usage.soft_overruns,
        },
        "memory_bytes": usage.memory_bytes,
        "output_bytes": usage.output_bytes,
    })
}

/// Ends a room.
pub(super) async fn close(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    let message = "the operator closed the room".to_owned();
    post(&room, RoomInput::Order(Box::new(Order::Close(message))))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a room's plugin is to be told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    name: String,
    #[serde(default)]
    data: Value,
}

/// Says something to a room's plugin.
pub(super) async fn signal(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
    Json(signal): Json<Signal>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    let (name, payload) = (signal.name, payload(&signal.data)?);
    post(&room, RoomInput::Signal { name, payload })?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Who is to go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kick {
    member: u32,
}

/// Removes a member.
pub(super) async fn kick(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
    Json(kick): Json<Kick>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    post(&room, RoomInput::Remove(kick.member))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Whether newcomers are let in to play.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    is_locked: bool,
}

/// Locks a room, or unlocks it.
pub(super) async fn lock(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
    Json(lock): Json<Lock>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    post(
        &room,
        RoomInput::Order(Box::new(Order::Lock(lock.is_locked))),
    )?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// To which version a room is to change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Swap {
    version: String,
    #[serde(default)]
    force: bool,
}

/// Changes a room to another version, and answers when that has taken over.
pub(super) async fn swap(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
    Json(swap): Json<Swap>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    let version = super::version_to_run(&node, &swap.version).await?;
    let (swapped, _) = rollout::swap(&room, version, (swap.force, false)).await?;
    let mut answer = changed(&room, &swapped.changed);
    answer["pause_us"] = micros(swapped.pause).into();
    answer["shadow"] = swapped.shadow.as_ref().map_or(Value::Null, shadow);
    Ok(Json(answer).into_response())
}

fn shadow(shadow: &Shadowed) -> Value {
    json!({
        "steps": shadow.usage.steps,
        "verdict": if shadow.is_inconclusive { "inconclusive" } else { "same" },
        "mean_us": micros(shadow.usage.mean_cost()),
        "mean_us_before": micros(shadow.usage_then.mean_cost()),
        "load_us": micros(shadow.load_cost),
    })
}

/// Has a room go back to the version that is parked.
pub(super) async fn roll_back(
    State(node): State<Arc<Node>>,
    Path(room): Path<String>,
) -> Result<Response, ApiError> {
    let room = find(&node, &room)?;
    let back = ask(&room, Order::RollBack).await??;
    Ok(Json(changed(&room, &back)).into_response())
}

fn changed(room: &RoomHandle, changed: &Changed) -> Value {
    json!({
        "room": &**room.name(),
        "from": named(&changed.from),
        "to": named(&changed.to),
    })
}

fn named(version: &Version) -> Value {
    json!({ "version": version.description.version, "digest": &*version.digest })
}

impl From<SwapRefusal> for ApiError {
    fn from(refusal: SwapRefusal) -> Self {
        let message = format!("{}: {}", refusal.cause, refusal.message);
        Self::new(StatusCode::CONFLICT, "SWAP_REFUSED", message)
    }
}

fn find(node: &Node, name: &str) -> Result<RoomHandle, ApiError> {
    node.rooms.live(name).ok_or_else(|| {
        let message = format!("no room that runs is called {name:?}; GET /api/v1/rooms lists them");
        ApiError::new(StatusCode::NOT_FOUND, "ROOM_NOT_FOUND", message)
    })
}

fn gone() -> ApiError {
    let message = "the room ended before it came to this";
    ApiError::new(StatusCode::NOT_FOUND, "ROOM_NOT_FOUND", message)
}

fn post(room: &RoomHandle, input: RoomInput) -> Result<(), ApiError> {
    room.post(input).map_err(|error| match error {
        PostError::Busy => {
            let message = "the room has more to do than it can; try again";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ROOM_BUSY", message)
        }
        PostError::Gone => gone(),
    })
}

async fn ask<T>(
    room: &RoomHandle,
    order: impl FnOnce(oneshot::Sender<T>) -> Order,
) -> Result<T, ApiError> {
    let (answer, answered) = oneshot::channel();
    post(room, RoomInput::Order(Box::new(order(answer))))?;
    answered.await.map_err(|_| gone())
}

fn payload(json: &Value) -> Result<Payload, ApiError> {
    Payload::from_json(&json.to_string()).map_err(|error| {
        let message = format!("the data is not of the value model: {error}");
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_VALUE", message)
    })
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
