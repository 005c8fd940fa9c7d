//! What a client has of the views of its rooms: patches are applied, and hashes checked, whatever the test is about.

use std::collections::BTreeMap;

use parlor_proto::{CopyFault, Payload, ServerFrame, State, ViewCopy};

/// Copies of views, by room and view.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    views: BTreeMap<(String, String), ViewCopy>,
}

impl Copies {
    /// Takes a frame. A `room_state` with a patch is given the whole state that it leads to.
    ///
    /// # Errors
    ///
    /// The copy is not what the server has.
    pub(crate) fn take(&mut self, frame: &mut ServerFrame) -> Result<(), CopyFault> {
        match frame {
            ServerFrame::RoomState(state) => {
                let key = (state.room.clone(), state.view.clone());
                let copy = ViewCopy::next(self.views.get(&key), state)?;
                state.state = Some(copy.state.value().clone());
                self.views.insert(key, copy);
            }
            ServerFrame::RoomJoined(joined) => self.forget(&joined.room),
            ServerFrame::Reset(reset) => self.forget(&reset.room),
            ServerFrame::RoomLeft(left) => self.forget(&left.room),
            ServerFrame::RoomClosed(closed) => self.forget(&closed.room),
            _ => {}
        }
        Ok(())
    }

    /// Makes the copy of a view something else than the server has. Whether there was one.
    pub(crate) fn spoil(&mut self, room: &str, view: &str) -> bool {
        let copy = self.views.get_mut(&(room.to_owned(), view.to_owned()));
        let Some(copy) = copy else {
            return false;
        };
        copy.state = State::new(&Payload::empty_map());
        true
    }

    fn forget(&mut self, room: &str) {
        self.views.retain(|(other, _), _| other != room);
    }
}
