//! One state of a view on its way to all who see it: the whole, and what became of the state that was sent before. Which
//! of the two a client gets is decided where it is known what it has: in its outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parlor_proto::{Payload, ServerFrame, Subprotocol, server};

use crate::breakage::TestBreak;
use crate::fanout::{Encode as _, Encoded};
use crate::telemetry::Metrics;

/// Which state of a view a client has: the room's epoch, and the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateId {
    pub(crate) epoch: u64,
    pub(crate) version: u64,
}

/// What patches name a view of a room by. No two views of all rooms ever have the same, so that it can stand in frames that
/// many connections share.
#[derive(Debug)]
pub(crate) struct ViewHandle(u64);

impl Default for ViewHandle {
    /// The next.
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl ViewHandle {
    pub(crate) fn get(&self) -> u64 {
        self.0
    }
}

/// A state in both forms, each encoded at most once per encoding, and only where somebody gets it.
#[derive(Debug)]
pub(crate) struct ViewFrames {
    id: StateId,
    whole: Encoded,
    patch: Option<Patch>,
    /// Whether it goes to those who have it already, too.
    is_asked_for: bool,
    /// Whether it goes as a patch to those who have something else, which is to be noticed.
    is_misapplied: bool,
    bytes: usize,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Patch {
    base: u64,
    frame: Encoded,
}

/// What a client is sent of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Whole,
    Patch,
}

impl ViewFrames {
    /// The whole, which was asked for, or is all that there is.
    pub(crate) fn whole(metrics: &Arc<Metrics>, whole: server::RoomState) -> Self {
        Self {
            is_asked_for: true,
            ..Self::newest(metrics, whole, None)
        }
    }

    /// A state that is newer than what was sent before; with the patch from there, and the version that it is for.
    pub(crate) fn newest(
        metrics: &Arc<Metrics>,
        whole: server::RoomState,
        patch: Option<(u64, Payload)>,
    ) -> Self {
        let id = StateId {
            epoch: whole.epoch,
            version: whole.version,
        };
        let bytes = whole.state.as_msgpack().len();
        let patch = patch.map(|(base, patch)| Patch {
            base,
            frame: Encoded::new(ServerFrame::RoomPatch(server::RoomPatch {
                handle: whole.handle,
                tick: whole.tick,
                version: whole.version,
                as_of: whole.as_of,
                hash: whole.hash,
                patch,
            })),
        });
        Self {
            id,
            whole: Encoded::new(ServerFrame::RoomState(whole)),
            patch,
            is_asked_for: false,
            is_misapplied: false,
            bytes,
            metrics: Arc::clone(metrics),
        }
    }

    /// Breaks it, where the server is to be broken like that.
    pub(crate) fn breaking(self, test_break: Option<TestBreak>) -> Self {
        Self {
            is_misapplied: test_break == Some(TestBreak::PatchOnWrongBase),
            ..self
        }
    }

    /// Which state it is.
    pub(crate) fn id(&self) -> StateId {
        self.id
    }

    /// What a client is sent that has `present`, or nothing; `None` where it has this state. A patch is of no use on top
    /// of what was not written yet: then the whole takes its place.
    pub(crate) fn form_for(&self, present: Option<StateId>, is_unwritten: bool) -> Option<Form> {
        let same_epoch = present.filter(|present| present.epoch == self.id.epoch);
        let is_known = same_epoch.is_some_and(|present| present.version >= self.id.version);
        if is_known && !self.is_asked_for {
            return None;
        }
        let base = self.patch.as_ref().map(|patch| patch.base);
        let fits = base.is_some() && base == same_epoch.map(|present| present.version);
        Some(if (fits && !is_unwritten) || self.is_misapplied {
            Form::Patch
        } else {
            Form::Whole
        })
    }

    /// The message in this form.
    pub(crate) fn message(&self, form: Form, subprotocol: Subprotocol) -> Bytes {
        let frame = match (form, &self.patch) {
            (Form::Patch, Some(patch)) => &patch.frame,
            (Form::Patch | Form::Whole, _) => &self.whole,
        };
        frame.message(subprotocol, &self.metrics)
    }

    /// About what it keeps in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(version: u64, base: Option<u64>) -> ViewFrames {
        let whole = server::RoomState {
            room: "room".to_owned(),
            epoch: 3,
            tick: 0,
            view: "board".to_owned(),
            version,
            as_of: 0,
            hash: 0,
            handle: 1,
            state: Payload::null(),
        };
        let patch = base.map(|base| (base, Payload::null()));
        ViewFrames::newest(&Arc::new(Metrics::new()), whole, patch)
    }

    fn has(epoch: u64, version: u64) -> Option<StateId> {
        Some(StateId { epoch, version })
    }

    /// ST2, ST7
    #[test]
    fn a_patch_is_for_those_who_have_its_base_and_were_written_it() {
        let newest = frames(9, Some(7));
        assert_eq!(newest.form_for(has(3, 7), false), Some(Form::Patch));
        for (present, is_unwritten) in [
            (has(3, 7), true),
            (has(3, 6), false),
            (has(3, 8), false),
            (has(2, 7), false),
            (has(2, 9), false),
            (None, false),
        ] {
            let form = newest.form_for(present, is_unwritten);
            assert_eq!(form, Some(Form::Whole), "{present:?}, {is_unwritten}");
        }
        assert_eq!(
            frames(9, None).form_for(has(3, 7), false),
            Some(Form::Whole)
        );
    }

    #[test]
    fn who_has_a_state_gets_it_again_only_where_it_was_asked_for() {
        assert_eq!(frames(9, Some(7)).form_for(has(3, 9), false), None);
        assert_eq!(frames(9, Some(7)).form_for(has(3, 10), true), None);
        let asked = ViewFrames {
            is_asked_for: true,
            ..frames(9, None)
        };
        assert_eq!(asked.form_for(has(3, 9), false), Some(Form::Whole));
    }
}
