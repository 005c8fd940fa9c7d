//! What a session does with each frame: a state machine without I/O. It says what is to be done; the loop does it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlor_gate::token::Token;
use parlor_proto::{
    ClientFrame, CloseCode, Create, ErrorCode, FrameError, ServerFrame, client, server,
};

use crate::room::{LeaveReason, RoomHandle, RoomInput};

use super::Peer;
use super::identity::Who;

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
    /// Tell the room what arrived, if it has a place for that.
    Ack(RoomHandle, RoomInput),
    /// Come back to a room that kept its seat for a client that knows nothing of it any more, as the answer to the join of
    /// this number.
    Claim(RoomHandle, Option<u64>),
    /// Find out whose token this is; if it has no name, this one is wanted.
    Authenticate(Token, Option<String>),
    /// Take up an earlier session.
    Resume(client::Resume),
    /// Answer with the rooms there are.
    List(client::ListRooms),
    /// Answer with the time.
    Pong(client::Ping),
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
    /// Whether the client knows of the room on this connection. One that lost everything asks to join again.
    is_claimed: bool,
    /// Whether the room was told that the client is silent.
    is_silent: bool,
    /// What came for this room behind a leave and another join, to be taken up when the leave is done.
    parked: Vec<ClientFrame>,
}

impl Membership {
    /// Whether this is the code of the room.
    fn has_code(&self, code: &str) -> bool {
        let own = self.room.identity.code.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(code))
    }

    /// After how long a silence the room shows the client as away, if it is to be told.
    fn away_after(&self) -> Option<Duration> {
        let after_ms = self.room.identity.version().description.away_after_ms?;
        let is_told = self.is_claimed && !self.is_silent && !self.is_leaving;
        is_told.then(|| Duration::from_millis(after_ms.max(AWAY_AFTER_MS_MIN).into()))
    }
}

/// A plugin that wants to know of silence sooner would have its members pinged all the time.
const AWAY_AFTER_MS_MIN: u32 = 1_000;

/// The most frames that wait for a leave to be done.
const PARKED_MAX: usize = 64;

/// One session, without its socket.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// What rooms hold of it.
    pub(crate) peer: Peer,
    pub(crate) who: Who,
    pub(crate) name: String,
    rooms: HashMap<Arc<str>, Membership>,
    /// Whether a room may have been told of a silence that it was not told the end of.
    may_be_silent: bool,
    rooms_max: usize,
    bad_frames: u32,
    bad_frames_max: u32,
}

impl SessionState {
    pub(crate) fn new(
        peer: Peer,
        who: Who,
        name: String,
        rooms_max: usize,
        bad_frames_max: u32,
    ) -> Self {
        Self {
            peer,
            who,
            name,
            rooms: HashMap::new(),
            may_be_silent: false,
            rooms_max,
            bad_frames: 0,
            bad_frames_max,
        }
    }

