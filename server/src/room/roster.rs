//! Who is in a room.

use std::collections::{BTreeMap, HashMap};

use parlor_proto::{Member, Seat};

use tokio::time::Instant;

use super::delivery::Delivery;
use super::inputs::Inputs;
use super::ring::Recipients;
use crate::plugin::{Audience, ViewAudience, wit};
use crate::session::{Peer, SessionId};

/// Above this many members, presence is a count, and lists of members are cut.
pub(crate) const MEMBERS_SHOWN_MAX: usize = 100;

/// A session in a room.
#[derive(Debug)]
pub(crate) struct MemberRecord {
    pub(crate) id: u32,
    pub(crate) peer: Peer,
    /// As the others know it: what it is called by now takes its step to get here.
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    /// As the plugin knows them.
    pub(crate) roles: Vec<String>,
    /// Its newest name and roles.
    pub(crate) latest: Latest,
    pub(crate) seat: wit::Seat,
    pub(crate) inputs: Inputs,
    /// The request that asks for the join, while its answer waits.
    pub(crate) join_id: Option<u64>,
    /// Whether the step that saw the join has returned. Until then nothing is sent to this member.
    pub(crate) is_admitted: bool,
    pub(crate) delivery: Delivery,
    /// When an ack of it was last answered by a reset.
    pub(crate) reset_at: Option<Instant>,
    /// Whether its session has a connection that knows of this room.
    pub(crate) is_connected: bool,
    /// Whether nothing was heard on its connection for as long as the plugin asked for.
    pub(crate) is_silent: bool,
    /// Whether it is to be reset, which takes a step: until then it is sent nothing.
    pub(crate) is_resetting: bool,
    /// Whether the others were told that it is away.
    pub(crate) is_away: bool,
}

/// What may change about a member at any time. The room takes notice in the step that has the event.
#[derive(Debug)]
pub(crate) struct Latest {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
}

impl MemberRecord {
    /// As others see it.
    pub(crate) fn to_frame(&self) -> Member {
        Member {
            id: self.id,
            name: self.name.clone(),
            seat: seat_to_frame(self.seat),
            away: self.is_away,
            user: self.user.clone(),
        }
    }

    /// As the plugin sees it.
    pub(crate) fn to_plugin(&self) -> wit::Member {
        wit::Member {
            id: self.id,
            name: self.latest.name.clone(),
            seat: self.seat,
            user: self.user.clone(),
            roles: self.latest.roles.clone(),
        }
    }

    /// Whether frames are sent to it, and not only kept.
    pub(crate) fn is_reached(&self) -> bool {
        self.is_connected && !self.is_resetting
    }

    /// Whether the member is to be shown as away.
    pub(crate) fn is_absent(&self) -> bool {
        !self.is_connected || self.is_silent
    }
}

/// The members of a room, by id and by session.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// Boxed, as a map keeps places for eleven at a time.
    members: BTreeMap<u32, Box<MemberRecord>>,
    by_session: HashMap<SessionId, u32>,
    last_id: u32,
}

/// A member that is put back in its seat.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) id: u32,
    pub(crate) peer: Peer,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) seat: wit::Seat,
}

/// A member about to be.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) peer: Peer,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) seat: wit::Seat,
    pub(crate) join_id: Option<u64>,
}

impl Roster {
    /// Takes somebody in, under a new id.
    pub(crate) fn add(&mut self, newcomer: Newcomer) -> &MemberRecord {
        let id = self.last_id + 1;
        let member = self.put(Restored {
            id,
            peer: newcomer.peer,
            name: newcomer.name,
            user: newcomer.user,
            roles: newcomer.roles,
            seat: newcomer.seat,
        });
        member.join_id = newcomer.join_id;
        member.is_connected = true;
        member
    }

    /// Puts a member back, who is not connected.
    pub(crate) fn add_restored(&mut self, restored: Restored) {
        self.put(restored);
    }

    fn put(&mut self, member: Restored) -> &mut MemberRecord {
        let id = member.id;
        self.raise_last_id(id);
        self.by_session.insert(member.peer.session, id);
        let record = MemberRecord {
            id,
            peer: member.peer,
            name: member.name.clone(),
            user: member.user,
            roles: member.roles.clone(),
            latest: Latest {
                name: member.name,
                roles: member.roles,
            },
            seat: member.seat,
            inputs: Inputs::default(),
            join_id: None,
            is_admitted: false,
            delivery: Delivery::default(),
            reset_at: None,
            is_connected: false,
            is_silent: false,
            is_resetting: false,
            is_away: false,
        };
        self.members.entry(id).or_insert_with(|| Box::new(record))
    }

    /// Has a session lead to this member, whose own it is.
    pub(crate) fn put_back(&mut self, session: SessionId, id: u32) {
        self.by_session.insert(session, id);
    }

