//! What a client does with states: it applies patches, and checks hashes.

use parlor_proto::{Payload, ServerFrame, State, ViewFault, client, server};

use super::TestClient;

impl TestClient {
    /// Waits for the next state of a view; the whole of it, also where a patch came.
    pub async fn expect_state(&mut self, room: &str, view: &str) -> server::RoomState {
        self.expect("room_state", |frame| match frame {
            ServerFrame::RoomState(state) if state.room == room && state.view == view => {
                Some(state)
            }
            _ => None,
        })
        .await
    }

    /// Makes what this client has of a view something else than the server has. With the next state it finds that out.
    ///
    /// # Panics
    ///
    /// When it has nothing of this view.
    pub fn spoil(&mut self, room: &str, view: &str) {
        let copy = self.copies.get_mut(room, view);
        copy.expect("it has this view").state = State::new(&Payload::empty_map());
        self.spoilt = Some((room.to_owned(), view.to_owned()));
    }

    /// Whether what was spoilt was found to be wrong, and asked for again.
    #[must_use]
    pub fn has_healed(&self) -> bool {
        self.spoilt.is_none()
    }

    /// The patch that the last state came by; `None` where it came whole.
    #[must_use]
    pub fn last_patch(&self) -> Option<&server::RoomPatch> {
        match &self.last_of_view {
            Some(ServerFrame::RoomPatch(patch)) => Some(patch),
            _ => None,
        }
    }

    /// Applies patches and checks hashes. In place of a patch it gives the whole state.
    pub(super) async fn take_state(&mut self, frame: ServerFrame) -> Option<ServerFrame> {
        if matches!(frame, ServerFrame::RoomState(_) | ServerFrame::RoomPatch(_)) {
            self.last_of_view = Some(frame.clone());
        }
        let fault = match self.copies.take(frame) {
            Ok(frame) => return frame,
            Err(fault) => fault,
        };
        let spoilt = self.spoilt.take();
        match fault {
            ViewFault::Wrong { room, view, .. } if spoilt == Some((room.clone(), view.clone())) => {
                self.send(client::StateRequest { room, view }).await;
                None
            }
            fault => panic!("{fault}; {}", self.history()),
        }
    }
}
