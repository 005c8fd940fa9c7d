//! The only door out of a room.

use std::{fmt::Display, sync::Arc};

use serde::Serialize;

use crate::{
    Audience, KvRequest, Level, Map, Member, MemberId, Payload, Rng, Seat, TimerId, ViewAudience,
    bindings::parlor::room::types as wit,
};

/// What a room sees of the world, and the only way it acts on it.
///
/// What it is told to do takes effect when the event is handled, in the order given. A message to a member who has left
/// is dropped; one to a number that never was a member's is a fault.
///
/// Every method that takes a value to send panics where the value is none of Parlor's, a NaN for instance: that is a
/// mistake in the plugin, and the panic says which field and which line.
#[derive(Debug)]
pub struct Ctx {
    pub(crate) roster: Map<MemberId, Arc<Member>>,
    pub(crate) now_ms: u64,
    pub(crate) tick: u64,
    rng: Rng,
    /// The place of the current event in its batch; none in `open`.
    cause: Option<u32>,
    answer: Answer,
    effects: Vec<wit::Effect>,
    #[cfg(not(target_family = "wasm"))]
    pub(crate) logs: Vec<(Level, String)>,
}

/// Whether the current event can be answered, and was.
#[derive(Debug)]
enum Answer {
    Impossible,
    Open,
    Given(Payload),
}

impl Ctx {
    /// The context that `open` is given, or that a loaded room goes on with.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            roster: Map::new(),
            now_ms: 0,
            tick: 0,
            rng: Rng::of_event(seed, 0),
            cause: None,
            answer: Answer::Impossible,
            effects: Vec::new(),
            #[cfg(not(target_family = "wasm"))]
            logs: Vec::new(),
        }
    }

    /// Turns to the next event: `cause` is its place in the batch, `event` its number in the room.
    pub(crate) fn turn_to(&mut self, cause: u32, seed: u64, event: u64, is_message: bool) {
        self.cause = Some(cause);
        self.rng = Rng::of_event(seed, event);
        self.answer = if is_message {
            Answer::Open
        } else {
            Answer::Impossible
        };
    }

    pub(crate) fn take_answer(&mut self) -> Option<Payload> {
        match std::mem::replace(&mut self.answer, Answer::Impossible) {
            Answer::Given(payload) => Some(payload),
            Answer::Impossible | Answer::Open => None,
        }
    }

    pub(crate) fn take_effects(&mut self) -> Vec<wit::Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn act(&mut self, action: wit::ActionEffect) {
        self.effects.push(wit::Effect {
            cause: self.cause,
            action,
        });
    }
}

/// Messages.
impl Ctx {
    /// Sends a message to whom it may concern: a [`MemberId`], a list of them, a [`Seat`], or an [`Audience`].
    #[track_caller]
    pub fn send(&mut self, to: impl Into<Audience>, message: &(impl Serialize + ?Sized)) {
        self.send_as(None, to.into(), message);
    }

    /// Sends a message that is shown to be from a member.
    #[track_caller]
    pub fn send_from(
        &mut self,
        from: MemberId,
        to: impl Into<Audience>,
        message: &(impl Serialize + ?Sized),
    ) {
        self.send_as(Some(from), to.into(), message);
    }

    /// Sends a message to all members.
    #[track_caller]
    pub fn broadcast(&mut self, message: &(impl Serialize + ?Sized)) {
        self.send_as(None, Audience::Everyone, message);
    }

    /// Sends a message to all members but one.
    #[track_caller]
    pub fn send_except(&mut self, member: MemberId, message: &(impl Serialize + ?Sized)) {
        self.send_as(None, Audience::Except(vec![member]), message);
    }

    #[track_caller]
    fn send_as(
        &mut self,
        from: Option<MemberId>,
        to: Audience,
        message: &(impl Serialize + ?Sized),
    ) {
        let payload = payload("the message", message);
        self.act(wit::ActionEffect::Send(wit::Send { to, from, payload }));
    }

    /// Gives the answer to the message being handled. The last one counts, and an `Err` from the handler overrides it.
    ///
    /// # Panics
    /// Outside [`Room::message`](crate::Room::message), where nobody waits for an answer.
    #[track_caller]
    pub fn reply(&mut self, data: &(impl Serialize + ?Sized)) {
        assert!(
            !matches!(self.answer, Answer::Impossible),
            "`reply` answers a message, and none is being handled; use `send`"
        );
        self.answer = Answer::Given(Payload::trusted(payload("the reply", data)));
    }
}

