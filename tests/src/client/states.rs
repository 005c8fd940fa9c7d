//! What a client does with states: it applies patches, and checks hashes.

use parlor_proto::{ServerFrame, client, server};

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
        assert!(self.copies.spoil(room, view), "there is no {view}");
        self.spoilt = Some((room.to_owned(), view.to_owned()));
    }

    /// Whether what was spoilt was found to be wrong, and asked for again.
    #[must_use]
    pub fn has_healed(&self) -> bool {
        self.spoilt.is_none()
    }

    /// Applies patches and checks hashes.
    pub(super) async fn take_state(&mut self, frame: &mut ServerFrame) -> bool {
        let Err(fault) = self.copies.take(frame) else {
            return true;
        };
        let ServerFrame::RoomState(state) = frame else {
            unreachable!("other frames have no state")
        };
        let (room, view) = (state.room.clone(), state.view.clone());
        let is_spoilt = self.spoilt.take() == Some((room.clone(), view.clone()));
        assert!(
            is_spoilt,
            "{view} of {room} is wrong: {fault}; {}",
            self.history()
        );
        self.send(client::StateRequest { room, view }).await;
        false
    }
}
