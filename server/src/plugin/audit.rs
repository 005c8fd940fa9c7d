//! Whether a plugin is deterministic, looked at in live rooms: an instance that lived through some steps and one that was
//! loaded from the save before them must ask for the same, and save the same. One that does not would come back from a
//! crash as another room than the one that people were in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::catalog::Version;
use super::effect;
use super::effect_hash;
use super::fault::{Fault, FaultKind, FaultReport};
use super::instance::Instance;
use super::limits::PATIENCE;
use super::wit;

/// So many steps are compared at a time.
pub(super) const STEPS: usize = 64;

/// Some steps of a room's life, to be lived once more.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(super) version: Arc<Version>,
    pub(super) room: Arc<str>,
    pub(super) seed: u64,
    /// The highest member id that the plugin had been told of.
    pub(super) last_member: u32,
    /// What was saved before the steps, and after them if it is to be compared.
    pub(super) before: Bytes,
    pub(super) after: Option<Bytes>,
    /// The steps, each with the hash of what it asked for.
    pub(super) steps: Vec<(Arc<wit::Batch>, u64)>,
}

/// Where two lives of a room part.
#[derive(Debug)]
enum Difference {
    /// This step asks for something else.
    Effects,
    /// This step fails, which it did not.
    Failed(Fault),
    /// All steps ask for the same, but what is saved after this one is not the same.
    Saved,
}

impl Audit {
    /// How many steps it is of.
    pub(crate) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Lives through the steps again. `Some` tells the plugin's author where that comes out otherwise.
    pub(crate) fn perform(self) -> Option<FaultReport> {
        let (step, difference) = self.first_difference()?;
        let message = match difference {
            Difference::Effects => {
                "an instance that was loaded from the room's last save asks for something else than the one that lived through it".to_owned()
            }
            Difference::Failed(fault) => {
                format!("an instance that was loaded from the room's last save fails where the one that lived through it did not: {fault}")
            }
            Difference::Saved => {
                "an instance that was loaded from the room's last save asks for the same, but has come to another state".to_owned()
            }
        };
        Some(FaultReport {
            plugin: Arc::clone(&self.version.label),
            digest: Arc::clone(&self.version.digest),
            room: Arc::clone(&self.room),
            step,
            events: self.steps.len(),
            kind: NOT_DETERMINISTIC,
            message: format!("{message}; see docs/determinism.md"),
            input: Some("comparing the room with its save".to_owned()),
        })
    }

    fn first_difference(&self) -> Option<(u64, Difference)> {
        let first = self.steps.first()?.0.step;
        let schema = self.version.description.state_schema;
        let saved = (schema, &*self.before);
        let loaded = Instance::load(&self.version, &self.room, self.seed, saved, PATIENCE);
        let mut instance = match loaded {
            Ok(instance) => instance,
            Err(fault) => return Some((first, Difference::Failed(fault))),
        };
        instance.mute(true);
        let mut last_member = self.last_member;
        let mut last_step = first;
        for (batch, hash) in &self.steps {
            last_step = batch.step;
            last_member = last_member.max(effect::last_member(&batch.events));
            let stepped = instance.step(batch).and_then(|(instance, effects)| {
                let limits = &self.version.limits;
                let effects = effect::check(effects, &batch.events, last_member, limits)?;
                Ok((instance, effect_hash::hash(&effects)))
            });
            match stepped {
                Ok((next, again)) if again == *hash => instance = next,
                Ok(_) => return Some((last_step, Difference::Effects)),
                Err(fault) => return Some((last_step, Difference::Failed(fault))),
            }
        }
        let after = self.after.as_ref()?;
        match instance.save() {
            Ok((_, saved)) if saved == *after => None,
            Ok(_) => Some((last_step, Difference::Saved)),
            Err(fault) => Some((last_step, Difference::Failed(fault))),
        }
    }

    /// Looks whether what a version saves is what it is: loaded, it must be saved as the same, and the steps must come out
    /// the same. `Some` says where they do not.
    pub(super) fn probe(&self) -> Option<Fault> {
        let lie = |message: String| Some(Fault::new(FaultKind::LyingSave, message));
        let saved = (self.version.description.state_schema, &*self.before);
        let loaded = Instance::load(&self.version, &self.room, self.seed, saved, PATIENCE);
        match loaded.and_then(Instance::save) {
            Ok((_, again)) if again == self.before => {}
            Ok(_) => {
                return lie("what it saves, loaded and saved again, is not the same".to_owned());
            }
            Err(fault) => return lie(format!("what it saves cannot be loaded: {fault}")),
        }
        if self.steps.is_empty() {
            return None;
        }
        let (step, difference) = self.first_difference()?;
        lie(format!(
            "an instance that was loaded from what it saves comes out otherwise at step {step} ({})",
            match difference {
                Difference::Effects => "it asks for something else".to_owned(),
                Difference::Failed(fault) => format!("it fails: {fault}"),
                Difference::Saved => "it saves something else".to_owned(),
            }
        ))
    }
}

/// What reports and metrics call it.
const NOT_DETERMINISTIC: &str = "not-deterministic";

/// Decides when a room is looked at: one at a time, and no more often than this.
#[derive(Debug)]
pub(crate) struct AuditPace {
    every: Duration,
    next: Mutex<Instant>,
}

impl AuditPace {
    pub(crate) fn new(every: Duration) -> Self {
        Self {
            every,
            next: Mutex::new(Instant::now() + every),
        }
    }

    /// Whether it is time; whoever is told so looks at a room.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        if self.every.is_zero() {
            return false;
        }
        // Nobody waits for another who is just being told.
        let Ok(mut next) = self.next.try_lock() else {
            return false;
        };
        let is_due = *next <= now;
        if is_due {
            *next = now + self.every;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_room_is_looked_at_in_an_interval() {
        let pace = AuditPace::new(Duration::from_secs(5));
        let start = Instant::now();
        assert!(!pace.is_due(start));
        let due = start + Duration::from_secs(5);
        assert!(pace.is_due(due));
        assert!(!pace.is_due(due));
        assert!(pace.is_due(due + Duration::from_secs(7)));
        assert!(!AuditPace::new(Duration::ZERO).is_due(due));
    }
}
