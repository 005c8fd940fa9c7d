//! What a session does with each frame: a state machine without I/O. It says what is to be done; the loop does it.

use std::collections::HashMap;
use std::sync::Arc;

use parlor_proto::{ClientFrame, CloseCode, ErrorCode, FrameError, ServerFrame, client, server};

use crate::room::{RoomHandle, RoomInput};

use super::SessionId;

/// The longest nickname.
const NAME_CHARS_MAX: usize = 32;
/// How often a join is tried again when the room went away under it.
const JOIN_ATTEMPTS_MAX: u32 = 5;

/// What the loop is to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send this to the client.
    Send(ServerFrame),
    /// Find or make the room, and ask it to let the session in.
    Join {
        /// What was asked for.
        request: client::JoinRoom,
        /// How often the room went away under it.
        attempt: u32,
    },
    /// Give this to the room.
    Post(RoomHandle, RoomInput),
    /// Answer with the rooms there are.
    List(client::ListRooms),
    /// Send `welcome`.
    Welcome,
    /// End the connection.
    Close(CloseCode, String),
}

/// A room the session is in, or on its way into.
#[derive(Debug)]
struct Membership {
    room: RoomHandle,
    /// What was asked for, to ask again if the room goes away under it.
    request: client::JoinRoom,
    attempt: u32,
}

/// One session, without its socket.
#[derive(Debug)]
pub(crate) struct SessionState {
    pub(crate) id: SessionId,
    pub(crate) name: String,
    rooms: HashMap<Arc<str>, Membership>,
    rooms_max: usize,
    bad_frames: u32,
    bad_frames_max: u32,
}

impl SessionState {
    pub(crate) fn new(id: SessionId, name: String, rooms_max: usize, bad_frames_max: u32) -> Self {
        Self {
            id,
            name,
            rooms: HashMap::new(),
            rooms_max,
            bad_frames: 0,
            bad_frames_max,
        }
    }

