//! Running a room's history again, outside of any server: to see what happened, whether the same comes of it, and what
//! another version of its plugin would have made of it.

mod export;
mod shown;

use std::ops::ControlFlow;
use std::sync::Arc;

use parlor_journal::StreamData;

use crate::plugin::{Fault, Ran, Runner, SavedRoom, Version};
use crate::room::again::{self, Otherwise};
use crate::room::{BatchRecord, Change, FormatError, Snapshot, StoredRoom, decode};

pub use export::export;
pub use shown::{Shown, ShownStep, ShownView};

/// The history of one room, as far as it is kept.
#[derive(Debug)]
pub struct Recording {
    /// Newest last.
    snapshots: Vec<(u64, Snapshot)>,
    records: Vec<(u64, Vec<BatchRecord<'static>>)>,
    /// The room's name.
    pub room: String,
    /// The plugin's name.
    pub plugin: String,
    /// SHA-256 of the component that ran it, in hex.
    pub digest: String,
}

/// What a history is run with.
pub enum Versions<'a> {
    /// With this version, whatever ran it then.
    One(Arc<Version>),
    /// With those that ran it then, by their digests.
    Then(&'a dyn Fn(&str) -> Option<Arc<Version>>),
}

impl std::fmt::Debug for Versions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(version) => f.debug_tuple("One").field(version).finish(),
            Self::Then(_) => f.debug_tuple("Then").finish(),
        }
    }
}

impl Versions<'_> {
    fn of(&self, digest: &str) -> Result<Arc<Version>, ReplayError> {
        match self {
            Self::One(version) => Ok(Arc::clone(version)),
            Self::Then(find) => {
                find(digest).ok_or_else(|| ReplayError::NoVersion(digest.to_owned()))
            }
        }
    }
}

/// Why a history cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is nothing to begin from.
    #[error("the recording has no snapshot that can be read")]
    Empty,
    /// A record is not what this server writes.
    #[error("read record {0}: {1}")]
    Record(u64, String),
    /// There is no component of this digest.
    #[error("find the component with digest {0}: name one to run all of it with")]
    NoVersion(String),
    /// The plugin does not take up the state it saved.
    #[error("take up the state before step {step}: {message}")]
    Load {
        /// The step that would have come next.
        step: u64,
        /// What the plugin says.
        message: String,
    },
}

/// Where a history came out otherwise than it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// This step asks for something else.
    Effects(u64),
    /// This step fails, which it did not.
    Failed(u64, String),
    /// After this step the plugin saves something else than it did.
    Saved(u64),
}

/// What came of running a history again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many steps were run.
    pub steps: u64,
    /// How many snapshots were compared.
    pub snapshots: u64,
    /// The first difference, where it ended.
    pub difference: Option<Difference>,
}

impl Recording {
    /// Reads a room's stream.
    ///
    /// # Errors
    ///
    /// If nothing of it can be run.
    pub fn new(data: &StreamData) -> Result<Self, ReplayError> {
        let identity = StoredRoom::read(data).ok_or(ReplayError::Empty)?.identity;
        let snapshots = data.snapshots.iter().rev();
        let snapshots = snapshots
            .filter_map(|(seq, bytes)| Some((*seq, decode(bytes).ok()?)))
            .collect();
        let records = data.records.iter().map(|(seq, bytes)| {
            let batches: Result<Vec<BatchRecord<'_>>, FormatError> = decode(bytes);
            let batches = batches.map_err(|error| ReplayError::Record(*seq, error.to_string()))?;
            if !batches.iter().all(BatchRecord::is_sound) {
                let problem = "it names events that it does not have".to_owned();
                return Err(ReplayError::Record(*seq, problem));
            }
            Ok((*seq, batches))
        });
        Ok(Self {
            snapshots,
            records: records.collect::<Result<_, ReplayError>>()?,
            room: identity.room,
            plugin: identity.plugin,
            digest: identity.digest,
        })
    }

