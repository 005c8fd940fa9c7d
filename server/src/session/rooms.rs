//! What a session does to get into rooms, and to see which there are.

use std::sync::Arc;

use parlor_journal::Health;
use parlor_proto::{ErrorCode, Seat, ServerFrame, Value, client, server};

use super::Session;
use super::outbox::Control;
use super::rates::{Refused, Subject};
use super::state::error;
use crate::node::Phase;
use crate::room::{
    BUSY, JoinRequest, Located, Locator, NO_STORAGE, PostError, RoomHandle, RoomInput,
};

impl Session {
    /// Takes a session to the room that it asks for. `Err` if it asks too often, and was told so.
    pub(super) fn join(&mut self, request: client::JoinRoom, attempt: u32) -> Result<(), Refused> {
        let subject = Subject::of_join(&request);
        if self.node.phase() == Phase::Draining {
            let message = "the server is stopping; join again when it is back";
            self.refuse(ErrorCode::ServerDraining, message, subject);
            return Ok(());
        }
        // A room that went away under a join is not asked for once more by the client.
        if attempt == 0 {
            self.admit_join(&request)?;
        }
        let may_create = self.may_create();
        let locator = Locator {
            node: &self.node,
            roles: self.state.who.roles(),
            is_in: &|room| self.state.is_in(room),
            may_create,
        };
        match locator.locate(&request) {
            Ok(located) => {
                self.note_located(located.is_new);
                self.enter(located, request, attempt);
            }
            Err((code, message)) => {
                self.note_not_located(code, &subject)?;
                self.refuse(code, &message, subject);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, code: ErrorCode, message: &str, subject: Subject) {
        self.send(error(code, message, subject.id, subject.room));
    }

    /// Asks a room that was found to let the session in.
    fn enter(&mut self, located: Located, request: client::JoinRoom, attempt: u32) {
        let id = request.id;
        let has_reservation = located.has_reservation;
        let room = located.room;
        let input = RoomInput::Join(Box::new(JoinRequest {
            peer: self.state.peer.clone(),
            name: self.state.name.clone(),
            user: self.state.who.user().map(str::to_owned),
            roles: self.state.who.roles().to_vec(),
            seat: request.seat,
            has_reservation,
            id,
        }));
        if !self.state.enter(room.clone(), request, attempt) {
            room.release(has_reservation);
            let message = "you are in this room already";
            self.send(error(
                ErrorCode::AlreadyInRoom,
                message,
                id,
                Some(room.name().to_string()),
            ));
            return;
        }
        if self.is_lasting(&room) {
            if self.node.persistence.journal.health() == Health::Failing {
                room.release(has_reservation);
                self.state.left(room.name());
                let name = Some(room.name().to_string());
                return self.send(error(ErrorCode::StorageUnavailable, NO_STORAGE, id, name));
            }
            self.write_down();
        }
        match room.post(input) {
            Ok(()) => {}
            Err(PostError::Gone) => {
                self.outbox
                    .push_control(Control::JoinBounced(Arc::clone(room.name())));
            }
            Err(PostError::Busy) => {
                room.release(has_reservation);
                self.left(room.name());
                self.send(busy(&room, id));
            }
        }
    }

    pub(super) fn list(&mut self, request: &client::ListRooms) {
        let listed_rooms = self
            .node
            .rooms
            .list(request.plugin.as_deref(), request.filter.as_ref());
        let rooms = match listed_rooms {
            Ok(rooms) => rooms.iter().map(listed).collect(),
            Err((code, message)) => {
                self.send(error(code, &message, Some(request.id), None));
                return;
            }
        };
        let data = Value::Map(vec![("rooms".to_owned(), Value::List(rooms))]);
        let frame = ServerFrame::Reply(server::Reply {
            room: None,
            id: request.id,
            data: data.to_payload().ok(),
            epoch: None,
            seq: None,
            tick: None,
            repeat: None,
        });
        self.send(frame);
    }
}

/// The refusal of an input that a room has no place for.
pub(super) fn busy(room: &RoomHandle, id: Option<u64>) -> ServerFrame {
    error(ErrorCode::RoomBusy, BUSY, id, Some(room.name().to_string()))
}

/// The refusal of an input that crossed the end of its room.
pub(super) fn gone(room: &RoomHandle, id: Option<u64>) -> ServerFrame {
    error(
        ErrorCode::RoomClosed,
        "the room is no more; join it again to have it made anew",
        id,
        Some(room.name().to_string()),
    )
}

/// A room as listings show it.
fn listed(room: &RoomHandle) -> Value {
    let (identity, status) = (&room.identity, &room.status);
    let version = identity.version();
    let description = &version.description;
    let text = |text: &str| Value::Text(text.to_owned());
    let count = |seat| Value::Int(status.count(seat).into());
    Value::Map(vec![
        ("room".to_owned(), text(&identity.name)),
        ("plugin".to_owned(), text(&description.name)),
        ("version".to_owned(), text(&description.version)),
        ("players".to_owned(), count(Seat::Player)),
        (
            "players_max".to_owned(),
            Value::Int(status.players_max().into()),
        ),
        ("spectators".to_owned(), count(Seat::Spectator)),
        ("locked".to_owned(), Value::Bool(status.is_locked())),
        ("metadata".to_owned(), Value::from(&status.metadata())),
    ])
}
