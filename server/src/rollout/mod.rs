//! Bringing a version to the rooms of its plugin: to all of them, to some of them first, or only to new ones. Rooms change
//! in waves; the first that goes back, or refuses, ends it, and those that had changed go back, too.

mod run;
mod status;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

pub(crate) use self::run::{start, swap};
pub(crate) use self::status::{Phase, Scope, Status};

use crate::plugin::Version;
use status::Progress;

/// The newest roll-out of each plugin.
#[derive(Debug, Default)]
pub(crate) struct Rollouts {
    by_plugin: RwLock<HashMap<Arc<str>, Arc<Rollout>>>,
}

/// One version on its way to the rooms.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) version: Arc<Version>,
    /// What rooms are made of without it.
    before: Option<Arc<Version>>,
    /// Whether rooms on trial take what they run for proved, to make way.
    supersedes: bool,
    progress: Progress,
}

/// What an operator asks of a roll-out that cannot be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RolloutError {
    /// Nothing to go on with, or to end.
    #[error("find a roll-out of {0} that is under way; begin one first")]
    NotUnderWay(String),
    /// One at a time.
    #[error("begin another roll-out of {0}: one is under way; promote it or abort it first")]
    UnderWay(String),
    /// It failed before.
    #[error("roll out {label}: it is under suspicion ({why}); raise the version once it is mended")]
    Suspect {
        /// `name@version`.
        label: Arc<str>,
        /// What it did.
        why: Arc<str>,
    },
}

impl Rollouts {
    /// The newest roll-out of a plugin.
    pub(crate) fn of(&self, plugin: &str) -> Option<Arc<Rollout>> {
        let by_plugin = self.by_plugin.read();
        let by_plugin = by_plugin.unwrap_or_else(|lock| lock.into_inner());
        by_plugin.get(plugin).cloned()
    }

    /// The version that this room of a plugin is to run, new or awoken, if a roll-out has a say in it.
    pub(crate) fn version_for(&self, plugin: &str, room: &str) -> Option<Arc<Version>> {
        let rollout = self.of(plugin)?;
        let is_meant = rollout.progress.includes(room) && rollout.version.suspect().is_none();
        is_meant.then(|| Arc::clone(&rollout.version))
    }

    /// The version that a room that awakes is to change to, if a roll-out has a say in it: to the one that is rolled out,
    /// or back from it.
    pub(crate) fn version_instead(&self, room: &str, present: &Version) -> Option<Arc<Version>> {
        let plugin = &present.description.name;
        let rollout = self.of(plugin)?;
        let is_taken_back = rollout.status().phase == Phase::Aborted;
        let wanted = if is_taken_back && present.digest == rollout.version.digest {
            rollout.before.clone()
        } else {
            self.version_for(plugin, room)
        };
        wanted.filter(|it| it.digest != present.digest)
    }

    /// A version failed in a room, and nobody of its roll-out is there to hear of it. That time was not a clean one: the
    /// roll-out ends.
    pub(crate) fn note_failure(&self, version: &Version, room: &str, why: &str) {
        let rollout = self.of(&version.description.name);
        if let Some(rollout) = rollout.filter(|it| it.version.digest == version.digest) {
            rollout
                .progress
                .abort(&format!("room {room} failed: {why}"));
        }
    }

    /// Takes note of a roll-out that begins, unless one is under way.
    fn begin(&self, plugin: &str, rollout: &Arc<Rollout>) -> Result<(), RolloutError> {
        let by_plugin = self.by_plugin.write();
        let mut by_plugin = by_plugin.unwrap_or_else(|lock| lock.into_inner());
        let present = by_plugin.get(plugin);
        if let Some(present) = present.filter(|it| it.progress.is_under_way()) {
            if !rollout.supersedes {
                return Err(RolloutError::UnderWay(plugin.to_owned()));
            }
            present.progress.supersede();
        }
        by_plugin.insert(plugin.into(), Arc::clone(rollout));
        Ok(())
    }
}

impl Rollout {
    pub(crate) fn status(&self) -> Status {
        self.progress.status()
    }

    /// How many per cent of the rooms run it, while it is a canary.
    pub(crate) fn canary_percent(&self) -> Option<u8> {
        let Status { scope, phase, .. } = self.status();
        match scope {
            Scope::Canary { percent, .. } if phase != Phase::Aborted => Some(percent),
            _ => None,
        }
    }

    /// Goes on to all rooms.
    pub(crate) fn promote(&self) -> Result<Status, RolloutError> {
        self.told(self.progress.promote())
    }

    /// Ends it: the rooms that changed go back.
    pub(crate) fn abort(&self, reason: &str) -> Result<Status, RolloutError> {
        self.told(self.progress.abort(reason))
    }

    fn told(&self, is_under_way: bool) -> Result<Status, RolloutError> {
        let name = || self.version.description.name.clone();
        is_under_way
            .then(|| self.status())
            .ok_or_else(|| RolloutError::NotUnderWay(name()))
    }
}
