//! What a client knows, without its socket: frames come in, frames go out, and all of it is written down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{ClientFrame, Position, ViewCopies, client, server};
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::super::history::{Event, Input, Place};
use super::inbound::JOIN_IDS;
use super::play::{Game, Pacer, choose, payload_of};
use super::{RoomPlan, Run, Script, Stage};
use crate::TestClient;

/// A client says how far it is at least so often.
const ACK_EVERY: Duration = Duration::from_secs(1);

/// A client without its socket.
pub(super) struct ClientState {
    pub(super) run: Arc<Run>,
    pub(super) name: String,
    /// Which of the run's records is this client's.
    number: usize,
    pub(super) session: Option<Session>,
    pub(super) rooms: Vec<Room>,
    pub(super) copies: ViewCopies,
    pub(super) link: Link,
    pub(super) pacer: Option<Pacer>,
    pub(super) keeps_boards: bool,
    pub(super) keeps_states: bool,
    pub(super) join_count: u64,
    pub(super) text_count: u64,
    pub(super) acked_at: Instant,
    pub(super) retry_after: Duration,
    pub(super) has_arrived: bool,
    pub(super) has_settled: bool,
    pub(super) has_finished: bool,
}

pub(super) struct Session {
    pub(super) id: String,
    pub(super) token: String,
}

/// What the connection is good for.
pub(super) enum Link {
    /// There is none.
    Down,
    /// The server has not yet said who the client is.
    Opening,
    /// The client wants its session back; it may know of a fresh one already.
    Resuming(Option<server::Welcome>),
    /// Requests and inputs may be sent.
    Up,
}

/// A room the client is to be in, and what it knows of it.
pub(super) struct Room {
    pub(super) plan: RoomPlan,
    pub(super) membership: Option<Membership>,
    /// Not before this it may ask to be let in; `None` while it has asked.
    pub(super) join_from: Option<Instant>,
    /// Whether the last frame of the run has come.
    pub(super) is_finished: bool,
}

/// What a client knows of a room it is in.
pub(super) struct Membership {
    pub(super) place: Place,
    pub(super) count: u64,
    pub(super) acked_count: u64,
    pub(super) last_id: u64,
    pub(super) unanswered: BTreeMap<u64, Pending>,
    pub(super) game: Option<Game>,
}

/// An input without its answer.
pub(super) struct Pending {
    pub(super) input: Input,
    pub(super) is_resent: bool,
}

impl ClientState {
    pub(super) fn new(script: &Script, number: usize, run: Arc<Run>) -> Self {
        let now = Instant::now();
        let room = |plan: &RoomPlan| Room {
            plan: plan.clone(),
            membership: None,
            join_from: Some(now),
            is_finished: false,
        };
        Self {
            name: script.name.clone(),
            number,
            session: None,
            rooms: script.rooms.iter().map(room).collect(),
            copies: ViewCopies::default(),
            link: Link::Down,
            pacer: script.pace.clone().map(|pace| Pacer::new(pace, now)),
            keeps_boards: script.keeps_boards,
            keeps_states: script.keeps_states,
            join_count: 0,
            text_count: 0,
            acked_at: now,
            retry_after: Duration::ZERO,
            has_arrived: false,
            has_settled: false,
            has_finished: false,
            run,
        }
    }

    pub(super) fn note(&self, event: Event) {
        self.run.note(self.number, event);
    }

    /// How long the server asked the client to stay away.
    pub(super) fn take_retry_after(&mut self) -> Duration {
        std::mem::take(&mut self.retry_after)
    }

    /// Whether something is to come.
    pub(super) fn is_waiting(&self) -> bool {
        !matches!(self.link, Link::Up)
            || self.rooms.iter().any(|room| match &room.membership {
                None => room.join_from.is_none(),
                Some(membership) => !membership.unanswered.is_empty(),
            })
    }

    /// What to say first on a new connection.
    pub(super) fn on_connected(&mut self) -> Vec<ClientFrame> {
        self.copies.clear();
        let Some(session) = &self.session else {
            self.link = Link::Opening;
            return Vec::new();
        };
        self.link = Link::Resuming(None);
        let mut positions = Vec::new();
        let mut noted = Vec::new();
        for room in &self.rooms {
            if let Some(membership) = &room.membership {
                positions.push(Position {
                    room: room.plan.name.to_string(),
                    epoch: membership.place.epoch,
                    seq: membership.place.seq,
                });
                noted.push((Arc::clone(&room.plan.name), membership.place));
            }
        }
        let resume = client::Resume {
            session: session.id.clone(),
            resume_token: session.token.clone(),
            rooms: positions,
        };
        self.note(Event::ResumeSent(noted));
        vec![resume.into()]
    }

    /// The connection is gone; what was asked and not answered is asked again.
    pub(super) fn on_lost(&mut self, event: Event) {
        self.note(event);
        self.link = Link::Down;
        for room in &mut self.rooms {
            room.join_from = Some(Instant::now());
        }
    }

