//! A room written down: what the plugin saved, and the host's part, from which it goes on as if nothing had been.

use std::sync::Arc;

use parlor_journal::StreamData;
use parlor_proto::{Payload, ServerFrame, Subprotocol, Visibility};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::time::Instant;

use super::super::clock::Timers;
use super::super::core::RoomCore;
use super::super::delivery::Delivery;
use super::super::handle::{RoomIdentity, RoomTraits};
use super::super::inputs::InputsNote;
use super::super::origin::{Origin, Pending};
use super::super::ring::RingNote;
use super::super::roster::Restored;
use super::super::storage::OperationNote;
use super::super::views::ViewsNote;
use super::record::MemberNote;
use crate::plugin::{Outstanding, Position, Version, ViewAudience, wit};
use crate::session::{Peer, SessionId};
use crate::storage::OperationId;

/// Both parts of a snapshot, which are written and read as one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) identity: IdentityNote,
    pub(crate) host: HostNote,
    /// Where the plugin stands, and what it saved there.
    pub(crate) position: Position,
    pub(crate) saved: ByteBuf,
    /// Whether nothing came after it, as when the room went to sleep.
    pub(crate) is_last: bool,
    /// When it was taken, in seconds since 1970.
    pub(crate) saved_at: u64,
}

/// What there is to know of a room in the journal before it is brought back.
#[derive(Debug)]
pub(crate) struct StoredRoom {
    pub(crate) identity: IdentityNote,
    /// Whether somebody is in it, or may be.
    pub(crate) is_awake: bool,
    /// In how much room time the next timer is due.
    pub(crate) timer_in_ms: Option<u64>,
    pub(crate) saved_at: u64,
}

impl StoredRoom {
    /// From the newest of its snapshots that can be read.
    pub(crate) fn read(data: &StreamData) -> Option<Self> {
        let mut snapshots = data.snapshots.iter();
        let (seq, snapshot) = snapshots.find_map(|(seq, bytes)| {
            let snapshot: Snapshot = super::format::decode(bytes).ok()?;
            Some((*seq, snapshot))
        })?;
        let has_more = data.records.last().is_some_and(|(last, _)| *last > seq);
        let host = &snapshot.host;
        Some(Self {
            is_awake: has_more || data.dropped.is_some() || host.has_members(),
            timer_in_ms: host
                .next_timer_ms()
                .map(|due| due.saturating_sub(host.room_time_ms)),
            saved_at: snapshot.saved_at,
            identity: snapshot.identity,
        })
    }
}

/// What a room is known by, without bringing it back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IdentityNote {
    pub(crate) room: String,
    pub(crate) plugin: String,
    /// Of the component that runs it.
    pub(crate) digest: String,
    visibility: u8,
    pub(crate) code: Option<String>,
    match_key: ByteBuf,
    options: ByteBuf,
    pub(crate) epoch: u64,
    pub(crate) seed: u64,
    /// The version of what the plugin saves.
    pub(crate) state_schema: u32,
}

impl IdentityNote {
    pub(crate) fn new(identity: &RoomIdentity, epoch: u64, seed: u64) -> Self {
        let version = identity.version();
        Self {
            room: identity.name.to_string(),
            plugin: identity.plugin.to_string(),
            digest: version.digest.to_string(),
            visibility: match identity.visibility {
                Visibility::Public => 0,
                Visibility::Unlisted => 1,
                Visibility::Private => 2,
            },
            code: identity.code.clone(),
            match_key: ByteBuf::from(identity.match_key.as_msgpack()),
            options: ByteBuf::from(identity.options.as_msgpack()),
            epoch,
            seed,
            state_schema: version.description.state_schema,
        }
    }

    /// The identity of the room as it lives, run by this version.
    pub(crate) fn revive(&self, version: Arc<Version>) -> RoomIdentity {
        let payload =
            |bytes: &ByteBuf| Payload::from_msgpack(bytes).unwrap_or_else(|_| Payload::null());
        let traits = RoomTraits {
            visibility: match self.visibility {
                0 => Visibility::Public,
                1 => Visibility::Unlisted,
                _ => Visibility::Private,
            },
            code: self.code.clone(),
            match_key: payload(&self.match_key),
            options: payload(&self.options),
        };
        RoomIdentity::new(self.room.as_str().into(), version, traits)
    }
}

