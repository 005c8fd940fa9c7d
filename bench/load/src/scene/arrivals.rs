//! Clients come into their rooms, and nothing is said there.

use super::{Count, Event, Input, Latencies, Members, Scene, Times};
use crate::account::{Fault, Faults};
use crate::dialect::Heard;
use crate::samples::Samples;

#[derive(Debug)]
pub(crate) struct ArrivalScene {
    members: Members,
    /// When each began to connect.
    began: Vec<u64>,
    latency: Samples,
    faults: Faults,
}

impl ArrivalScene {
    pub(crate) fn new(clients: usize) -> Self {
        Self {
            members: Members::new(clients),
            began: vec![0; clients],
            latency: Samples::new(),
            faults: Faults::default(),
        }
    }
}

impl Scene for ArrivalScene {
    fn on_connecting(&mut self, client: usize, at_us: u64) {
        self.began[client] = at_us;
    }

    fn on_event(&mut self, event: Event<'_>) -> Option<Input> {
        let Event { client, at_us, .. } = event;
        let fault = match event.heard {
            Heard::Joined { member } => {
                let is_first = self.members.on_joined(client, member);
                if is_first {
                    let taken = at_us.saturating_sub(self.began[client]);
                    self.latency.record(taken);
                }
                (!is_first).then_some(Fault::Doubled)
            }
            Heard::Board { .. } | Heard::Tick { .. } => None,
            Heard::Said { .. } | Heard::Answered { .. } => Some(Fault::Unasked),
        };
        if let Some(fault) = fault {
            let what = || format!("to client {client}, who has said nothing");
            self.faults.add(fault, what);
        }
        None
    }

    fn ready(&self) -> usize {
        self.members.joined()
    }

    fn start(&mut self, _times: Times) {}

    fn count(&self) -> Count {
        Count {
            messages: self.members.joined() as u64,
            said: self.began.len() as u64,
        }
    }

    fn is_settled(&self) -> bool {
        self.members.joined() == self.began.len()
    }

    fn audit(&self) -> Faults {
        self.faults.clone()
    }

    fn latencies(&self) -> Latencies {
        Latencies {
            message: self.latency.percentiles(),
            ..Latencies::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(scene: &mut ArrivalScene, client: usize, heard: Heard<'_>, at_us: u64) {
        let event = Event {
            client,
            heard,
            at_us,
        };
        assert_eq!(scene.on_event(event), None);
    }

    #[test]
    fn a_join_is_measured_from_when_it_began() {
        let mut scene = ArrivalScene::new(2);
        scene.on_connecting(0, 100);
        scene.on_connecting(1, 200);
        hear(&mut scene, 1, Heard::Joined { member: 1 }, 700);
        assert!(!scene.is_settled());
        hear(&mut scene, 0, Heard::Joined { member: 2 }, 1_000);
        assert!(scene.is_settled() && scene.audit().is_empty());
        assert_eq!(scene.ready(), 2);
        let latency = scene.latencies().message.unwrap();
        assert_eq!((latency.count, latency.p50, latency.max), (2, 500, 900));
    }

    #[test]
    fn words_to_those_who_said_nothing_are_noticed() {
        let mut scene = ArrivalScene::new(1);
        hear(&mut scene, 0, Heard::Joined { member: 1 }, 700);
        hear(&mut scene, 0, Heard::Joined { member: 1 }, 800);
        let answer = Heard::Answered {
            id: 1,
            is_accepted: true,
        };
        hear(&mut scene, 0, answer, 900);
        assert_eq!(scene.audit().count(Fault::Doubled), 1);
        assert_eq!(scene.audit().count(Fault::Unasked), 1);
    }
}