    /// Says what is due: joins, acks, and during the traffic an input.
    pub(super) fn on_look(&mut self, stage: Stage, rng: &mut StdRng) -> Vec<ClientFrame> {
        if !matches!(self.link, Link::Up) {
            return Vec::new();
        }
        let mut outbound = self.join_rooms();
        if self.acked_at.elapsed() >= ACK_EVERY {
            self.acked_at = Instant::now();
            for index in 0..self.rooms.len() {
                outbound.extend(self.ack(index, 1));
            }
        }
        if stage == Stage::Traffic {
            outbound.extend(self.speak(rng));
        }
        self.report(stage);
        outbound
    }

    /// Asks to be let into the rooms it is to be in and is not.
    pub(super) fn join_rooms(&mut self) -> Vec<ClientFrame> {
        let mut outbound = Vec::new();
        for index in 0..self.rooms.len() {
            let room_count = self.rooms.len() as u64;
            let room = &mut self.rooms[index];
            let is_due = room.join_from.is_some_and(|from| from <= Instant::now());
            if room.membership.is_some() || !is_due {
                continue;
            }
            room.join_from = None;
            let name = Arc::clone(&room.plan.name);
            let join = client::JoinRoom {
                seat: Some(room.plan.seat),
                id: Some(JOIN_IDS + self.join_count * room_count + index as u64),
                ..TestClient::into_room(&name, room.plan.plugin)
            };
            self.join_count += 1;
            self.note(Event::JoinSent(name));
            outbound.push(join.into());
        }
        outbound
    }

    /// Says how far it is in a room, if at least `least` frames came since it last did.
    pub(super) fn ack(&mut self, index: usize, least: u64) -> Option<ClientFrame> {
        let room = &mut self.rooms[index];
        let membership = room.membership.as_mut()?;
        if membership.count < membership.acked_count + least {
            return None;
        }
        membership.acked_count = membership.count;
        let (place, count) = (membership.place, membership.count);
        let ack = client::Ack {
            room: room.plan.name.to_string(),
            epoch: place.epoch,
            seq: place.seq,
            count,
        };
        if !room.is_finished {
            let room = Arc::clone(&room.plan.name);
            self.note(Event::Acked { room, place, count });
        }
        Some(ack.into())
    }

    /// Sends what is unanswered in a room again, in the order of ids.
    pub(super) fn resend(&mut self, index: usize) -> Vec<ClientFrame> {
        let room = Arc::clone(&self.rooms[index].plan.name);
        let mut inputs = Vec::new();
        if let Some(membership) = &mut self.rooms[index].membership {
            for (id, pending) in &mut membership.unanswered {
                pending.is_resent = true;
                inputs.push((*id, pending.input.clone()));
            }
        }
        inputs
            .into_iter()
            .map(|(id, input)| self.send_input(&room, id, input))
            .collect()
    }

    fn send_input(&mut self, room: &Arc<str>, id: u64, input: Input) -> ClientFrame {
        let data = payload_of(&input);
        let room_name = room.to_string();
        self.note(Event::Sent {
            room: Arc::clone(room),
            id,
            input,
        });
        client::RoomMessage {
            room: room_name,
            data,
            id: Some(id),
        }
        .into()
    }

    /// Thinks of an input, if it is time for one.
    fn speak(&mut self, rng: &mut StdRng) -> Option<ClientFrame> {
        let pacer = self.pacer.as_mut()?;
        let unanswered_max = pacer.due(rng)?;
        let index = choose(&self.rooms, rng)?;
        let room = &mut self.rooms[index];
        let name = Arc::clone(&room.plan.name);
        let membership = room.membership.as_mut()?;
        if membership.unanswered.len() >= unanswered_max {
            return None;
        }
        let input = if room.plan.plugin == "chat" {
            self.text_count += 1;
            Input::Say(format!("{}-{}", self.name, self.text_count).into())
        } else {
            membership.game.as_ref()?.play(rng)?
        };
        membership.last_id += 1;
        let id = membership.last_id;
        let pending = Pending {
            input: input.clone(),
            is_resent: false,
        };
        membership.unanswered.insert(id, pending);
        Some(self.send_input(&name, id, input))
    }

    /// Tells the run how far it is.
    fn report(&mut self, stage: Stage) {
        if stage == Stage::Traffic {
            return;
        }
        let is_settled = |room: &Room| {
            let unanswered = room.membership.as_ref().map(|it| it.unanswered.len());
            unanswered == Some(0)
        };
        if !self.has_settled && self.rooms.iter().all(is_settled) {
            self.has_settled = true;
            self.run.tally.send_modify(|tally| tally.settled += 1);
        }
        if !self.has_finished && self.rooms.iter().all(|room| room.is_finished) {
            self.has_finished = true;
            self.run.tally.send_modify(|tally| tally.finished += 1);
        }
    }
}

impl Membership {
    pub(super) fn begin_at(&mut self, start: Place) {
        self.place = start;
        self.count = 0;
        self.acked_count = 0;
    }
}
