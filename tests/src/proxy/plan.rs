//! What is to happen to a connection, and at which byte.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How many bytes of each way are the handshake, roughly: some faults are aimed at it.
const HANDSHAKE_BYTES: u64 = 400;
/// The longest run of 1-byte slices.
const SLICED_BYTES_MAX: u64 = 300;

/// What can happen to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Both sides see an orderly end (FIN) in the middle of what was sent.
    Cut,
    /// Both sides see a reset (RST).
    Reset,
    /// The client sees the end; the server keeps its socket, on which nothing comes and from which nobody reads.
    HalfOpen,
    /// A run of bytes comes one at a time.
    Slices,
    /// For a while nothing is handed on.
    Stall,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Cut,
        Self::Reset,
        Self::HalfOpen,
        Self::Slices,
        Self::Stall,
    ];

    /// Its name in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::HalfOpen => "half-open",
            Self::Slices => "slices",
            Self::Stall => "stall",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone)]
pub struct Weather {
    /// How many of 100 connections are ended by a fault.
    pub ended_percent: u32,
    /// How many of 100 ways of a connection have a run of 1-byte slices.
    pub sliced_percent: u32,
    /// How many of 100 ways of a connection stall once.
    pub stalled_percent: u32,
    /// Up to which byte of its way a fault is placed.
    pub bytes_max: u64,
    /// The longest stall.
    pub stall_max: Duration,
}

impl Weather {
    /// All kinds of faults; no connection lasts, and one of 6 KiB a second lasts for a second on average.
    #[must_use]
    pub const fn storm() -> Self {
        Self {
            ended_percent: 100,
            sliced_percent: 30,
            stalled_percent: 30,
            bytes_max: 12 << 10,
            stall_max: Duration::from_millis(2_500),
        }
    }
}

/// What happens to one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// From the client to the server.
    pub(super) up: Lane,
    /// From the server to the client.
    pub(super) down: Lane,
}

/// What happens on one way, in the order of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lane(VecDeque<(u64, Act)>);

/// One thing that happens before a byte is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// So many bytes come one at a time.
    Slice(u64),
    /// Nothing is handed on for so long.
    Stall(Duration),
    /// The connection ends.
    End(End),
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Cut,
    Reset,
    HalfOpen,
}

impl Plan {
    /// What happens to the connection of this number.
    pub(super) fn draw(seed: u64, number: u64, weather: &Weather) -> Self {
        // Neighbouring numbers must not be neighbours to the generator; multiplying by an odd constant spreads them.
        let mut rng = StdRng::seed_from_u64(
            seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        let mut plan = Self::default();
        for lane in [&mut plan.up, &mut plan.down] {
            if rng.random_ratio(weather.sliced_percent, 100) {
                let bytes = rng.random_range(1..=SLICED_BYTES_MAX);
                lane.add(place(&mut rng, weather), Act::Slice(bytes));
            }
            if rng.random_ratio(weather.stalled_percent, 100) {
                let pause = weather.stall_max.mul_f64(rng.random_range(0.02..1.0));
                lane.add(place(&mut rng, weather), Act::Stall(pause));
            }
        }
        if rng.random_ratio(weather.ended_percent, 100) {
            let end = match rng.random_range(0..3) {
                0 => End::Cut,
                1 => End::Reset,
                _ => End::HalfOpen,
            };
            // A client says less than it hears: as many bytes on its way would hardly ever come.
            let at = place(&mut rng, weather);
            if rng.random_ratio(1, 3) {
                plan.up.add(at / 4, Act::End(end));
            } else {
                plan.down.add(at, Act::End(end));
            }
        }
        plan
    }
}

/// Before which byte something happens; one in eight hits the handshake.
fn place(rng: &mut StdRng, weather: &Weather) -> u64 {
    let until = if rng.random_ratio(1, 8) {
        HANDSHAKE_BYTES.min(weather.bytes_max)
    } else {
        weather.bytes_max
    };
    rng.random_range(0..=until)
}

impl Lane {
    /// Places `act` before the byte of this number, from 0.
    pub(super) fn add(&mut self, at: u64, act: Act) {
        let place = self.0.partition_point(|(other, _)| *other <= at);
        self.0.insert(place, (at, act));
    }

    /// How many bytes go by unharmed after `passed` have.
    pub(super) fn unharmed(&self, passed: u64) -> u64 {
        self.0
            .front()
            .map_or(u64::MAX, |(at, _)| at.saturating_sub(passed))
    }

    /// Takes what is next.
    pub(super) fn next(&mut self) -> Option<Act> {
        self.0.pop_front().map(|(_, act)| act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_faults_and_another_one_others() {
        let plans = |seed| -> Vec<Plan> {
            let draw = |number| Plan::draw(seed, number, &Weather::storm());
            (0..50).map(draw).collect()
        };
        assert_eq!(plans(7), plans(7));
        assert_ne!(plans(7), plans(8));
    }

    #[test]
    fn a_storm_has_every_fault_on_both_ways() {
        let plans: Vec<_> = (0..300)
            .map(|number| Plan::draw(1, number, &Weather::storm()))
            .collect();
        for lane in [
            |plan: &Plan| plan.up.clone(),
            |plan: &Plan| plan.down.clone(),
        ] {
            let acts: Vec<_> = plans.iter().flat_map(|plan| lane(plan).0).collect();
            for wanted in [End::Cut, End::Reset, End::HalfOpen] {
                let is_wanted = |(_, act): &(u64, Act)| *act == Act::End(wanted);
                assert!(acts.iter().any(is_wanted), "{wanted:?}");
            }
            assert!(acts.iter().any(|(_, act)| matches!(act, Act::Slice(_))));
            assert!(acts.iter().any(|(_, act)| matches!(act, Act::Stall(_))));
            assert!(
                acts.iter().any(|(at, _)| *at < HANDSHAKE_BYTES),
                "some in the handshake"
            );
        }
    }

    #[test]
    fn what_happens_is_in_the_order_of_bytes() {
        let mut lane = Lane::default();
        lane.add(9, Act::End(End::Cut));
        lane.add(4, Act::Slice(2));
        assert_eq!((lane.unharmed(0), lane.unharmed(3)), (4, 1));
        assert_eq!(lane.next(), Some(Act::Slice(2)));
        assert_eq!(lane.unharmed(4), 5);
        assert_eq!(lane.next(), Some(Act::End(End::Cut)));
        assert_eq!((lane.next(), lane.unharmed(9)), (None, u64::MAX));
    }
}
