//! The state of a view as both ends keep it, and the patches that lead from one to the next.
//!
//! A [`State`] is a payload with the keys of every map in order, so that equal states have equal bytes: a hash is one
//! pass over them, and a difference is found by walking both side by side. `SPEC.md` (section "Patches") says what a
//! patch means; [`State::patch_to`] writes one, [`State::patched`] applies one that somebody sent.

mod align;
mod apply;
mod copy;
mod diff;
mod nodes;

use crate::Payload;

pub use apply::{PatchError, PatchFault};
pub use copy::{CopyFault, ViewCopies, ViewCopy, ViewFault};

/// The keys of a change that is a map: what takes the place of a value, how many items go, and which come.
const WHOLE: &str = "=";
const REMOVED: &str = "-";
const INSERTED: &str = "+";

/// A payload in the order that hashes and patches go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    value: Payload,
    hash: u32,
}

impl State {
    /// Puts a payload in order.
    #[must_use]
    pub fn new(payload: &Payload) -> Self {
        Self::in_order(payload.sorted())
    }

    fn in_order(value: Payload) -> Self {
        let hash = crc32fast::hash(value.as_msgpack());
        Self { value, hash }
    }

    /// The value, with the keys of every map sorted by their UTF-8 bytes.
    #[must_use]
    pub fn value(&self) -> &Payload {
        &self.value
    }

    /// What `room_state` carries as `hash`: CRC-32 (IEEE) of the value's bytes.
    #[must_use]
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// The patch that makes `newer` of this state. `None` where there is none, or it would not be smaller than `newer`.
    #[must_use]
    pub fn patch_to(&self, newer: &Self) -> Option<Payload> {
        let patch = diff::patch(self.value.as_msgpack(), newer.value.as_msgpack())?;
        if patch.len() >= newer.value.as_msgpack().len() {
            return None;
        }
        // What a deep state gets may lie deeper in the patch than a payload may nest.
        Payload::from_msgpack(patch).ok()
    }

    /// The state that a patch makes of this one.
    pub fn patched(&self, patch: &Payload) -> Result<Self, PatchError> {
        let value = apply::apply(self.value.as_msgpack(), patch.as_msgpack())?;
        Ok(Self::in_order(Payload::from_canonical(value.into())))
    }
}
