//! A history as it is shown: what happened in each step, what came of it, and what the room's views were then.

use std::collections::BTreeMap;

use parlor_proto::Payload;

use crate::plugin::{Action, Audience, Effect, Ran, ViewAudience};
use crate::room::{BatchRecord, EventRecord, MemberNote, Snapshot};

/// The views of a room, as a history goes on.
#[derive(Debug)]
pub struct Shown {
    views: BTreeMap<ShownView, Payload>,
    pub(super) members: Vec<MemberNote>,
    step: u64,
}

/// A view, and who sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownView {
    /// Its name.
    pub name: String,
    /// Who sees it, in words; empty for everyone.
    pub audience: String,
}

/// A step that was run again.
#[derive(Debug)]
pub struct ShownStep<'a> {
    /// Its number.
    pub number: u64,
    /// The room's time, in milliseconds.
    pub at_ms: u64,
    pub(super) events: &'a [EventRecord<'a>],
    /// The events that were set aside before it, because the plugin failed on each of them.
    set_aside: Vec<&'a EventRecord<'a>>,
    pub(super) effects: Vec<Effect>,
    /// All views after it.
    pub views: BTreeMap<ShownView, Payload>,
}

impl Shown {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let layers = snapshot.host.views().into_iter();
        Self {
            views: layers
                .map(|(name, audience, value)| (view(&name, audience), value))
                .collect(),
            members: snapshot.host.members().cloned().collect(),
            step: snapshot.position.step,
        }
    }

    pub(super) fn views(&self) -> &BTreeMap<ShownView, Payload> {
        &self.views
    }

    /// The steps of a batch.
    pub(super) fn steps<'a>(&mut self, batch: &'a BatchRecord<'a>, ran: Ran) -> Vec<ShownStep<'a>> {
        let mut set_aside = batch.outcome.set_aside.iter().peekable();
        let mut steps = Vec::new();
        for step in ran.steps {
            for effect in &step.effects {
                match &effect.action {
                    Action::State {
                        view: name,
                        audience,
                        value,
                    } => {
                        self.views.insert(view(name, *audience), value.clone());
                    }
                    Action::DropState {
                        view: name,
                        audience,
                    } => {
                        self.views.remove(&view(name, *audience));
                    }
                    _ => {}
                }
            }
            let mut before = Vec::new();
            while let Some(index) = set_aside.next_if(|it| (**it as usize) < step.events.start) {
                before.extend(batch.events.get(*index as usize));
            }
            steps.push(ShownStep {
                number: self.step,
                at_ms: batch.now_ms,
                events: &batch.events[step.events],
                set_aside: before,
                effects: step.effects,
                views: self.views.clone(),
            });
            self.step += 1;
        }
        steps
    }
}

fn view(name: &str, audience: ViewAudience) -> ShownView {
    ShownView {
        name: name.to_owned(),
        audience: match audience {
            ViewAudience::Everyone => String::new(),
            ViewAudience::Seat(seat) => format!("{seat:?}s"),
            ViewAudience::Member(id) => format!("member {id}"),
        },
    }
}

impl ShownStep<'_> {
    /// What happened, a line each.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        let failed = self.set_aside.iter();
        let failed = failed.map(|it| format!("{} (the plugin failed on it; set aside)", event(it)));
        failed.chain(self.events.iter().map(event)).collect()
    }

    /// What the plugin asked for, a line each.
    #[must_use]
    pub fn effects(&self) -> Vec<String> {
        self.effects.iter().map(effect).collect()
    }
}

fn event(event: &EventRecord<'_>) -> String {
    let json = |bytes: &[u8]| {
        Payload::from_msgpack(bytes).map_or_else(|_| format!("{bytes:?}"), |it| it.to_json())
    };
    match event {
        EventRecord::Joined { member, .. } => format!("joined: {} as {}", member.name, member.id),
        EventRecord::Left { member, reason } => format!("left: {member} ({reason:?})"),
        EventRecord::Kicked(member) => format!("left: {member} (kicked)"),
        EventRecord::Away(member) => format!("away: {member}"),
        EventRecord::Back(member) => format!("back: {member}"),
        EventRecord::Changed(member) => format!("changed: {} is {}", member.id, member.name),
        EventRecord::Resync { member, .. } | EventRecord::Resent(member) => {
            format!("resync: {member}")
        }
        EventRecord::Message {
            member,
            id,
            payload,
        } => match id {
            Some(id) => format!("message {id} from {member}: {}", json(payload)),
            None => format!("message from {member}: {}", json(payload)),
        },
        EventRecord::Timer { timer, .. } => format!("timer {timer}"),
        EventRecord::Tick { number, dt_ms } => format!("tick {number}, after {dt_ms} ms"),
        EventRecord::Signal { name, payload } => format!("signal {name}: {}", json(payload)),
        EventRecord::Stored {
            operation, outcome, ..
        } => {
            format!("storage operation {operation}: {outcome:?}")
        }
    }
}

fn effect(effect: &Effect) -> String {
    let text = match &effect.action {
        Action::Send { to, from, payload } => {
            let from = from.map_or(String::new(), |it| format!(" from {it}"));
            format!("send to {}{from}: {}", audience(to), payload.to_json())
        }
        Action::Reply(Ok(payload)) => format!("reply: {}", payload.to_json()),
        Action::Reply(Err(refusal)) => format!("refuse: {} ({})", refusal.code, refusal.message),
        Action::Reject(refusal) => format!("reject: {} ({})", refusal.code, refusal.message),
        Action::State {
            view: name,
            audience,
            value,
        } => {
            let view = view(name, *audience);
            let to = if view.audience.is_empty() {
                "everyone"
            } else {
                &view.audience
            };
            format!("state {name} for {to}: {}", value.to_json())
        }
        other => format!("{other:?}"),
    };
    match effect.cause {
        Some(cause) => format!("{text} (event {cause})"),
        None => text,
    }
}

fn audience(audience: &Audience) -> String {
    match audience {
        Audience::Everyone => "everyone".to_owned(),
        Audience::Only(ids) => format!("{ids:?}"),
        Audience::Except(ids) => format!("all but {ids:?}"),
        Audience::Seat(seat) => format!("{seat:?}s"),
    }
}