    /// Takes a frame that came at that time, or what was wrong with one.
    pub(crate) fn on_frame(
        &mut self,
        frame: Result<ClientFrame, FrameError>,
        since: Instant,
    ) -> Vec<Action> {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return self.on_bad_frame(&error),
        };
        self.bad_frames = 0;
        if !self.who.is_known() && !matches!(frame, ClientFrame::Auth(_)) {
            return vec![Action::Send(too_early(&frame))];
        }
        let Some(frame) = self.park(frame) else {
            return Vec::new();
        };
        match frame {
            ClientFrame::Auth(auth) => self.on_auth(auth),
            ClientFrame::JoinRoom(join) => self.on_join(join),
            ClientFrame::LeaveRoom(leave) => self.on_leave(&leave),
            ClientFrame::RoomMessage(message) => self.on_room_message(message, since),
            ClientFrame::StateRequest(request) => self.on_state_request(request),
            ClientFrame::ListRooms(list) => vec![Action::List(list)],
            ClientFrame::Ack(ack) => self.on_ack(&ack),
            ClientFrame::Resume(resume) => vec![Action::Resume(resume)],
            ClientFrame::Ping(ping) => vec![Action::Pong(ping)],
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
                is_claimed: true,
                is_silent: false,
                parked: Vec::new(),
            },
        );
        true
    }

    /// The rooms the session is in, or on its way into.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &RoomHandle> {
        self.rooms.values().map(|it| &it.room)
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

    /// The connection is gone, and with it what waited for the end of a leave. Gives the rooms that keep a seat, and whether
    /// the client knew of them until now.
    pub(crate) fn detach(&mut self) -> Vec<(RoomHandle, bool)> {
        let mut kept = Vec::new();
        for membership in self.rooms.values_mut() {
            membership.parked.clear();
            membership.is_silent = false;
            let was_claimed = std::mem::take(&mut membership.is_claimed);
            if !membership.is_leaving {
                kept.push((membership.room.clone(), was_claimed));
            }
        }
        kept
    }

    /// The client knows of this room, also on its new connection.
    pub(crate) fn claim(&mut self, room: &str) {
        if let Some(membership) = self.rooms.get_mut(room) {
            membership.is_claimed = true;
        }
    }

    /// The rooms that the client did not come back to: it is in them no more.
    pub(crate) fn take_unclaimed(&mut self) -> Vec<RoomHandle> {
        let is_unclaimed = |_: &Arc<str>, it: &mut Membership| !it.is_claimed && !it.is_leaving;
        let unclaimed = self.rooms.extract_if(is_unclaimed);
        unclaimed.map(|(_, it)| it.room).collect()
    }

    /// After how long a silence a room is to be told next.
    pub(crate) fn next_away_after(&self) -> Option<Duration> {
        let memberships = self.rooms.values();
        memberships.filter_map(Membership::away_after).min()
    }

    /// The rooms that are to be told of a silence that has lasted so long.
    pub(crate) fn on_silence(&mut self, silence: Duration) -> Vec<RoomHandle> {
        let due = self
            .rooms
            .values_mut()
            .filter(|it| it.away_after().is_some_and(|after| silence >= after));
        let told: Vec<RoomHandle> = due
            .map(|membership| {
                membership.is_silent = true;
                membership.room.clone()
            })
            .collect();
        self.may_be_silent |= !told.is_empty();
        told
    }

    /// The rooms that are to be told that the silence is over.
    pub(crate) fn on_heard(&mut self) -> Vec<RoomHandle> {
        // This is asked for every message.
        if !std::mem::take(&mut self.may_be_silent) {
            return Vec::new();
        }
        let told = self.rooms.values_mut().filter(|it| it.is_silent);
        told.map(|membership| {
            membership.is_silent = false;
            membership.room.clone()
        })
        .collect()
    }

    /// The room that a join means which the client is in without knowing: that of its name or code, or, for a quick match,
    /// that which the same quick match found before.
    fn unclaimed(&mut self, join: &client::JoinRoom) -> Option<&mut Membership> {
        let is_meant = |it: &&mut Membership| {
            let identity = &it.room.identity;
            let plugin = join.plugin.as_deref();
            if plugin.is_some_and(|plugin| *plugin != *identity.plugin) {
                return false;
            }
            match (&join.code, &join.room) {
                (Some(code), _) => it.has_code(code),
                (None, Some(room)) => **room == *identity.name,
                (None, None) => {
                    it.request.room.is_none()
                        && it.request.code.is_none()
                        && it.request.options == join.options
                }
            }
        };
        if join.create == Some(Create::Always) {
            return None;
        }
        let mut unclaimed = self
            .rooms
            .values_mut()
            .filter(|it| !it.is_claimed && !it.is_leaving);
        unclaimed.find(is_meant)
    }

    /// Sets a frame aside that is for a room the session is leaving, from a new join on: in the order they came, it is
    /// for the membership that begins when the leave is done. Gives back what need not wait.
    fn park(&mut self, frame: ClientFrame) -> Option<ClientFrame> {
        let membership = match &frame {
            ClientFrame::JoinRoom(client::JoinRoom {
                code: Some(code), ..
            }) => self.rooms.values_mut().find(|it| it.has_code(code)),
            ClientFrame::JoinRoom(client::JoinRoom {
                room: Some(room), ..
            })
            | ClientFrame::LeaveRoom(client::LeaveRoom { room, .. })
            | ClientFrame::RoomMessage(client::RoomMessage { room, .. })
            | ClientFrame::StateRequest(client::StateRequest { room, .. }) => {
                self.rooms.get_mut(room.as_str())
            }
            _ => None,
        };
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

    fn on_join(&mut self, join: client::JoinRoom) -> Vec<Action> {
        if let Some(membership) = self.unclaimed(&join) {
            let id = join.id;
            membership.is_claimed = true;
            // The room may be gone when this reaches it; then it is asked for anew.
            membership.request = join;
            membership.attempt = 0;
            return vec![Action::Claim(membership.room.clone(), id)];
        }
        let count = self.rooms.values().filter(|it| !it.is_leaving).count();
        let refusal = if count >= self.rooms_max {
            Some((
                ErrorCode::TooManyRooms,
                "you are in as many rooms as a session may be; leave one",
            ))
        } else if join
            .room
            .as_deref()
            .and_then(|room| self.rooms.get(room))
            // Of one that the client did not come back to, the registry knows best what is wrong with asking like this.
            .is_some_and(|it| it.is_claimed || it.is_leaving)
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
        let membership = self.rooms.get_mut(leave.room.as_str());
        if let Some(membership) = membership.filter(|it| it.is_claimed) {
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

    fn on_room_message(&mut self, message: client::RoomMessage, since: Instant) -> Vec<Action> {
        let peer = self.peer.clone();
        let client::RoomMessage { room, data, id } = message;
        self.in_room(&room, id, |room| {
            let input = RoomInput::Message {
                peer,
                payload: data,
                id,
                since,
            };
            Action::Post(room, input)
        })
    }

    /// May cross the end of a membership, and is not worth an error then.
    fn on_ack(&self, ack: &client::Ack) -> Vec<Action> {
        let membership = self.rooms.get(ack.room.as_str());
        let membership = membership.filter(|it| it.is_claimed);
        let post = membership.map(|it| {
            let input = RoomInput::Ack {
                session: self.peer.session,
                epoch: ack.epoch,
                seq: ack.seq,
                count: ack.count,
            };
            Action::Ack(it.room.clone(), input)
        });
        post.into_iter().collect()
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
        vec![match self.rooms.get(room).filter(|it| it.is_claimed) {
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

/// The refusal of a frame that came before it is known who sent it.
fn too_early(frame: &ClientFrame) -> ServerFrame {
    if let ClientFrame::Resume(_) = frame {
        let message =
            "a session is taken up by its user only: send `auth {token}` first, then this again";
        return error(ErrorCode::ResumeRefused, message, None, None);
    }
    let (id, room) = match frame {
        ClientFrame::JoinRoom(join) => (join.id, join.room.as_ref()),
        ClientFrame::LeaveRoom(leave) => (leave.id, Some(&leave.room)),
        ClientFrame::RoomMessage(message) => (message.id, Some(&message.room)),
        ClientFrame::ListRooms(list) => (Some(list.id), None),
        ClientFrame::StateRequest(request) => (None, Some(&request.room)),
        ClientFrame::Ack(ack) => (None, Some(&ack.room)),
        ClientFrame::Auth(_) | ClientFrame::Resume(_) | ClientFrame::Ping(_) => (None, None),
    };
    let message = "say first who you are, with `auth {token}`";
    error(ErrorCode::NotAuthenticated, message, id, room.cloned())
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
