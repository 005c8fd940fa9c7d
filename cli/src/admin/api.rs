//! What the admin listener answers, as far as it is shown to people. Scripts get the answers as they are.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Plugins {
    pub(crate) plugins: Vec<Plugin>,
    /// Files in the server's folder of plugins that are none that it takes.
    #[serde(default)]
    pub(crate) refused: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refused {
    pub(crate) path: String,
    pub(crate) reason: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) canary: Option<Canary>,
    pub(crate) versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Canary {
    pub(crate) digest: String,
    pub(crate) percent: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) is_default: bool,
    pub(crate) rooms: u64,
    pub(crate) suspect: Option<String>,
    pub(crate) source: String,
}

/// A component that was handed over.
#[derive(Debug, Deserialize)]
pub(crate) struct Pushed {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) is_new: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Rooms {
    pub(crate) rooms: Vec<RoomLine>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RoomLine {
    pub(crate) room: String,
    pub(crate) plugin: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) players: u64,
    pub(crate) spectators: u64,
    pub(crate) visibility: String,
    pub(crate) is_locked: bool,
}

/// What became of the swap of one room.
#[derive(Debug, Deserialize)]
pub(crate) struct Swapped {
    pub(crate) room: String,
    pub(crate) from: Named,
    pub(crate) to: Named,
    pub(crate) pause_us: Option<u64>,
    pub(crate) shadow: Option<Shadow>,
}

/// A version of a plugin that is known already.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) version: String,
    pub(crate) digest: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Shadow {
    pub(crate) steps: u64,
    pub(crate) verdict: String,
}

/// How far a rollout has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Rollout {
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) scope: String,
    pub(crate) percent: Option<u64>,
    pub(crate) phase: String,
    pub(crate) rooms: u64,
    pub(crate) switched: u64,
    pub(crate) rolled_back: u64,
    pub(crate) refused: u64,
    pub(crate) reason: Option<String>,
}

impl Rollout {
    /// Whether there is more to come of it by itself, soon.
    pub(crate) fn is_running(&self) -> bool {
        self.phase == "running"
    }

    /// Whether each room that it takes has gone over or not. Those that went over may still be on trial.
    pub(crate) fn has_reached_rooms(&self) -> bool {
        // Which rooms it takes is not known at once.
        !self.is_running() || self.rooms > 0 && self.switched + self.refused >= self.rooms
    }

    /// Whether rooms do not run the version that were meant to.
    pub(crate) fn is_bad(&self) -> bool {
        self.phase == "aborted" || self.refused + self.rolled_back > 0
    }
}

/// A failure, for the author of the plugin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Report {
    pub(crate) plugin: String,
    pub(crate) digest: String,
    pub(crate) room: String,
    pub(crate) step: u64,
    pub(crate) events: u64,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) input: Option<String>,
}

/// As much of a digest as people need.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