/// Views: state that members see. The latest value wins, and the host sends what changed.
impl Ctx {
    /// Publishes a view to all members.
    #[track_caller]
    pub fn state(&mut self, view: &str, value: &(impl Serialize + ?Sized)) {
        self.state_for(ViewAudience::Everyone, view, value);
    }

    /// Publishes a view to those who have a [`Seat`], or to one [`MemberId`]. The same name for others is another view.
    #[track_caller]
    pub fn state_for(
        &mut self,
        audience: impl Into<ViewAudience>,
        view: &str,
        value: &(impl Serialize + ?Sized),
    ) {
        let value = payload("the view", value);
        self.act(wit::ActionEffect::State(wit::State {
            view: view.to_owned(),
            audience: audience.into(),
            value,
        }));
    }

    /// Withdraws a view that was published for this audience.
    pub fn drop_state(&mut self, audience: impl Into<ViewAudience>, view: &str) {
        self.act(wit::ActionEffect::DropState((
            view.to_owned(),
            audience.into(),
        )));
    }
}

/// Members.
impl Ctx {
    /// All members, in the order of their numbers.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.roster.values().map(|member| &**member)
    }

    /// The members who take part.
    pub fn players(&self) -> impl Iterator<Item = &Member> {
        self.members().filter(|member| member.seat == Seat::Player)
    }

    /// A member, while it is here.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.roster.get(&id).map(|member| &**member)
    }

    /// Removes a member, and tells it why. [`Room::leave`](crate::Room::leave) follows.
    pub fn kick(&mut self, member: MemberId, reason: impl Into<String>) {
        self.act(wit::ActionEffect::Kick(wit::Kick {
            member,
            reason: reason.into(),
        }));
    }

    /// Moves a member to another seat, whether or not one is free by the description.
    pub fn set_seat(&mut self, member: MemberId, seat: Seat) {
        if let Some(member) = self.roster.get_mut(&member) {
            Arc::make_mut(member).seat = seat;
        }
        self.act(wit::ActionEffect::SetSeat(wit::SetSeat { member, seat }));
    }
}

/// Time and chance.
impl Ctx {
    /// Room time in milliseconds: it begins with the room, and stands still while the server is down.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The number of the tick that this is applied in, which the reply to an input tells its sender: the last one, 0 before
    /// the first. With the delivery `OnTick` it is the one that inputs come with, just before it.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Random numbers that are the same whenever this event is replayed.
    pub fn random(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Calls [`Room::timer`](crate::Room::timer) after this much room time. A timer of that number that runs is replaced.
    pub fn set_timer(&mut self, timer: TimerId, after_ms: u64) {
        self.act(wit::ActionEffect::SetTimer(wit::SetTimer {
            timer,
            after_ms,
        }));
    }

    /// Stops a timer.
    pub fn cancel_timer(&mut self, timer: TimerId) {
        self.act(wit::ActionEffect::CancelTimer(timer));
    }
}

/// The room as a whole.
impl Ctx {
    /// Lets nobody new join as a player.
    pub fn lock(&mut self) {
        self.act(wit::ActionEffect::Lock(true));
    }

    /// Undoes [`lock`](Self::lock).
    pub fn unlock(&mut self) {
        self.act(wit::ActionEffect::Lock(false));
    }

    /// Sets what listings show of the room: a map, or a struct.
    #[track_caller]
    pub fn metadata(&mut self, entries: &(impl Serialize + ?Sized)) {
        let entries = payload("the metadata", entries);
        self.act(wit::ActionEffect::Metadata(entries));
    }

    /// Closes the room, and tells the members why.
    pub fn close(&mut self, reason: impl Into<String>) {
        self.act(wit::ActionEffect::Close(reason.into()));
    }
}

/// Storage that all rooms of the plugin share and that outlives them: keys in the order of their bytes, and values of any
/// bytes. Other plugins have their own.
///
/// An operation is run after the step that asks for it, and its answer comes to
/// [`Room::kv_answer`](crate::Room::kv_answer) in a later step, with the number that was chosen for it; use a number only
/// once among those that wait. What was asked first is run first. When the answer comes, what was written is durable, and
/// what was read is too: it survives the loss of power, whatever durability the plugin declares. A plugin of durability
/// `Journal` is answered exactly once, also over a crash: an operation that was run and not answered is not run again, and
/// its answer is the one of the first time. With less, an operation of a room that is lost may have been run.
///
/// Between a `kv_get` and a `kv_put` another room may write. What depends on the value before is written with
/// [`kv_compare_and_put`](Ctx::kv_compare_and_put), and tried again with the value that its `Conflict` tells.
///
/// | limit | default | beyond it |
/// |---|---|---|
/// | a key | 256 bytes | [`KvError::TooLarge`](crate::KvError) |
/// | a value | 64 KiB | `TooLarge` |
/// | a plugin's keys and values | 16 MiB | `Quota`, for what would add to it |
/// | a plugin's keys | 100,000 | `Quota` |
/// | operations of one step | 64 | a fault |
/// | operations of one room that wait | 1,024 | `Unavailable`; set a timer and ask again |
///
/// Keys that begin with `public/` can be read by anybody, signed in or not, with `GET /storage/PLUGIN/KEY`: the value has
/// to be MessagePack as [`Payload::of`] writes it, and is shown as JSON. All other keys are the plugin's alone.
///
/// In tests, [`TestRoom::run_storage`](crate::testing::TestRoom::run_storage) answers.
impl Ctx {
    /// Reads a key. The answer is `Value`, `None` where there is no such key.
    pub fn kv_get(&mut self, operation: u64, key: impl Into<String>) {
        self.kv(operation, KvRequest::Get(key.into()));
    }

