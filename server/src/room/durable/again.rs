//! Running what was written down once more, and looking whether the same comes of it: for a room that comes back, and for
//! whoever looks at its history.

use std::sync::Arc;

use super::record::BatchRecord;
use crate::plugin::{Fault, HandOverError, Ran, Runner, Version};

/// The trial of a version is brought to its end by what is written down, and otherwise where the room goes on.
const STEPS_MAX: u64 = 1_000;

/// Where a batch comes out otherwise than it did.
#[derive(Debug)]
pub(crate) enum Otherwise {
    /// This step fails.
    Failed(u64, Fault),
    /// This step asks for something else.
    Effects(u64),
}

/// Runs a batch as it was run then.
pub(crate) fn run(runner: &mut Runner, batch: &BatchRecord<'_>) -> Result<Ran, Otherwise> {
    let steps = &batch.outcome.steps;
    let ranges = steps.iter().map(|it| it.start as usize..it.end as usize);
    let ran = runner.run_again(&batch.input(), ranges);
    let ran = ran.map_err(|fault| Otherwise::Failed(runner.position().step, fault))?;
    for (number, (again, then)) in (batch.step..).zip(ran.steps.iter().zip(steps)) {
        if again.effects_hash != then.effects_hash {
            return Err(Otherwise::Effects(number));
        }
    }
    Ok(ran)
}

/// Puts another version in charge, as was done then.
pub(crate) fn switch(runner: &mut Runner, version: &Arc<Version>) -> Result<(), Fault> {
    let handed = runner.hand_over(version).map_err(|error| match error {
        HandOverError::Refused(fault) | HandOverError::Lost(fault) => fault,
    })?;
    runner.take_over(handed, STEPS_MAX);
    Ok(())
}