    /// Notes that ids up to this one were given out.
    pub(crate) fn raise_last_id(&mut self, id: u32) {
        self.last_id = self.last_id.max(id);
    }

    /// The highest id of all who were ever let in, or refused by the plugin.
    pub(crate) fn last_seen_id(&self) -> u32 {
        let waiting = self.members.values().filter(|it| !it.is_admitted);
        waiting.map(|it| it.id - 1).min().unwrap_or(self.last_id)
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<MemberRecord> {
        let member = self.members.remove(&id)?;
        // The session may have joined again, as another member, before this one was out.
        let session = member.peer.session;
        if self.by_session.get(&session) == Some(&id) {
            self.forget_session(session);
        }
        Some(*member)
    }

    /// Takes no more from this session; its member stays until it is removed.
    pub(crate) fn forget_session(&mut self, session: SessionId) {
        self.by_session.remove(&session);
    }

    pub(crate) fn get(&self, id: u32) -> Option<&MemberRecord> {
        self.members.get(&id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut MemberRecord> {
        self.members.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Option<u32> {
        self.by_session.get(&session).copied()
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
        let members = self.members.values().map(Box::as_ref);
        members.filter(|member| member.is_admitted)
    }

    /// Everybody, also those on their way in.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.members.keys().copied().collect()
    }

    /// Whom an audience stands for now.
    pub(crate) fn recipients(&self, audience: &Audience) -> Recipients {
        match audience {
            Audience::Everyone => Recipients::Everyone,
            Audience::Except(ids) => Recipients::Except(ids.as_slice().into()),
            Audience::Only(ids) => Recipients::Only(ids.as_slice().into()),
            Audience::Seat(seat) => {
                let seated = self.admitted().filter(|it| it.seat == *seat);
                Recipients::Only(seated.map(|it| it.id).collect())
            }
        }
    }

    /// Calls `f` for each of the admitted members among `recipients`.
    pub(crate) fn for_each(&mut self, recipients: &Recipients, f: impl FnMut(&mut MemberRecord)) {
        let admitted = |it: &&mut MemberRecord| it.is_admitted;
        let everybody = self.members.values_mut().map(Box::as_mut);
        match recipients {
            Recipients::Everyone => everybody.filter(admitted).for_each(f),
            Recipients::Except(_) => everybody
                .filter(admitted)
                .filter(|it| recipients.include(it.id))
                .for_each(f),
            Recipients::Only(ids) => {
                let mut f = f;
                for id in ids {
                    if let Some(member) = self.members.get_mut(id).filter(|it| it.is_admitted) {
                        f(member);
                    }
                }
            }
        }
    }

    /// Up to which frame nobody needs anything any more; `None` if nobody needs any.
    pub(crate) fn settled_up_to(&self) -> Option<u64> {
        self.admitted()
            .filter_map(|it| it.delivery.settled_up_to())
            .min()
    }

    /// Those whom frames reach.
    pub(crate) fn reached(&self) -> impl Iterator<Item = &MemberRecord> {
        self.reached_of(ViewAudience::Everyone)
    }

    /// Those whom frames reach and who may see what this audience does. For one member, nobody else is looked at: a room may
    /// have a view for each of its members.
    pub(crate) fn reached_of(&self, audience: ViewAudience) -> impl Iterator<Item = &MemberRecord> {
        let ids = match audience {
            ViewAudience::Member(id) => id..=id,
            ViewAudience::Everyone | ViewAudience::Seat(_) => 0..=u32::MAX,
        };
        let members = self.members.range(ids).map(|(_, member)| &**member);
        members.filter(move |it| it.is_admitted && it.is_reached() && Self::sees(it, audience))
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

pub(crate) fn seat_from_frame(seat: Seat) -> wit::Seat {
    match seat {
        Seat::Player => wit::Seat::Player,
        Seat::Spectator => wit::Seat::Spectator,
    }
}

pub(crate) fn seat_to_frame(seat: wit::Seat) -> Seat {
    match seat {
        wit::Seat::Player => Seat::Player,
        wit::Seat::Spectator => Seat::Spectator,
    }
}

#[cfg(test)]
mod tests {
    use parlor_proto::Subprotocol;

    use super::*;

    #[test]
    fn a_session_that_joined_again_before_it_was_out_stays_a_member() {
        let mut roster = Roster::default();
        let mut join = || {
            let newcomer = Newcomer {
                peer: Peer::for_tests(7, Subprotocol::Json),
                name: "somebody".to_owned(),
                user: None,
                roles: Vec::new(),
                seat: wit::Seat::Player,
                join_id: None,
            };
            let member = roster.add(newcomer);
            (member.id, member.peer.session)
        };
        let (first, session) = join();
        let (second, _) = join();
        roster.remove(first);
        assert_eq!(roster.of_session(session), Some(second));
        roster.remove(second);
        assert_eq!(roster.of_session(session), None);
    }
}
