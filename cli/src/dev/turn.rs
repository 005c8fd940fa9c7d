//! One turn: build, hand over, swap.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::time::Instant;

use super::server::Site;
use super::watch::Watch;
use super::{complain, say};
use crate::admin::Admin;
use crate::admin::api::{Pushed, Rollout, short};
use crate::plugin::{push_component, rolled_out, size};
use crate::project::{Built, Project, ProjectError};

type Outcome = Result<Built, ProjectError>;

/// The turns so far.
pub(super) struct Turns<'a> {
    project: &'a Project,
    admin: &'a Admin,
    public: Option<&'a str>,
    current: RefCell<Option<Current>>,
}

/// What the last good turn brought about.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) name: String,
    pub(super) digest: String,
    /// As it was told last.
    pub(super) rollout: Rollout,
}

impl<'a> Turns<'a> {
    pub(super) fn new(project: &'a Project, site: &'a Site) -> Self {
        Self {
            project,
            admin: &site.admin,
            public: site.public.as_deref(),
            current: RefCell::new(None),
        }
    }

    pub(super) fn current(&self) -> Option<Current> {
        self.current.borrow().clone()
    }

    /// Remembers how far the rollout has come.
    pub(super) fn note(&self, rollout: Rollout) {
        if let Some(current) = self.current.borrow_mut().as_mut() {
            current.rollout = rollout;
        }
    }

    /// Takes a turn for what changed then. Whatever goes wrong is said, and the next change is waited for.
    pub(super) async fn take(&self, changed_at: Instant, watch: &mut Watch) -> bool {
        let (built, changed_at) = self.build(changed_at, watch).await;
        let built = match built {
            Ok(built) => built,
            Err(error @ ProjectError::Build { .. }) => {
                complain(&format!("failed to {error}"), "the rooms run what they ran");
                return false;
            }
            Err(error) => {
                complain(&format!("failed to {error}"), "");
                return false;
            }
        };
        if let Err(error) = self.swap(&built, changed_at).await {
            complain(
                &format!("failed to {error:#}"),
                "the rooms run what they ran",
            );
            return false;
        }
        true
    }

    /// Builds what is there, and if that changes meanwhile, builds anew: once, for a build that writes sources would
    /// never come to an end otherwise.
    async fn build(&self, changed_at: Instant, watch: &mut Watch) -> (Outcome, Instant) {
        let changed_at = tokio::select! {
            built = self.project.build_while_wanted() => return (built, changed_at),
            changed_at = watch.changed() => changed_at,
        };
        say("it changed meanwhile; building it anew");
        (self.project.build_while_wanted().await, changed_at)
    }

    async fn swap(&self, built: &Built, changed_at: Instant) -> anyhow::Result<()> {
        let built_in = changed_at.elapsed();
        let answer = push_component(self.admin, &built.path, true).await?;
        let taken_in = changed_at.elapsed();
        let pushed: Pushed = self.admin.read(answer).context("read the answer")?;
        let last = self.current();
        // What did not come to all rooms is refused again, with the reason.
        if last.is_some_and(|it| it.digest == pushed.digest && !it.rollout.is_bad()) {
            say("the same component came of it; nothing to swap");
            return Ok(());
        }
        let order = json!({ "version": pushed.digest, "scope": "all", "supersede": true });
        let is_there = Rollout::has_reached_rooms;
        let (rollout, _) = rolled_out(self.admin, &pushed.name, &order, is_there).await?;
        let digest = short(&pushed.digest);
        say(&format!(
            "{}@{} ({digest}, {}): {}; {}",
            pushed.name,
            pushed.version,
            size(built.bytes),
            outcome(&rollout),
            times(built_in, taken_in, changed_at.elapsed()),
        ));
        warn_of(&rollout);
        if self.current().is_none() {
            self.invite(&pushed.name);
        }
        *self.current.borrow_mut() = Some(Current {
            name: pushed.name,
            digest: pushed.digest,
            rollout,
        });
        Ok(())
    }

