//! A version on trial: it has taken a room over, and the instance before it is parked until it has proved itself. What
//! goes wrong meanwhile brings the parked one back.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::audit::Audit;
use super::catalog::Version;
use super::effect::Effect;
use super::fault::{Fault, FaultKind, FaultReport};
use super::instance::Instance;
use super::limits::PATIENCE;
use super::outstanding::Outstanding;
use super::recorder::{Recorded, Start};
use super::rerun::Rerun;
use super::runner::{BatchInput, Ran, Runner};
use super::shadow::{Shadow, refused_state};
use super::usage::Usage;
use super::wit;

/// So many of its first steps are lived through again by an instance that was loaded from its save.
const PROBE_STEPS: usize = 8;

/// The state of a trial.
#[derive(Debug)]
pub(super) struct Trial {
    parked: Instance,
    /// What is parked.
    version: Arc<Version>,
    /// Behind this step it is over.
    until_step: u64,
    /// What steps took before.
    usual: Usage,
    probe: Option<Probe>,
}

/// What is compared with an instance that is loaded from what the version saves.
#[derive(Debug)]
struct Probe {
    saved: Bytes,
    last_member: u32,
    steps: Vec<(Arc<wit::Batch>, u64)>,
}

/// A room's state in the hands of another version, before that is in charge.
#[derive(Debug)]
pub(crate) struct HandOver {
    version: Arc<Version>,
    instance: Instance,
    /// What the version before it saved.
    saved: Bytes,
    /// What it saves itself, with nothing done yet.
    saved_again: Bytes,
}

/// Why a version does not take a room over.
#[derive(Debug)]
pub(crate) enum HandOverError {
    /// The fault is its own; the room goes on.
    Refused(Fault),
    /// The version that the room runs failed to save it, so that the room cannot go on.
    Lost(Fault),
}

/// A version that was brought back.
#[derive(Debug)]
pub(crate) struct RolledBack {
    /// The one that failed.
    pub(crate) from: Arc<Version>,
    /// The one that is back.
    pub(crate) to: Arc<Version>,
    /// What it asks for on the way through what it missed.
    pub(crate) effects: Vec<Effect>,
    /// Its timers, and its storage operations without an answer.
    pub(crate) outstanding: Outstanding,
    /// Members that it does not let in.
    pub(crate) refused: BTreeSet<u32>,
    /// Why it is back.
    pub(crate) fault: Fault,
}

impl Trial {
    /// Takes note of a step. `Err` if it takes more than the version before usually took.
    pub(super) fn note(
        &mut self,
        step: &Recorded,
        effects_hash: u64,
        usage: &Usage,
    ) -> Result<(), Fault> {
        usage.compare(&self.usual)?;
        if let Some(probe) = &mut self.probe
            && probe.steps.len() < PROBE_STEPS
        {
            probe.steps.push((Arc::clone(&step.batch), effects_hash));
        }
        Ok(())
    }
}

impl Runner {
    /// What it takes to try another version beside the room.
    pub(crate) fn shadow(&self, version: &Arc<Version>) -> Shadow {
        Shadow {
            version: Arc::clone(version),
            room: Arc::clone(&self.room),
            seed: self.seed,
            start: self.recorder.start().clone(),
            batches: self.recorder.batches().to_vec(),
            memory_bytes: self.memory_bytes(),
        }
    }

    /// Has another version take up the room as it is now. The room itself is not changed by it.
    pub(crate) fn hand_over(&mut self, version: &Arc<Version>) -> Result<HandOver, HandOverError> {
        let gone = || Fault::new(FaultKind::Trap, "the instance is gone");
        let instance = self.instance.take();
        let instance = instance.ok_or_else(|| HandOverError::Lost(gone()))?;
        let (instance, saved) = instance.save().map_err(HandOverError::Lost)?;
        self.instance = Some(instance);
        let state = (self.version.description.state_schema, &*saved);
        let patience = if self.is_again { PATIENCE } else { 1 };
        let loaded = Instance::load(version, &self.room, self.seed, state, patience);
        let loaded = loaded.map_err(refused_state).and_then(Instance::save);
        let (mut instance, saved_again) = loaded.map_err(HandOverError::Refused)?;
        instance.mute(self.is_again);
        Ok(HandOver {
            version: Arc::clone(version),
            instance,
            saved,
            saved_again,
        })
    }

    /// Puts another version in charge, and parks the one before it.
    ///
    /// After `steps_max` steps its trial is over.
    pub(crate) fn take_over(&mut self, handed: HandOver, steps_max: u64) {
        let Some(parked) = self.instance.replace(handed.instance) else {
            return;
        };
        let schema = self.version.description.state_schema;
        let start = self.start_of(schema, handed.saved);
        self.recorder.restart(start);
        self.audit = None;
        self.strikes = 0;
        let probe = Probe {
            saved: handed.saved_again,
            last_member: self.position.last_member,
            steps: Vec::with_capacity(PROBE_STEPS),
        };
        self.trial = Some(Trial {
            parked,
            version: std::mem::replace(&mut self.version, handed.version),
            until_step: self.position.step.saturating_add(steps_max),
            usual: std::mem::take(&mut self.usage),
            probe: (!self.is_again).then_some(probe),
        });
    }

