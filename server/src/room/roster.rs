//! Who is in a room.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parlor_proto::{Member, Seat};

use super::inputs::Inputs;
use crate::plugin::{Audience, ViewAudience, wit};
use crate::session::outbox::Outbox;
use crate::session::{Peer, SessionId};

/// Above this many members, presence is a count, and lists of members are cut.
pub(crate) const MEMBERS_SHOWN_MAX: usize = 100;

/// A session in a room.
#[derive(Debug)]
pub(crate) struct MemberRecord {
    pub(crate) id: u32,
    pub(crate) peer: Peer,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) seat: wit::Seat,
    pub(crate) inputs: Inputs,
    /// Whether the step that saw the join has returned. Until then nothing is sent to this member.
    pub(crate) is_admitted: bool,
}

impl MemberRecord {
    /// As others see it.
    pub(crate) fn to_frame(&self) -> Member {
        Member {
            id: self.id,
            name: self.name.clone(),
            seat: seat_to_frame(self.seat),
            away: false,
            user: self.user.clone(),
        }
    }

    /// As the plugin sees it.
    pub(crate) fn to_plugin(&self) -> wit::Member {
        wit::Member {
            id: self.id,
            name: self.name.clone(),
            seat: self.seat,
            user: self.user.clone(),
            roles: self.roles.clone(),
        }
    }

    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.peer.outbox
    }
}

/// The members of a room, by id and by session.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    members: BTreeMap<u32, MemberRecord>,
    by_session: HashMap<SessionId, u32>,
    last_id: u32,
}

/// A member about to be.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) peer: Peer,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) seat: wit::Seat,
}

impl Roster {
    /// Takes somebody in, under a new id.
    pub(crate) fn add(&mut self, newcomer: Newcomer) -> &MemberRecord {
        self.last_id += 1;
        let id = self.last_id;
        self.by_session.insert(newcomer.peer.session, id);
        self.members.entry(id).or_insert(MemberRecord {
            id,
            peer: newcomer.peer,
            name: newcomer.name,
            user: newcomer.user,
            roles: newcomer.roles,
            seat: newcomer.seat,
            inputs: Inputs::default(),
            is_admitted: false,
        })
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<MemberRecord> {
        let member = self.members.remove(&id)?;
        self.forget_session(member.peer.session);
        Some(member)
    }

    /// Takes no more from this session; its member stays until it is removed.
    pub(crate) fn forget_session(&mut self, session: SessionId) {
        self.by_session.remove(&session);
    }

    pub(crate) fn get(&self, id: u32) -> Option<&MemberRecord> {
        self.members.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut MemberRecord> {
        self.members.get_mut(&id)
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Option<u32> {
        self.by_session.get(&session).copied()
    }

    /// The highest id ever given out.
    pub(crate) fn last_id(&self) -> u32 {
        self.last_id
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many members were admitted.
    pub(crate) fn admitted_count(&self) -> usize {
        self.admitted().count()
    }

    /// Everybody who was admitted, in the order they came.
    pub(crate) fn admitted(&self) -> impl Iterator<Item = &MemberRecord> {
        self.members.values().filter(|member| member.is_admitted)
    }

    /// Everybody, also those on their way in.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.members.keys().copied().collect()
    }

    /// The admitted members an audience stands for.
    pub(crate) fn audience<'a>(
        &'a self,
        audience: &'a Audience,
    ) -> Box<dyn Iterator<Item = &'a MemberRecord> + 'a> {
        match audience {
            Audience::Everyone => Box::new(self.admitted()),
            Audience::Seat(seat) => Box::new(self.admitted().filter(move |it| it.seat == *seat)),
            Audience::Except(ids) => {
                Box::new(self.admitted().filter(move |it| !ids.contains(&it.id)))
            }
            Audience::Only(ids) => Box::new(
                ids.iter()
                    .filter_map(|id| self.members.get(id))
                    .filter(|it| it.is_admitted),
            ),
        }
    }

    /// Whether a member is among those who see a view.
    pub(crate) fn sees(member: &MemberRecord, audience: ViewAudience) -> bool {
        match audience {
            ViewAudience::Everyone => true,
            ViewAudience::Seat(seat) => member.seat == seat,
            ViewAudience::Member(id) => member.id == id,
        }
    }

    /// The list of members for a newcomer, cut to what is shown.
    pub(crate) fn shown(&self) -> Vec<Member> {
        self.admitted()
            .take(MEMBERS_SHOWN_MAX)
            .map(MemberRecord::to_frame)
            .collect()
    }
}

pub(crate) fn seat_to_frame(seat: wit::Seat) -> Seat {
    match seat {
        wit::Seat::Player => Seat::Player,
        wit::Seat::Spectator => Seat::Spectator,
    }
}
