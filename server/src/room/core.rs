//! What a room does with each input: a state machine without I/O. Inputs become events for the plugin, or are refused
//! on the spot; [`super::apply`] then does what the plugin asks for. Time comes in as an argument; frames go out
//! through outboxes, which are plain queues.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parlor_proto::{Durability, ErrorCode, Payload, ServerFrame, server};
use tokio::time::Instant;

use super::apply::PRESENCE_VIEW;
use super::changing::BeforeTrial;
use super::clock::{Clock, LATE_TICK, StatePace, Timers};
use super::handle::{BUSY, RoomIdentity, RoomInput, RoomStatus};
use super::inputs::Admission;
use super::lasting::NO_STORAGE;
use super::load::Load;
use super::origin::{Origin, Pending};
use super::ring::Ring;
use super::roster::{MEMBERS_SHOWN_MAX, Roster};
use super::settings::Settings;
use super::storage::Operations;
use super::views::{Place, Views};
use crate::breakage::TestBreak;
use crate::fanout::Fanout;
use crate::plugin::{BatchInput, Version, wit};
use crate::release::Leaving;
use crate::session::Peer;
use crate::session::outbox::Control;
use crate::telemetry::{InputTimes, Metrics};
use crate::view_frames::ViewHandle;

/// The most events in one batch.
const BATCH_EVENTS_MAX: usize = 64;
/// The most payload in one batch.
const BATCH_BYTES_MAX: usize = 256 << 10;
/// How often a room tells how many members it has, where it does not name them.
const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// What is said to whoever sent something that the room did not get to.
pub(super) const CLOSED: &str = "the room closed before it came to this";

/// A room without its plugin.
#[derive(Debug)]
pub(crate) struct RoomCore {
    pub(super) identity: Arc<RoomIdentity>,
    /// What the room runs.
    pub(super) version: Arc<Version>,
    /// Which of its histories the room tells.
    pub(super) epoch: u64,
    pub(super) durability: Durability,
    pub(super) status: Arc<RoomStatus>,
    pub(super) settings: Settings,
    /// When the room woke up.
    pub(super) now: Instant,
    /// When the last step had run.
    pub(super) applied: std::time::Instant,
    pub(super) fanout: Fanout,
    pub(super) metrics: Arc<Metrics>,
    pub(super) input_times: InputTimes,
    pub(super) roster: Roster,
    pub(super) clock: Clock,
    pub(super) timers: Timers,
    pub(super) views: Views,
    /// What listings are to show of the room.
    pub(super) metadata: Payload,
    pub(super) seq: u64,
    pub(super) ring: Ring,
    /// Whether nobody told since the ring was last looked at that something arrived.
    pub(super) is_ring_settled: bool,
    pub(super) pending: VecDeque<Pending>,
    /// What an on-tick room gathers until its next tick.
    pub(super) held: VecDeque<Pending>,
    pub(super) held_bytes: usize,
    /// What the plugin brought about itself. It waits for the next wake-up: a plugin that always answers itself must not
    /// keep the room from its mailbox.
    pub(super) own: VecDeque<Pending>,
    /// Why the room is to close when the step is applied.
    pub(super) closing: Option<(ErrorCode, String)>,
    /// Who uses the room up; `None` where nobody is held to account.
    pub(super) load: Option<Load>,
    pub(super) state_pace: StatePace,
    /// How the room was when the version that is on trial took over.
    pub(super) before_trial: Option<BeforeTrial>,
    /// Whether there ever were too many members to name them.
    pub(super) is_counted: bool,
    pub(super) is_presence_dirty: bool,
    presence_sent: Option<Instant>,
    pub(super) presence_version: u64,
    pub(super) presence_handle: ViewHandle,
    pub(super) empty_since: Option<Instant>,
    /// Whether the disk that the room's journal is on takes nothing at the moment.
    pub(super) is_without_storage: bool,
    /// Whether as much waits for the disk as may.
    pub(super) is_behind: bool,
    /// Whether the server is about to stop, and the room goes on in the next.
    pub(super) is_suspended: bool,
    pub(super) is_closed: bool,
    /// What the plugin asked of the storage.
    pub(super) operations: Operations,
}

