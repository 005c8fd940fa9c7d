//! Members of one room say something in turn, by a schedule, and all of them get it.

use super::{Count, Event, Input, Latencies, Members, Scene, Times, excerpt};
use crate::account::{Fault, Faults, History, audit};
use crate::dialect::Heard;
use crate::samples::Samples;
use crate::schedule::Schedule;
use crate::text::{Texts, Words};

#[derive(Debug)]
pub(crate) struct FanoutScene {
    rate: f64,
    texts: Texts,
    members: Members,
    histories: Vec<History>,
    times: Times,
    schedule: Option<Schedule>,
    /// How many messages were said.
    said: u32,
    /// How many came, to all members together.
    count: Count,
    latency: Samples,
    faults: Faults,
}

impl FanoutScene {
    pub(crate) fn new(members: usize, rate: f64, text_bytes: usize) -> Self {
        Self {
            rate,
            texts: Texts::new(text_bytes),
            members: Members::new(members),
            histories: vec![History::new(); members],
            times: Times::default(),
            schedule: None,
            said: 0,
            count: Count::default(),
            latency: Samples::new(),
            faults: Faults::default(),
        }
    }

    fn on_said(&mut self, client: usize, from: Option<u32>, text: &[u8], at_us: u64) {
        let Some(Words { sender, number }) = self.texts.read(text) else {
            let what = || format!("member {client} got {:?}", excerpt(text));
            self.faults.add(Fault::Altered, what);
            return;
        };
        let is_turn = u64::from(number) % self.histories.len() as u64 == u64::from(sender);
        if !is_turn || (from.is_some() && from != self.members.of(sender)) {
            let what = || {
                format!("member {client} got message {number} of member {sender} as from {from:?}")
            };
            self.faults.add(Fault::AnotherSender, what);
            return;
        }
        self.histories[client].push(number);
        self.count.messages += 1;
        let Some(schedule) = &self.schedule else {
            return;
        };
        let due_us = schedule.at_us(number.into());
        if self.times.is_measured(due_us) {
            self.latency.record(at_us.saturating_sub(due_us));
        }
    }
}

impl Scene for FanoutScene {
    fn on_event(&mut self, event: Event<'_>) -> Option<Input> {
        let Event { client, at_us, .. } = event;
        match event.heard {
            Heard::Joined { member } => {
                self.members.on_joined(client, member);
            }
            Heard::Said { from, text, .. } => self.on_said(client, from, text, at_us),
            Heard::Answered { id, .. } => {
                let what = || format!("an answer to input {id} of member {client}");
                self.faults.add(Fault::Unasked, what);
            }
            Heard::Board { .. } | Heard::Tick { .. } => {}
        }
        None
    }

    fn ready(&self) -> usize {
        self.members.joined()
    }

    fn start(&mut self, times: Times) {
        self.times = times;
        let schedule = Schedule::new(times.start_us, times.end_us, self.rate);
        // All of it at once, and not while it is measured.
        let messages = usize::try_from(schedule.slots()).unwrap_or_default();
        for history in &mut self.histories {
            history.reserve(messages);
        }
        self.schedule = Some(schedule);
    }

    fn schedule(&self) -> Option<Schedule> {
        self.schedule
    }

    fn on_due(&mut self, slot: u64, _at_us: u64) -> Option<(usize, Input)> {
        let number = u32::try_from(slot).unwrap_or(u32::MAX);
        let members = u32::try_from(self.histories.len()).unwrap_or(u32::MAX);
        let sender = number % members;
        self.said += 1;
        self.count.said += 1;
        Some((sender as usize, Input::Say(Words { sender, number })))
    }

    fn count(&self) -> Count {
        self.count
    }

    fn is_settled(&self) -> bool {
        self.count.messages >= u64::from(self.said) * self.histories.len() as u64
    }

    fn audit(&self) -> Faults {
        let mut faults = self.faults.clone();
        let members = u32::try_from(self.histories.len()).unwrap_or(u32::MAX);
        faults.extend(audit(self.said, members, &self.histories));
        faults
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

    /// Three members, the numbers 11 to 13 of their room, who have said six messages, one every 10 ms from 5,000 us on.
    fn started() -> FanoutScene {
        let mut scene = FanoutScene::new(3, 100.0, 64);
        for client in 0..3 {
            let member = 11 + u32::try_from(client).unwrap();
            let heard = Heard::Joined { member };
            scene.on_event(Event {
                client,
                heard,
                at_us: 0,
            });
        }
        assert_eq!(scene.ready(), 3);
        scene.start(Times {
            start_us: 5_000,
            measured_us: 25_000,
            end_us: 65_000,
        });
        let slots = scene.schedule().unwrap().slots();
        assert_eq!(slots, 6);
        for slot in 0..slots {
            let (client, input) = scene.on_due(slot, 0).unwrap();
            let number = u32::try_from(slot).unwrap();
            let sender = number % 3;
            assert_eq!(client, sender as usize);
            assert_eq!(input, Input::Say(Words { sender, number }));
        }
        scene
    }

    fn hear(scene: &mut FanoutScene, client: usize, number: u32, from: Option<u32>) {
        let mut text = Vec::new();
        let sender = number % 3;
        scene.texts.write(Words { sender, number }, &mut text);
        let heard = Heard::Said {
            id: None,
            from,
            text: &text,
        };
        let at_us = 5_000 + 10_000 * u64::from(number) + 700;
        assert_eq!(
            scene.on_event(Event {
                client,
                heard,
                at_us
            }),
            None
        );
    }

    #[test]
    fn all_members_get_all_and_latencies_are_from_the_scheduled_time() {
        let mut scene = started();
        for client in 0..3 {
            for number in 0..6 {
                assert!(!scene.is_settled());
                let from = (client > 0).then_some(11 + number % 3);
                hear(&mut scene, client, number, from);
            }
        }
        assert!(scene.is_settled() && scene.audit().is_empty());
        let latency = scene.latencies().message.unwrap();
        assert_eq!(
            (latency.count, latency.max),
            (12, 700),
            "of four of the six"
        );
    }

    #[test]
    fn what_is_missing_doubled_or_of_another_is_told() {
        let mut scene = started();
        for client in 0..3 {
            for number in 0..6 {
                hear(&mut scene, client, number, None);
            }
        }
        hear(&mut scene, 1, 4, None);
        assert_eq!(scene.audit().count(Fault::Doubled), 1);
        hear(&mut scene, 1, 4, Some(11));
        assert_eq!(scene.audit().count(Fault::AnotherSender), 1);
        let heard = Heard::Said {
            id: None,
            from: None,
            text: b"else",
        };
        scene.on_event(Event {
            client: 0,
            heard,
            at_us: 0,
        });
        assert_eq!(scene.audit().count(Fault::Altered), 1);
        let lacking = started();
        assert_eq!(lacking.audit().count(Fault::Lost), 18);
    }
}
