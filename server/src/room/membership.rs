//! Coming, going, and being called something else: who gets which seat, and what the plugin is told.

use std::sync::Arc;

use parlor_proto::{ErrorCode, Member, Seat, ServerFrame, server};

use super::core::RoomCore;
use super::handle::{JoinRequest, LeaveReason};
use super::lasting::NO_STORAGE;
use super::origin::Origin;
use super::roster::{Latest, MemberRecord, Newcomer, seat_to_frame};
use crate::plugin::{Audience, wit};
use crate::session::outbox::Control;
use crate::session::{Peer, SessionId};

/// What is said to a member whose roles no longer let it be one.
const FORBIDDEN: &str = "you may not be in rooms of this plugin any more; sign in with other roles";

/// What is said to a member whom the operator removed.
const REMOVED: &str = "the operator removed you from this room";

impl RoomCore {
    pub(super) fn join(&mut self, request: JoinRequest) {
        let has_reservation = request.has_reservation;
        if self.is_without_storage {
            if has_reservation {
                self.status.unseat(Seat::Player);
            }
            let control = Control::LeftRoom(Arc::clone(&self.identity.name));
            request.peer.outbox.push_control(control);
            let code = ErrorCode::StorageUnavailable;
            return self.refuse_at_once(&request.peer, code, NO_STORAGE, request.id);
        }
        match self.seat_for(&request) {
            Ok(seat) => {
                if has_reservation && seat == wit::Seat::Spectator {
                    self.status.unseat(Seat::Player);
                }
                self.seat(request, seat);
            }
            Err((code, message)) => {
                if has_reservation {
                    self.status.unseat(Seat::Player);
                }
                let frame = self.error(code.as_str(), message, request.id);
                // A session that is in already stays in; any other never got in.
                if code == ErrorCode::AlreadyInRoom {
                    self.fanout.send([&request.peer], frame);
                } else {
                    self.dismiss(&request.peer, frame);
                }
            }
        }
    }

    /// Which seat there is for somebody; a player's is taken with the answer.
    fn seat_for(&self, request: &JoinRequest) -> Result<wit::Seat, (ErrorCode, &'static str)> {
        if self.roster.of_session(request.peer.session).is_some() {
            return Err((ErrorCode::AlreadyInRoom, "you are in this room already"));
        }
        let version = &self.version;
        let may_play = version.permits(wit::Action::Join, &request.roles);
        let may_watch = version.permits(wit::Action::Watch, &request.roles);
        let has_spectator_seat =
            self.status.count(Seat::Spectator) < version.description.spectators_max;
        let wants_to_play = request.seat != Some(Seat::Spectator);
        let mut reason = (
            ErrorCode::Forbidden,
            "you may not join rooms of this plugin",
        );
        if wants_to_play && may_play {
            if request.has_reservation {
                return Ok(wit::Seat::Player);
            }
            if self.status.is_locked() {
                reason = (ErrorCode::RoomLocked, "the room is locked; watch, or wait");
            } else if self.status.take_player_seat() {
                return Ok(wit::Seat::Player);
            } else {
                reason = (
                    ErrorCode::RoomFull,
                    "no player's seat is free; watch, or try later",
                );
            }
        }
        if request.seat == Some(Seat::Player) || !may_watch {
            return Err(reason);
        }
        if has_spectator_seat {
            self.status.seat(Seat::Spectator);
            return Ok(wit::Seat::Spectator);
        }
        if wants_to_play {
            return Err(reason);
        }
        Err((
            ErrorCode::RoomFull,
            "no spectator's seat is free; try later",
        ))
    }

    fn seat(&mut self, request: JoinRequest, seat: wit::Seat) {
        let member = self.roster.add(Newcomer {
            peer: request.peer,
            name: request.name,
            user: request.user,
            roles: request.roles,
            seat,
            join_id: request.id,
        });
        let (member, event) = (member.id, wit::Event::Joined(member.to_plugin()));
        self.empty_since = None;
        self.queue(event, Origin::Join { member });
    }

