//! Drives a room without WebAssembly and without a server.
//!
//! A [`TestRoom`] does what the host does: it keeps the members, the clock, the timers and the views, drops messages to
//! those who left, and panics, with the words of a report, where the host would call the room at fault. After each step
//! it runs the same events again, one by one, on twins that are loaded from the saved state before, and compares what came
//! of it: so a room that forgets part of its state, uses real time or chance, or leans on the order of a `HashMap` is
//! found at the step where it happens.

mod clock;
mod effects;
mod newcomer;
mod storage;
mod twin;

use std::collections::VecDeque;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Description, KvRequest, LeaveReason, Level, Map, MemberId, Payload, Plugin, Refusal, Seat,
    TimerId, Value, ViewAudience, bindings::parlor::room::types as wit, guest::Instance,
};

pub use newcomer::{Newcomer, Setup};

/// A room under test. See [the module](self) for what it checks by itself.
#[derive(Debug)]
pub struct TestRoom<R> {
    instance: Instance<R>,
    /// The state as it was saved after the last step.
    saved: Vec<u8>,
    description: Description,
    seed: u64,
    now_ms: u64,
    tick: u64,
    step: u64,
    event: u64,
    members: Map<MemberId, crate::Member>,
    last_member: MemberId,
    /// When each running timer is due.
    timers: Map<TimerId, u64>,
    /// Messages that wait for the tick, where the plugin wants them so.
    gathered: Vec<wit::Event>,
    /// Members whom the room kicked and who have not left yet.
    leaving: VecDeque<MemberId>,
    inboxes: Map<MemberId, Vec<Sent>>,
    answers: Map<MemberId, Answer>,
    rejected: Option<Refusal>,
    views: Vec<(String, ViewAudience, Value)>,
    kicked: Vec<(MemberId, String)>,
    metadata: Value,
    locked: bool,
    closed: Option<String>,
    kv_requests: Vec<(u64, KvRequest)>,
    /// Operations that were not answered yet.
    kv_waiting: VecDeque<wit::Kv>,
    storage: Map<String, Vec<u8>>,
    logs: Vec<(Level, String)>,
    effects_of_last_step: usize,
}

/// A message that a member got.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Whom it is shown to be from.
    pub from: Option<MemberId>,
    /// What it says.
    pub data: Value,
}

/// What a message was answered with.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was done; the data is null unless the room replied with some.
    Done(Value),
    /// It was refused.
    Refused(Refusal),
    /// It waits for the next tick, since the plugin's delivery is `OnTick`. See [`TestRoom::last_answer`].
    Waiting,
}

impl Answer {
    /// The code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(refusal.code()),
            Self::Done(_) | Self::Waiting => None,
        }
    }

    /// The data of the answer.
    ///
    /// # Panics
    /// When the message was refused or waits.
    #[track_caller]
    pub fn data(&self) -> &Value {
        match self {
            Self::Done(data) => data,
            Self::Refused(refusal) => panic!("the message was refused: {refusal}"),
            Self::Waiting => panic!("the message waits for the next tick"),
        }
    }
}

/// What happens to the room.
impl<R: Plugin> TestRoom<R> {
    /// Opens a room without settings or options.
    ///
    /// # Panics
    /// When the room refuses to open, or the plugin's description is none the host would take.
    #[track_caller]
    pub fn open() -> Self {
        match Self::open_with(&Setup::new()) {
            Ok(room) => room,
            Err(refusal) => panic!("the room refused to open: {refusal}"),
        }
    }

    /// Somebody joins as a player, or as a spectator where no player's seat is free.
    ///
    /// # Panics
    /// When they are refused.
    #[track_caller]
    pub fn join(&mut self, name: &str) -> MemberId {
        match self.join_as(&Newcomer::new(name)) {
            Ok(member) => member,
            Err(refusal) => panic!("{name} may not join: {refusal}"),
        }
    }

    /// Somebody leaves.
    #[track_caller]
    pub fn leave(&mut self, member: MemberId) {
        self.depart(member, LeaveReason::Left);
    }

