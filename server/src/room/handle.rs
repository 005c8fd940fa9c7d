//! What others hold of a room: its mailbox, and the little of its status that listings and quick match look at.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Instant;

use parlor_proto::{Payload, ResumedRoom, Seat, Visibility};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::answers::Answers;
use super::orders::Order;
use crate::plugin::{Version, wit};
use crate::session::{Peer, SessionId};
use crate::storage::{Held, OperationId};

/// What is said to whoever sends more than a room can take.
pub(crate) const BUSY: &str =
    "the room has more to do than it can; this was not taken, send it again under a new id";
/// Places in a mailbox beyond those for messages: coming and going must not wait behind what is said.
const MAILBOX_RESERVE: usize = 4096;

/// Everything that can reach a room from outside.
#[derive(Debug)]
pub(crate) enum RoomInput {
    /// A session wants in.
    Join(Box<JoinRequest>),
    /// A session leaves.
    Leave {
        peer: Peer,
        id: Option<u64>,
        reason: LeaveReason,
    },
    /// A session's connection is lost; its seat is kept.
    Lost(SessionId),
    /// A session has a new connection.
    Back(Box<Return>),
    /// A session's connection has been silent for as long as the plugin asked for, or is no longer.
    Silent { session: SessionId, is_silent: bool },
    /// A member says something.
    Message {
        peer: Peer,
        payload: Payload,
        id: Option<u64>,
        /// When it came in.
        since: Instant,
    },
    /// A member says what arrived.
    Ack {
        session: SessionId,
        epoch: u64,
        seq: u64,
        count: u64,
    },
    /// A member asks for the whole of a view.
    StateRequest { peer: Peer, view: String },
    /// A session changed its nickname.
    Renamed { session: SessionId, name: String },
    /// The storage answers an operation of this room's plugin.
    Stored {
        operation: OperationId,
        answer: wit::KvAnswer,
    },
    /// A session's user has these roles now.
    Roles {
        session: SessionId,
        roles: Vec<String>,
    },
    /// The operator says something to the plugin.
    Signal { name: String, payload: Payload },
    /// The operator wants this member out.
    Remove(u32),
    /// Something for the room's task.
    Order(Box<Order>),
    /// The server is about to stop.
    Shutdown,
}

/// A session that has a new connection, and comes back to a room that kept its seat.
#[derive(Debug)]
pub(crate) struct Return {
    pub(crate) peer: Peer,
    /// What it is called now.
    pub(crate) name: String,
    /// The roles it has now.
    pub(crate) roles: Vec<String>,
    pub(crate) claim: Claim,
}

/// What a client that comes back still knows of a room.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Everything up to a place in the room's history.
    Position {
        epoch: u64,
        seq: u64,
        /// Told where the room stands, before it sends anything; dropped if the session is no member.
        answer: oneshot::Sender<ResumedRoom>,
    },
    /// Nothing: it asks to join, and is told everything as if it came for the first time.
    Nothing {
        /// The request's number.
        id: Option<u64>,
    },
}

/// Why a session leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LeaveReason {
    /// It asked to.
    Left,
    /// Its connection is gone.
    Disconnected,
    /// Its roles no longer let it be a member.
    Expelled,
    /// The operator removed it.
    Removed,
}

impl LeaveReason {
    /// As the plugin is told.
    pub(crate) fn to_plugin(self) -> wit::LeaveReason {
        match self {
            Self::Left => wit::LeaveReason::Left,
            Self::Disconnected => wit::LeaveReason::Disconnected,
            Self::Expelled | Self::Removed => wit::LeaveReason::Kicked,
        }
    }
}

/// A session that wants in.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) peer: Peer,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) seat: Option<Seat>,
    /// Whether quick match took a player's seat for it already.
    pub(crate) has_reservation: bool,
    pub(crate) id: Option<u64>,
}

/// What does not change while a room lives, but for the version that it runs.
#[derive(Debug)]
pub(crate) struct RoomIdentity {
    pub(crate) name: Arc<str>,
    /// The plugin's name, whatever version of it the room runs.
    pub(crate) plugin: Arc<str>,
    version: RwLock<Arc<Version>>,
    pub(crate) visibility: Visibility,
    /// The code of a private room.
    pub(crate) code: Option<String>,
    /// What quick match looks for beside the plugin.
    pub(crate) match_key: Payload,
    /// The creator's options.
    pub(crate) options: Payload,
}

