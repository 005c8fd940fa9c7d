//! How far a roll-out is: which rooms are meant, what became of them, and what comes next. A state machine without I/O.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

/// Which rooms are to run the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All rooms of the plugin, and new ones.
    All,
    /// Only new rooms.
    New,
    /// So many per cent of the rooms, and of new ones; the same ones however often it is asked.
    Canary {
        percent: u8,
        /// All of them after so long without a failure; by hand, if this is not set.
        promote_after: Option<Duration>,
    },
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Rooms are changing.
    Running,
    /// The rooms of the canary have changed; the others wait.
    Canary,
    /// All have changed that were meant to.
    Done,
    /// It was ended: rooms went back.
    Aborted,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Canary => "canary",
            Self::Done => "done",
            Self::Aborted => "aborted",
        }
    }
}

/// What there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) scope: Scope,
    pub(crate) phase: Phase,
    /// The rooms that were meant.
    pub(crate) rooms: usize,
    pub(crate) switched: usize,
    pub(crate) rolled_back: usize,
    pub(crate) refused: usize,
    /// Why it was ended, if it was.
    pub(crate) reason: Option<String>,
}

/// The status, and those who wait for it to change.
#[derive(Debug)]
pub(super) struct Progress {
    status: Mutex<Status>,
    changed: watch::Sender<()>,
}

impl Progress {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            status: Mutex::new(Status {
                scope,
                phase: Phase::Running,
                rooms: 0,
                switched: 0,
                rolled_back: 0,
                refused: 0,
                reason: None,
            }),
            changed: watch::Sender::default(),
        }
    }

    pub(super) fn status(&self) -> Status {
        self.with(|status| status.clone())
    }

    /// Told of every change.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Changes the status.
    pub(super) fn note(&self, change: impl FnOnce(&mut Status)) {
        self.with(change);
        self.changed.send_replace(());
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.status().phase, Phase::Running | Phase::Canary)
    }

    /// Waits until it is not under way any more.
    pub(super) async fn over(&self) {
        let mut changes = self.changes();
        while self.is_under_way() {
            // There is somebody to tell of changes as long as there is this.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// All rooms that are meant have changed, unless it was ended in the meantime.
    pub(super) fn come_to(&self, phase: Phase) {
        self.note(|status| {
            if status.phase == Phase::Running {
                status.phase = phase;
            }
        });
    }

    /// Whether a room of this name is to run the version.
    pub(super) fn includes(&self, room: &str) -> bool {
        let Status { scope, phase, .. } = self.status();
        phase != Phase::Aborted
            && match scope {
                Scope::All => true,
                // What runs already is not meant, and what is new has it by default.
                Scope::New => false,
                Scope::Canary { percent, .. } => is_of_canary(room, percent),
            }
    }

    /// Has all rooms be meant. Whether there was a canary to promote.
    pub(super) fn promote(&self) -> bool {
        let mut is_promoted = false;
        self.note(|status| {
            if status.phase == Phase::Canary {
                (status.scope, status.phase) = (Scope::All, Phase::Running);
                is_promoted = true;
            }
        });
        is_promoted
    }

    /// A newer one takes its place; what changed stays.
    pub(super) fn supersede(&self) {
        self.note(|status| status.phase = Phase::Done);
    }

    /// Ends it. Whether it was under way.
    pub(super) fn abort(&self, reason: &str) -> bool {
        let mut is_aborted = false;
        self.note(|status| {
            if matches!(status.phase, Phase::Running | Phase::Canary) {
                status.phase = Phase::Aborted;
                status.reason = Some(reason.to_owned());
                is_aborted = true;
            }
        });
        is_aborted
    }

    fn with<T>(&self, look: impl FnOnce(&mut Status) -> T) -> T {
        look(&mut self.status.lock().unwrap_or_else(|lock| lock.into_inner()))
    }
}

fn is_of_canary(room: &str, percent: u8) -> bool {
    xxh3_64(room.as_bytes()) % 100 < u64::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(percent: u8) -> Progress {
        Progress::new(Scope::Canary {
            percent,
            promote_after: None,
        })
    }

    #[test]
    fn a_canary_is_about_as_many_rooms_as_it_says_and_always_the_same() {
        let progress = canary(10);
        let names: Vec<String> = (0..10_000).map(|it| format!("room-{it}")).collect();
        let meant: Vec<_> = names.iter().filter(|it| progress.includes(it)).collect();
        assert!((850..1_150).contains(&meant.len()), "{}", meant.len());
        assert!(meant.iter().all(|it| canary(20).includes(it)));
    }

    #[test]
    fn a_promoted_canary_is_all_rooms_and_an_aborted_one_none() {
        let progress = canary(1);
        assert!(!progress.promote(), "its rooms are changing");
        progress.come_to(Phase::Canary);
        assert!(progress.promote() && !progress.promote());
        assert!((0..100).all(|it| progress.includes(&it.to_string())));
        assert!(progress.abort("enough") && !progress.abort("again"));
        assert!(!progress.includes("any"));
        progress.come_to(Phase::Done);
        assert_eq!(progress.status().phase, Phase::Aborted);
        assert_eq!(progress.status().reason.as_deref(), Some("enough"));
    }

    #[test]
    fn rooms_that_run_are_left_alone_where_only_new_ones_are_meant() {
        assert!(!Progress::new(Scope::New).includes("any"));
    }
}