    /// The first step that can be run again, and the one behind the last.
    #[must_use]
    pub fn steps(&self) -> (u64, u64) {
        let first = self.snapshots.first().map_or(0, |(_, it)| it.position.step);
        let batches = self.records.iter().flat_map(|(_, batches)| batches);
        let end = batches
            .last()
            .map(|it| it.step + it.outcome.steps.len() as u64);
        (first, end.unwrap_or(first).max(first))
    }

    /// Runs the history again with this version. Each step is shown to `look`, which may end it.
    ///
    /// # Errors
    ///
    /// If it cannot begin. That it comes out otherwise is no error, but an outcome.
    pub fn run(
        &self,
        versions: &Versions<'_>,
        look: &mut dyn FnMut(&ShownStep<'_>) -> ControlFlow<()>,
    ) -> Result<Outcome, ReplayError> {
        let (seq, snapshot) = self.snapshots.first().ok_or(ReplayError::Empty)?;
        let version = versions.of(&snapshot.identity.digest)?;
        let mut runner = self.begin(&version, snapshot)?;
        let mut shown = Shown::new(snapshot);
        let mut outcome = Outcome::default();
        for (number, batches) in self.records.iter().filter(|(number, _)| number > seq) {
            for batch in batches {
                match run_batch(&mut runner, batch, versions)? {
                    Ok(ran) => {
                        outcome.steps += ran.steps.len() as u64;
                        for step in shown.steps(batch, ran) {
                            if look(&step).is_break() {
                                return Ok(outcome);
                            }
                        }
                    }
                    Err(difference) => {
                        outcome.difference = Some(difference);
                        return Ok(outcome);
                    }
                }
            }
            if let Some((_, then)) = self.snapshots.iter().find(|(it, _)| it == number) {
                outcome.snapshots += 1;
                if let Err(difference) = compare(&mut runner, then) {
                    outcome.difference = Some(difference);
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }

    fn begin(&self, version: &Arc<Version>, from: &Snapshot) -> Result<Runner, ReplayError> {
        let room: Arc<str> = self.room.as_str().into();
        let saved = SavedRoom {
            schema: from.identity.state_schema,
            saved: from.saved.to_vec().into(),
            position: from.position,
            outstanding: from.host.outstanding(),
        };
        let runner = Runner::load(Arc::clone(version), &room, from.identity.seed, saved);
        let mut runner = runner.map_err(|fault| ReplayError::Load {
            step: from.position.step,
            message: fault.message,
        })?;
        runner.keep_journal(usize::MAX);
        runner.set_again(true);
        Ok(runner)
    }
}

/// Runs a batch as it was run, with what was done to the room before it, and compares what each step asks for.
fn run_batch(
    runner: &mut Runner,
    batch: &BatchRecord<'_>,
    versions: &Versions<'_>,
) -> Result<Result<Ran, Difference>, ReplayError> {
    let failed = |fault: Fault| Difference::Failed(batch.step, fault.message);
    let changed = match (&batch.change, versions) {
        (Some(Change::Switched(digest)), Versions::Then(_)) => {
            again::switch(runner, &versions.of(digest)?)
        }
        (Some(Change::RolledBack), Versions::Then(_)) => {
            let fault = Fault::ordered("it was rolled back then");
            runner.roll_back(&fault).map(drop)
        }
        (Some(Change::Switched(_) | Change::RolledBack | Change::Locked(_)) | None, _) => Ok(()),
    };
    if let Err(fault) = changed {
        return Ok(Err(failed(fault)));
    }
    Ok(
        again::run(runner, batch).map_err(|otherwise| match otherwise {
            Otherwise::Failed(step, fault) => Difference::Failed(step, fault.message),
            Otherwise::Effects(step) => Difference::Effects(step),
        }),
    )
}

/// Compares the plugin's state with what it saved then.
fn compare(runner: &mut Runner, then: &Snapshot) -> Result<(), Difference> {
    let position = runner.position();
    if position != then.position {
        // It was taken in the middle of what a record holds; the next one tells as much.
        return Ok(());
    }
    let last = position.step.saturating_sub(1);
    match runner.save() {
        Ok((saved, _)) if saved[..] == then.saved[..] => Ok(()),
        Ok(_) => Err(Difference::Saved(last)),
        Err(fault) => Err(Difference::Failed(last, fault.message)),
    }
}
