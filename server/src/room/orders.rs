//! What the operator, and the server on its behalf, asks of a room's task.

use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{Durability, Member};
use tokio::sync::oneshot;

use crate::plugin::{Fault, Shadowed, Usage, Version};

/// An order for a room.
#[derive(Debug)]
pub(crate) enum Order {
    /// Says how the room is.
    Inspect(oneshot::Sender<RoomReport>),
    /// Changes to another version.
    Swap(SwapOrder),
    /// Goes back to the version before, which is parked.
    RollBack(oneshot::Sender<Result<Changed, SwapRefusal>>),
    /// Lets nobody in as a player any more, or does.
    Lock(bool),
    /// Ends.
    Close(String),
    /// The shadow run is over.
    Shadowed(Box<Result<Shadowed, Fault>>),
    /// The first steps of the version on trial were lived through again; where they came out otherwise.
    Probed(Option<Fault>),
}

/// A change to another version.
#[derive(Debug)]
pub(crate) struct SwapOrder {
    pub(crate) version: Arc<Version>,
    /// Whether it is done whatever the shadow run says.
    pub(crate) is_forced: bool,
    /// Whether a version on trial is taken for proved, to make way.
    pub(crate) supersedes: bool,
    /// Told when the version has taken over.
    pub(crate) done: oneshot::Sender<Result<Swapped, SwapRefusal>>,
    /// Told how its trial ends.
    pub(crate) ended: oneshot::Sender<TrialEnd>,
}

impl SwapOrder {
    /// One that nobody waits for.
    pub(super) fn unattended(version: Arc<Version>) -> Self {
        Self {
            version,
            is_forced: false,
            supersedes: false,
            done: oneshot::channel().0,
            ended: oneshot::channel().0,
        }
    }
}

/// Which version went, and which came.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) from: Arc<Version>,
    pub(crate) to: Arc<Version>,
}

/// A room that runs another version now.
#[derive(Debug, Clone)]
pub(crate) struct Swapped {
    pub(crate) changed: Changed,
    /// For so long the room could do nothing else.
    pub(crate) pause: Duration,
    /// What the shadow run found; `None` if it failed and was overruled.
    pub(crate) shadow: Option<Shadowed>,
}

/// Why a room does not change to another version, or back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SwapRefusal {
    /// In one word, as metrics name it.
    pub(crate) cause: &'static str,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

impl SwapRefusal {
    pub(crate) fn new(cause: &'static str, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
        }
    }
}

impl From<&Fault> for SwapRefusal {
    fn from(fault: &Fault) -> Self {
        Self::new(fault.kind.label(), fault.message.clone())
    }
}

/// How a trial ended.
#[derive(Debug, Clone)]
pub(crate) enum TrialEnd {
    /// The version stays.
    Stays,
    /// The one before it is back, for this reason.
    RolledBack(SwapRefusal),
}

/// Where the change of a room to another version is.
#[derive(Debug, Clone)]
pub(crate) enum SwapPhase {
    /// It is tried beside the room.
    Shadow(Changed),
    /// It has taken over, and may go again.
    Trial(Changed),
}

/// How a room is.
#[derive(Debug, Clone)]
pub(crate) struct RoomReport {
    pub(crate) version: Arc<Version>,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    /// The number of the next step.
    pub(crate) step: u64,
    pub(crate) durability: Durability,
    pub(crate) members: Vec<Member>,
    pub(crate) swap: Option<SwapPhase>,
    /// What the version took since it began with the room here.
    pub(crate) usage: Usage,
}