/// What the host knows of a room beside its identity.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HostNote {
    seq: u64,
    room_time_ms: u64,
    tick: u64,
    /// The highest member id that was given out.
    last_id: u32,
    members: Vec<MemberState>,
    timers: Timers,
    views: ViewsNote,
    presence_version: u64,
    is_counted: bool,
    is_locked: bool,
    metadata: ByteBuf,
    ring: RingNote,
    /// Members that the plugin removed and that it was not told of yet.
    kicks: Vec<Kicked>,
    /// Timers that are due and that the plugin was not told of yet, each with its serial number.
    due: Vec<(u32, u64)>,
    /// What was to be answered without asking the storage, which has too much to do.
    unavailable: Vec<(OperationId, u64)>,
    /// What the plugin asked of the storage and was not answered.
    operations: Vec<OperationNote>,
}

impl HostNote {
    /// Whether anybody is in the room.
    pub(crate) fn room_time_ms(&self) -> u64 {
        self.room_time_ms
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &MemberNote> {
        self.members.iter().map(|it| &it.member)
    }

    pub(crate) fn views(&self) -> Vec<(String, ViewAudience, Payload)> {
        self.views.layers()
    }

    /// What the plugin asked for and had not had.
    pub(crate) fn outstanding(&self) -> Outstanding {
        let waiting = self.due.iter().map(|(timer, _)| (*timer, 0));
        let operations = self.operations.iter().map(OperationNote::request);
        let operations: Vec<_> = operations.collect();
        let asked = operations.iter().map(|(number, it)| (*number, it));
        Outstanding::new(waiting.chain(self.timers.due_times()), asked)
    }

    fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// When the next timer is due, in room time.
    fn next_timer_ms(&self) -> Option<u64> {
        self.timers.next_due_ms()
    }
}

/// A member, with its place in the room's history and its inputs.
#[derive(Debug, Serialize, Deserialize)]
struct MemberState {
    member: MemberNote,
    session: SessionId,
    is_away: bool,
    inputs: InputsNote,
    delivery: Delivery,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kicked {
    member: u32,
    /// As the others knew it, if they did.
    known: Option<MemberNote>,
    was_away: bool,
}

/// Why a snapshot that can be read cannot be taken up.
#[derive(Debug, thiserror::Error)]
#[error("{0} in it cannot be read")]
pub(crate) struct BadNote(pub(crate) &'static str);

impl RoomCore {
    /// Writes the room down as it is after the last step. Who is on the way in, and what waits for the plugin, is no part
    /// of it: nobody was told that it arrived.
    pub(in crate::room) fn note(&self, room_time_ms: u64) -> HostNote {
        let members = self.roster.admitted().map(|it| MemberState {
            member: MemberNote {
                name: it.name.clone(),
                roles: it.roles.clone(),
                ..MemberNote::from(&it.to_plugin())
            },
            session: it.peer.session,
            is_away: it.is_away,
            inputs: it.inputs.note(),
            delivery: it.delivery.clone(),
        });
        HostNote {
            seq: self.seq,
            room_time_ms,
            tick: self.clock.tick(),
            last_id: self.roster.last_seen_id(),
            members: members.collect(),
            timers: self.timers.clone(),
            views: self.views.note(),
            presence_version: self.presence_version,
            is_counted: self.is_counted,
            is_locked: self.status.is_locked(),
            metadata: ByteBuf::from(self.metadata.as_msgpack()),
            ring: self.ring.note(),
            kicks: self.unseen_kicks(),
            due: self.due_timers(),
            unavailable: self.unavailable(),
            operations: self.operations.note(),
        }
    }

    fn due_timers(&self) -> Vec<(u32, u64)> {
        let waiting = self.pending.iter();
        let due = waiting.filter_map(|it| match (&it.event, &it.origin) {
            (wit::Event::Timer(timer), Origin::Timer { serial }) => Some((*timer, *serial)),
            _ => None,
        });
        due.collect()
    }

    fn unavailable(&self) -> Vec<(OperationId, u64)> {
        let waiting = self.pending.iter().chain(&self.own);
        let answers = waiting.filter_map(|it| match (&it.event, &it.origin) {
            (wit::Event::KvAnswer(answer), Origin::Stored { id })
                if matches!(answer.outcome, Err(wit::KvError::Unavailable))
                    && !self.operations.are_awaited(*id) =>
            {
                Some((*id, answer.operation))
            }
            _ => None,
        });
        answers.collect()
    }

    fn unseen_kicks(&self) -> Vec<Kicked> {
        let waiting = self.pending.iter().chain(&self.held);
        let kicks = waiting.filter_map(|it| match (&it.event, &it.origin) {
            (wit::Event::Left(departure), Origin::Kick { member }) => Some(Kicked {
                member: departure.member,
                known: member.as_ref().map(MemberNote::from),
                was_away: member.as_ref().is_some_and(|it| it.away),
            }),
            _ => None,
        });
        kicks.collect()
    }

    /// Takes up what was written down. Nobody of its members is connected; `peer_of` gives the way to their sessions.
    pub(super) fn take_up(
        &mut self,
        host: HostNote,
        now: Instant,
        peer_of: &dyn Fn(SessionId) -> Peer,
    ) -> Result<(), BadNote> {
        self.seq = host.seq;
        self.clock.set(now, host.room_time_ms, host.tick);
        self.timers = host.timers;
        self.views.take_up(host.views)?;
        self.presence_version = host.presence_version;
        self.is_counted = host.is_counted;
        self.status.set_locked(host.is_locked);
        let metadata = Payload::from_msgpack(&host.metadata);
        self.metadata = metadata.map_err(|_| BadNote("the room's metadata"))?;
        self.ring.take_up(host.ring, now)?;
        for state in host.members {
            self.add_restored(&state.member, peer_of(state.session));
            let member = self.roster.get_mut(state.member.id);
            let member = member.ok_or(BadNote("a member"))?;
            member.is_admitted = true;
            member.is_away = state.is_away;
            member.inputs.take_up(&state.inputs)?;
            member.delivery = state.delivery;
        }
        self.roster.raise_last_id(host.last_id);
        self.operations.take_up(host.operations);
        for (timer, serial) in host.due {
            self.queue(wit::Event::Timer(timer), Origin::Timer { serial });
        }
        for (id, operation) in host.unavailable {
            let answer = wit::KvAnswer {
                operation,
                outcome: Err(wit::KvError::Unavailable),
            };
            self.queue_own(wit::Event::KvAnswer(answer), Origin::Stored { id });
        }
        for kicked in host.kicks {
            let departure = wit::Departure {
                member: kicked.member,
                reason: wit::LeaveReason::Kicked,
            };
            let member = kicked.known.map(|it| it.to_frame(kicked.was_away));
            self.pending.push_back(Pending {
                event: wit::Event::Left(departure),
                origin: Origin::Kick { member },
            });
        }
        Ok(())
    }

    /// Puts a member back in its seat.
    pub(super) fn add_restored(&mut self, member: &MemberNote, peer: Peer) {
        self.status
            .seat(super::super::roster::seat_to_frame(member.seat()));
        self.empty_since = None;
        self.roster.add_restored(Restored {
            id: member.id,
            peer,
            name: member.name.clone(),
            user: member.user.clone(),
            roles: member.roles.clone(),
            seat: member.seat(),
        });
    }
}

/// A frame as it is written down.
pub(crate) fn frame_bytes(frame: &ServerFrame) -> ByteBuf {
    ByteBuf::from(Subprotocol::Binary.encode_server(frame).to_vec())
}

pub(crate) fn frame_from(bytes: &ByteBuf) -> Result<ServerFrame, BadNote> {
    let frame = Subprotocol::Binary.decode_server(bytes);
    frame.map_err(|_| BadNote("a frame that was sent"))
}
