//! Members whose connection comes and goes: the seat is kept, the others are told, and who comes back goes on exactly
//! where it was, or is reset.

use std::time::Duration;

use parlor_proto::{ResumedRoom, ServerFrame, server};

use super::core::RoomCore;
use super::delivery::{Delivery, ResetReason};
use super::handle::{Claim, LeaveReason, Return};
use super::origin::{Fresh, Origin};
use super::roster::MemberRecord;
use crate::breakage::TestBreak;
use crate::plugin::{Audience, wit};
use crate::release::Leaving;
use crate::session::SessionId;
use crate::session::outbox::Control;

impl RoomCore {
    /// A session's connection is lost: nothing is sent to it any more, and its seat is kept.
    pub(super) fn lost(&mut self, session: SessionId) {
        self.change_absence(session, |member| member.is_connected = false);
    }

    /// A session's connection went silent, or is no longer.
    pub(super) fn silent(&mut self, session: SessionId, is_silent: bool) {
        self.change_absence(session, |member| member.is_silent = is_silent);
    }

    /// A session has a new connection.
    pub(super) fn back(&mut self, returned: Return) {
        let Return {
            peer,
            name,
            roles,
            claim,
        } = returned;
        let member = self.roster.of_session(peer.session);
        let Some(id) = member.filter(|id| self.keeps_permission(*id, &roles)) else {
            let id = match claim {
                Claim::Nothing { id } => id,
                Claim::Position { .. } => None,
            };
            if let Some(member) = member.and_then(|id| self.roster.get_mut(id)) {
                member.peer = peer.clone();
                return self.leave(peer, id, LeaveReason::Expelled);
            }
            let room = self.identity.name.clone();
            let control = match claim {
                Claim::Nothing { .. } => Control::JoinBounced(room),
                // It is left out of `resumed`, and the client joins anew.
                Claim::Position { .. } => Control::LeftRoom(room),
            };
            self.fanout.tell(&peer, control);
            return;
        };
        self.take_roles(id, roles);
        self.take_name(id, name);
        self.withdraw_reset(id);
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        member.peer = peer;
        match claim {
            // The answer to the join that is on its way goes to the new connection.
            Claim::Nothing { id: join_id } if !member.is_admitted => member.join_id = join_id,
            Claim::Nothing { id: join_id } => self.start_afresh(id, Fresh::Join(join_id)),
            Claim::Position { .. } if !member.is_admitted => {}
            Claim::Position { epoch, seq, answer } => {
                let resumed = ResumedRoom {
                    room: self.identity.name.to_string(),
                    epoch: self.epoch,
                    seq: self.seq,
                    last_id: member.inputs.answered_id(),
                };
                // Before anything is sent, and whether or not the session still waits for it.
                self.fanout.leave(Leaving::answer(answer, resumed));
                self.go_on(id, epoch, seq);
            }
        }
        if let Some(session) = self.roster.get(id).map(|it| it.peer.session) {
            self.change_absence(session, |member| {
                member.is_connected = true;
                member.is_silent = false;
            });
        }
    }

    /// Takes a member's word for what arrived.
    pub(super) fn acked(&mut self, session: SessionId, epoch: u64, seq: u64, count: u64) {
        let place = self.seq;
        let Some(id) = self.roster.of_session(session) else {
            return;
        };
        let Some(member) = self.roster.get_mut(id).filter(|it| it.is_admitted) else {
            return;
        };
        if epoch != self.epoch || !member.is_reached() {
            // About a history, or a connection, that is over, or is about to be.
            return;
        }
        let acked = member.delivery.acked((seq, count), (id, place), &self.ring);
        let Err(reason) = acked else {
            self.is_ring_settled = false;
            return;
        };
        // A reset costs a step and all views. Who is wrong again at once is told by its next ack.
        let now = self.now;
        if member.reset_at.is_none_or(|at| at + RESET_INTERVAL <= now) {
            member.reset_at = Some(now);
            self.start_afresh(id, Fresh::Reset(reason));
        }
    }

    /// Lets go of frames that are too old, or that everybody has.
    pub(super) fn trim_ring(&mut self) {
        self.ring.expire(self.now);
        if std::mem::replace(&mut self.is_ring_settled, true) {
            return;
        }
        let settled = self.roster.settled_up_to().unwrap_or(self.seq);
        self.ring.forget_up_to(settled);
    }

    /// Sends a member what it missed, or where it is to start afresh.
    fn go_on(&mut self, id: u32, epoch: u64, seq: u64) {
        let Some(member) = self.roster.get(id) else {
            return;
        };
        let check = if epoch == self.epoch {
            member.delivery.check(seq, (id, self.seq), &self.ring)
        } else {
            Err(ResetReason::EpochChanged)
        };
        let check = match self.settings.test_break {
            Some(TestBreak::ResetNeedless) => Err(ResetReason::WindowExceeded),
            _ => check,
        };
        if let Err(reason) = check {
            return self.start_afresh(id, Fresh::Reset(reason));
        }
        self.metrics.room_resumed("exact");
        self.fanout.begin_burst();
        self.replay(member, seq);
        self.views.send_all(member, &self.fanout, &self.place());
    }

    fn replay(&self, member: &MemberRecord, seq: u64) {
        let mut missed: Vec<_> = self.ring.after(seq, member.id).collect();
        match self.settings.test_break {
            Some(TestBreak::ResumeSkipOne) if !missed.is_empty() => drop(missed.remove(0)),
            Some(TestBreak::ResumeRepeatOne) if !missed.is_empty() => missed.push(missed[0]),
            Some(TestBreak::ResumeSwap) if missed.len() > 1 => missed.swap(0, 1),
            _ => {}
        }
        self.metrics.frames_replayed(missed.len());
        for frame in missed {
            self.fanout.deliver(&member.peer, frame);
        }
    }

