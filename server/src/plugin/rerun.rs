//! Running recorded batches on an instance that did not live through them: of another version, or of the one that was
//! parked. It is given the events as they were, but its own timers, and only the answers that it asked for itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::catalog::Version;
use super::effect::{self, Action, Effect};
use super::fault::{Fault, FaultKind};
use super::instance::Instance;
use super::outstanding::Outstanding;
use super::recorder::{Recorded, Start};
use super::wit;

/// An instance on its way through recorded batches.
#[derive(Debug)]
pub(super) struct Rerun {
    version: Arc<Version>,
    instance: Option<Instance>,
    last_member: u32,
    /// What it asked for itself.
    outstanding: Outstanding,
    /// What the one that was recorded asked for.
    then: Outstanding,
    /// Members that it refused, though they were let in.
    refused: BTreeSet<u32>,
}

/// One batch, run again.
#[derive(Debug)]
pub(super) struct Relived {
    pub(super) effects: Vec<Effect>,
    pub(super) cost: Duration,
}

impl Rerun {
    /// Goes on with this instance from where a recording begins.
    pub(super) fn new(version: &Arc<Version>, instance: Instance, start: &Start) -> Self {
        Self {
            version: Arc::clone(version),
            instance: Some(instance),
            last_member: start.last_member,
            outstanding: start.outstanding.clone(),
            then: start.outstanding.clone(),
            refused: BTreeSet::new(),
        }
    }

    /// Runs the next batch. `None` if nothing of it concerns this instance.
    pub(super) fn relive(&mut self, recorded: &Recorded) -> Result<Option<Relived>, Fault> {
        let batch = self.own_batch(recorded);
        self.then.note_events(&recorded.batch.events);
        self.then.note_asked(&recorded.asked);
        self.last_member = effect::last_member(&batch.events).max(self.last_member);
        if batch.events.is_empty() {
            return Ok(None);
        }
        let Some(instance) = self.instance.take() else {
            return Err(Fault::new(FaultKind::Trap, "the instance is gone"));
        };
        let (instance, effects) = instance.step(&batch)?;
        let limits = &self.version.limits;
        let effects = effect::check(effects, &batch.events, self.last_member, limits)?;
        let cost = instance.last_cost;
        self.instance = Some(instance);
        self.outstanding.note_effects(&effects, batch.now_ms);
        for Effect { cause, action } in &effects {
            if let (Action::Reject(_), Some(cause)) = (action, cause)
                && let wit::Event::Joined(member) = &batch.events[*cause]
            {
                self.refused.insert(member.id);
            }
        }
        Ok(Some(Relived { effects, cost }))
    }

    /// The batch as this instance is given it.
    fn own_batch(&mut self, recorded: &Recorded) -> wit::Batch {
        let batch = &*recorded.batch;
        let mut events: Vec<_> = self
            .outstanding
            .take_due(batch.now_ms)
            .into_iter()
            .map(wit::Event::Timer)
            .collect();
        for event in &batch.events {
            if self.is_own(event, recorded) {
                events.push(event.clone());
            }
        }
        wit::Batch {
            events,
            ..batch.clone()
        }
    }

    fn is_own(&mut self, event: &wit::Event, recorded: &Recorded) -> bool {
        match event {
            // Its own are there already.
            wit::Event::Timer(_) => false,
            wit::Event::KvAnswer(answer) => {
                let number = answer.operation;
                let request = self.then.request_of(number);
                request.is_some_and(|request| self.outstanding.take_asked((number, request)))
            }
            wit::Event::Joined(member) => !recorded.rejected.contains(&member.id),
            wit::Event::Left(departure) => !self.refused.contains(&departure.member),
            wit::Event::Away(member) | wit::Event::Back(member) | wit::Event::Resync(member) => {
                !self.refused.contains(member)
            }
            wit::Event::Changed(member) => !self.refused.contains(&member.id),
            wit::Event::Message(message) => !self.refused.contains(&message.member),
            wit::Event::Tick(_) | wit::Event::Signal(_) => true,
        }
    }

    /// How many storage operations it waits for that were never asked for, so that there is no answer to give it.
    pub(super) fn unanswerable(&self) -> usize {
        self.outstanding.asked_beyond(&self.then)
    }

    /// What it takes of memory by now.
    pub(super) fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, Instance::memory_bytes)
    }

    /// The instance, where it has come to, what it asked for, and whom it refused.
    pub(super) fn end(self) -> Option<(Instance, Outstanding, BTreeSet<u32>)> {
        let instance = self.instance?;
        Some((instance, self.outstanding, self.refused))
    }
}