impl RoomCore {
    pub(super) fn new(
        identity: Arc<RoomIdentity>,
        epoch: u64,
        status: Arc<RoomStatus>,
        settings: Settings,
        metrics: Arc<Metrics>,
        now: Instant,
    ) -> Self {
        let version = identity.version();
        let description = &version.description;
        Self {
            clock: Clock::new(now, description.tick_hz),
            fanout: Fanout::new(Arc::clone(&metrics)).breaking(settings.test_break),
            ring: Ring::new(settings.resume_window, Arc::clone(&settings.retained)),
            is_ring_settled: true,
            load: settings.busy_percent_max.map(|max| Load::new(max, now)),
            input_times: metrics.inputs_of(&description.name),
            durability: settings.durability_of(&version),
            version: Arc::clone(&version),
            identity,
            epoch,
            status,
            settings,
            now,
            applied: now.into_std(),
            metrics,
            roster: Roster::default(),
            timers: Timers::default(),
            views: Views::default(),
            metadata: Payload::empty_map(),
            seq: 0,
            pending: VecDeque::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            own: VecDeque::new(),
            closing: None,
            state_pace: StatePace::of(&version),
            before_trial: None,
            is_counted: false,
            is_presence_dirty: false,
            presence_sent: None,
            presence_version: 0,
            presence_handle: ViewHandle::default(),
            empty_since: Some(now),
            is_without_storage: false,
            is_behind: false,
            is_suspended: false,
            is_closed: false,
            operations: Operations::default(),
        }
    }

    /// Notes the time, for all that is done until the room sleeps again.
    pub(super) fn wake(&mut self, now: Instant) {
        self.now = now;
    }

    /// Takes one input.
    pub(super) fn accept(&mut self, input: RoomInput) {
        match input {
            RoomInput::Join(request) => self.join(*request),
            RoomInput::Leave { peer, id, reason } => self.leave(peer, id, reason),
            RoomInput::Lost(session) => self.lost(session),
            RoomInput::Back(returned) => self.back(*returned),
            RoomInput::Silent { session, is_silent } => self.silent(session, is_silent),
            RoomInput::Ack {
                session,
                epoch,
                seq,
                count,
            } => self.acked(session, epoch, seq, count),
            RoomInput::Message {
                peer,
                payload,
                id,
                since,
            } => self.message(peer, payload.into_bytes(), id, since),
            RoomInput::StateRequest { peer, view } => self.state_request(&peer, &view),
            RoomInput::Renamed { session, name } => self.rename(session, name),
            RoomInput::Stored { operation, answer } => self.stored(operation, answer),
            RoomInput::Roles { session, roles } => self.change_roles(session, roles),
            RoomInput::Signal { name, payload } => {
                let payload = payload.into_bytes().into();
                let signal = wit::Signal { name, payload };
                self.hold(wit::Event::Signal(signal), Origin::Room);
            }
            RoomInput::Remove(member) => self.remove_by_order(member),
            RoomInput::Order(_) => debug_assert!(false, "orders are for the room's task"),
            RoomInput::Shutdown if self.durability != Durability::None => self.is_suspended = true,
            RoomInput::Shutdown => self.close(
                ErrorCode::ServerDraining.as_str(),
                "the server is stopping; come back soon",
            ),
        }
    }

    /// Brings about what is due: gathered messages, timers, the tick.
    pub(super) fn pass_time(&mut self, now: Instant) {
        self.pending.append(&mut self.own);
        for (timer, serial) in self.timers.take_due(self.clock.room_time_ms(now)) {
            self.queue(wit::Event::Timer(timer), Origin::Timer { serial });
        }
        let Some(tick) = self.clock.take_due(now) else {
            return;
        };
        self.metrics
            .tick(tick.lateness, tick.lateness > LATE_TICK, tick.merged);
        self.pending.append(&mut self.held);
        self.held_bytes = 0;
        let event = wit::Event::Tick(wit::Tick {
            number: tick.number,
            dt_ms: tick.dt_ms,
        });
        self.queue(event, Origin::Room);
    }

