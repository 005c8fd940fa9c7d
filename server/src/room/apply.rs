//! What a room does with what its plugin asked for, and what members are told of each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use parlor_proto::{ErrorCode, Member, Payload, ServerFrame, server};
use tokio::time::Instant;

use super::core::RoomCore;
use super::delivery::Delivery;
use super::handle::LeaveReason;
use super::origin::Origin;
use super::roster::{MemberRecord, seat_to_frame};
use super::views::{Place, VIEWS_BYTES_MAX, VIEWS_MAX};
use crate::fanout::Encoded;
use crate::plugin::{Action, Audience, Effect, Ran, Refusal, ViewAudience, wit};
use crate::release::Leaving;
use crate::session::outbox::StateKey;
use crate::storage::OperationId;
use crate::telemetry::Stage;
use crate::view_frames::ViewFrames;

/// The host's own view where members are counted and not named.
pub(super) const PRESENCE_VIEW: &str = "$presence";

/// How far the effects of a step have been applied.
struct Step<'a> {
    batch: &'a [Origin],
    /// What the plugin answers, by event.
    answers: Vec<Option<Result<Payload, Refusal>>>,
    /// The joins it refuses.
    rejected: Vec<usize>,
    /// How many events were announced.
    announced: usize,
    /// How many were answered.
    replied: usize,
    /// Whom it let in.
    newcomers: Vec<u32>,
}

impl RoomCore {
    /// Applies what came of a batch, step by step, and what failed in its place.
    pub(super) fn apply(&mut self, batch: &[Origin], ran: Ran, now_ms: u64) {
        self.fanout.begin_burst();
        self.applied = Instant::now().into_std();
        let mut set_aside = ran.set_aside.iter().peekable();
        for step in ran.steps {
            while let Some(event) = set_aside.next_if(|event| **event < step.events.start) {
                self.fail_event(&batch[*event]);
            }
            self.apply_step(step.batch.step, &batch[step.events], step.effects, now_ms);
        }
        for event in set_aside {
            self.fail_event(&batch[*event]);
        }
        if ran.is_lost {
            self.close(
                ErrorCode::PluginFailed.as_str(),
                "the room's plugin failed and could not be restored; its author was told",
            );
        }
    }

    /// Applies the effects of opening the room, when nobody is in it yet.
    pub(super) fn apply_opening(&mut self, effects: Vec<Effect>) {
        self.apply_step(0, &[], effects, 0);
    }

    /// One step: each event is announced before the effects that answer it, and replies come last, when all that the
    /// inputs brought about is on its way; but before somebody who said something is let out.
    fn apply_step(&mut self, number: u64, batch: &[Origin], effects: Vec<Effect>, now_ms: u64) {
        let mut step = Step {
            batch,
            answers: vec![None; batch.len()],
            rejected: Vec::new(),
            announced: 0,
            replied: 0,
            newcomers: Vec::new(),
        };
        let mut others = Vec::with_capacity(effects.len());
        for (index, Effect { cause, action }) in (0..).zip(effects) {
            match (action, cause) {
                (Action::Reply(answer), Some(cause)) => {
                    step.answers[cause].get_or_insert(answer);
                }
                (action, cause) => {
                    if let (Action::Reject(_), Some(cause)) = (&action, cause) {
                        step.rejected.push(cause);
                    }
                    others.push((index, action, cause));
                }
            }
        }
        for (index, action, cause) in others {
            self.announce_up_to(cause.map_or(batch.len(), |cause| cause + 1), &mut step);
            match (action, cause) {
                (Action::Reject(refusal), Some(cause)) => self.reject(&batch[cause], &refusal),
                (Action::Kv { operation, request }, _) => {
                    let id = OperationId {
                        epoch: self.epoch,
                        step: number,
                        index,
                    };
                    self.ask_storage(id, operation, request);
                }
                (action, _) => self.act(action, now_ms),
            }
        }
        self.announce_up_to(batch.len(), &mut step);
        self.reply_up_to(batch.len(), &mut step);
        self.welcome(&step.newcomers);
        if let Some((code, message)) = self.closing.take() {
            self.close(code.as_str(), &message);
        }
    }

