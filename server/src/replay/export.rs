//! A history as a file that the page `/replay/` plays: see `docs/replay-format.md`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use parlor_proto::Payload;
use serde_json::{Value as Json, json};

use super::shown::{Shown, ShownStep};
use super::{Outcome, Recording, ReplayError, Versions};
use crate::plugin::{Action, Audience, ViewAudience};
use crate::room::{EventRecord, MemberNote};

/// Runs a history up to a step, and writes down what everybody could see of it.
///
/// # Errors
///
/// See [`Recording::run`].
pub fn export(
    recording: &Recording,
    versions: &Versions<'_>,
    to: Option<u64>,
) -> Result<(Json, Outcome), ReplayError> {
    let (_, first) = recording.snapshots.first().ok_or(ReplayError::Empty)?;
    let version = versions.of(&recording.digest)?;
    let shown = Shown::new(first);
    let begin_ms = first.host.room_time_ms();
    let mut frames = Vec::new();
    for (view, value) in shown.views() {
        if view.audience.is_empty() {
            frames.push(state(begin_ms, None, &view.name, Some(value)));
        }
    }
    let mut end_ms = begin_ms;
    let outcome = recording.run(versions, &mut |step| {
        if to.is_some_and(|to| step.number > to) {
            return ControlFlow::Break(());
        }
        end_ms = step.at_ms.max(end_ms);
        add(step, end_ms, &mut frames);
        ControlFlow::Continue(())
    })?;
    if frames.is_empty() {
        frames.push(json!({ "at_ms": begin_ms, "view": "nothing", "state": null }));
    }
    let begin = frames[0]["at_ms"].as_u64().unwrap_or(begin_ms);
    let members: Vec<Json> = shown.members.iter().map(member).collect();
    let replay = json!({
        "format": "parlor-replay",
        "version": 1,
        "plugin": recording.plugin,
        "plugin_version": version.description.version,
        "room": recording.room,
        "duration_ms": end_ms.saturating_sub(begin),
        "members": members,
        "frames": frames,
    });
    Ok((replay, outcome))
}

/// Adds what a step showed.
fn add(step: &ShownStep<'_>, at_ms: u64, frames: &mut Vec<Json>) {
    let rejected: BTreeSet<usize> = step
        .effects
        .iter()
        .filter(|it| matches!(it.action, Action::Reject(_)))
        .filter_map(|it| it.cause)
        .collect();
    for (index, event) in step.events.iter().enumerate() {
        let change = match event {
            EventRecord::Joined { member, .. } if !rejected.contains(&index) => Some(
                json!({ "id": member.id, "name": member.name, "change": "joined", "seat": seat(member) }),
            ),
            EventRecord::Changed(member) => Some(
                json!({ "id": member.id, "name": member.name, "change": "joined", "seat": seat(member) }),
            ),
            EventRecord::Left { member, .. } | EventRecord::Kicked(member) => {
                Some(json!({ "id": member, "name": "", "change": "left" }))
            }
            EventRecord::Away(member) => {
                Some(json!({ "id": member, "name": "", "change": "away" }))
            }
            EventRecord::Back(member) => {
                Some(json!({ "id": member, "name": "", "change": "back" }))
            }
            _ => None,
        };
        if let Some(change) = change {
            frames.push(json!({ "at_ms": at_ms, "step": step.number, "member": change }));
        }
    }
    for effect in &step.effects {
        match &effect.action {
            Action::State {
                view,
                audience: ViewAudience::Everyone,
                value,
            } => frames.push(state(at_ms, Some(step.number), view, Some(value))),
            Action::DropState {
                view,
                audience: ViewAudience::Everyone,
            } => frames.push(state(at_ms, Some(step.number), view, None)),
            Action::Send {
                to: Audience::Everyone | Audience::Except(_),
                from,
                payload,
            } => {
                let mut message = json!({ "data": value(payload) });
                if let Some(from) = from {
                    message["from"] = json!(from);
                }
                frames.push(json!({ "at_ms": at_ms, "step": step.number, "message": message }));
            }
            _ => {}
        }
    }
}

fn state(at_ms: u64, step: Option<u64>, view: &str, shown: Option<&Payload>) -> Json {
    let mut frame = json!({ "at_ms": at_ms, "view": view, "state": shown.map(value) });
    if let Some(step) = step {
        frame["step"] = json!(step);
    }
    frame
}

fn member(member: &MemberNote) -> Json {
    json!({ "id": member.id, "name": member.name, "seat": seat(member) })
}

fn seat(member: &MemberNote) -> &'static str {
    if member.is_player {
        "player"
    } else {
        "spectator"
    }
}

/// As it is written in `v1.json`.
fn value(payload: &Payload) -> Json {
    serde_json::from_str(&payload.to_json()).unwrap_or(Json::Null)
}
