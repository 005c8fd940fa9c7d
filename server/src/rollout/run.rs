//! The task of a roll-out: it has the rooms change, a bounded number at a time, and hears what becomes of each.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;

use super::status::Progress;
use super::{Phase, Rollout, RolloutError, Scope};
use crate::node::Node;
use crate::plugin::Version;
use crate::room::{Order, RoomHandle, RoomInput, SwapOrder, SwapRefusal, Swapped, TrialEnd};

/// So many rooms of a plugin are on trial at a time.
const TRIALS_MAX: usize = 64;

/// Begins to bring a version to rooms.
pub(crate) fn start(
    node: &Arc<Node>,
    version: Arc<Version>,
    scope: Scope,
    supersedes: bool,
) -> Result<Arc<Rollout>, RolloutError> {
    if let Some(why) = version.suspect() {
        let label = Arc::clone(&version.label);
        return Err(RolloutError::Suspect { label, why });
    }
    let plugin = version.description.name.clone();
    let rollout = Arc::new(Rollout {
        before: node.catalog.get_beside(&version),
        version,
        supersedes,
        progress: Progress::new(scope),
    });
    node.rollouts.begin(&plugin, &rollout)?;
    let task = Task {
        node: Arc::clone(node),
        rollout: Arc::clone(&rollout),
    };
    tokio::spawn(task.run());
    Ok(rollout)
}

/// Changes one room, and waits until the version has taken over.
pub(crate) async fn swap(
    room: &RoomHandle,
    version: Arc<Version>,
    (is_forced, supersedes): (bool, bool),
) -> Result<(Swapped, oneshot::Receiver<TrialEnd>), SwapRefusal> {
    let (done, swapped) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let order = SwapOrder {
        version,
        is_forced,
        supersedes,
        done,
        ended,
    };
    let order = RoomInput::Order(Box::new(Order::Swap(order)));
    let gone = || SwapRefusal::new(GONE, "the room is gone");
    room.post_surely(order).await.map_err(|_| gone())?;
    let swapped = swapped.await.map_err(|_| gone())??;
    Ok((swapped, end))
}

/// Refusals for which the version is not to blame.
const GONE: &str = "gone";
const BLAMELESS: &[&str] = &[GONE, "busy", "same", "storage", "presence"];

struct Task {
    node: Arc<Node>,
    rollout: Arc<Rollout>,
}

impl Task {
    async fn run(self) {
        let (name, label) = (
            &self.rollout.version.description.name,
            &self.rollout.version.label,
        );
        tracing::info!(plugin = %name, version = %label, "a roll-out begins");
        let progress = &self.rollout.progress;
        // Once as a canary, if it is to be one first, and once for all.
        loop {
            self.change_rooms().await;
            let Scope::Canary { promote_after, .. } = progress.status().scope else {
                progress.come_to(Phase::Done);
                break;
            };
            progress.come_to(Phase::Canary);
            self.wait_as_canary(promote_after).await;
            if !progress.is_under_way() {
                break;
            }
        }
        if progress.status().phase == Phase::Aborted {
            self.go_back().await;
        }
        let status = self.rollout.status();
        tracing::info!(plugin = %name, version = %label, ?status, "a roll-out is over");
    }

    /// Has all rooms change that are meant, and waits for the end of their trials, or of the roll-out.
    async fn change_rooms(&self) {
        let progress = &self.rollout.progress;
        if let Some(default) = self.default()
            && let Err(error) = self.node.catalog.set_default(&default.digest)
        {
            progress.abort(&error.to_string());
            return;
        }
        let rooms = self.node.rooms.all().into_iter();
        let rooms: Vec<_> = rooms.filter(|room| self.is_meant(room)).collect();
        progress.note(|status| status.rooms += rooms.len());
        let trials = Arc::new(Semaphore::new(TRIALS_MAX));
        let mut changing = JoinSet::new();
        for room in rooms {
            let Some(permit) = self.permit(&trials).await else {
                break;
            };
            changing.spawn(change(room, Arc::clone(&self.rollout), permit));
        }
        // Also when it is over: a room that is about to change is known to go back only once it has changed.
        while changing.join_next().await.is_some() {}
    }

    /// What new rooms are to be made of from now on, if that changes. A version that has just come in is the default:
    /// as a canary it is for some of the rooms, and the others are made of the one before.
    fn default(&self) -> Option<&Arc<Version>> {
        let Rollout {
            version,
            before,
            progress,
            ..
        } = &*self.rollout;
        match progress.status().scope {
            Scope::All | Scope::New => Some(version),
            Scope::Canary { .. } if self.node.catalog.is_default(version) => before.as_ref(),
            Scope::Canary { .. } => None,
        }
    }

    fn is_meant(&self, room: &RoomHandle) -> bool {
        let Rollout {
            version, progress, ..
        } = &*self.rollout;
        *room.identity.plugin == *version.description.name
            && room.identity.version().digest != version.digest
            && progress.includes(room.name())
    }

    /// A place for one more trial; `None` if the roll-out is over before there is one.
    async fn permit(&self, trials: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.rollout.progress.over() => None,
            permit = Arc::clone(trials).acquire_owned() => permit.ok(),
        }
    }

    /// Waits until the canary is promoted, by hand or by time, or ended.
    async fn wait_as_canary(&self, promote_after: Option<Duration>) {
        let progress = &self.rollout.progress;
        let mut changes = progress.changes();
        let patience = async {
            match promote_after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(patience);
        while progress.status().phase == Phase::Canary {
            tokio::select! {
                () = &mut patience => drop(progress.promote()),
                _ = changes.changed() => {}
            }
        }
    }

    /// Has the rooms go back that run the version, and new ones be made of what they were made of before.
    async fn go_back(&self) {
        let version = &self.rollout.version;
        let Some(before) = &self.rollout.before else {
            return;
        };
        if let Err(error) = self.node.catalog.set_default(&before.digest) {
            tracing::error!(version = %before.label, "failed to {error}");
        }
        for room in self.node.rooms.all() {
            if room.identity.version().digest != version.digest {
                continue;
            }
            let (answer, answered) = oneshot::channel();
            let order = RoomInput::Order(Box::new(Order::RollBack(answer)));
            let is_back = room.post_surely(order).await.is_ok()
                && answered.await.is_ok_and(|changed| changed.is_ok());
            // Where the trial was over, it changes to the earlier version as to any other.
            if !is_back && let Err(refusal) = swap(&room, Arc::clone(before), (true, false)).await {
                tracing::warn!(room = %room.name(), version = %before.label, "the room stays with the version that was taken back: {refusal}");
            }
        }
    }
}

/// Changes one room, and hears how its trial ends, unless the roll-out is over before that.
async fn change(room: RoomHandle, rollout: Arc<Rollout>, permit: OwnedSemaphorePermit) {
    let progress = &rollout.progress;
    let name = room.name();
    let how = (false, rollout.supersedes);
    match swap(&room, Arc::clone(&rollout.version), how).await {
        Ok((_, end)) => {
            progress.note(|status| status.switched += 1);
            let end = tokio::select! {
                biased;
                end = end => end.ok(),
                () = progress.over() => None,
            };
            if let Some(TrialEnd::RolledBack(refusal)) = end {
                progress.note(|status| status.rolled_back += 1);
                progress.abort(&format!("room {name} went back: {refusal}"));
            }
        }
        Err(refusal) => {
            progress.note(|status| status.refused += 1);
            if !BLAMELESS.contains(&refusal.cause) {
                progress.abort(&format!("room {name} did not change: {refusal}"));
            }
        }
    }
    drop(permit);
}
