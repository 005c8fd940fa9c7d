//! `parlor room`: what a server's rooms do, and the operator's hand on them.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::admin::api::{RoomLine, Rooms, short};
use crate::admin::{How, segment};
use crate::failure::Failure;
use crate::table::table;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists the rooms
    List {
        /// Only rooms of this plugin
        #[arg(long, value_name = "NAME")]
        plugin: Option<String>,
        /// Only rooms that run this version: its digest, or the first 6 characters of it or more
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// Shows one room: its version, members, step times and sizes
    Inspect {
        room: String,
        #[command(flatten)]
        how: How,
    },
    /// Sends the room's plugin a signal, which only an operator can
    Signal {
        room: String,
        /// What it is called
        name: String,
        /// What comes with it, as JSON [default: null]
        #[arg(value_parser = parse_json)]
        data: Option<Value>,
        #[command(flatten)]
        how: How,
    },
    /// Has a member leave the room
    Kick {
        room: String,
        /// The member's number, as `inspect` shows it
        member: u64,
        #[command(flatten)]
        how: How,
    },
    /// Lets nobody else in
    Lock {
        room: String,
        /// Open it again
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        how: How,
    },
    /// Closes the room; its members are told
    Close {
        room: String,
        #[command(flatten)]
        how: How,
    },
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("{error}; a text needs quotes of its own, as in '\"text\"'"))
}

pub(crate) async fn run(verb: Verb) -> Result<ExitCode, Failure> {
    perform(verb).await?;
    Ok(ExitCode::SUCCESS)
}

async fn perform(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            plugin,
            digest,
            how,
        } => list(plugin.as_deref(), digest.as_deref(), &how).await,
        Verb::Inspect { room, how } => {
            let path = format!("/rooms/{}", segment(&room));
            let asked = how.find()?.get(&path).await;
            let answer = asked.with_context(|| format!("inspect room {room}"))?;
            done(&how, &answer, &inspected(&answer));
            Ok(())
        }
        Verb::Signal {
            room,
            name,
            data,
            how,
        } => {
            let mut body = json!({ "name": name });
            if let Some(data) = data {
                body["data"] = data;
            }
            let text = format!("room {room} gets the signal {name}");
            act(&how, &room, "signal", &body, &text).await
        }
        Verb::Kick { room, member, how } => {
            let body = json!({ "member": member });
            let text = format!("member {member} has to leave room {room}");
            act(&how, &room, "kick", &body, &text).await
        }
        Verb::Lock { room, off, how } => {
            let text = format!("room {room} is {}", if off { "open" } else { "locked" });
            act(&how, &room, "lock", &json!({ "is_locked": !off }), &text).await
        }
        Verb::Close { room, how } => {
            let path = format!("/rooms/{}", segment(&room));
            let asked = how.find()?.delete(&path).await;
            let answer = asked.with_context(|| format!("close room {room}"))?;
            done(&how, &answer, &format!("room {room} is closed"));
            Ok(())
        }
    }
}

/// Has something done to a room.
async fn act(how: &How, room: &str, what: &str, body: &Value, text: &str) -> anyhow::Result<()> {
    let path = format!("/rooms/{}/{what}", segment(room));
    let asked = how.find()?.post(&path, body).await;
    let answer = asked.with_context(|| format!("{what} room {room}"))?;
    done(how, &answer, text);
    Ok(())
}

/// Says what was done.
fn done(how: &How, answer: &Value, text: &str) {
    match (how.json, answer) {
        (true, Value::Null) => crate::print("{}"),
        (true, answer) => crate::print(&answer.to_string()),
        (false, _) => crate::print(text),
    }
}

async fn list(plugin: Option<&str>, digest: Option<&str>, how: &How) -> anyhow::Result<()> {
    let admin = how.find()?;
    let wanted = [("plugin", plugin), ("digest", digest)];
    let query: Vec<String> = wanted
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", segment((*value)?))))
        .collect();
    let path = format!("/rooms?{}", query.join("&"));
    let answer = admin.get(&path).await.context("list rooms")?;
    if how.json {
        crate::print(&answer.to_string());
        return Ok(());
    }
    let rooms: Rooms = admin.read(answer).context("list rooms")?;
    crate::print(&listed(&rooms.rooms));
    Ok(())
}

fn listed(rooms: &[RoomLine]) -> String {
    if rooms.is_empty() {
        return "no rooms".to_owned();
    }
    let head = ["ROOM", "PLUGIN", "DIGEST", "PLAYERS", "SPECTATORS", ""].map(str::to_owned);
    let rows = rooms.iter().map(|room| {
        let mut notes = room.visibility.clone();
        if room.is_locked {
            notes.push_str(", locked");
        }
        [
            room.room.clone(),
            format!("{}@{}", room.plugin, room.version),
            short(&room.digest).to_owned(),
            room.players.to_string(),
            room.spectators.to_string(),
            notes,
        ]
    });
    table(std::iter::once(head).chain(rows))
}

/// Everything there is to know, one line each; members and what is nested below.
fn inspected(answer: &Value) -> String {
    let Some(fields) = answer.as_object() else {
        return answer.to_string();
    };
    let mut rows = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Array(items) => {
                rows.push([name.clone(), items.len().to_string()]);
                rows.extend(items.iter().map(|item| [String::new(), flat(item)]));
            }
            value => rows.push([name.clone(), flat(value)]),
        }
    }
    table(rows)
}

fn flat(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let pairs = fields
                .iter()
                .map(|(name, value)| format!("{name} {}", flat(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_shown_line_by_line() {
        let answer = json!({
            "members": [{ "id": 1, "name": "ann" }],
            "room": "lobby",
            "steps": { "count": 3, "max_us": 90 },
            "swap": null,
        });
        let expected = "members  1\n         id 1, name ann\nroom     lobby\nsteps    count 3, max_us 90\nswap     -";
        assert_eq!(inspected(&answer), expected);
    }

    #[test]
    fn text_that_lacks_its_quotes_is_explained() {
        assert_eq!(parse_json("{\"a\":1}"), Ok(json!({ "a": 1 })));
        assert!(parse_json("go").unwrap_err().contains("quotes"));
    }
}
