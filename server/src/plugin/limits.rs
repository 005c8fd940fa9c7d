//! What a plugin may use, in one place. A plugin's own wishes are cut to the operator's ceilings.

use std::time::Duration;

use super::bindings::parlor::room::types as wit;

/// How often a running call looks at its deadline: a tenth of the default budget of a step.
pub(crate) const EPOCH_PERIOD: Duration = Duration::from_millis(2);
/// CPU time of one step, by default.
const STEP_CPU: Duration = Duration::from_millis(20);
/// The most CPU time of one step a plugin may ask for.
const STEP_CPU_MAX: Duration = Duration::from_millis(200);
/// CPU time of `open`, `save`, `load` and `describe` each, which may have more to do than a step.
pub(crate) const LIFECYCLE_CPU: Duration = Duration::from_millis(200);
/// Wall time of any call: the backstop for what the CPU clock does not see.
pub(crate) const CALL_WALL: Duration = Duration::from_secs(1);
/// What was within its time when it was lived through is given so many times more when it is run again: the machine may
/// be busier then, and nothing of it may be lost for that.
pub(crate) const PATIENCE: u32 = 50;
/// Linear memory of one instance, and the size of a slot in the pool.
pub(crate) const MEMORY_BYTES_MAX: usize = 16 << 20;
/// One message from a member, in bytes of MessagePack, by default.
const PAYLOAD_BYTES: usize = 64 << 10;
/// The most a plugin may ask for in one message: what fits a message on the wire.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// All effects of one step, in bytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// All effects of one step.
const OUTPUT_EFFECTS_MAX: usize = 10_000;
/// What a guest may hand to the host in one call, unless it saves.
pub(crate) const HOSTCALL_BYTES_MAX: usize = 2 << 20;
/// Handles and table entries per instance.
pub(crate) const HANDLES_MAX: usize = 64;
/// Elements of all tables of an instance: the indirect functions of a large program.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 20_000;
/// The stack of a call.
pub(crate) const STACK_BYTES: usize = 512 << 10;
/// What a room may log in a second.
pub(crate) const LOG_BYTES_PER_SECOND: usize = 64 << 10;

/// The limits in force for one plugin version.
#[derive(Debug, Clone)]
pub(crate) struct PluginLimits {
    pub(crate) step_cpu: Duration,
    pub(crate) memory_bytes_max: usize,
    pub(crate) payload_bytes_max: usize,
    pub(crate) output_bytes_max: usize,
    pub(crate) output_effects_max: usize,
}

impl PluginLimits {
    /// What the plugin asked for, within the ceilings.
    pub(super) fn from_wishes(wishes: &wit::Limits) -> Self {
        let up_to = |wish: Option<u64>, default: usize, ceiling: usize| {
            wish.map_or(default, |wish| {
                usize::try_from(wish).unwrap_or(ceiling).min(ceiling)
            })
        };
        Self {
            step_cpu: wishes.step_cpu_ms.map_or(STEP_CPU, |ms| {
                Duration::from_millis(ms.into()).min(STEP_CPU_MAX)
            }),
            memory_bytes_max: up_to(wishes.memory_bytes, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX),
            payload_bytes_max: up_to(
                wishes.payload_bytes.map(u64::from),
                PAYLOAD_BYTES,
                PAYLOAD_BYTES_MAX,
            ),
            output_bytes_max: up_to(
                wishes.output_bytes.map(u64::from),
                OUTPUT_BYTES_MAX,
                OUTPUT_BYTES_MAX,
            ),
            output_effects_max: up_to(
                wishes.output_effects.map(u64::from),
                OUTPUT_EFFECTS_MAX,
                OUTPUT_EFFECTS_MAX,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(memory_bytes: Option<u64>, step_cpu_ms: Option<u32>) -> wit::Limits {
        wit::Limits {
            memory_bytes,
            step_cpu_ms,
            payload_bytes: None,
            output_bytes: None,
            output_effects: None,
        }
    }

    #[test]
    fn no_wish_takes_the_default() {
        let limits = PluginLimits::from_wishes(&wishes(None, None));
        assert_eq!(limits.memory_bytes_max, MEMORY_BYTES_MAX);
        assert_eq!(limits.step_cpu, STEP_CPU);
        assert_eq!(limits.payload_bytes_max, PAYLOAD_BYTES);
    }

    #[test]
    fn a_wish_above_the_ceiling_is_cut_and_one_below_is_kept() {
        let limits = PluginLimits::from_wishes(&wishes(Some(u64::MAX), Some(60_000)));
        assert_eq!(limits.memory_bytes_max, MEMORY_BYTES_MAX);
        assert_eq!(limits.step_cpu, STEP_CPU_MAX);
        let limits = PluginLimits::from_wishes(&wishes(Some(1 << 20), Some(5)));
        assert_eq!(limits.memory_bytes_max, 1 << 20);
        assert_eq!(limits.step_cpu, Duration::from_millis(5));
    }
}