    /// Somebody's connection was lost for too long.
    #[track_caller]
    pub fn disconnect(&mut self, member: MemberId) {
        self.depart(member, LeaveReason::Disconnected);
    }

    /// A member says something.
    #[track_caller]
    pub fn push(&mut self, member: MemberId, input: &(impl Serialize + ?Sized)) -> Answer {
        match Payload::of(input) {
            Ok(payload) => self.push_raw(member, payload.as_bytes()),
            Err(error) => panic!("no client can send this: {error}"),
        }
    }

    /// A member says something, and the room answers: at once, or with the next tick where the plugin's delivery is `OnTick`.
    #[track_caller]
    pub fn ask(&mut self, member: MemberId, input: &(impl Serialize + ?Sized)) -> Answer {
        match self.push(member, input) {
            Answer::Waiting => {
                self.tick(1);
                self.last_answer(member)
            }
            answer => answer,
        }
    }

    /// A member sends these bytes, which the host has to take for a payload.
    #[track_caller]
    pub fn push_raw(&mut self, member: MemberId, payload: &[u8]) -> Answer {
        let message = self.message_from(member, payload);
        if self.hand_over(vec![message]) {
            self.last_answer(member)
        } else {
            Answer::Waiting
        }
    }

    /// Members say these things at the same moment, so that the room gets them in one batch: at once, or with the next tick
    /// where the plugin's delivery is `OnTick`.
    #[track_caller]
    pub fn push_all(&mut self, inputs: &[(MemberId, impl Serialize)]) {
        let messages = inputs
            .iter()
            .map(|(member, input)| match Payload::of(input) {
                Ok(payload) => self.message_from(*member, payload.as_bytes()),
                Err(error) => panic!("no client can send this: {error}"),
            });
        let messages = messages.collect();
        self.hand_over(messages);
    }

    /// Runs messages at once, or keeps them for the next tick where the plugin's delivery is `OnTick`. Whether they were run.
    #[track_caller]
    fn hand_over(&mut self, messages: Vec<wit::Event>) -> bool {
        let is_now = self.description.delivery == crate::Delivery::Immediate;
        if is_now {
            self.run(messages);
        } else {
            self.gathered.extend(messages);
        }
        is_now
    }

    /// A member falls silent or loses its connection.
    #[track_caller]
    pub fn away(&mut self, member: MemberId) {
        self.expect_here(member);
        self.run(vec![wit::Event::Away(member)]);
    }

    /// A member who was away is back.
    #[track_caller]
    pub fn back(&mut self, member: MemberId) {
        self.expect_here(member);
        self.run(vec![wit::Event::Back(member)]);
    }

    /// A member takes another name.
    #[track_caller]
    pub fn rename(&mut self, member: MemberId, name: &str) {
        self.expect_here(member);
        if let Some(present) = self.members.get_mut(&member) {
            name.clone_into(&mut present.name);
            let renamed = present.clone();
            self.run(vec![wit::Event::Changed(renamed)]);
        }
    }

    /// A member lost its place in the room's history.
    #[track_caller]
    pub fn resync(&mut self, member: MemberId) {
        self.expect_here(member);
        self.run(vec![wit::Event::Resync(member)]);
    }

    /// The operator says something.
    #[track_caller]
    pub fn signal(&mut self, name: &str, data: &(impl Serialize + ?Sized)) {
        match Payload::of(data) {
            Ok(payload) => {
                let signal = wit::Signal {
                    name: name.to_owned(),
                    payload: payload.into_bytes(),
                };
                self.run(vec![wit::Event::Signal(signal)]);
            }
            Err(error) => panic!("no operator can send this: {error}"),
        }
    }
}

/// What came of it.
impl<R> TestRoom<R> {
    /// What a member was sent so far.
    pub fn sent_to(&self, member: MemberId) -> &[Sent] {
        self.inboxes.get(&member).map_or(&[], Vec::as_slice)
    }

    /// What a member was sent since this was last asked.
    pub fn take_sent(&mut self, member: MemberId) -> Vec<Value> {
        let sent = self.inboxes.remove(&member).unwrap_or_default();
        sent.into_iter().map(|sent| sent.data).collect()
    }

