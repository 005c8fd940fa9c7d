//! A test room's time, and its steps.

use super::{Answer, TestRoom, effects::limits, twin};
use crate::{
    LeaveReason, MemberId, Payload, Plugin, Tick, TimerId, Value,
    bindings::parlor::room::types as wit,
};

impl<R: Plugin> TestRoom<R> {
    /// Lets this many ticks pass, and the timers that are due before them.
    ///
    /// # Panics
    /// When the plugin has no ticks.
    #[track_caller]
    pub fn tick(&mut self, count: u64) {
        assert!(
            self.description.tick_hz > 0,
            "`{}` has no ticks: set tick_hz",
            self.description.name
        );
        self.pass_until(self.tick_time(self.tick + count));
    }

    /// Lets room time pass: timers and ticks happen as they are due, at the same moment the timers first.
    #[track_caller]
    pub fn advance(&mut self, ms: u64) {
        self.pass_until(self.now_ms + ms);
    }

    #[track_caller]
    fn pass_until(&mut self, end_ms: u64) {
        while self.closed.is_none() {
            let timer = self
                .timers
                .iter()
                .map(|(timer, due_ms)| (*due_ms, *timer))
                .min();
            let timer = timer.filter(|(due_ms, _)| *due_ms <= end_ms);
            let tick_ms = self.next_tick_time().filter(|tick_ms| *tick_ms <= end_ms);
            match (timer, tick_ms) {
                (Some((due_ms, timer)), tick) if tick.is_none_or(|tick_ms| due_ms <= tick_ms) => {
                    self.fire(due_ms, timer)
                }
                (_, Some(tick_ms)) => self.tick_at(tick_ms),
                _ => break,
            }
        }
        self.now_ms = end_ms;
    }

    #[track_caller]
    fn fire(&mut self, due_ms: u64, timer: TimerId) {
        self.now_ms = due_ms;
        self.timers.remove(&timer);
        self.run(vec![wit::Event::Timer(timer)]);
    }

    #[track_caller]
    fn tick_at(&mut self, tick_ms: u64) {
        self.now_ms = tick_ms;
        let mut events = std::mem::take(&mut self.gathered);
        let dt_ms = 1000.0 / f64::from(self.description.tick_hz);
        // What was gathered is applied in this tick, as its answers will say.
        self.tick += 1;
        events.push(wit::Event::Tick(Tick {
            number: self.tick,
            dt_ms,
        }));
        self.run(events);
    }

    fn next_tick_time(&self) -> Option<u64> {
        (self.description.tick_hz > 0).then(|| self.tick_time(self.tick + 1))
    }

    fn tick_time(&self, tick: u64) -> u64 {
        tick * 1000 / u64::from(self.description.tick_hz)
    }

    #[track_caller]
    pub(super) fn depart(&mut self, member: MemberId, reason: LeaveReason) {
        self.expect_here(member);
        self.members.remove(&member);
        self.run(vec![wit::Event::Left(wit::Departure { member, reason })]);
    }

    #[track_caller]
    pub(super) fn expect_here(&self, member: MemberId) {
        assert!(
            self.members.contains_key(&member),
            "member {member} is not in the room"
        );
    }

    /// What the host makes of a member's message.
    #[track_caller]
    pub(super) fn message_from(&self, member: MemberId, payload: &[u8]) -> wit::Event {
        self.expect_here(member);
        let payload = match Payload::from_bytes(payload) {
            Ok(payload) => payload.into_bytes(),
            Err(error) => panic!("the host would refuse this payload: {error}"),
        };
        let max = self
            .description
            .limits
            .payload_bytes
            .unwrap_or(limits::PAYLOAD_BYTES) as usize;
        assert!(
            payload.len() <= max,
            "the host would refuse this payload: {} bytes, and the plugin's limits.payload_bytes is {max}",
            payload.len()
        );
        wit::Event::Message(wit::Message {
            member,
            payload,
            id: Some(self.event + 1),
        })
    }

    /// One step, and one for each member whom the room kicks in it.
    #[track_caller]
    pub(super) fn run(&mut self, events: Vec<wit::Event>) {
        self.run_step(events);
        while let Some(member) = self.leaving.pop_front() {
            if self.closed.is_none() && self.members.remove(&member).is_some() {
                self.run_step(vec![wit::Event::Left(wit::Departure {
                    member,
                    reason: LeaveReason::Kicked,
                })]);
            }
        }
    }

    #[track_caller]
    fn run_step(&mut self, events: Vec<wit::Event>) {
        if let Some(reason) = &self.closed {
            panic!("the room is closed: {reason}");
        }
        self.step += 1;
        let batch = wit::Batch {
            step: self.step,
            first_event: self.event + 1,
            tick: self.tick,
            now_ms: self.now_ms,
            seed: self.seed,
            events,
        };
        self.event += batch.events.len() as u64;
        let name = name_of(&batch);

        let effects = self.instance.step(batch.clone());
        let saved = self.instance.save();
        self.logs.append(&mut self.instance.ctx.logs);
        twin::compare::<R>(&name, &self.saved, &batch, &effects, &saved);
        self.saved = saved;

        for event in &batch.events {
            if let wit::Event::Message(message) = event {
                self.answers
                    .insert(message.member, Answer::Done(Value::Null));
            }
        }
        self.apply(&name, &batch.events, effects);
    }
}

/// How panics call a step.
fn name_of(batch: &wit::Batch) -> String {
    let events: Vec<String> = batch.events.iter().map(name_of_event).collect();
    format!(
        "step {} at {} ms ({})",
        batch.step,
        batch.now_ms,
        events.join(", ")
    )
}

fn name_of_event(event: &wit::Event) -> String {
    match event {
        wit::Event::Joined(member) => format!("join of {} as member {}", member.name, member.id),
        wit::Event::Left(departure) => format!("leave of member {}", departure.member),
        wit::Event::Away(member) => format!("away of member {member}"),
        wit::Event::Back(member) => format!("back of member {member}"),
        wit::Event::Changed(member) => format!("change of member {}", member.id),
        wit::Event::Resync(member) => format!("resync of member {member}"),
        wit::Event::Message(message) => {
            format!(
                "message from member {}: {:?}",
                message.member,
                Payload::trusted(message.payload.clone())
            )
        }
        wit::Event::Timer(timer) => format!("timer {timer}"),
        wit::Event::Tick(tick) => format!("tick {}", tick.number),
        wit::Event::Signal(signal) => format!("signal {}", signal.name),
        wit::Event::KvAnswer(answer) => format!("answer to storage operation {}", answer.operation),
    }
}
