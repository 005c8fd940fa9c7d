//! What a session does to get into rooms, and to see which there are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{ErrorCode, Seat, ServerFrame, Value, client, server};

use tokio::time::Instant;

use super::Session;
use super::outbox::Control;
use super::state::error;
use crate::node::Phase;
use crate::room::{BUSY, JoinRequest, Locator, PostError, RoomHandle, RoomInput};

impl Session {
    pub(super) fn join(&mut self, request: client::JoinRoom, attempt: u32) {
        let (id, name) = (request.id, request.room.clone());
        if self.node.phase() == Phase::Draining {
            let message = "the server is stopping; join again when it is back";
            return self.send(error(ErrorCode::ServerDraining, message, id, name));
        }
        if request.code.is_some() && self.wrong_codes.are_too_many() {
            let message = "too many room codes were tried; wait a minute";
            self.send(error(ErrorCode::RateLimitExceeded, message, id, name));
            return;
        }
        let locator = Locator {
            node: &self.node,
            roles: self.state.who.roles(),
            is_in: &|room| self.state.is_in(room),
        };
        let located = match locator.locate(&request) {
            Ok(located) => located,
            Err((code, message)) => {
                if code == ErrorCode::WrongCode {
                    self.wrong_codes.note();
                }
                self.send(error(code, &message, id, name));
                return;
            }
        };
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
        match room.post(input) {
            Ok(()) => {}
            Err(PostError::Gone) => {
                self.outbox
                    .push_control(Control::JoinBounced(Arc::clone(room.name())));
            }
            Err(PostError::Busy) => {
                room.release(has_reservation);
                self.state.left(room.name());
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

/// How many wrong codes a session tried in the last minute.
#[derive(Debug)]
pub(super) struct WrongCodes {
    tried: VecDeque<Instant>,
    per_minute: usize,
}

impl WrongCodes {
    pub(super) fn new(per_minute: usize) -> Self {
        Self {
            tried: VecDeque::new(),
            per_minute,
        }
    }

    /// Whether no more may be tried for now.
    fn are_too_many(&mut self) -> bool {
        self.tried
            .retain(|tried| tried.elapsed() < Duration::from_secs(60));
        self.tried.len() >= self.per_minute
    }

    fn note(&mut self) {
        self.tried.push_back(Instant::now());
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
    let description = &identity.version.description;
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