    /// Cuts the next batch from what waits. A batch ends before the first message of a member who joins in it: until
    /// the plugin has let the member in, there is nothing it may say.
    pub(super) fn next_batch(&mut self, now: Instant) -> Option<(Vec<Origin>, BatchInput)> {
        // No more than it takes: events are kept for as long as the room may have to go back.
        let expected = self.pending.len().min(BATCH_EVENTS_MAX);
        let mut origins = Vec::with_capacity(expected);
        let mut events = Vec::with_capacity(expected);
        let mut joining: Vec<u32> = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.pending.front() {
            if let Origin::Message { member, .. } = next.origin
                && joining.contains(&member)
            {
                break;
            }
            bytes += next.event.payload_bytes();
            if events.len() == BATCH_EVENTS_MAX || (bytes > BATCH_BYTES_MAX && !events.is_empty()) {
                break;
            }
            let Some(next) = self.pending.pop_front() else {
                break;
            };
            if let Origin::Join { member } = next.origin {
                joining.push(member);
            }
            // A member who was refused, or kicked, after it said this: it is as if it had not.
            if let Origin::Message {
                member, peer, id, ..
            } = &next.origin
                && self.roster.get(*member).is_none()
            {
                self.refuse_stranger(peer, *id);
                continue;
            }
            events.push(next.event);
            origins.push(next.origin);
        }
        (!events.is_empty()).then(|| {
            let input = BatchInput {
                now_ms: self.clock.room_time_ms(now),
                tick: self.clock.tick(),
                events,
            };
            (origins, input)
        })
    }

