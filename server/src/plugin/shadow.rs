//! The shadow run: before a room changes to another version, a scratch instance of that version takes up the room's last
//! save and lives through what was recorded since. Nothing that it asks for is done.

use std::sync::Arc;
use std::time::Duration;

use super::catalog::Version;
use super::effect;
use super::fault::{Fault, FaultKind};
use super::guest::thread_cpu_time;
use super::instance::Instance;
use super::recorder::{Recorded, Start};
use super::rerun::Rerun;
use super::usage::Usage;

/// What a shadow run needs of the room.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(super) version: Arc<Version>,
    pub(super) room: Arc<str>,
    pub(super) seed: u64,
    pub(super) start: Start,
    pub(super) batches: Vec<Recorded>,
    /// What the version that the room runs takes of memory.
    pub(super) memory_bytes: usize,
}

/// What came of a shadow run that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shadowed {
    /// How many steps were run.
    pub(crate) steps: u64,
    /// What they cost, and what they had cost before.
    pub(crate) usage: Usage,
    pub(crate) usage_then: Usage,
    /// What it took to take up the state.
    pub(crate) load_cost: Duration,
    /// Whether it asked the storage for something that the record has no answer to.
    pub(crate) is_inconclusive: bool,
}

impl Shadow {
    /// Runs it. `Err` says why the version is not to be trusted with the room.
    pub(crate) fn run(self) -> Result<Shadowed, Fault> {
        let started = thread_cpu_time();
        let saved = (self.start.schema, &*self.start.saved);
        let mut instance = Instance::load(&self.version, &self.room, self.seed, saved, 1)
            .map_err(refused_state)?;
        let load_cost = thread_cpu_time().saturating_sub(started);
        instance.mute(true);
        let mut rerun = Rerun::new(&self.version, instance, &self.start);
        let cost_max = self.version.limits.step_cpu;
        let (mut usage, mut usage_then) = (Usage::default(), Usage::default());
        for recorded in &self.batches {
            if let Some(relived) = rerun.relive(recorded)? {
                usage.add(relived.cost, cost_max, effect::bytes(&relived.effects));
            }
            usage_then.add(recorded.cost, cost_max, recorded.output_bytes);
        }
        usage.memory_bytes = rerun.memory_bytes();
        usage_then.memory_bytes = self.memory_bytes;
        let is_inconclusive = rerun.unanswerable() > 0;
        usage.compare(&usage_then)?;
        let (instance, ..) = rerun
            .end()
            .ok_or_else(|| Fault::new(FaultKind::Trap, "the instance is gone"))?;
        instance.save()?;
        Ok(Shadowed {
            steps: usage.steps,
            usage,
            usage_then,
            load_cost,
            is_inconclusive,
        })
    }
}

/// What a version says that does not take up a state: not that it failed, but why.
pub(super) fn refused_state(fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::Failure => Fault {
            kind: FaultKind::RefusedState,
            ..fault
        },
        _ => fault,
    }
}