    /// Has a member begin anew with the next step, so that the room's journal knows of it. Until then nothing is sent to it.
    fn start_afresh(&mut self, id: u32, fresh: Fresh) {
        if let Some(member) = self.roster.get_mut(id) {
            member.is_resetting = true;
            self.queue(wit::Event::Resync(id), Origin::Resync { member: id, fresh });
        }
    }

    /// Takes back what an earlier connection of a member was still to begin anew with: where it stands is decided by what
    /// the connection that it has now says.
    fn withdraw_reset(&mut self, id: u32) {
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        if std::mem::take(&mut member.is_resetting) {
            let is_it = |it: &Origin| matches!(it, Origin::Resync { member, .. } if *member == id);
            self.pending.retain(|it| !is_it(&it.origin));
        }
    }

    /// Tells a member what it begins anew with.
    pub(super) fn announce_fresh(&mut self, id: u32, fresh: &Fresh) {
        let seq = self.seq;
        let members = self.members_shown(id);
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        member.is_resetting = false;
        self.is_ring_settled = false;
        member.delivery = match fresh {
            Fresh::Reset(reason) => Delivery::reset(seq, *reason),
            Fresh::Join(_) => Delivery::from(seq),
        };
        let Some(member) = self.roster.get(id) else {
            return;
        };
        let frame = match fresh {
            Fresh::Reset(reason) => {
                self.metrics.room_resumed(reason.label());
                tracing::debug!(room = %self.identity.name, member = id, reason = reason.label(), "reset");
                ServerFrame::Reset(server::Reset {
                    room: self.identity.name.to_string(),
                    epoch: self.epoch,
                    seq,
                    last_id: member.inputs.answered_id(),
                    members,
                    reason: reason.label().to_owned(),
                })
            }
            Fresh::Join(join_id) => self.joined_frame(member, *join_id),
        };
        if member.is_connected {
            self.fanout.send([&member.peer], frame);
            self.views.send_all(member, &self.fanout, &self.place());
        }
    }

    /// Changes whether a member is there, and has the plugin and the others told if that makes a difference to them.
    fn change_absence(&mut self, session: SessionId, change: impl FnOnce(&mut MemberRecord)) {
        let Some(id) = self.roster.of_session(session) else {
            return;
        };
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        let was_absent = member.is_absent();
        change(member);
        let is_absent = member.is_absent();
        if was_absent == is_absent {
            return;
        }
        let event = if is_absent {
            wit::Event::Away(id)
        } else {
            wit::Event::Back(id)
        };
        let origin = Origin::Absence {
            member: id,
            is_absent,
        };
        self.hold(event, origin);
    }

    /// Finds who of the members is there, in a room that just came back: nobody is connected, and those whose session is
    /// over are members no more.
    pub(super) fn find_absent(&mut self, is_there: impl Fn(SessionId) -> bool) {
        for id in self.roster.ids() {
            let Some(member) = self.roster.get(id) else {
                continue;
            };
            if !is_there(member.peer.session) {
                let peer = member.peer.clone();
                self.roster.put_back(peer.session, id);
                self.leave(peer, None, LeaveReason::Disconnected);
            } else if !member.is_away {
                let origin = Origin::Absence {
                    member: id,
                    is_absent: true,
                };
                self.hold(wit::Event::Away(id), origin);
            }
        }
    }

    /// Tells the others that a member is away, or back.
    pub(super) fn announce_absence(&mut self, id: u32, is_absent: bool) {
        let Some(member) = self.roster.get_mut(id).filter(|it| it.is_admitted) else {
            return;
        };
        if std::mem::replace(&mut member.is_away, is_absent) != is_absent {
            let reason = if is_absent { "away" } else { "back" };
            self.announce_change(id, reason, &Audience::Except(vec![id]));
        }
    }

    /// A session's user has other roles than before.
    pub(super) fn change_roles(&mut self, session: SessionId, roles: Vec<String>) {
        let Some(id) = self.roster.of_session(session) else {
            return;
        };
        if self.keeps_permission(id, &roles) {
            return self.take_roles(id, roles);
        }
        if let Some(peer) = self.roster.get(id).map(|it| it.peer.clone()) {
            self.leave(peer, None, LeaveReason::Expelled);
        }
    }

    /// Notes a member's roles, and tells the plugin if they are others.
    fn take_roles(&mut self, id: u32, roles: Vec<String>) {
        if self
            .roster
            .get(id)
            .is_some_and(|it| it.latest.roles != roles)
        {
            self.change(id, |latest| latest.roles = roles);
        }
    }

    /// Notes what a member is called, and tells the others if that is something else.
    fn take_name(&mut self, id: u32, name: String) {
        if self.roster.get(id).is_some_and(|it| it.latest.name != name) {
            self.change(id, |latest| latest.name = name);
        }
    }

    /// Whether a member may stay with the roles that its session has now, if they are others than before.
    fn keeps_permission(&self, id: u32, roles: &[String]) -> bool {
        self.roster.get(id).is_some_and(|member| {
            let action = match member.seat {
                wit::Seat::Player => wit::Action::Join,
                wit::Seat::Spectator => wit::Action::Watch,
            };
            member.latest.roles == roles || self.version.permits(action, roles)
        })
    }
}

/// A member's acks bring about a reset at most this often.
const RESET_INTERVAL: Duration = Duration::from_secs(1);