    /// Takes a frame, or what was wrong with one.
    pub(crate) fn on_frame(
        &mut self,
        frame: Result<ClientFrame, FrameError>,
        now_ms: u64,
    ) -> Vec<Action> {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return self.on_bad_frame(&error),
        };
        self.bad_frames = 0;
        match frame {
            ClientFrame::Auth(auth) => self.on_auth(auth),
            ClientFrame::JoinRoom(join) => self.on_join(join),
            ClientFrame::LeaveRoom(leave) => self.on_leave(&leave),
            ClientFrame::RoomMessage(message) => self.on_room_message(message),
            ClientFrame::StateRequest(request) => self.on_state_request(request),
            ClientFrame::ListRooms(list) => vec![Action::List(list)],
            // Positions are for `resume`; until there is a ring to resume from, there is nothing to compare.
            ClientFrame::Ack(_) => Vec::new(),
            ClientFrame::Resume(_) => vec![Action::Send(error(
                ErrorCode::ResumeRefused,
                "this server keeps no sessions of lost connections; join your rooms again",
                None,
                None,
            ))],
            ClientFrame::Ping(ping) => vec![Action::Send(ServerFrame::Pong(server::Pong {
                timestamp: ping.timestamp,
                server_time_ms: now_ms,
            }))],
        }
    }

    /// Notes that the session is on its way into a room. `false` if it is in it already.
    pub(crate) fn enter(
        &mut self,
        room: RoomHandle,
        request: client::JoinRoom,
        attempt: u32,
    ) -> bool {
        if self.rooms.contains_key(room.name()) {
            return false;
        }
        self.rooms.insert(
            Arc::clone(room.name()),
            Membership {
                room,
                request,
                attempt,
            },
        );
        true
    }

    /// Notes that the session is in a room no more.
    pub(crate) fn left(&mut self, room: &str) {
        self.rooms.remove(room);
    }

    /// The room went away before the join reached it: ask again, but not for ever.
    pub(crate) fn on_join_bounced(&mut self, room: &str) -> Option<Action> {
        let membership = self.rooms.remove(room)?;
        if membership.attempt >= JOIN_ATTEMPTS_MAX {
            return Some(Action::Send(error(
                ErrorCode::RoomClosed,
                "the room closes as soon as it is opened; try later",
                membership.request.id,
                Some(room.to_owned()),
            )));
        }
        Some(Action::Join {
            request: membership.request,
            attempt: membership.attempt + 1,
        })
    }

    /// All rooms, to be left when the connection ends.
    pub(crate) fn take_rooms(&mut self) -> Vec<RoomHandle> {
        self.rooms.drain().map(|(_, it)| it.room).collect()
    }

    fn on_bad_frame(&mut self, problem: &FrameError) -> Vec<Action> {
        self.bad_frames += 1;
        let answer = Action::Send(error(problem.code(), &problem.to_string(), None, None));
        if self.bad_frames < self.bad_frames_max {
            return vec![answer];
        }
        let reason = format!("{} bad frames in a row", self.bad_frames);
        vec![answer, Action::Close(CloseCode::PolicyViolation, reason)]
    }

    fn on_auth(&mut self, auth: client::Auth) -> Vec<Action> {
        let Some(name) = auth.name else {
            return vec![Action::Welcome];
        };
        let name = name.trim();
        if name.is_empty()
            || name.chars().count() > NAME_CHARS_MAX
            || name.chars().any(char::is_control)
        {
            return vec![Action::Send(error(
                ErrorCode::InvalidName,
                "a nickname is 1 to 32 characters, none of them a control character",
                None,
                None,
            ))];
        }
        name.clone_into(&mut self.name);
        let renamed = |room: &RoomHandle| {
            let input = RoomInput::Renamed {
                session: self.id,
                name: self.name.clone(),
            };
            Action::Post(room.clone(), input)
        };
        let mut actions: Vec<Action> = self.rooms.values().map(|it| renamed(&it.room)).collect();
        actions.insert(0, Action::Welcome);
        actions
    }

    fn on_join(&mut self, join: client::JoinRoom) -> Vec<Action> {
        let refusal = if self.rooms.len() >= self.rooms_max {
            Some((
                ErrorCode::TooManyRooms,
                "you are in as many rooms as a session may be; leave one",
            ))
        } else if join
            .room
            .as_deref()
            .is_some_and(|room| self.rooms.contains_key(room))
        {
            Some((ErrorCode::AlreadyInRoom, "you are in this room already"))
        } else {
            None
        };
        match refusal {
            Some((code, message)) => vec![Action::Send(error(code, message, join.id, join.room))],
            None => vec![Action::Join {
                request: join,
                attempt: 0,
            }],
        }
    }

    fn on_leave(&mut self, leave: &client::LeaveRoom) -> Vec<Action> {
        let session = self.id;
        self.in_room(&leave.room, leave.id, |room| {
            let input = RoomInput::Leave {
                session,
                id: leave.id,
                reason: crate::room::LeaveReason::Left,
            };
            Action::Post(room, input)
        })
    }

    fn on_room_message(&mut self, message: client::RoomMessage) -> Vec<Action> {
        let session = self.id;
        let client::RoomMessage { room, data, id } = message;
        self.in_room(&room, id, |room| {
            let input = RoomInput::Message {
                session,
                payload: data,
                id,
            };
            Action::Post(room, input)
        })
    }

    fn on_state_request(&mut self, request: client::StateRequest) -> Vec<Action> {
        let session = self.id;
        let client::StateRequest { room, view } = request;
        self.in_room(&room, None, |room| {
            Action::Post(room, RoomInput::StateRequest { session, view })
        })
    }

    fn in_room(
        &self,
        room: &str,
        id: Option<u64>,
        action: impl FnOnce(RoomHandle) -> Action,
    ) -> Vec<Action> {
        vec![match self.rooms.get(room) {
            Some(membership) => action(membership.room.clone()),
            None => Action::Send(error(
                ErrorCode::NotInRoom,
                "you are not in this room; join it first",
                id,
                Some(room.to_owned()),
            )),
        }]
    }
}

/// An `error` frame.
pub(crate) fn error(
    code: ErrorCode,
    message: &str,
    id: Option<u64>,
    room: Option<String>,
) -> ServerFrame {
    ServerFrame::Error(server::Error {
        code: code.as_str().to_owned(),
        message: message.to_owned(),
        id,
        room,
    })
}
