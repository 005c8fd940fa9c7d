//! What rooms take from the node's settings.

use std::sync::Arc;
use std::time::Duration;

use parlor_proto::Durability;

use super::handle::MailboxBounds;
use super::ring::RetainedBytes;
use crate::breakage::TestBreak;
use crate::node::Node;
use crate::persistence::Persistence;
use crate::plugin::Version;

/// What the node's settings say about rooms.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) mailbox: MailboxBounds,
    /// How long a member who lost its connection may still go on where it was.
    pub(super) resume_window: Duration,
    pub(super) retained: Arc<RetainedBytes>,
    /// Per cent of a second that steps may take until somebody is held to account; `None` where nobody is.
    pub(super) busy_percent_max: Option<u32>,
    pub(super) test_break: Option<TestBreak>,
    pub(super) persistence: Arc<Persistence>,
}

impl Settings {
    pub(super) fn of(node: &Node) -> Self {
        Self {
            mailbox: node.limits.mailbox_bounds(),
            resume_window: node.limits.resume_window,
            retained: Arc::clone(&node.retained),
            busy_percent_max: node.limits.rates.map(|_| node.limits.room_busy_percent_max),
            test_break: node.test_break,
            persistence: Arc::clone(&node.persistence),
        }
    }

    pub(super) fn durability_of(&self, version: &Version) -> Durability {
        self.persistence.durability_of(version)
    }
}