    /// Somebody wants out. The member is one until the plugin has seen what it said before, and is told then.
    pub(super) fn leave(&mut self, peer: Peer, id: Option<u64>, reason: LeaveReason) {
        let Some(member) = self.roster.of_session(peer.session) else {
            return self.refuse_stranger(&peer, id);
        };
        self.roster.forget_session(peer.session);
        let event = wit::Event::Left(wit::Departure {
            member,
            reason: reason.to_plugin(),
        });
        let origin = Origin::Leave {
            member,
            peer,
            id,
            reason,
        };
        self.hold(event, origin);
    }

    /// Takes out a member who wanted out; as the others knew it, if they did.
    pub(super) fn let_out(
        &mut self,
        member: u32,
        peer: &Peer,
        id: Option<u64>,
        reason: LeaveReason,
    ) -> Option<Member> {
        let Some(gone) = self.remove(member) else {
            // It was refused, or removed, before it came to leaving.
            self.refuse_stranger(peer, id);
            return None;
        };
        let left = |id| {
            ServerFrame::RoomLeft(server::RoomLeft {
                room: self.identity.name.to_string(),
                id,
            })
        };
        match reason {
            LeaveReason::Left => self.dismiss(&gone.peer, left(id)),
            LeaveReason::Expelled => {
                self.refuse(&gone.peer, ErrorCode::Forbidden.as_str(), FORBIDDEN, id);
                self.dismiss(&gone.peer, left(None));
            }
            LeaveReason::Removed => {
                self.refuse(&gone.peer, ErrorCode::Kicked.as_str(), REMOVED, id);
                self.dismiss(&gone.peer, left(None));
            }
            LeaveReason::Disconnected => {}
        }
        gone.is_admitted.then(|| gone.to_frame())
    }

    /// The operator wants somebody out.
    pub(super) fn remove_by_order(&mut self, member: u32) {
        if let Some(peer) = self.roster.get(member).map(|it| it.peer.clone()) {
            self.leave(peer, None, LeaveReason::Removed);
        }
    }

    /// Removes a member at once, and has the plugin and the others told.
    pub(super) fn expel(&mut self, member: u32) -> Option<MemberRecord> {
        let gone = self.remove(member)?;
        let event = wit::Event::Left(wit::Departure {
            member,
            reason: wit::LeaveReason::Kicked,
        });
        let member = gone.is_admitted.then(|| gone.to_frame());
        self.hold(event, Origin::Kick { member });
        Some(gone)
    }

    pub(super) fn rename(&mut self, session: SessionId, name: String) {
        let Some(id) = self.roster.of_session(session) else {
            return;
        };
        self.change(id, |latest| latest.name = name);
    }

    /// Changes what a member is called, or may do; it takes its step for the others to know.
    pub(super) fn change(&mut self, id: u32, change: impl FnOnce(&mut Latest)) {
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        change(&mut member.latest);
        let (name, roles) = (member.latest.name.clone(), member.latest.roles.clone());
        let event = wit::Event::Changed(member.to_plugin());
        let origin = Origin::Change {
            member: id,
            name,
            roles,
        };
        self.hold(event, origin);
    }

    /// Tells the others what a member is called from here on, if that is something else.
    pub(super) fn announce_latest(&mut self, id: u32, name: &str, roles: &[String]) {
        let Some(member) = self.roster.get_mut(id) else {
            return;
        };
        roles.clone_into(&mut member.roles);
        let is_renamed = member.name != name;
        name.clone_into(&mut member.name);
        if member.is_admitted && is_renamed {
            self.announce_change(id, "renamed", &Audience::Everyone);
        }
    }

    /// Takes a member off the roster, and gives its seat back.
    pub(super) fn remove(&mut self, id: u32) -> Option<MemberRecord> {
        let member = self.roster.remove(id)?;
        self.status.unseat(seat_to_frame(member.seat));
        self.views.forget_member(id);
        self.is_ring_settled = false;
        Some(member)
    }
}
