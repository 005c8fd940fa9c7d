//! What becomes of a room without its plugin when another version takes it over, and when the one before it is brought
//! back: members, seats, numbers, timers and room time go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use parlor_proto::Payload;
use tokio::time::Instant;

use super::clock::StatePace;
use super::core::RoomCore;
use super::origin::Origin;
use super::views::ViewsNote;
use crate::plugin::{Action, Outstanding, RolledBack, Version, wit};
use crate::storage::OperationId;

/// What a version on trial may change of the room that the one before it would not have changed.
#[derive(Debug)]
pub(super) struct BeforeTrial {
    views: ViewsNote,
    metadata: Payload,
    is_locked: bool,
}

/// What an operation's index begins at that a version asks for while it lives through what it missed: beyond all that
/// one step may ask for.
const MISSED_OPERATIONS: u32 = 1 << 16;

/// Who is told what when a version that was brought back does not let a member in.
const NOT_LET_IN: &str = "the room went back to an earlier version, which does not let you in";

impl RoomCore {
    /// Another version takes the room over, and is on trial.
    pub(super) fn begin_trial(&mut self, version: &Arc<Version>, now: Instant) {
        self.before_trial = Some(BeforeTrial {
            views: self.views.note(),
            metadata: self.metadata.clone(),
            is_locked: self.status.is_locked(),
        });
        self.adopt(version, now);
    }

    /// The version on trial stays.
    pub(super) fn end_trial(&mut self) {
        self.before_trial = None;
    }

    /// Runs as this version says.
    pub(super) fn adopt(&mut self, version: &Arc<Version>, now: Instant) {
        let description = &version.description;
        self.clock.set_rate(now, description.tick_hz);
        self.state_pace = StatePace::of(version);
        self.status.set_players_max(description.players_max);
        if description.delivery == wit::Delivery::Immediate {
            self.pending.append(&mut self.held);
            self.held_bytes = 0;
        }
        self.identity.set_version(Arc::clone(version));
        self.version = Arc::clone(version);
    }

    /// The version before is back, and has lived through what it missed. Members have had what the other one sent them:
    /// now they see the room as this one has it.
    pub(super) fn take_back(&mut self, back: RolledBack, step: u64, now: Instant) {
        self.adopt(&back.to, now);
        if let Some(before) = self.before_trial.take() {
            self.views.restore(before.views);
            self.act(Action::Metadata(before.metadata), 0);
            self.status.set_locked(before.is_locked);
        }
        let is_timer = |origin: &Origin| matches!(origin, Origin::Timer { .. });
        self.pending.retain(|it| !is_timer(&it.origin));
        self.timers.replace(back.outstanding.timers());
        let mut asked = BTreeMap::new();
        for effect in back.effects {
            match effect.action {
                // What members have had of the other version is not taken back, and not said twice.
                Action::Send { .. } | Action::Reply(_) | Action::Reject(_) => {}
                // They run already.
                Action::SetTimer { .. } | Action::CancelTimer(_) => {}
                Action::Kv { operation, request } => drop(asked.insert(operation, request)),
                action => self.act(action, 0),
            }
        }
        self.reconcile_operations(back.outstanding, &asked, step);
        for member in back.refused {
            self.kick(member, NOT_LET_IN);
        }
        self.views.renew();
        for member in self.roster.ids() {
            self.queue(wit::Event::Resync(member), Origin::Resend);
        }
        if let Some((code, message)) = self.closing.take() {
            self.close(code.as_str(), &message);
        }
    }

    /// Of the storage operations under way, those go on that this version asked for as well; what only it asked for is
    /// asked now.
    fn reconcile_operations(
        &mut self,
        mut outstanding: Outstanding,
        asked: &BTreeMap<u64, wit::KvRequest>,
        step: u64,
    ) {
        self.retain_operations(|number, request| outstanding.take_request(number, request));
        let mut index = MISSED_OPERATIONS;
        for number in outstanding.asked_numbers() {
            if let Some(request) = asked.get(&number) {
                let id = OperationId {
                    epoch: self.epoch,
                    step,
                    index,
                };
                self.ask_storage(id, number, request.clone());
                index += 1;
            }
        }
    }
}