/// What a room is made with, beside its name and the version that it runs.
#[derive(Debug)]
pub(crate) struct RoomTraits {
    pub(crate) visibility: Visibility,
    pub(crate) code: Option<String>,
    pub(crate) match_key: Payload,
    pub(crate) options: Payload,
}

impl RoomIdentity {
    pub(crate) fn new(name: Arc<str>, version: Arc<Version>, traits: RoomTraits) -> Self {
        Self {
            name,
            plugin: version.description.name.as_str().into(),
            version: RwLock::new(version),
            visibility: traits.visibility,
            code: traits.code,
            match_key: traits.match_key,
            options: traits.options,
        }
    }

    /// The version that the room runs at the moment.
    pub(crate) fn version(&self) -> Arc<Version> {
        let version = self.version.read();
        Arc::clone(&version.unwrap_or_else(|lock| lock.into_inner()))
    }

    /// Notes that the room runs another version from here on. For the room itself.
    pub(super) fn set_version(&self, version: Arc<Version>) {
        let present = self.version.write();
        *present.unwrap_or_else(|lock| lock.into_inner()) = version;
    }
}

/// What changes, and may be looked at from outside without asking the room.
#[derive(Debug)]
pub(crate) struct RoomStatus {
    players: AtomicU32,
    players_max: AtomicU32,
    spectators: AtomicU32,
    is_locked: AtomicBool,
    metadata: RwLock<Payload>,
    /// Messages in the mailbox, and their bytes.
    mailbox_items: AtomicUsize,
    mailbox_bytes: AtomicUsize,
    /// Whether an input was refused for want of room since this was last looked at.
    has_refused: AtomicBool,
}

impl RoomStatus {
    pub(crate) fn new(players_max: u32) -> Self {
        Self {
            players: AtomicU32::new(0),
            players_max: AtomicU32::new(players_max),
            spectators: AtomicU32::new(0),
            is_locked: AtomicBool::new(false),
            metadata: RwLock::new(Payload::empty_map()),
            mailbox_items: AtomicUsize::new(0),
            mailbox_bytes: AtomicUsize::new(0),
            has_refused: AtomicBool::new(false),
        }
    }

    /// Takes a player's seat if one is free. The one place where capacity is decided.
    pub(crate) fn take_player_seat(&self) -> bool {
        let players_max = self.players_max();
        self.players
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                (taken < players_max).then_some(taken + 1)
            })
            .is_ok()
    }

    /// Seats somebody without asking for capacity: spectators are counted by the room, and a plugin may overrule.
    pub(crate) fn seat(&self, seat: Seat) {
        self.seats(seat).fetch_add(1, Ordering::AcqRel);
    }

    /// Frees all seats, of a room that nobody is in.
    pub(crate) fn clear_seats(&self) {
        self.players.store(0, Ordering::Release);
        self.spectators.store(0, Ordering::Release);
    }

    /// Frees a seat.
    pub(crate) fn unseat(&self, seat: Seat) {
        self.seats(seat).fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn count(&self, seat: Seat) -> u32 {
        self.seats(seat).load(Ordering::Acquire)
    }

    pub(crate) fn players_max(&self) -> u32 {
        self.players_max.load(Ordering::Acquire)
    }

    /// Has the room hold so many players from here on; those who have a seat keep it.
    pub(super) fn set_players_max(&self, players_max: u32) {
        self.players_max.store(players_max, Ordering::Release);
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.is_locked.load(Ordering::Acquire)
    }

    pub(crate) fn set_locked(&self, is_locked: bool) {
        self.is_locked.store(is_locked, Ordering::Release);
    }

    pub(crate) fn metadata(&self) -> Payload {
        let metadata = self
            .metadata
            .read()
            .unwrap_or_else(|lock| lock.into_inner());
        metadata.clone()
    }

    pub(crate) fn set_metadata(&self, metadata: Payload) {
        *self
            .metadata
            .write()
            .unwrap_or_else(|lock| lock.into_inner()) = metadata;
    }

    /// Notes that an input was refused for want of room.
    pub(crate) fn note_refusal(&self) {
        self.has_refused.store(true, Ordering::Relaxed);
    }

    /// Whether inputs were refused since this was last asked.
    pub(crate) fn take_refusal(&self) -> bool {
        // Nearly always there were none, and then nothing need be written.
        self.has_refused.load(Ordering::Relaxed) && self.has_refused.swap(false, Ordering::Relaxed)
    }

    fn seats(&self, seat: Seat) -> &AtomicU32 {
        match seat {
            Seat::Player => &self.players,
            Seat::Spectator => &self.spectators,
        }
    }
}

