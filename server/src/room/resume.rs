//! Members whose connection comes and goes: the seat is kept, the others are told, and who comes back goes on exactly
//! where it was, or is reset.

use std::time::Duration;

use parlor_proto::{ErrorCode, ResumedRoom, ServerFrame, server};

use super::core::{Origin, RoomCore};
use super::delivery::{Delivery, ResetReason};
use super::handle::{Claim, Return};
use super::roster::MemberRecord;
use crate::breakage::TestBreak;
use crate::plugin::{Audience, wit};
use crate::session::outbox::Control;
use crate::session::{Peer, SessionId};

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
        let Return { peer, roles, claim } = returned;
        let member = self.roster.of_session(peer.session);
        let Some(id) = member.filter(|id| self.keeps_permission(*id, &roles)) else {
            if let Claim::Nothing { id } = claim {
                return self.send_away(&peer, member, id);
            }
            if let Some(member) = member {
                self.expel_forbidden(member, &peer);
            }
            return;
        };
        self.take_roles(id, roles);
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        member.peer = peer;
        match claim {
            // The answer to the join that is on its way goes to the new connection.
            Claim::Nothing { id: join_id } if !member.is_admitted => member.join_id = join_id,
            Claim::Nothing { id: join_id } => self.take_in_again(id, join_id),
            Claim::Position { .. } if !member.is_admitted => {}
            Claim::Position { epoch, seq, answer } => {
                let resumed = ResumedRoom {
                    room: self.identity.name.to_string(),
                    epoch: self.identity.epoch,
                    seq: self.seq,
                    last_id: member.inputs.answered_id(),
                };
                // Before anything is sent, and whether or not the session still waits for it.
                let _ = answer.send(resumed);
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
        if epoch != self.identity.epoch || !member.is_connected {
            // About a history, or a connection, that is over.
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
            self.reset(id, reason);
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
        let check = if epoch == self.identity.epoch {
            member.delivery.check(seq, (id, self.seq), &self.ring)
        } else {
            Err(ResetReason::EpochChanged)
        };
        let check = match self.settings.test_break {
            Some(TestBreak::ResetNeedless) => Err(ResetReason::WindowExceeded),
            _ => check,
        };
        if let Err(reason) = check {
            return self.reset(id, reason);
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

    /// Gives a member a fresh start, here and now.
    fn reset(&mut self, id: u32, reason: ResetReason) {
        let seq = self.seq;
        let members = self.members_shown(id);
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        member.delivery = Delivery::reset(seq, reason);
        let frame = ServerFrame::Reset(server::Reset {
            room: self.identity.name.to_string(),
            epoch: self.identity.epoch,
            seq,
            last_id: member.inputs.answered_id(),
            members,
            reason: reason.label().to_owned(),
        });
        self.metrics.room_resumed(reason.label());
        tracing::debug!(room = %self.identity.name, member = id, reason = reason.label(), "reset");
        self.fanout.begin_burst();
        if let Some(member) = self.roster.get(id) {
            self.fanout.send([&member.peer], frame);
            self.views.send_all(member, &self.fanout, &self.place());
        }
        self.is_ring_settled = false;
        self.hold(wit::Event::Resync(id), Origin::Room);
    }

    /// A client that knows nothing of the room asks to join it, and is in it.
    fn take_in_again(&mut self, id: u32, join_id: Option<u64>) {
        let seq = self.seq;
        if let Some(member) = self.roster.get_mut(id) {
            member.delivery = Delivery::from(seq);
        }
        self.fanout.begin_burst();
        if let Some(member) = self.roster.get(id) {
            self.fanout
                .send([&member.peer], self.joined_frame(member, join_id));
            self.views.send_all(member, &self.fanout, &self.place());
        }
        self.is_ring_settled = false;
        self.hold(wit::Event::Resync(id), Origin::Room);
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
            self.expel_forbidden(id, &peer);
        }
    }

    /// Notes a member's roles, and tells the plugin if they are others.
    fn take_roles(&mut self, id: u32, roles: Vec<String>) {
        let Some(member) = self.roster.get_mut(id).filter(|it| it.roles != roles) else {
            return;
        };
        member.roles = roles;
        let event = wit::Event::Changed(member.to_plugin());
        self.hold(event, Origin::Room);
    }

    /// Whether a member may stay with the roles that its session has now, if they are others than before.
    fn keeps_permission(&self, id: u32, roles: &[String]) -> bool {
        self.roster.get(id).is_some_and(|member| {
            let action = match member.seat {
                wit::Seat::Player => wit::Action::Join,
                wit::Seat::Spectator => wit::Action::Watch,
            };
            member.roles == roles || self.identity.version.permits(action, roles)
        })
    }

    /// Answers a join of somebody who is no member, or may be none any more.
    fn send_away(&mut self, peer: &Peer, member: Option<u32>, id: Option<u64>) {
        match member {
            None => {
                let room = self.identity.name.clone();
                peer.outbox.push_control(Control::JoinBounced(room));
            }
            Some(member) => {
                self.expel(member);
                let refusal = self.error(ErrorCode::Forbidden.as_str(), FORBIDDEN, id);
                self.dismiss(peer, refusal);
            }
        }
    }

    fn expel_forbidden(&mut self, member: u32, peer: &Peer) {
        self.expel(member);
        let name = self.identity.name.to_string();
        self.refuse(peer, ErrorCode::Forbidden.as_str(), FORBIDDEN, None);
        let frame = ServerFrame::RoomLeft(server::RoomLeft {
            room: name,
            id: None,
        });
        self.dismiss(peer, frame);
    }
}

/// A member's acks bring about a reset at most this often.
const RESET_INTERVAL: Duration = Duration::from_secs(1);

/// What is said to a member whose roles no longer let it be one.
const FORBIDDEN: &str = "you may not be in rooms of this plugin any more; sign in with other roles";