    /// Checks that a member was sent this, since [`take_sent`](Self::take_sent) was last asked.
    ///
    /// # Panics
    /// When it was not; the panic lists what it was sent.
    #[track_caller]
    pub fn assert_sent(&self, member: MemberId, expected: &(impl Serialize + ?Sized)) {
        let expected = to_value(expected);
        let sent = self.sent_to(member);
        if !sent.iter().any(|sent| sent.data == expected) {
            let sent: String = sent
                .iter()
                .map(|sent| format!("\n  {}", sent.data))
                .collect();
            panic!(
                "member {member} was not sent\n  {expected}\nbut{}",
                if sent.is_empty() { " nothing" } else { &sent }
            );
        }
    }

    /// What a member's last message was answered with.
    #[track_caller]
    pub fn last_answer(&self, member: MemberId) -> Answer {
        match self.answers.get(&member) {
            Some(answer) => answer.clone(),
            None => panic!("member {member} has sent nothing"),
        }
    }

    /// A view that is published to all.
    ///
    /// # Panics
    /// When there is none of that name.
    #[track_caller]
    pub fn view(&self, name: &str) -> &Value {
        self.published(name, |audience| matches!(audience, ViewAudience::Everyone))
    }

    /// A view, read as a type.
    ///
    /// # Panics
    /// When there is none of that name, or it does not fit the type.
    #[track_caller]
    pub fn view_as<T: DeserializeOwned>(&self, name: &str) -> T {
        let view = self.view(name);
        match Payload::of(view).and_then(|payload| payload.read()) {
            Ok(value) => value,
            Err(error) => panic!("the view `{name}` is not what was expected: {error}\n  {view}"),
        }
    }

    /// A view that a member is shown, whether it is published to all, to the member's seat, or to the member alone.
    ///
    /// # Panics
    /// When there is none of that name.
    #[track_caller]
    pub fn view_for(&self, member: MemberId, name: &str) -> &Value {
        let seat = self.members.get(&member).map(|member| member.seat);
        self.published(name, |audience| match audience {
            ViewAudience::Everyone => true,
            ViewAudience::Seat(of) => Some(*of) == seat,
            ViewAudience::Member(of) => *of == member,
        })
    }

    #[track_caller]
    fn published(&self, name: &str, shown: impl Fn(&ViewAudience) -> bool) -> &Value {
        // The last one published comes first to mind, as it does for the member.
        match self
            .views
            .iter()
            .rev()
            .find(|(view, audience, _)| view == name && shown(audience))
        {
            Some((_, _, value)) => value,
            None => panic!(
                "no view `{name}`, only {:?}",
                self.views.iter().map(|(view, ..)| view).collect::<Vec<_>>()
            ),
        }
    }

    /// The seat of a member, while it is here.
    pub fn seat(&self, member: MemberId) -> Option<Seat> {
        self.members.get(&member).map(|member| member.seat)
    }

    /// Who was removed, and what they were told.
    pub fn kicked(&self) -> &[(MemberId, String)] {
        &self.kicked
    }

    /// What listings show.
    pub fn metadata(&self) -> &Value {
        &self.metadata
    }

    /// Whether new players are kept out.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Why the room closed itself, if it did.
    pub fn closed(&self) -> Option<&str> {
        self.closed.as_deref()
    }

    /// What was logged.
    pub fn logs(&self) -> &[(Level, String)] {
        &self.logs
    }

    /// How many effects the last step had. Steps without any cost next to nothing, which is what idle ticks should be.
    pub fn effects_of_last_step(&self) -> usize {
        self.effects_of_last_step
    }

    /// Room time.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The state as the room saves it, for a test of [`Room::upgrade`](crate::Room::upgrade).
    pub fn saved(&self) -> &[u8] {
        &self.saved
    }
}

#[track_caller]
fn to_value(value: &(impl Serialize + ?Sized)) -> Value {
    match Payload::of(value).and_then(|payload| payload.read()) {
        Ok(value) => value,
        Err(error) => panic!("this cannot be a message: {error}"),
    }
}

#[cfg(test)]
mod tests;