    /// Where a recording begins that begins here.
    pub(super) fn start_of(&self, schema: u32, saved: Bytes) -> Start {
        Start {
            schema,
            saved,
            outstanding: self.outstanding.clone(),
            last_member: self.position.last_member,
        }
    }

    /// The version that is parked while another is on trial.
    pub(crate) fn parked(&self) -> Option<&Arc<Version>> {
        self.trial.as_ref().map(|trial| &trial.version)
    }

    /// Whether the version on trial has run as many steps as it has to, or as much as can be lived through again.
    pub(crate) fn has_served(&self) -> bool {
        let is_over = |trial: &Trial| self.position.step > trial.until_step;
        self.recorder.is_large() || self.trial.as_ref().is_some_and(is_over)
    }

    /// The first steps of the version on trial, once they are there: to be lived through beside the room. With `is_last`
    /// as many of them as there are.
    pub(crate) fn take_probe(&mut self, is_last: bool) -> Option<Audit> {
        let probe = &mut self.trial.as_mut()?.probe;
        let is_ready = |it: &mut Probe| is_last || it.steps.len() >= PROBE_STEPS;
        let probe = probe.take_if(is_ready)?;
        Some(Audit {
            version: Arc::clone(&self.version),
            room: Arc::clone(&self.room),
            seed: self.seed,
            last_member: probe.last_member,
            before: probe.saved,
            after: None,
            steps: probe.steps,
        })
    }

    /// The trial is over, and the version stays. It saves the room, from where it goes on. After a fault it is still on
    /// trial, and fit for [`Self::roll_back`] only.
    pub(crate) fn settle(&mut self) -> Result<Bytes, Fault> {
        let (saved, _) = self.save()?;
        self.trial = None;
        Ok(saved)
    }

    /// Ends a trial, if one is under way.
    pub(crate) fn settle_if_on_trial(&mut self) -> Result<(), Fault> {
        if self.trial.is_some() {
            self.settle()?;
        }
        Ok(())
    }

    /// Brings the parked version back: it lives through what it missed, without anybody being told.
    pub(crate) fn roll_back(&mut self, fault: &Fault) -> Result<RolledBack, Fault> {
        let Some(trial) = self.trial.take() else {
            return Err(Fault::new(FaultKind::Trap, "no version is parked"));
        };
        let mut parked = trial.parked;
        parked.mute(true);
        parked.set_patience(PATIENCE);
        let mut rerun = Rerun::new(&trial.version, parked, self.recorder.start());
        let mut effects = Vec::new();
        for recorded in self.recorder.batches() {
            if let Some(relived) = rerun.relive(recorded)? {
                effects.extend(relived.effects);
            }
        }
        let gone = || Fault::new(FaultKind::Trap, "the instance is gone");
        let (mut instance, outstanding, refused) = rerun.end().ok_or_else(gone)?;
        instance.mute(self.is_again);
        instance.set_patience(if self.is_again { PATIENCE } else { 1 });
        self.instance = Some(instance);
        self.outstanding = outstanding.clone();
        self.usage = trial.usual;
        self.strikes = 0;
        let from = std::mem::replace(&mut self.version, Arc::clone(&trial.version));
        self.save()?;
        Ok(RolledBack {
            from,
            to: trial.version,
            effects,
            outstanding,
            refused,
            fault: fault.clone(),
        })
    }

    /// Brings the parked version back after a batch failed, and has it run the batch.
    pub(super) fn recover_on_trial(&mut self, input: &BatchInput, fault: &Fault) -> Ran {
        let report = self.trial_report(fault, input.events.len());
        let mut ran = match self.roll_back(fault) {
            Ok(back) => {
                let ran = self.run(&mut input.clone());
                let ran = ran.unwrap_or_else(|fault| self.recover(input, &fault));
                Ran {
                    rolled_back: Some(Box::new(back)),
                    ..ran
                }
            }
            Err(fault) => {
                let report = self.report(
                    &fault,
                    0,
                    Some("going back to the version before".to_owned()),
                );
                Ran {
                    first_step: self.position.step,
                    reports: vec![report],
                    is_lost: true,
                    ..Ran::default()
                }
            }
        };
        ran.reports.insert(0, report);
        ran.cost = ran.cost.max(fault.cost);
        ran.spent += fault.cost;
        ran
    }

    /// Tells the author of a version on trial why it does not stay.
    pub(crate) fn trial_report(&self, fault: &Fault, events: usize) -> FaultReport {
        let doing = "on trial; the room is back on the version before it";
        self.report(fault, events, Some(doing.to_owned()))
    }
}
