//! A client's copies of views: what the server's states and patches have made of them.

use std::collections::HashMap;

use super::{PatchError, State};
use crate::server::{RoomPatch, RoomState};
use crate::{Payload, ServerFrame};

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

impl ViewCopy {
    /// What a whole state makes of a copy.
    pub fn of(frame: &RoomState) -> Result<Self, CopyFault> {
        Self::checked(State::new(&frame.state), frame.version, frame.hash)
    }

    /// What a patch makes of this copy.
    pub fn patched(&self, frame: &RoomPatch) -> Result<Self, CopyFault> {
        Self::checked(self.state.patched(&frame.patch)?, frame.version, frame.hash)
    }

    fn checked(state: State, version: u64, hash: u32) -> Result<Self, CopyFault> {
        if state.hash() != hash {
            return Err(CopyFault::OtherHash {
                wanted: hash,
                actual: state.hash(),
            });
        }
        Ok(Self { version, state })
    }
}

/// What a client has of the views of its rooms, on one connection.
#[derive(Debug, Clone, Default)]
pub struct ViewCopies {
    /// By the handle that patches name them by.
    views: HashMap<u64, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    room: String,
    epoch: u64,
    view: String,
    /// Nothing from a fault on, until the whole is there.
    copy: Option<ViewCopy>,
}

/// A frame that does not lead to what the server has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewFault {
    /// What came of it is wrong. The client sends `state_request` (ST4).
    #[error("version {version} of {view} of {room}: {fault}")]
    Wrong {
        /// The room.
        room: String,
        /// The view.
        view: String,
        /// The frame's version.
        version: u64,
        /// What is wrong.
        fault: CopyFault,
    },
    /// There was no `room_state` with this handle on this connection (ST7).
    #[error("nobody knows which view {handle} is")]
    Unknown {
        /// The patch's handle.
        handle: u64,
    },
}

impl ViewCopies {
    /// Takes any frame of the server's. In place of a `room_patch` it gives the `room_state` that says the same; nothing,
    /// where the view was found to be wrong before and the whole is still to come.
    pub fn take(&mut self, frame: ServerFrame) -> Result<Option<ServerFrame>, ViewFault> {
        match &frame {
            ServerFrame::RoomState(state) => self.on_state(state)?,
            ServerFrame::RoomPatch(patch) => {
                return Ok(self.on_patch(patch)?.map(ServerFrame::RoomState));
            }
            ServerFrame::RoomJoined(joined) => self.forget(&joined.room),
            ServerFrame::Reset(reset) => self.forget(&reset.room),
            ServerFrame::RoomLeft(left) => self.forget(&left.room),
            ServerFrame::RoomClosed(closed) => self.forget(&closed.room),
            _ => {}
        }
        Ok(Some(frame))
    }

    /// The copy of a view.
    #[must_use]
    pub fn get(&self, room: &str, view: &str) -> Option<&ViewCopy> {
        let mut views = self.views.values();
        views.find(|it| it.is_of(room, view))?.copy.as_ref()
    }

    /// The copy of a view, for tests that spoil it.
    pub fn get_mut(&mut self, room: &str, view: &str) -> Option<&mut ViewCopy> {
        let mut views = self.views.values_mut();
        views.find(|it| it.is_of(room, view))?.copy.as_mut()
    }

    /// The connection is another one.
    pub fn clear(&mut self) {
        self.views.clear();
    }

    fn on_state(&mut self, frame: &RoomState) -> Result<(), ViewFault> {
        // A view that went and came again has another handle.
        self.views
            .retain(|handle, it| *handle == frame.handle || !it.is_of(&frame.room, &frame.view));
        let kept = Kept {
            room: frame.room.clone(),
            epoch: frame.epoch,
            view: frame.view.clone(),
            copy: None,
        };
        let kept = self.views.entry(frame.handle).insert_entry(kept).into_mut();
        kept.become_of(ViewCopy::of(frame), frame.version)?;
        Ok(())
    }

    fn on_patch(&mut self, frame: &RoomPatch) -> Result<Option<RoomState>, ViewFault> {
        let Some(kept) = self.views.get_mut(&frame.handle) else {
            let handle = frame.handle;
            return Err(ViewFault::Unknown { handle });
        };
        let Some(copy) = kept.copy.take() else {
            return Ok(None);
        };
        let state = kept.become_of(copy.patched(frame), frame.version)?.clone();
        Ok(Some(RoomState {
            room: kept.room.clone(),
            epoch: kept.epoch,
            tick: frame.tick,
            view: kept.view.clone(),
            version: frame.version,
            as_of: frame.as_of,
            hash: frame.hash,
            handle: frame.handle,
            state,
        }))
    }

    fn forget(&mut self, room: &str) {
        self.views.retain(|_, it| it.room != room);
    }
}

impl Kept {
    fn is_of(&self, room: &str, view: &str) -> bool {
        self.room == room && self.view == view
    }

    /// Has what a frame of this version led to. The state of that.
    fn become_of(
        &mut self,
        copy: Result<ViewCopy, CopyFault>,
        version: u64,
    ) -> Result<&Payload, ViewFault> {
        match copy {
            Ok(copy) => Ok(self.copy.insert(copy).state.value()),
            Err(fault) => Err(ViewFault::Wrong {
                room: self.room.clone(),
                view: self.view.clone(),
                version,
                fault,
            }),
        }
    }
}
