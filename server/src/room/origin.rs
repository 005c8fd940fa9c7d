//! Where the events come from that a plugin is handed: what the host must remember of each until its step is applied.

use parlor_proto::Member;

use super::delivery::ResetReason;
use super::handle::LeaveReason;
use crate::plugin::wit;
use crate::session::Peer;
use crate::storage::OperationId;

/// An event on its way to the plugin, and what the host must remember about it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) event: wit::Event,
    pub(super) origin: Origin,
}

/// Where an event is from.
#[derive(Debug)]
pub(super) enum Origin {
    /// A member's join; answered when the plugin has seen it.
    Join { member: u32 },
    /// A member's own departure; it is one until the plugin has seen what it said before.
    Leave {
        member: u32,
        peer: Peer,
        id: Option<u64>,
        reason: LeaveReason,
    },
    /// A removal that is done; `member` as others knew it, `None` if they never did.
    Kick { member: Option<Member> },
    /// A member's input.
    Message {
        member: u32,
        peer: Peer,
        id: Option<u64>,
        since: std::time::Instant,
    },
    /// A member's going away, or its coming back.
    Absence { member: u32, is_absent: bool },
    /// A member has other roles, or is called this.
    Change {
        member: u32,
        name: String,
        roles: Vec<String>,
    },
    /// A member begins anew.
    Resync { member: u32, fresh: Fresh },
    /// The plugin is to send a member again what it needs; the member is where it was.
    Resend,
    /// A timer, and which of its settings.
    Timer { serial: u64 },
    /// An answer of the storage.
    Stored { id: OperationId },
    /// The room itself.
    Room,
}

/// Why a member begins anew, and so how it is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fresh {
    /// It lost its place in the room's history.
    Reset(ResetReason),
    /// It knows nothing of the room any more, and asked to join, by this request.
    Join(Option<u64>),
}
