//! What a session does with each frame: a state machine without I/O. It says what is to be done; the loop does it.

use std::collections::HashMap;
use std::sync::Arc;

use parlor_proto::{ClientFrame, CloseCode, ErrorCode, FrameError, ServerFrame, client, server};

use crate::room::{LeaveReason, RoomHandle, RoomInput};

use super::Peer;

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
    /// Whether the session asked to leave it, and its answer is not here yet.
    is_leaving: bool,
    /// What came for this room behind a leave and another join, to be taken up when the leave is done.
    parked: Vec<ClientFrame>,
}

/// The most frames that wait for a leave to be done.
const PARKED_MAX: usize = 64;

/// One session, without its socket.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// What rooms hold of it.
    pub(crate) peer: Peer,
    pub(crate) name: String,
    rooms: HashMap<Arc<str>, Membership>,
    rooms_max: usize,
    bad_frames: u32,
    bad_frames_max: u32,
}

impl SessionState {
    pub(crate) fn new(peer: Peer, name: String, rooms_max: usize, bad_frames_max: u32) -> Self {
        Self {
            peer,
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
        let Some(frame) = self.park(frame) else {
            return Vec::new();
        };
        match frame {
            ClientFrame::Auth(auth) => self.on_auth(auth),
            ClientFrame::JoinRoom(join) => self.on_join(join),
            ClientFrame::LeaveRoom(leave) => self.on_leave(&leave),
            ClientFrame::RoomMessage(message) => self.on_room_message(message),
            ClientFrame::StateRequest(request) => self.on_state_request(request),
            ClientFrame::ListRooms(list) => vec![Action::List(list)],
            // May cross the end of a membership, and is not worth an error then.
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
                is_leaving: false,
                parked: Vec::new(),
            },
        );
        true
    }

    /// Whether the session is in a room of this name, or on its way into it.
    pub(crate) fn is_in(&self, room: &str) -> bool {
        self.rooms.contains_key(room)
    }

    /// Notes that the session is in a room no more. What waited for that is to be handled now, as if it came just then.
    pub(crate) fn left(&mut self, room: &str) -> Vec<ClientFrame> {
        let membership = self.rooms.remove(room);
        membership.map(|it| it.parked).unwrap_or_default()
    }

    /// The room went away before the join reached it: ask again, but not for ever.
    pub(crate) fn on_join_bounced(&mut self, room: &str) -> Option<Action> {
        if self.rooms.get(room)?.is_leaving {
            // The room answers the leave that is behind the join.
            return None;
        }
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

    /// Sets a frame aside that is for a room the session is leaving, from a new join on: in the order they came, it is
    /// for the membership that begins when the leave is done. Gives back what need not wait.
    fn park(&mut self, frame: ClientFrame) -> Option<ClientFrame> {
        let room = match &frame {
            ClientFrame::JoinRoom(join) if join.code.is_none() => join.room.as_deref(),
            ClientFrame::LeaveRoom(leave) => Some(leave.room.as_str()),
            ClientFrame::RoomMessage(message) => Some(message.room.as_str()),
            ClientFrame::StateRequest(request) => Some(request.room.as_str()),
            _ => None,
        };
        let membership = room.and_then(|room| self.rooms.get_mut(room));
        let Some(membership) = membership.filter(|it| it.is_leaving) else {
            return Some(frame);
        };
        let begins = matches!(frame, ClientFrame::JoinRoom(_));
        if (membership.parked.is_empty() && !begins) || membership.parked.len() >= PARKED_MAX {
            return Some(frame);
        }
        membership.parked.push(frame);
        None
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
            || name.chars().any(is_invisible)
        {
            return vec![Action::Send(error(
                ErrorCode::InvalidName,
                "a nickname is 1 to 32 visible characters",
                None,
                None,
            ))];
        }
        name.clone_into(&mut self.name);
        let renamed = |room: &RoomHandle| {
            let input = RoomInput::Renamed {
                session: self.peer.session,
                name: self.name.clone(),
            };
            Action::Post(room.clone(), input)
        };
        let mut actions: Vec<Action> = self.rooms.values().map(|it| renamed(&it.room)).collect();
        actions.insert(0, Action::Welcome);
        actions
    }

    fn on_join(&mut self, join: client::JoinRoom) -> Vec<Action> {
        let count = self.rooms.values().filter(|it| !it.is_leaving).count();
        let refusal = if count >= self.rooms_max {
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
        if let Some(membership) = self.rooms.get_mut(leave.room.as_str()) {
            membership.is_leaving = true;
        }
        let peer = self.peer.clone();
        self.in_room(&leave.room, leave.id, |room| {
            let input = RoomInput::Leave {
                peer,
                id: leave.id,
                reason: LeaveReason::Left,
            };
            Action::Post(room, input)
        })
    }

    fn on_room_message(&mut self, message: client::RoomMessage) -> Vec<Action> {
        let peer = self.peer.clone();
        let client::RoomMessage { room, data, id } = message;
        self.in_room(&room, id, |room| {
            let input = RoomInput::Message {
                peer,
                payload: data,
                id,
            };
            Action::Post(room, input)
        })
    }

    fn on_state_request(&mut self, request: client::StateRequest) -> Vec<Action> {
        let peer = self.peer.clone();
        let client::StateRequest { room, view } = request;
        self.in_room(&room, None, |room| {
            Action::Post(room, RoomInput::StateRequest { peer, view })
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

/// Characters that show nothing, or change how what follows is shown: a name of them could pass for another.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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