    fn announce_up_to(&mut self, end: usize, step: &mut Step<'_>) {
        while step.announced < end {
            let origin = &step.batch[step.announced];
            if matches!(origin, Origin::Leave { .. }) {
                self.reply_up_to(step.announced, step);
            }
            let is_rejected = step.rejected.contains(&step.announced);
            self.announce(origin, is_rejected, &mut step.newcomers);
            step.announced += 1;
        }
    }

    fn reply_up_to(&mut self, end: usize, step: &mut Step<'_>) {
        while step.replied < end {
            let answer = step.answers[step.replied].take();
            self.reply(&step.batch[step.replied], answer);
            step.replied += 1;
        }
    }

    /// Tells the members about an event that concerns them.
    fn announce(&mut self, origin: &Origin, is_rejected: bool, newcomers: &mut Vec<u32>) {
        match origin {
            Origin::Join { member } if !is_rejected => {
                self.admit(*member);
                newcomers.push(*member);
            }
            Origin::Leave {
                member,
                peer,
                id,
                reason,
            } => {
                let label = match reason {
                    LeaveReason::Left => "left",
                    LeaveReason::Disconnected => "disconnected",
                    LeaveReason::Expelled | LeaveReason::Removed => "kicked",
                };
                if let Some(gone) = self.let_out(*member, peer, *id, *reason) {
                    self.announce_departure(gone, label);
                }
            }
            Origin::Kick {
                member: Some(member),
            } => self.announce_departure(member.clone(), "kicked"),
            Origin::Absence { member, is_absent } => self.announce_absence(*member, *is_absent),
            Origin::Change {
                member,
                name,
                roles,
            } => self.announce_latest(*member, name, roles),
            Origin::Resync { member, fresh } => self.announce_fresh(*member, fresh),
            Origin::Join { .. }
            | Origin::Kick { member: None }
            | Origin::Message { .. }
            | Origin::Timer { .. }
            | Origin::Resend
            | Origin::Room => {}
            Origin::Stored { id } => self.note_answered(*id),
        }
    }

    /// Tells everybody who is gone.
    fn announce_departure(&mut self, member: Member, reason: &str) {
        if self.names_members() {
            self.publish(&Audience::Everyone, |place| {
                ServerFrame::UserLeft(server::UserLeft {
                    room: place.room.to_string(),
                    member,
                    reason: Some(reason.to_owned()),
                    epoch: place.epoch,
                    seq: place.seq,
                })
            });
        }
        self.note_presence();
    }

    /// Lets a newcomer in: tells it where it is, and the others that it came.
    fn admit(&mut self, id: u32) {
        let seq = self.seq;
        let Some(member) = self.roster.get_mut(id) else {
            // It left again while the plugin was being asked.
            return;
        };
        member.is_admitted = true;
        member.delivery = Delivery::from(seq);
        let join_id = member.join_id.take();
        self.note_size();
        let Some(member) = self.roster.get(id) else {
            return;
        };
        self.fanout
            .send([&member.peer], self.joined_frame(member, join_id));
        if self.names_members() {
            let member = member.to_frame();
            self.publish(&Audience::Except(vec![id]), |place| {
                ServerFrame::UserJoined(server::UserJoined {
                    room: place.room.to_string(),
                    member,
                    reason: None,
                    epoch: place.epoch,
                    seq: place.seq,
                })
            });
        }
        self.note_presence();
    }

    /// What a member is told of the room it is in.
    pub(super) fn joined_frame(&self, member: &MemberRecord, id: Option<u64>) -> ServerFrame {
        let identity = &self.identity;
        let description = &self.version.description;
        ServerFrame::RoomJoined(server::RoomJoined {
            room: identity.name.to_string(),
            code: identity.code.clone(),
            plugin: description.name.clone(),
            version: description.version.clone(),
            digest: self.version.digest.to_string(),
            durability: self.durability,
            you: Member {
                away: false,
                ..member.to_frame()
            },
            members: self.members_shown(member.id),
            member_count: if description.presence == wit::Presence::None {
                0
            } else {
                self.roster.admitted_count() as u64
            },
            epoch: self.epoch,
            seq: self.seq,
            last_id: member.inputs.answered_id(),
            id,
        })
    }

    /// The members that a member is told of. It is there itself, though the others may not have been told so yet.
    pub(super) fn members_shown(&self, to: u32) -> Vec<Member> {
        if self.version.description.presence != wit::Presence::Full {
            return Vec::new();
        }
        let mut members = self.roster.shown();
        if let Some(own) = members.iter_mut().find(|it| it.id == to) {
            own.away = false;
        }
        members
    }

