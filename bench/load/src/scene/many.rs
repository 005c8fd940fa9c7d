//! Each client hears the clock of a room of its own: ticks must come one after the other, without a gap.

use super::{Count, Event, Input, Latencies, Members, Scene, Times};
use crate::account::{Fault, Faults};
use crate::dialect::Heard;
use crate::samples::Samples;

/// What these rooms' clocks go by.
const TICK_US: u64 = 1_000_000;
/// A clock that has not been heard for so long by the end has stopped.
const STOPPED_US: u64 = 5 * TICK_US;

#[derive(Debug)]
pub(crate) struct ManyScene {
    members: Members,
    /// The last tick that each heard, and when.
    last: Vec<Option<(u64, u64)>>,
    /// Nothing before the run has begun: rooms that are made by the thousand may be late while they are.
    times: Option<Times>,
    ticks: u64,
    unevenness: Samples,
    faults: Faults,
}

impl ManyScene {
    pub(crate) fn new(clients: usize) -> Self {
        Self {
            members: Members::new(clients),
            last: vec![None; clients],
            times: None,
            ticks: 0,
            unevenness: Samples::new(),
            faults: Faults::default(),
        }
    }

    fn on_tick(&mut self, client: usize, number: u64, at_us: u64) {
        self.ticks += 1;
        let last = self.last[client].replace((number, at_us));
        let (Some((last, last_us)), Some(times)) = (last, self.times) else {
            return;
        };
        let (fault, count) = match number.checked_sub(last) {
            None => (Fault::TickBack, 1),
            Some(0) => (Fault::Doubled, 1),
            Some(1) => {
                if times.is_measured(at_us) {
                    let time_us = at_us.saturating_sub(last_us);
                    self.unevenness.record(time_us.abs_diff(TICK_US));
                }
                return;
            }
            Some(step) => (Fault::Lost, step - 1),
        };
        let what = || format!("client {client} heard tick {number} behind tick {last}");
        self.faults.add_many(fault, count, what);
    }
}

impl Scene for ManyScene {
    fn on_event(&mut self, event: Event<'_>) -> Option<Input> {
        let Event { client, at_us, .. } = event;
        match event.heard {
            Heard::Joined { member } => {
                self.members.on_joined(client, member);
            }
            Heard::Tick { number } => self.on_tick(client, number, at_us),
            Heard::Said { .. } | Heard::Answered { .. } | Heard::Board { .. } => {
                let what = || format!("client {client} heard more than a clock");
                self.faults.add(Fault::Unasked, what);
            }
        }
        None
    }

    fn ready(&self) -> usize {
        self.members.joined()
    }

    fn start(&mut self, times: Times) {
        self.times = Some(times);
    }

    fn count(&self) -> Count {
        Count {
            messages: self.ticks,
            said: 0,
        }
    }

    fn is_settled(&self) -> bool {
        true
    }

    fn audit(&self) -> Faults {
        let mut faults = self.faults.clone();
        let end_us = self.times.map_or(0, |times| times.end_us);
        for (client, last) in self.last.iter().enumerate() {
            match last {
                None => faults.add(Fault::Lost, || {
                    format!("any tick at all, to client {client}")
                }),
                Some((number, at_us)) if at_us + STOPPED_US < end_us => {
                    faults.add(Fault::Lost, || {
                        format!("any tick behind {number}, to client {client}")
                    });
                }
                Some(_) => {}
            }
        }
        faults
    }

    fn latencies(&self) -> Latencies {
        Latencies {
            unevenness: self.unevenness.percentiles(),
            ..Latencies::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        start_us: 0,
        measured_us: 0,
        end_us: 5_500_000,
    };

    /// What is found where one client hears these ticks, a second apart, and the first of them before the run.
    fn check(ticks: &[u64]) -> ManyScene {
        let mut scene = ManyScene::new(1);
        let joined = Heard::Joined { member: 1 };
        let hear = |scene: &mut ManyScene, heard, at_us| {
            scene.on_event(Event {
                client: 0,
                heard,
                at_us,
            });
        };
        hear(&mut scene, joined, 0);
        for (index, number) in ticks.iter().enumerate() {
            let at_us = TICK_US * index as u64 + 300 * (index as u64 % 2);
            hear(&mut scene, Heard::Tick { number: *number }, at_us);
            scene.start(TIMES);
        }
        scene
    }

    #[test]
    fn ticks_come_one_after_the_other() {
        let scene = check(&[7, 8, 9]);
        assert!(scene.audit().is_empty());
        let unevenness = scene.latencies().unevenness.unwrap();
        assert_eq!((unevenness.count, unevenness.max), (2, 300));
    }

    #[test]
    fn what_is_left_out_doubled_or_behind_is_noticed() {
        assert_eq!(check(&[7, 10]).audit().count(Fault::Lost), 2);
        assert_eq!(check(&[7, 7]).audit().count(Fault::Doubled), 1);
        assert_eq!(check(&[7, 6]).audit().count(Fault::TickBack), 1);
        assert_eq!(check(&[]).audit().count(Fault::Lost), 1);
    }

    #[test]
    fn a_clock_that_stops_is_noticed() {
        assert!(check(&[7, 8]).audit().is_empty());
        assert_eq!(check(&[7]).audit().count(Fault::Lost), 1);
    }
}
