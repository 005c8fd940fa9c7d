//! A client's copy of a view: what the server's states and patches have made of it.

use super::{PatchError, State};
use crate::server::RoomState;

/// One view as a client has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewCopy {
    /// The version that this is.
    pub version: u64,
    /// The state.
    pub state: State,
}

/// Why a client's copy cannot be what the server says. The client sends `state_request` and gets the whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyFault {
    /// There is a patch, and not what it is for.
    #[error("the patch is for version {base}, and what is here is {present:?}")]
    OtherBase {
        /// What the patch is for.
        base: u64,
        /// The version of the copy, where there is one.
        present: Option<u64>,
    },
    /// There is neither a state nor a patch.
    #[error("the frame has neither a state nor a patch")]
    Nothing,
    /// The patch does not fit.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// What came of it is not what the server has.
    #[error("the state has the hash {actual:#010x}, and should have {wanted:#010x}")]
    OtherHash {
        /// The frame's hash.
        wanted: u32,
        /// The copy's.
        actual: u32,
    },
}

impl RoomState {
    /// The version that the patch is for, where there is one (ST2).
    #[must_use]
    pub fn patch_base(&self) -> Option<u64> {
        self.patch.as_ref()?;
        self.base.or(self.version.checked_sub(1))
    }
}

impl ViewCopy {
    /// What a frame makes of the copy that is there.
    pub fn next(present: Option<&Self>, frame: &RoomState) -> Result<Self, CopyFault> {
        let state = match (&frame.state, &frame.patch, frame.patch_base()) {
            (Some(state), _, _) => State::new(state),
            (None, Some(patch), Some(base)) => match present {
                Some(present) if present.version == base => present.state.patched(patch)?,
                _ => {
                    let present = present.map(|it| it.version);
                    return Err(CopyFault::OtherBase { base, present });
                }
            },
            _ => return Err(CopyFault::Nothing),
        };
        if state.hash() != frame.hash {
            return Err(CopyFault::OtherHash {
                wanted: frame.hash,
                actual: state.hash(),
            });
        }
        Ok(Self {
            version: frame.version,
            state,
        })
    }
}