    /// Sends newcomers the views, as they are after the step that let them in.
    fn welcome(&mut self, newcomers: &[u32]) {
        for id in newcomers {
            if let Some(member) = self.roster.get(*id) {
                self.views.send_all(member, &self.fanout, &self.place());
            }
        }
    }

    fn reject(&mut self, origin: &Origin, refusal: &Refusal) {
        let Origin::Join { member } = *origin else {
            return;
        };
        if let Some(gone) = self.remove(member) {
            let frame = self.error(&refusal.code, &refusal.message, gone.join_id);
            self.dismiss(&gone.peer, frame);
        }
    }

    fn reply(&mut self, origin: &Origin, answer: Option<Result<Payload, Refusal>>) {
        let Origin::Message {
            member,
            peer,
            id,
            since,
        } = origin
        else {
            return;
        };
        self.input_times
            .applied(self.applied.saturating_duration_since(*since));
        let frame = match (answer, *id) {
            (Some(Err(refusal)), id) => self.error(&refusal.code, &refusal.message, id),
            // Without an id nobody could tell what the answer answers.
            (_, None) => return,
            (answer, Some(id)) => ServerFrame::Reply(server::Reply {
                room: Some(self.identity.name.to_string()),
                id,
                data: answer.and_then(Result::ok),
                epoch: Some(self.epoch),
                seq: Some(self.seq),
                tick: Some(self.clock.tick()),
                repeat: None,
            }),
        };
        self.answer(*member, peer, *id, frame);
    }

    /// Tells the sender of an event that the plugin failed on it.
    fn fail_event(&mut self, origin: &Origin) {
        match origin {
            Origin::Message {
                member, peer, id, ..
            } => {
                let frame = self.error(
                    ErrorCode::PluginFailed.as_str(),
                    "the room's plugin failed on this message; it was not applied",
                    *id,
                );
                self.answer(*member, peer, *id, frame);
            }
            Origin::Join { .. } => self.reject(
                origin,
                &Refusal {
                    code: ErrorCode::PluginFailed.as_str().to_owned(),
                    message: "the room's plugin failed on your joining".to_owned(),
                },
            ),
            // Whoever wants out is let out, whatever the plugin makes of it.
            Origin::Leave { .. }
            | Origin::Kick { .. }
            | Origin::Absence { .. }
            | Origin::Change { .. }
            | Origin::Resync { .. }
            | Origin::Stored { .. } => self.announce(origin, false, &mut Vec::new()),
            Origin::Timer { .. } | Origin::Resend | Origin::Room => {}
        }
    }

    pub(super) fn act(&mut self, action: Action, now_ms: u64) {
        match action {
            Action::Send { to, from, payload } => self.send_message(&to, from, payload),
            // Nobody would ever see it, and nobody's leaving would ever take it away again.
            Action::State {
                audience: ViewAudience::Member(member),
                ..
            } if self.roster.get(member).is_none() => self.metrics.sends_to_departed(1),
            Action::State {
                view,
                audience,
                value,
            } => {
                let tick = self.clock.tick();
                let publish = || self.views.publish(&view, audience, &value, tick);
                if !self.metrics.time(Stage::Diff, publish) {
                    tracing::error!(room = %self.identity.name, plugin = %self.version.label, "the room has more than {VIEWS_MAX} views, or they take more than {VIEWS_BYTES_MAX} bytes");
                    let message = "the room's plugin publishes more than a room may hold";
                    self.closing = Some((ErrorCode::PluginFailed, message.to_owned()));
                }
            }
            Action::DropState { view, audience } => self.views.withdraw(&view, audience),
            Action::Kick { member, reason } => self.kick(member, &reason),
            Action::SetSeat { member, seat } => self.set_seat(member, seat),
            Action::SetTimer { timer, after_ms } => {
                let due_ms = now_ms.saturating_add(after_ms);
                if !self.timers.set(timer, due_ms) {
                    tracing::warn!(room = %self.identity.name, plugin = %self.version.label, timer, "too many timers; this one was not set");
                }
            }
            Action::CancelTimer(timer) => self.timers.cancel(timer),
            Action::Lock(is_locked) => self.status.set_locked(is_locked),
            Action::Metadata(metadata) => {
                self.metadata = metadata.clone();
                self.fanout.leave(Leaving::Metadata {
                    status: Arc::clone(&self.status),
                    metadata,
                });
            }
            Action::Close(reason) => self.closing = Some((ErrorCode::RoomClosed, reason)),
            Action::Kv { .. } => unreachable!("the step gives operations their names"),
            Action::Reply(_) | Action::Reject(_) => {
                unreachable!("the plugin host lets answers through only with a cause")
            }
        }
    }

