//! What a plugin asked for and has not had yet: its timers, and its storage operations without an answer. Kept from its
//! own effects and events alone, so that a version that runs the same events again can be given its own timers, and only
//! the answers that it asked for.

use std::collections::BTreeMap;

use super::effect::{Action, Effect};
use super::effect_hash::of_request;
use super::wit;

/// A storage operation: the plugin's number for it, and the hash of what it asks.
type Asked = (u64, u64);

/// Timers and storage operations that are under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outstanding {
    /// When each is due, in room time.
    timers: BTreeMap<u32, u64>,
    /// In the order in which they were asked.
    asked: Vec<Asked>,
}

impl Outstanding {
    /// As the host wrote it down.
    pub(crate) fn new<'a>(
        timers: impl IntoIterator<Item = (u32, u64)>,
        asked: impl IntoIterator<Item = (u64, &'a wit::KvRequest)>,
    ) -> Self {
        let asked = asked.into_iter();
        Self {
            timers: timers.into_iter().collect(),
            asked: asked.map(|(number, it)| (number, of_request(it))).collect(),
        }
    }

    /// Takes note of what a step was given.
    pub(super) fn note_events(&mut self, events: &[wit::Event]) {
        for event in events {
            match event {
                wit::Event::Timer(timer) => drop(self.timers.remove(timer)),
                wit::Event::KvAnswer(answer) => {
                    let number = answer.operation;
                    if let Some(index) = self.asked.iter().position(|it| it.0 == number) {
                        self.asked.remove(index);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes note of what a step asked for.
    pub(super) fn note_effects(&mut self, effects: &[Effect], now_ms: u64) {
        self.note_timers(effects, now_ms);
        self.note_asked(&asked(effects));
    }

    /// Takes note of the timers among what a step asked for.
    pub(super) fn note_timers(&mut self, effects: &[Effect], now_ms: u64) {
        for effect in effects {
            match &effect.action {
                Action::SetTimer { timer, after_ms } => {
                    self.timers.insert(*timer, now_ms.saturating_add(*after_ms));
                }
                Action::CancelTimer(timer) => drop(self.timers.remove(timer)),
                _ => {}
            }
        }
    }

    /// Takes note of the storage operations that a step asked for.
    pub(super) fn note_asked(&mut self, asked: &[Asked]) {
        self.asked.extend_from_slice(asked);
    }

    /// Takes the timers that are due, in the order of their times.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Vec<u32> {
        let due = self.timers.iter().filter(|(_, due)| **due <= now_ms);
        let mut due: Vec<_> = due.map(|(timer, due)| (*due, *timer)).collect();
        due.sort_unstable();
        for (_, timer) in &due {
            self.timers.remove(timer);
        }
        due.into_iter().map(|(_, timer)| timer).collect()
    }

    /// What the first operation of this number asks.
    pub(super) fn request_of(&self, number: u64) -> Option<u64> {
        let found = self.asked.iter().find(|it| it.0 == number);
        found.map(|it| it.1)
    }

    /// Takes out an operation, if it is there.
    pub(super) fn take_asked(&mut self, asked: Asked) -> bool {
        let index = self.asked.iter().position(|it| *it == asked);
        index.map(|index| self.asked.remove(index)).is_some()
    }

    /// Takes out an operation that asks this, if it is there.
    pub(crate) fn take_request(&mut self, number: u64, request: &wit::KvRequest) -> bool {
        self.take_asked((number, of_request(request)))
    }

    /// The numbers of all operations.
    pub(crate) fn asked_numbers(&self) -> impl Iterator<Item = u64> {
        self.asked.iter().map(|it| it.0)
    }

    /// How many of the operations here are not among `others`.
    pub(super) fn asked_beyond(&self, others: &Self) -> usize {
        let mut others = others.clone();
        let beyond = self.asked.iter().filter(|it| !others.take_asked(**it));
        beyond.count()
    }

    /// The timers, each with the room time at which it is due.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (u32, u64)> {
        self.timers.iter().map(|(timer, due)| (*timer, *due))
    }
}

/// The storage operations among effects.
pub(super) fn asked(effects: &[Effect]) -> Vec<Asked> {
    let effects = effects.iter();
    let asked = effects.filter_map(|it| match &it.action {
        Action::Kv { operation, request } => Some((*operation, of_request(request))),
        _ => None,
    });
    asked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(action: Action) -> Effect {
        Effect {
            cause: None,
            action,
        }
    }

    fn ask(number: u64, key: &str) -> Effect {
        effect(Action::Kv {
            operation: number,
            request: wit::KvRequest::Get(key.to_owned()),
        })
    }

    fn answer(number: u64) -> wit::Event {
        wit::Event::KvAnswer(wit::KvAnswer {
            operation: number,
            outcome: Ok(wit::KvOutcome::Stored),
        })
    }

    #[test]
    fn timers_run_from_the_step_that_set_them_and_are_due_once() {
        let mut it = Outstanding::default();
        let set = |timer, after_ms| effect(Action::SetTimer { timer, after_ms });
        it.note_effects(&[set(1, 30), set(2, 10), set(3, 5)], 100);
        it.note_effects(&[effect(Action::CancelTimer(3))], 100);
        assert!(it.take_due(109).is_empty());
        assert_eq!(it.take_due(200), [2, 1]);
        assert!(it.take_due(200).is_empty());
        it.note_effects(&[set(1, 0)], 200);
        it.note_events(&[wit::Event::Timer(1)]);
        assert_eq!(it.timers().count(), 0);
    }

    #[test]
    fn an_operation_is_known_by_its_number_and_by_what_it_asks() {
        let (mut mine, mut others) = (Outstanding::default(), Outstanding::default());
        mine.note_effects(&[ask(1, "a"), ask(1, "b")], 0);
        others.note_effects(&[ask(1, "b")], 0);
        assert_eq!(
            (mine.asked_beyond(&others), others.asked_beyond(&mine)),
            (1, 0)
        );
        let request = mine.request_of(1).unwrap();
        assert!(!others.take_asked((1, request)), "it asked for another key");
        mine.note_events(&[answer(1)]);
        assert_eq!(mine.asked_beyond(&others), 0);
    }
}