    /// Writes a key. The answer is `Stored`.
    pub fn kv_put(&mut self, operation: u64, key: impl Into<String>, value: Vec<u8>) {
        self.kv(operation, KvRequest::Put((key.into(), Some(value))));
    }

    /// Deletes a key. The answer is `Stored`, also where there was none.
    pub fn kv_delete(&mut self, operation: u64, key: impl Into<String>) {
        self.kv(operation, KvRequest::Put((key.into(), None)));
    }

    /// Writes a key if its value still is `expected`: the answer is `Stored`, or `Conflict` with the value that is there.
    /// `None` is no value, on either side.
    pub fn kv_compare_and_put(
        &mut self,
        operation: u64,
        key: impl Into<String>,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) {
        self.kv(
            operation,
            KvRequest::CompareAndPut((key.into(), expected, value)),
        );
    }

    /// Reads up to `count` entries whose keys begin with `prefix` and come after `after`, in key order. The answer is
    /// `Entries`: at most 256 of them, and 256 KiB. To read all, go on after the last key until none come.
    pub fn kv_list(
        &mut self,
        operation: u64,
        prefix: impl Into<String>,
        after: impl Into<String>,
        count: u32,
    ) {
        self.kv(
            operation,
            KvRequest::List((prefix.into(), after.into(), count)),
        );
    }

    fn kv(&mut self, operation: u64, request: KvRequest) {
        self.act(wit::ActionEffect::Kv(wit::Kv { operation, request }));
    }
}

/// The log. The host adds the plugin's and the room's name, and keeps 64 KiB a second.
impl Ctx {
    /// Logs fine detail.
    pub fn debug(&mut self, line: impl Display) {
        self.log(Level::Debug, &line);
    }

    /// Logs normal life.
    pub fn info(&mut self, line: impl Display) {
        self.log(Level::Info, &line);
    }

    /// Logs something to look at.
    pub fn warn(&mut self, line: impl Display) {
        self.log(Level::Warn, &line);
    }

    /// Logs that something is broken.
    pub fn error(&mut self, line: impl Display) {
        self.log(Level::Error, &line);
    }

    #[cfg(target_family = "wasm")]
    #[expect(
        clippy::unused_self,
        reason = "natively the line is kept in the context"
    )]
    fn log(&mut self, level: Level, line: &dyn Display) {
        crate::bindings::parlor::room::host::log(level, &line.to_string());
    }

    #[cfg(not(target_family = "wasm"))]
    fn log(&mut self, level: Level, line: &dyn Display) {
        self.logs.push((level, line.to_string()));
    }
}

#[track_caller]
fn payload(what: &str, value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    match Payload::of(value) {
        Ok(payload) => payload.into_bytes(),
        Err(error) => panic!("{what} cannot be sent: {error}"),
    }
}

impl Audience {
    /// All members but this one.
    pub fn except(member: MemberId) -> Self {
        Self::Except(vec![member])
    }
}

impl From<MemberId> for Audience {
    fn from(member: MemberId) -> Self {
        Self::Only(vec![member])
    }
}

impl From<Vec<MemberId>> for Audience {
    fn from(members: Vec<MemberId>) -> Self {
        Self::Only(members)
    }
}

impl From<&[MemberId]> for Audience {
    fn from(members: &[MemberId]) -> Self {
        Self::Only(members.to_owned())
    }
}

impl From<Seat> for Audience {
    fn from(seat: Seat) -> Self {
        Self::Seat(seat)
    }
}

impl From<MemberId> for ViewAudience {
    fn from(member: MemberId) -> Self {
        Self::Member(member)
    }
}

impl From<Seat> for ViewAudience {
    fn from(seat: Seat) -> Self {
        Self::Seat(seat)
    }
}