    /// Says where to try it.
    fn invite(&self, name: &str) {
        let path = format!("/play/?plugin={name}&room=dev");
        match self.public {
            Some(public) => say(&format!("play it: {public}{path}")),
            None => say(&format!("play it: {path} on the server's public address")),
        }
    }
}

fn outcome(rollout: &Rollout) -> String {
    match (rollout.rooms, rollout.switched) {
        (0, _) => "new rooms run it".to_owned(),
        (1, 1) => "the room runs it, with its state kept".to_owned(),
        (rooms, switched) if rooms == switched => {
            format!("all {rooms} rooms run it, with their state kept")
        }
        (rooms, switched) => format!("{switched} of {rooms} rooms run it"),
    }
}

/// How long it took from a change to its effect, and what of that.
fn times(built: Duration, taken: Duration, all: Duration) -> String {
    let [build, take, swap] = [built, taken - built, all - taken].map(|it| it.as_secs_f64());
    let all = all.as_secs_f64();
    format!("{all:.1} s (build {build:.1}, load {take:.1}, swap {swap:.1})")
}

/// Says what stood in the way. Where in the plugin that was is in its report.
pub(super) fn warn_of(rollout: &Rollout) {
    let reason = rollout.reason.as_deref().unwrap_or_default();
    let reason = reason.lines().next().unwrap_or_default();
    if rollout.refused > 0 {
        let count = rollout.refused;
        complain(
            &format!("refused in {count} of the rooms, which run on as they were"),
            reason,
        );
    } else if rollout.rolled_back > 0 {
        let count = rollout.rolled_back;
        complain(
            &format!("{count} of the rooms went back to what they ran before"),
            reason,
        );
    } else if rollout.phase == "aborted" {
        complain("the rollout was aborted", reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fake::FakeAdmin;
    use crate::project::Lang;

    fn rollout(rooms: u64, switched: u64) -> serde_json::Value {
        json!({ "version": "0.1.0", "digest": "ab", "scope": "all", "percent": null, "phase": "done", "rooms": rooms, "switched": switched,
            "rolled_back": 0, "refused": 0, "reason": null })
    }

    #[tokio::test]
    async fn a_turn_hands_the_component_over_and_swaps_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quiz.wasm");
        std::fs::write(&path, b"\0asm").unwrap();
        let pushed = json!({ "name": "quiz", "version": "0.1.0", "digest": "ab", "is_new": true })
            .to_string();
        let done = rollout(1, 1).to_string();
        let fake = FakeAdmin::start(&[(201, &pushed), (202, &done), (200, &pushed)]).await;
        let project = Project {
            dir: dir.path().to_owned(),
            lang: Lang::Rust,
        };
        let admin = fake.admin();
        let turns = Turns {
            project: &project,
            admin: &admin,
            public: None,
            current: RefCell::new(None),
        };
        let built = Built { path, bytes: 4 };
        turns.swap(&built, Instant::now()).await.unwrap();
        // The same bytes again: there is nothing to swap.
        turns.swap(&built, Instant::now()).await.unwrap();
        let asked: Vec<_> = fake.asked().into_iter().map(|it| it.what).collect();
        assert_eq!(
            asked[..2],
            [
                "POST /api/v1/plugins?replace=true",
                "POST /api/v1/plugins/quiz/rollout"
            ]
        );
        assert_eq!(turns.current().unwrap().name, "quiz");
    }

    #[test]
    fn what_came_of_it_is_said_by_rooms() {
        let told = |rooms, switched| {
            let rollout: Rollout = serde_json::from_value(rollout(rooms, switched)).unwrap();
            outcome(&rollout)
        };
        assert_eq!(told(0, 0), "new rooms run it");
        assert!(told(1, 1).starts_with("the room runs it"));
        assert!(told(3, 3).starts_with("all 3 rooms"));
        assert!(told(3, 2).starts_with("2 of 3 rooms"));
    }
}