    /// Whether more waits for the plugin.
    pub(super) fn has_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// When something will be due without any input.
    /// `empty_grace` is for how long the room may be empty; `None` where nothing more comes of that.
    pub(super) fn next_wake(&self, empty_grace: Option<Duration>) -> Option<Instant> {
        let timer = self
            .timers
            .next_due_ms()
            .map(|ms| self.clock.instant_of(ms));
        let states = self
            .views
            .is_dirty()
            .then(|| self.state_pace.next_due())
            .flatten();
        let presence = self
            .is_presence_dirty
            .then(|| self.presence_sent.map(|sent| sent + PRESENCE_INTERVAL))
            .flatten();
        let empty = self
            .empty_since
            .zip(empty_grace)
            .map(|(since, grace)| since + grace);
        let own = (!self.own.is_empty()).then(|| self.clock.instant_of(0));
        let load = self.load.as_ref().and_then(Load::next_due);
        [
            self.clock.next_due(),
            timer,
            states,
            presence,
            empty,
            own,
            load,
            self.ring.next_expiry(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Lets time have passed while the room slept.
    pub(super) fn pass_sleep(&mut self, slept: Duration) {
        let slept_ms = u64::try_from(slept.as_millis()).unwrap_or(u64::MAX);
        let room_time_ms = self.clock.room_time_ms(self.now).saturating_add(slept_ms);
        self.clock.set(self.now, room_time_ms, self.clock.tick());
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self, now: Instant) -> Option<Instant> {
        let due = self.timers.next_due_ms()?;
        Some(self.clock.instant_of(due).max(now))
    }

    /// Sends the states and the count of members that are due.
    pub(super) fn flush(&mut self, now: Instant) {
        let tick = self.clock.tick();
        if self.views.is_dirty() && self.state_pace.is_due(now, tick) {
            self.state_pace.sent(now, tick);
            self.views.flush(&self.roster, &self.fanout, &self.place());
        }
        let is_presence_due = self
            .presence_sent
            .is_none_or(|sent| sent + PRESENCE_INTERVAL <= now);
        if self.is_presence_dirty && is_presence_due {
            self.is_presence_dirty = false;
            self.presence_sent = Some(now);
            self.send_presence_count();
        }
    }

    /// Whether the room has been empty for longer than `grace`.
    pub(super) fn is_deserted(&mut self, now: Instant, grace: Duration) -> bool {
        if !self.roster.is_empty() {
            self.empty_since = None;
            return false;
        }
        let since = *self.empty_since.get_or_insert(now);
        now.duration_since(since) >= grace
    }

    /// Ends the room: everybody is told why.
    pub(super) fn close(&mut self, code: &str, message: &str) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        let frame = ServerFrame::RoomClosed(server::RoomClosed {
            room: self.identity.name.to_string(),
            code: code.to_owned(),
            message: message.to_owned(),
        });
        // What waits is answered before its sender is told that the room is gone.
        let waiting = std::mem::take(&mut self.pending).into_iter();
        for waiting in waiting.chain(std::mem::take(&mut self.held)) {
            match &waiting.origin {
                Origin::Message { peer, id, .. } => {
                    self.refuse(peer, ErrorCode::RoomClosed.as_str(), CLOSED, *id);
                }
                Origin::Join { member } => {
                    if let Some(gone) = self.remove(*member) {
                        let code = ErrorCode::RoomClosed.as_str();
                        let refusal = self.error(code, CLOSED, gone.join_id);
                        self.dismiss(&gone.peer, refusal);
                    }
                }
                Origin::Leave { .. }
                | Origin::Kick { .. }
                | Origin::Absence { .. }
                | Origin::Change { .. }
                | Origin::Resync { .. }
                | Origin::Timer { .. }
                | Origin::Stored { .. }
                | Origin::Resend
                | Origin::Room => {}
            }
        }
        for id in self.roster.ids() {
            if let Some(member) = self.remove(id) {
                self.dismiss(&member.peer, frame.clone());
            }
        }
        self.own.clear();
    }

    pub(super) fn place(&self) -> Place {
        Place {
            room: Arc::clone(&self.identity.name),
            epoch: self.epoch,
            seq: self.seq,
        }
    }

    /// Tells a session that it is in this room no more, and its client by this last frame. The session knows it first, so
    /// that what the client answers to the frame finds it out of the room.
    pub(super) fn dismiss(&self, peer: &Peer, last: ServerFrame) {
        self.fanout.leave(Leaving::Forget {
            outbox: Arc::clone(&peer.outbox),
            room: Arc::clone(&self.identity.name),
        });
        let control = Control::LeftRoom(Arc::clone(&self.identity.name));
        self.fanout.tell(peer, control);
        self.fanout.send([peer], last);
    }

    /// Whether the number of members is published.
    pub(super) fn shows_count(&self) -> bool {
        self.version.description.presence != wit::Presence::None && !self.names_members()
    }

    /// Whether members are named to each other, or only counted.
    pub(super) fn names_members(&self) -> bool {
        self.version.description.presence == wit::Presence::Full && !self.is_counted
    }

    /// Once there were too many members to name them all, they are only counted: whoever was told of some would
    /// otherwise never hear what became of them.
    pub(super) fn note_size(&mut self) {
        self.is_counted |= self.roster.admitted_count() > MEMBERS_SHOWN_MAX;
    }

    /// Refuses what somebody sent who is not, or no longer, in the room.
    pub(super) fn refuse_stranger(&self, peer: &Peer, id: Option<u64>) {
        let message = "you are not in this room; join it first";
        self.refuse(peer, ErrorCode::NotInRoom.as_str(), message, id);
    }

    pub(super) fn refuse(&self, peer: &Peer, code: &str, message: &str, id: Option<u64>) {
        self.fanout.send([peer], self.error(code, message, id));
    }

    /// Refuses something without waiting for the disk, of which there is no word.
    pub(super) fn refuse_at_once(
        &self,
        peer: &Peer,
        code: ErrorCode,
        message: &str,
        id: Option<u64>,
    ) {
        let open = Fanout::new(Arc::clone(&self.metrics));
        open.send([peer], self.error(code.as_str(), message, id));
    }

    pub(super) fn error(&self, code: &str, message: &str, id: Option<u64>) -> ServerFrame {
        ServerFrame::Error(server::Error {
            code: code.to_owned(),
            message: message.to_owned(),
            id,
            room: Some(self.identity.name.to_string()),
        })
    }

    /// Queues what the plugin brought about itself.
    pub(super) fn queue_own(&mut self, event: wit::Event, origin: Origin) {
        self.own.push_back(Pending { event, origin });
    }

    pub(super) fn queue(&mut self, event: wit::Event, origin: Origin) {
        self.pending.push_back(Pending { event, origin });
    }

    fn message(&mut self, peer: Peer, payload: Bytes, id: Option<u64>, since: std::time::Instant) {
        let Some(member) = self.roster.of_session(peer.session) else {
            return self.refuse_stranger(&peer, id);
        };
        let member_record = self.roster.get(member);
        let is_new = id.is_none_or(|id| member_record.is_some_and(|it| it.inputs.is_new(id)));
        // Before the id is looked at, since nothing of it is kept. What was sent before may still come to be applied.
        if self.is_without_storage && is_new {
            let code = ErrorCode::StorageUnavailable;
            return self.refuse_at_once(&peer, code, NO_STORAGE, id);
        }
        let bounds = self.settings.mailbox;
        if self.held.len() >= bounds.items_max || self.held_bytes + payload.len() > bounds.bytes_max
        {
            self.status.note_refusal();
            return self.refuse(&peer, ErrorCode::RoomBusy.as_str(), BUSY, id);
        }
        if let Some(id) = id
            && let Some(record) = self.roster.get_mut(member)
        {
            let admission = match (record.inputs.admit(id), self.settings.test_break) {
                (Admission::Answered(_), Some(TestBreak::ApplyTwice)) => Admission::New,
                (admission, _) => admission,
            };
            let repeat = match admission {
                Admission::New => None,
                Admission::Waiting => return,
                Admission::Answered(answer) => Some(*answer),
                Admission::Forgotten => Some(ServerFrame::Reply(server::Reply {
                    room: Some(self.identity.name.to_string()),
                    id,
                    data: None,
                    epoch: Some(self.epoch),
                    seq: None,
                    tick: None,
                    repeat: Some(true),
                })),
                Admission::OutOfOrder => Some(self.error(
                    ErrorCode::OutOfOrderId.as_str(),
                    "ids begin at 1 and rise; this was not applied, send it again under a new id",
                    Some(id),
                )),
            };
            if let Some(answer) = repeat {
                return self.fanout.send([&peer], answer);
            }
        }
        let payload_bytes_max = self.version.limits.payload_bytes_max;
        if payload.len() > payload_bytes_max {
            let text = format!(
                "this room takes at most {payload_bytes_max} bytes of MessagePack a message; send less"
            );
            let frame = self.error(ErrorCode::PayloadTooLarge.as_str(), &text, id);
            return self.answer(member, &peer, id, frame);
        }
        let event = wit::Event::Message(wit::Message {
            member,
            // Nobody else has it, so that it need not be copied.
            payload: payload.into(),
            id,
        });
        let origin = Origin::Message {
            member,
            peer,
            id,
            since,
        };
        self.hold(event, origin);
    }

    /// Sends the answer to an input to whoever sent it, by the connection it has now, and keeps it if the input had an id.
    pub(super) fn answer(&mut self, member: u32, peer: &Peer, id: Option<u64>, frame: ServerFrame) {
        let Some(record) = self.roster.get_mut(member) else {
            return self.fanout.send([peer], frame);
        };
        if let Some(id) = id {
            record.inputs.answer(id, frame.clone());
        }
        if self.settings.test_break == Some(TestBreak::ReplyTwice) {
            self.fanout.send([&record.peer], frame.clone());
        }
        self.fanout.send([&record.peer], frame);
    }

    /// Whether what members say is handed over with the next tick.
    pub(super) fn is_on_tick(&self) -> bool {
        self.version.description.delivery == wit::Delivery::OnTick
    }

    /// Queues what an on-tick room hands over with its next tick.
    pub(super) fn hold(&mut self, event: wit::Event, origin: Origin) {
        let queue = if self.is_on_tick() {
            self.held_bytes += event.payload_bytes();
            &mut self.held
        } else {
            &mut self.pending
        };
        queue.push_back(Pending { event, origin });
    }

    fn state_request(&mut self, peer: &Peer, view: &str) {
        let member = self.roster.of_session(peer.session);
        let Some(member) = member.and_then(|id| self.roster.get(id)) else {
            return self.refuse_stranger(peer, None);
        };
        if self.is_without_storage {
            let code = ErrorCode::StorageUnavailable;
            return self.refuse_at_once(peer, code, NO_STORAGE, None);
        }
        if member.is_admitted && view == PRESENCE_VIEW && self.shows_count() {
            // It goes to everybody, which is rarer than once a second and spares a second way to send it.
            self.is_presence_dirty = true;
            return;
        }
        if !member.is_admitted
            || !self
                .views
                .send_one(view, member, &self.fanout, &self.place())
        {
            let message = "this room shows you no such view";
            self.refuse(peer, ErrorCode::ViewNotFound.as_str(), message, None);
        }
    }
}
