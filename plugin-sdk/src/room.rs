//! What a plugin's author writes.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Config, Ctx, Description, KvError, KvOutcome, LeaveReason, Member, MemberId, Payload,
    PayloadError, Refusal, Result, Tick, TimerId,
};

/// A room: the fields are its state, the methods are what happens to it, one event at a time.
///
/// Only [`open`](Self::open) and [`message`](Self::message) must be written. The host saves the state by serde between
/// any two events and may go on with another instance that was loaded from it, so whatever the room must remember has to
/// be in a field that is serialised.
pub trait Room: Serialize + DeserializeOwned + 'static {
    /// What members send. A message that cannot be read as this is answered with `INVALID_PAYLOAD` and serde's words.
    type Input: DeserializeOwned;

    /// Begins a room. Nobody is in it yet.
    ///
    /// # Errors
    /// To refuse the room; who asked for it is told the message.
    fn open(room: &mut Ctx, config: &Config) -> Result<Self>;

    /// Somebody came in, and is among [`Ctx::members`] already.
    ///
    /// # Errors
    /// To refuse them; they are told, and never were a member.
    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        let _ = (room, member);
        Ok(())
    }

    /// A member says something. [`Ctx::reply`] gives the answer data; without it the answer is that it was done.
    ///
    /// # Errors
    /// To refuse the message; its sender is told. What was changed before stays changed, so check first.
    fn message(&mut self, room: &mut Ctx, from: &Member, input: Self::Input) -> Result<()>;

    /// Somebody is gone, and no longer among [`Ctx::members`].
    fn leave(&mut self, room: &mut Ctx, member: &Member, reason: LeaveReason) {
        let _ = (room, member, reason);
    }

    /// The clock ticks, `tick_hz` times a second.
    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        let _ = (room, tick);
    }

    /// A member's connection is lost or silent; it keeps its seat.
    fn away(&mut self, room: &mut Ctx, member: MemberId) {
        let _ = (room, member);
    }

    /// A member's name, seat, user or roles are others now, and not by this room's doing.
    fn changed(&mut self, room: &mut Ctx, member: &Member) {
        let _ = (room, member);
    }

    /// A member who was away is back.
    fn back(&mut self, room: &mut Ctx, member: MemberId) {
        let _ = (room, member);
    }

    /// A member lost its place in the room's history, and messages with it: send again what it needs. Views come by
    /// themselves.
    fn resync(&mut self, room: &mut Ctx, member: MemberId) {
        let _ = (room, member);
    }

    /// A timer set by [`Ctx::set_timer`] is due.
    fn timer(&mut self, room: &mut Ctx, timer: TimerId) {
        let _ = (room, timer);
    }

    /// The operator says something, through the admin API.
    fn signal(&mut self, room: &mut Ctx, name: &str, data: &Payload) {
        let _ = (room, name, data);
    }

    /// A storage operation asked for by one of [`Ctx`]'s `kv_` methods is done: in a later step, when it is durable. What
    /// was asked first is answered first, but for [`KvError::Unavailable`], which may come sooner; it was not done then.
    fn kv_answer(&mut self, room: &mut Ctx, operation: u64, outcome: Result<KvOutcome, KvError>) {
        let _ = (room, operation, outcome);
    }

    /// Reads a state that was written under another `state_schema`, most often that of an older version. So version 2
    /// goes on where version 1 was: `1 => Ok(decode_state::<StateV1>(bytes)?.into())`.
    ///
    /// # Errors
    /// When this version cannot read it; the host then keeps the version that wrote it.
    fn upgrade(schema: u32, bytes: &[u8]) -> Result<Self> {
        let _ = bytes;
        Err(
            format!("this version cannot read state schema {schema}; write `Room::upgrade` for it")
                .into(),
        )
    }
}

/// A room that [`export!`](crate::export) made a plugin of.
pub trait Plugin: Room {
    /// What the plugin is.
    fn describe() -> Description;
}

/// Reads the bytes that [`Room::upgrade`] is given as the state they were written from.
///
/// # Errors
/// When they are of another shape.
pub fn decode_state<S: DeserializeOwned>(bytes: &[u8]) -> Result<S> {
    Payload::trusted(bytes.to_owned())
        .read()
        .map_err(|error: PayloadError| {
            Refusal::from(format!("the saved state cannot be read: {error}"))
        })
}