/// How many messages may wait for a room, and how many bytes of payloads; what comes then is refused with `ROOM_BUSY`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailboxBounds {
    pub(crate) items_max: usize,
    pub(crate) bytes_max: usize,
}

impl MailboxBounds {
    /// The places that a mailbox has in all.
    pub(crate) fn capacity(self) -> usize {
        self.items_max + MAILBOX_RESERVE
    }
}

/// The way to a room. Cheap to clone, which is done for every message.
#[derive(Debug, Clone)]
pub(crate) struct RoomHandle(Arc<Way>);

/// What all who know a room share of it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) identity: Arc<RoomIdentity>,
    pub(crate) status: Arc<RoomStatus>,
    mailbox: mpsc::Sender<RoomInput>,
    bounds: MailboxBounds,
    /// Answers of the storage.
    pub(super) answers: Answers,
}

impl Deref for RoomHandle {
    type Target = Way;

    fn deref(&self) -> &Way {
        &self.0
    }
}

/// Why a room did not take an input.
#[derive(Debug)]
pub(crate) enum PostError {
    /// Too much waits already.
    Busy,
    /// The room is gone.
    Gone,
}

impl RoomHandle {
    pub(crate) fn new(
        identity: Arc<RoomIdentity>,
        status: Arc<RoomStatus>,
        mailbox: mpsc::Sender<RoomInput>,
        bounds: MailboxBounds,
    ) -> Self {
        Self(Arc::new(Way {
            identity,
            status,
            mailbox,
            bounds,
            answers: Answers::default(),
        }))
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.identity.name
    }

    /// Whether two handles lead to the very same room, not only to the same name.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Gives back a player's seat that quick match took for a session that does not come.
    pub(crate) fn release(&self, has_reservation: bool) {
        if has_reservation {
            self.status.unseat(Seat::Player);
        }
    }

    /// Puts an input into the mailbox, if there is room for it.
    pub(crate) fn post(&self, input: RoomInput) -> Result<(), PostError> {
        if let Some(bytes) = weight(&input) {
            let status = &self.status;
            let items = status.mailbox_items.fetch_add(1, Ordering::AcqRel) + 1;
            let bytes = status.mailbox_bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
            if items > self.bounds.items_max || bytes > self.bounds.bytes_max {
                account_taken(status, &input);
                status.note_refusal();
                return Err(PostError::Busy);
            }
        }
        self.mailbox.try_send(input).map_err(|error| {
            let (problem, input) = match error {
                mpsc::error::TrySendError::Full(input) => (PostError::Busy, input),
                mpsc::error::TrySendError::Closed(input) => (PostError::Gone, input),
            };
            account_taken(&self.status, &input);
            problem
        })
    }

    /// Puts an input that must not be lost into the mailbox, and waits for room if need be.
    pub(crate) async fn post_surely(&self, input: RoomInput) -> Result<(), PostError> {
        self.mailbox.send(input).await.map_err(|_| PostError::Gone)
    }
}

impl RoomHandle {
    /// Hands over an answer of the storage. It is never lost and nobody waits: see [`Answers`].
    pub(crate) fn post_stored(&self, answer: RoomInput, held: Held) {
        self.answers.put(answer, held);
    }
}

/// Takes note that an input is no longer in the mailbox.
pub(crate) fn account_taken(status: &RoomStatus, input: &RoomInput) {
    if let Some(bytes) = weight(input) {
        status.mailbox_items.fetch_sub(1, Ordering::AcqRel);
        status.mailbox_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// What an input takes of the mailbox's bounds, if it counts.
fn weight(input: &RoomInput) -> Option<usize> {
    match input {
        RoomInput::Message { payload, .. } => Some(payload.as_msgpack().len()),
        RoomInput::StateRequest { .. } => Some(0),
        _ => None,
    }
}