    fn send_message(&mut self, to: &Audience, from: Option<u32>, payload: Payload) {
        if let Audience::Only(ids) = to {
            let gone = ids.iter().filter(|id| self.roster.get(**id).is_none());
            self.metrics.sends_to_departed(gone.count());
        }
        self.publish(to, |place| {
            ServerFrame::RoomMessage(server::RoomMessage {
                room: place.room.to_string(),
                data: payload,
                from,
                epoch: place.epoch,
                seq: place.seq,
            })
        });
    }

    /// Sends a reliable frame: it gets the next number, goes to those of the audience who are connected, and is kept for
    /// those who are not.
    fn publish(&mut self, to: &Audience, frame: impl FnOnce(Place) -> ServerFrame) {
        self.seq += 1;
        let encoded = Encoded::new(frame(self.place()));
        let recipients = self.roster.recipients(to);
        let (seq, fanout) = (self.seq, &self.fanout);
        self.roster.for_each(&recipients, |member| {
            member.delivery.sent(seq);
            if member.is_reached() {
                fanout.deliver(&member.peer, &encoded);
            }
        });
        self.ring.push(seq, recipients, encoded, self.now);
    }

    pub(super) fn kick(&mut self, member: u32, reason: &str) {
        let Some(gone) = self.expel(member) else {
            return;
        };
        self.refuse(&gone.peer, ErrorCode::Kicked.as_str(), reason, None);
        let frame = ServerFrame::RoomLeft(server::RoomLeft {
            room: self.identity.name.to_string(),
            id: None,
        });
        self.dismiss(&gone.peer, frame);
    }

    fn set_seat(&mut self, id: u32, seat: wit::Seat) {
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        if member.seat == seat {
            return;
        }
        self.status.unseat(seat_to_frame(member.seat));
        self.status.seat(seat_to_frame(seat));
        member.seat = seat;
        if member.is_admitted {
            self.announce_change(id, "seat", &Audience::Everyone);
            if let Some(member) = self.roster.get(id) {
                self.views.reseat(member);
            }
        }
    }

    /// Tells others what a member is now.
    pub(super) fn announce_change(&mut self, id: u32, reason: &str, to: &Audience) {
        if !self.names_members() {
            return;
        }
        let Some(member) = self.roster.get(id).map(MemberRecord::to_frame) else {
            return;
        };
        self.publish(to, |place| {
            ServerFrame::UserChanged(server::UserChanged {
                room: place.room.to_string(),
                member,
                reason: Some(reason.to_owned()),
                epoch: place.epoch,
                seq: place.seq,
            })
        });
    }

    /// Remembers that the count of members is to be told, where they are not named.
    fn note_presence(&mut self) {
        if self.shows_count() {
            self.presence_version += 1;
            self.is_presence_dirty = true;
        }
    }

    /// Tells everybody how many members there are.
    pub(super) fn send_presence_count(&mut self) {
        let count = self.roster.admitted_count();
        let Ok(state) = Payload::from_serde(&BTreeMap::from([("count", count)])) else {
            return;
        };
        let place = self.place();
        let frame = server::RoomState {
            room: place.room.to_string(),
            epoch: place.epoch,
            tick: self.clock.tick(),
            view: PRESENCE_VIEW.to_owned(),
            version: self.presence_version,
            as_of: place.seq,
            hash: state.state_hash(),
            handle: self.presence_handle.get(),
            state,
        };
        let key = StateKey {
            room: Arc::clone(&place.room),
            view: PRESENCE_VIEW.into(),
        };
        let peers = self.roster.reached().map(|it| &it.peer);
        let state = ViewFrames::whole(self.fanout.metrics(), frame);
        self.fanout.send_state(peers, &key, state);
    }
}
