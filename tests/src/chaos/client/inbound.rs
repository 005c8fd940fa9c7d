//! What a client makes of the frames that come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{ClientFrame, ServerFrame, client, server};
use tokio::time::Instant;

use super::super::history::{Answer, Event, Frame, Place, State, What};
use super::play::Game;
use super::state::{ClientState, Link, Membership, Session};

/// After so many reliable frames a client says how far it is.
const ACK_FRAMES: u64 = 64;
/// Ids of joins begin here, so that they are never those of inputs.
pub(super) const JOIN_IDS: u64 = 1 << 40;
/// How long to wait before a refused join is tried again.
const REJOIN_AFTER: Duration = Duration::from_millis(200);

impl ClientState {
    /// Takes a frame.
    ///
    /// # Panics
    ///
    /// When a state does not fit what the client has.
    pub(super) fn on_frame(&mut self, frame: ServerFrame) -> Vec<ClientFrame> {
        let taken = self.copies.take(frame);
        let Some(frame) = taken.expect("the server sends patches for what its clients have") else {
            return Vec::new();
        };
        if let Some(index) = self.room_of(&frame) {
            return self.on_room_frame(index, frame);
        }
        match frame {
            ServerFrame::Welcome(welcome) => match &mut self.link {
                Link::Resuming(fresh) => {
                    *fresh = Some(welcome);
                    Vec::new()
                }
                // The answer to `auth`; the token may be a newer one.
                Link::Up => {
                    if let Some(session) = &mut self.session {
                        session.token = welcome.resume_token;
                    }
                    Vec::new()
                }
                Link::Opening | Link::Down => self.begin_session(welcome),
            },
            ServerFrame::Resumed(resumed) => self.on_resumed(resumed),
            ServerFrame::Error(error) if error.code == "RESUME_REFUSED" => {
                self.note(Event::ResumeRefused);
                self.run.tally.send_modify(|tally| tally.refused += 1);
                self.session = None;
                match std::mem::replace(&mut self.link, Link::Opening) {
                    Link::Resuming(Some(welcome)) => self.begin_session(welcome),
                    _ => Vec::new(),
                }
            }
            ServerFrame::Goaway(goaway) => {
                self.note(Event::Goaway);
                self.retry_after = Duration::from_millis(goaway.retry_after_ms);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn begin_session(&mut self, welcome: server::Welcome) -> Vec<ClientFrame> {
        self.note(Event::Session(welcome.session.clone()));
        self.session = Some(Session {
            id: welcome.session,
            token: welcome.resume_token,
        });
        self.link = Link::Up;
        self.has_arrived = false;
        for room in &mut self.rooms {
            room.membership = None;
            room.join_from = Some(Instant::now());
        }
        let name = client::Auth {
            token: None,
            name: Some(self.name.clone()),
        };
        let mut outbound = vec![name.into()];
        outbound.extend(self.join_rooms());
        outbound
    }

    fn on_resumed(&mut self, resumed: server::Resumed) -> Vec<ClientFrame> {
        self.link = Link::Up;
        let place = |room: &parlor_proto::ResumedRoom| Place {
            epoch: room.epoch,
            seq: room.seq,
        };
        let rooms = resumed
            .rooms
            .iter()
            .map(|room| (room.room.as_str().into(), place(room)));
        let event = Event::Resumed(rooms.collect());
        self.note(event);
        self.run.tally.send_modify(|tally| tally.resumed += 1);
        self.session = Some(Session {
            id: resumed.session,
            token: resumed.resume_token,
        });
        let mut outbound = Vec::new();
        for index in 0..self.rooms.len() {
            let room = &mut self.rooms[index];
            let goes_on = |it: &parlor_proto::ResumedRoom| *it.room == *room.plan.name;
            if resumed.rooms.iter().any(goes_on) {
                outbound.extend(self.resend(index));
            } else {
                room.membership = None;
            }
        }
        outbound.extend(self.join_rooms());
        outbound
    }

    fn room_of(&self, frame: &ServerFrame) -> Option<usize> {
        let name = match frame {
            ServerFrame::RoomJoined(it) => &it.room,
            ServerFrame::RoomLeft(it) => &it.room,
            ServerFrame::UserJoined(it) => &it.room,
            ServerFrame::UserChanged(it) => &it.room,
            ServerFrame::UserLeft(it) => &it.room,
            ServerFrame::RoomMessage(it) => &it.room,
            ServerFrame::Reset(it) => &it.room,
            ServerFrame::RoomState(it) => &it.room,
            ServerFrame::RoomClosed(it) => &it.room,
            ServerFrame::Reply(it) => it.room.as_ref()?,
            // Refused joins are known by their ids: where a room cannot be found, the error may not name it.
            ServerFrame::Error(server::Error { id: Some(id), .. }) if *id >= JOIN_IDS => {
                let index = usize::try_from(*id % JOIN_IDS).ok()? % self.rooms.len();
                return Some(index);
            }
            ServerFrame::Error(it) => it.room.as_ref()?,
            _ => return None,
        };
        self.rooms.iter().position(|room| *room.plan.name == **name)
    }

    fn on_room_frame(&mut self, index: usize, frame: ServerFrame) -> Vec<ClientFrame> {
        let room = Arc::clone(&self.rooms[index].plan.name);
        if let Some(frame) = Frame::of(&frame, &room, self.run.marker) {
            return self.on_reliable(index, frame);
        }
        match frame {
            ServerFrame::RoomJoined(joined) => self.on_joined(index, &joined),
            ServerFrame::Reset(reset) => {
                let start = Place {
                    epoch: reset.epoch,
                    seq: reset.seq,
                };
                if let Some(membership) = &mut self.rooms[index].membership {
                    membership.begin_at(start);
                }
                self.run.tally.send_modify(|tally| tally.resets += 1);
                if !self.rooms[index].is_finished {
                    let reason = reset.reason;
                    self.note(Event::Reset {
                        room,
                        start,
                        reason,
                    });
                }
            }
            ServerFrame::Reply(reply) => {
                let answer = match (reply.repeat, reply.seq, reply.tick) {
                    (Some(true), ..) => Answer::Repeat,
                    (_, seq, tick) => Answer::Applied {
                        seq: seq.unwrap_or(0),
                        tick: tick.unwrap_or(0),
                    },
                };
                self.on_answer(index, reply.id, answer);
            }
            ServerFrame::Error(error) => match error.id {
                Some(id) if id >= JOIN_IDS => {
                    self.rooms[index].join_from = Some(Instant::now() + REJOIN_AFTER);
                    let code = error.code;
                    self.note(Event::JoinRefused { room, code });
                }
                Some(id) => self.on_answer(index, id, Answer::Refused(error.code)),
                None => self.on_expelled(index, "error"),
            },
            ServerFrame::RoomLeft(_) => self.on_expelled(index, "room_left"),
            ServerFrame::RoomClosed(_) => self.on_expelled(index, "room_closed"),
            ServerFrame::RoomState(state) => self.on_state(index, &state),
            _ => {}
        }
        Vec::new()
    }

    fn on_joined(&mut self, index: usize, joined: &server::RoomJoined) {
        let start = Place {
            epoch: joined.epoch,
            seq: joined.seq,
        };
        let room = &mut self.rooms[index];
        room.membership = Some(Membership {
            place: start,
            count: 0,
            acked_count: 0,
            last_id: joined.last_id,
            unanswered: BTreeMap::new(),
            game: None,
        });
        let event = Event::Joined {
            room: Arc::clone(&room.plan.name),
            member: joined.you.id,
            start,
        };
        self.note(event);
        if !self.has_arrived && self.rooms.iter().all(|room| room.membership.is_some()) {
            self.has_arrived = true;
            self.run.tally.send_modify(|tally| tally.arrived += 1);
        }
    }

    fn on_reliable(&mut self, index: usize, frame: Frame) -> Vec<ClientFrame> {
        let room = &mut self.rooms[index];
        if let Some(membership) = &mut room.membership {
            membership.count += 1;
            membership.place = membership.place.max(frame.place);
        }
        // What comes behind the last frame is of no interest any more.
        if !room.is_finished {
            room.is_finished = frame.what == What::Marker;
            self.note(Event::Frame(frame));
        }
        self.ack(index, ACK_FRAMES).into_iter().collect()
    }

    fn on_answer(&mut self, index: usize, id: u64, answer: Answer) {
        let room = &mut self.rooms[index];
        let name = Arc::clone(&room.plan.name);
        if let Some(membership) = &mut room.membership
            && let Some(pending) = membership.unanswered.remove(&id)
        {
            self.run.tally.send_modify(|tally| {
                tally.answered += 1;
                tally.answered_again += usize::from(pending.is_resent);
            });
        }
        self.note(Event::Answered {
            room: name,
            id,
            answer,
        });
    }

    fn on_expelled(&mut self, index: usize, why: &'static str) {
        let room = &mut self.rooms[index];
        room.membership = None;
        room.join_from = Some(Instant::now() + REJOIN_AFTER);
        let room = Arc::clone(&room.plan.name);
        self.note(Event::Expelled { room, why });
    }

    fn on_state(&mut self, index: usize, state: &server::RoomState) {
        let room = &self.rooms[index];
        let name = Arc::clone(&room.plan.name);
        let is_finished = room.is_finished;
        if self.keeps_states && !is_finished {
            self.note(Event::State(State {
                room: Arc::clone(&name),
                epoch: state.epoch,
                view: state.view.as_str().into(),
                version: state.version,
                as_of: state.as_of,
                hash: state.hash,
            }));
        }
        let Some(game) = Game::read(state) else {
            return;
        };
        if self.keeps_boards && !is_finished {
            self.note(Event::Board(game.board(&name, state)));
        }
        if let Some(membership) = &mut self.rooms[index].membership {
            membership.game = Some(game);
        }
    }
}
