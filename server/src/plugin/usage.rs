//! What steps take: of time, of memory, and of everybody's lines. Two versions are compared by it.

use std::time::Duration;

use super::fault::{Fault, FaultKind};

/// What some steps took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) steps: u64,
    pub(crate) cost: Duration,
    pub(crate) max_cost: Duration,
    /// Steps that took more than half of what a step may.
    pub(crate) soft_overruns: u64,
    pub(crate) output_bytes: u64,
    /// How many steps took less than 1, 2, 4, 8, … microseconds, and not less than half of that.
    times: [u32; TIMES],
    /// Not of the steps, but after them.
    pub(crate) memory_bytes: usize,
}

/// Up to half a second, which no step may take.
const TIMES: usize = 20;

/// Fewer steps than this say nothing about what a version usually takes.
const STEPS_MIN: u64 = 8;
/// A version may take so many times what the one before it took.
const FACTOR_MAX: u64 = 4;
/// What a step may take of each in any case: so little is no reason to refuse a version.
const COST_FREE: Duration = Duration::from_millis(1);
const OUTPUT_BYTES_FREE: u64 = 1 << 10;
const MEMORY_BYTES_FREE: usize = 4 << 20;

impl Usage {
    /// Takes note of a step that was to take no more than `cost_max`.
    pub(crate) fn add(&mut self, cost: Duration, cost_max: Duration, output_bytes: usize) {
        self.steps += 1;
        self.cost += cost;
        self.max_cost = self.max_cost.max(cost);
        self.soft_overruns += u64::from(cost > cost_max / 2);
        self.output_bytes += output_bytes as u64;
        let micros = cost.as_micros();
        let index = (u128::BITS - micros.leading_zeros()) as usize;
        let count = &mut self.times[index.min(TIMES - 1)];
        *count = count.saturating_add(1);
    }

    /// What a step takes on average.
    pub(crate) fn mean_cost(&self) -> Duration {
        let steps = u32::try_from(self.steps.max(1)).unwrap_or(u32::MAX);
        self.cost / steps
    }

    /// What 99 of 100 steps take no more than, to within a factor of two.
    pub(crate) fn p99_cost(&self) -> Duration {
        let counted: u64 = self.times.iter().map(|it| u64::from(*it)).sum();
        let mut beyond = counted / 100;
        for (index, count) in self.times.iter().enumerate().rev() {
            let count = u64::from(*count);
            if count > beyond {
                return Duration::from_micros(1 << index).min(self.max_cost);
            }
            beyond -= count;
        }
        Duration::ZERO
    }

    /// Whether this is no more than may be expected after `then`. `Err` says what is too much.
    pub(super) fn compare(&self, then: &Self) -> Result<(), Fault> {
        if self.steps >= STEPS_MIN && then.steps >= STEPS_MIN {
            self.compare_steps(then)?;
        }
        let memory_max =
            then.memory_bytes.max(MEMORY_BYTES_FREE) * usize::try_from(FACTOR_MAX).unwrap_or(1);
        if then.memory_bytes > 0 && self.memory_bytes > memory_max {
            let (now, then) = (self.memory_bytes, then.memory_bytes);
            let message =
                format!("it takes {now} bytes of memory, where the version before it took {then}");
            return Err(Fault::new(FaultKind::Memory, message));
        }
        Ok(())
    }

    fn compare_steps(&self, then: &Self) -> Result<(), Fault> {
        let (output, output_then) = (
            self.output_bytes / self.steps,
            then.output_bytes / then.steps,
        );
        if output > output_then.max(OUTPUT_BYTES_FREE) * FACTOR_MAX {
            let message = format!(
                "it emits {output} bytes a step, where the version before it emitted {output_then}"
            );
            return Err(Fault::new(FaultKind::Output, message));
        }
        let (cost, cost_then) = (self.mean_cost(), then.mean_cost());
        let factor = u32::try_from(FACTOR_MAX).unwrap_or(1);
        if cost > cost_then.max(COST_FREE) * factor {
            let message =
                format!("a step takes {cost:?}, where it took the version before it {cost_then:?}");
            return Err(Fault::new(FaultKind::Deadline, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(steps: u64, cost_us: u64, output_bytes: usize, memory_bytes: usize) -> Usage {
        let mut usage = Usage::default();
        for _ in 0..steps {
            let budget = Duration::from_millis(20);
            usage.add(Duration::from_micros(cost_us), budget, output_bytes);
        }
        usage.memory_bytes = memory_bytes;
        usage
    }

    fn kind(usage: Usage, then: Usage) -> Option<FaultKind> {
        usage.compare(&then).err().map(|fault| fault.kind)
    }

    #[test]
    fn ten_times_as_much_of_anything_is_too_much() {
        let then = usage(100, 900, 4_000, 6 << 20);
        assert_eq!(kind(then, then), None);
        assert_eq!(
            kind(usage(100, 900, 40_000, 6 << 20), then),
            Some(FaultKind::Output)
        );
        assert_eq!(
            kind(usage(100, 9_000, 4_000, 6 << 20), then),
            Some(FaultKind::Deadline)
        );
        assert_eq!(
            kind(usage(100, 900, 4_000, 60 << 20), then),
            Some(FaultKind::Memory)
        );
    }

    #[test]
    fn times_are_counted_by_powers_of_two() {
        let mut usage = usage(99, 3, 0, 0);
        usage.add(Duration::from_millis(15), Duration::from_millis(20), 0);
        assert_eq!(usage.p99_cost(), Duration::from_micros(4));
        assert_eq!(usage.mean_cost(), Duration::from_nanos(152_970));
        assert_eq!(
            (usage.soft_overruns, usage.max_cost),
            (1, Duration::from_millis(15))
        );
        usage.add(Duration::from_millis(15), Duration::from_millis(20), 0);
        assert_eq!(usage.p99_cost(), Duration::from_millis(15));
        assert_eq!(Usage::default().p99_cost(), Duration::ZERO);
    }

    #[test]
    fn a_little_is_never_too_much_and_a_few_steps_say_nothing() {
        let then = usage(100, 1, 10, 1 << 20);
        assert_eq!(kind(usage(100, 900, 1_000, 8 << 20), then), None);
        assert_eq!(kind(usage(7, 9_000, 900_000, 1 << 20), then), None);
    }
}
