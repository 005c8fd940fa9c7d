//! One client: it joins, says its lines, waits out the end of the server, and comes back.

use std::net::SocketAddr;
use std::sync::Arc;

use parlor_proto::{
    ClientFrame, Create, Payload, Position, Seat, ServerFrame, Visibility, client, server,
};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::report::{Outcome, Seen};
use crate::Error;
use crate::acks::Acks;
use crate::options::{Plan, Plugin};
use crate::socket::{Socket, SocketError};

/// How many lines a client has on their way while it gives its room a history.
const IN_FLIGHT: u64 = 16;
/// How long an answer may take before the server is killed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Before a client that could not connect tries again.
const RETRY: Duration = Duration::from_millis(50);
/// How long a knock may take to be answered.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// Where all clients go, and what they say there.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) plan: Plan,
    /// How many inputs each room gets before anything is timed.
    pub(super) history: u64,
}

impl Way {
    /// Whether there is a server that lets clients in.
    pub(super) async fn is_open(&self) -> bool {
        let socket = timeout(KNOCK_TIMEOUT, self.connect(0)).await;
        match socket {
            Ok(Ok(socket)) => {
                socket.close().await;
                true
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    async fn connect(&self, number: usize) -> Result<Socket, SocketError> {
        let plan = &self.plan;
        let subprotocol = plan.encoding.of_bot(number);
        Socket::connect(&plan.uri, self.address, subprotocol, None).await
    }
}

/// A client in at most one room.
#[derive(Debug)]
pub(super) struct Client {
    way: Arc<Way>,
    number: usize,
    socket: Socket,
    session: String,
    resume_token: String,
    room: String,
    epoch: u64,
    seq: u64,
    last_id: u64,
    answered: u64,
    acks: Acks,
}

impl Client {
    pub(super) async fn connect(way: &Arc<Way>, number: usize) -> Result<Self, Error> {
        let failed = |problem: String| Error::Join {
            bot: number,
            room: "the server".to_owned(),
            problem,
        };
        let socket = way.connect(number).await;
        let mut client = Self {
            way: Arc::clone(way),
            number,
            socket: socket.map_err(|error| failed(error.to_string()))?,
            session: String::new(),
            resume_token: String::new(),
            room: String::new(),
            epoch: 0,
            seq: 0,
            last_id: 0,
            answered: 0,
            acks: Acks::new(0, 0),
        };
        let welcome = client.welcome().await.map_err(failed)?;
        client.session = welcome.session;
        client.resume_token = welcome.resume_token;
        Ok(client)
    }

    async fn welcome(&mut self) -> Result<server::Welcome, String> {
        self.until(|frame| match frame {
            ServerFrame::Welcome(welcome) => Some(welcome),
            _ => None,
        })
        .await
    }

    pub(super) async fn join(&mut self, room: String) -> Result<(), Error> {
        self.room = room;
        let join = client::JoinRoom {
            room: Some(self.room.clone()),
            plugin: Some(self.way.plan.plugin.name().to_owned()),
            create: Some(Create::IfMissing),
            // People who look for a room to play in do not end up here.
            visibility: Some(Visibility::Unlisted),
            seat: Some(Seat::Player),
            ..client::JoinRoom::default()
        };
        let joined = self.ask(join.into(), |frame| match frame {
            ServerFrame::RoomJoined(joined) => Some(joined),
            _ => None,
        });
        let joined = joined.await?;
        (self.epoch, self.seq) = (joined.epoch, joined.seq);
        (self.last_id, self.answered) = (joined.last_id, 0);
        self.acks = Acks::new(joined.epoch, joined.seq);
        Ok(())
    }

    pub(super) async fn leave(&mut self) -> Result<(), Error> {
        let room = self.room.clone();
        let leave = client::LeaveRoom { room, id: None };
        let left = self.ask(leave.into(), |frame| match frame {
            ServerFrame::RoomLeft(left) => Some(left),
            _ => None,
        });
        left.await.map(drop)
    }

    /// Says all lines, and waits until they are answered.
    pub(super) async fn say_all(&mut self) -> Result<(), Error> {
        let history = self.way.history;
        let mut said = 0;
        while self.answered < history {
            while said < history && said - self.answered < IN_FLIGHT {
                self.say().await.map_err(|error| self.failed(error))?;
                said += 1;
            }
            let frame = timeout(ANSWER_TIMEOUT, self.receive()).await;
            let frame = frame.map_err(|_| self.failed("no answer".to_owned()))?;
            frame.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Stays until the connection ends.
    pub(super) async fn outlast(&mut self) {
        while self.receive().await.is_ok() {}
    }

    /// Takes up its session, and says one more line.
    pub(super) async fn come_back(&mut self, ramp: &Semaphore) -> Seen {
        let connected = loop {
            let _permit = ramp.acquire().await;
            // A connection that the server had no time for is no outcome.
            match self.way.connect(self.number).await {
                Ok(socket) => self.socket = socket,
                Err(_) => {
                    sleep(RETRY).await;
                    continue;
                }
            }
            if self.welcome().await.is_ok() {
                break Instant::now();
            }
        };
        let mut seen = Seen::connected(connected);
        match self.resume(&mut seen).await {
            Ok(()) => seen.outcome.get_or_insert(Outcome::Exact),
            Err(problem) => seen.outcome.get_or_insert(Outcome::Failed(problem)),
        };
        seen
    }

    async fn resume(&mut self, seen: &mut Seen) -> Result<(), String> {
        let resume = client::Resume {
            session: self.session.clone(),
            resume_token: self.resume_token.clone(),
            rooms: vec![Position {
                room: self.room.clone(),
                epoch: self.epoch,
                seq: self.seq,
            }],
        };
        self.send(resume.into()).await?;
        let last_id = self.last_id;
        let (mut new_id, mut is_resumed) = (None, false);
        loop {
            let frame = self.receive().await?;
            match &frame {
                ServerFrame::Resumed(resumed) => {
                    seen.resumed = Some(Instant::now());
                    let room = resumed.rooms.iter().find(|it| it.room == self.room);
                    let room = room.ok_or("the room does not go on")?;
                    if room.epoch != self.epoch || room.last_id != last_id {
                        seen.outcome = Some(Outcome::Differs);
                    }
                    is_resumed = true;
                }
                ServerFrame::Reset(reset) => {
                    seen.outcome = Some(Outcome::Reset(reset.reason.clone()));
                    (self.epoch, self.last_id) = (reset.epoch, reset.last_id);
                }
                ServerFrame::Error(error) if error.id.is_none() || error.id != new_id => {
                    return Err(format!("{}: {}", error.code, error.message));
                }
                frame if new_id.is_some() && answered_id(frame) == new_id => {
                    seen.answered = Some(Instant::now());
                    return Ok(());
                }
                _ => {}
            }
            if is_resumed && new_id.is_none() {
                new_id = Some(self.say().await?);
            }
        }
    }

    async fn say(&mut self) -> Result<u64, String> {
        self.last_id += 1;
        let id = self.last_id;
        let input = client::RoomMessage {
            room: self.room.clone(),
            data: line(self.way.plan.plugin, id),
            id: Some(id),
        };
        self.send(input.into()).await?;
        Ok(id)
    }

    /// Sends something and waits for what answers it.
    async fn ask<T>(
        &mut self,
        frame: ClientFrame,
        pick: impl Fn(ServerFrame) -> Option<T>,
    ) -> Result<T, Error> {
        let answer = async {
            self.send(frame).await?;
            self.until(pick).await
        };
        let answer = timeout(ANSWER_TIMEOUT, answer).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer".to_owned()));
        answer.map_err(|problem| self.failed(problem))
    }

    async fn until<T>(&mut self, pick: impl Fn(ServerFrame) -> Option<T>) -> Result<T, String> {
        loop {
            let frame = self.receive().await?;
            if let ServerFrame::Error(error) = &frame {
                return Err(format!("{}: {}", error.code, error.message));
            }
            if let Some(picked) = pick(frame) {
                return Ok(picked);
            }
        }
    }

    async fn send(&mut self, frame: ClientFrame) -> Result<(), String> {
        let sent = self.socket.send(&frame).await;
        sent.map(drop).map_err(|error| error.to_string())
    }

    /// The next frame, of which is noted what a client must know to come back.
    async fn receive(&mut self) -> Result<ServerFrame, String> {
        let inbound = self.socket.receive().await;
        let frame = inbound.map_err(|error| error.to_string())?.frame;
        let frame = frame.map_err(|error| error.to_string())?;
        let reliable = match &frame {
            ServerFrame::RoomMessage(it) => Some((&it.room, it.epoch, it.seq)),
            ServerFrame::UserJoined(it) => Some((&it.room, it.epoch, it.seq)),
            ServerFrame::UserChanged(it) => Some((&it.room, it.epoch, it.seq)),
            ServerFrame::UserLeft(it) => Some((&it.room, it.epoch, it.seq)),
            _ => None,
        };
        if let Some((_, epoch, seq)) = reliable.filter(|(room, ..)| **room == self.room) {
            (self.epoch, self.seq) = (epoch, seq);
            self.acks.on_reliable(epoch, seq, Instant::now());
            if self.acks.due().is_some_and(|due| due <= Instant::now()) {
                let ack = self.acks.take(&self.room);
                self.send(ack.into()).await?;
            }
        }
        self.answered += u64::from(answered_id(&frame).is_some());
        Ok(frame)
    }

    fn failed(&self, problem: String) -> Error {
        Error::Join {
            bot: self.number,
            room: self.room.clone(),
            problem,
        }
    }
}

/// The input that a frame answers.
fn answered_id(frame: &ServerFrame) -> Option<u64> {
    match frame {
        ServerFrame::Reply(reply) => Some(reply.id),
        ServerFrame::Error(error) => error.id,
        _ => None,
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Say { text: String },
    Echo { data: u64 },
    Bots { count: u32 },
    Start,
    Capture { cell: u64 },
    Steer { x: i8, y: i8 },
}

/// What a client says in a room of this plugin. A match of grid is against one bot.
fn line(plugin: Plugin, id: u64) -> Payload {
    let line = match plugin {
        Plugin::Chat | Plugin::Broadcast => Line::Say {
            text: format!("this is line {id} of a conversation that has not come to its end"),
        },
        Plugin::Echo => Line::Echo { data: id },
        Plugin::Grid => match id {
            1 => Line::Bots { count: 1 },
            2 => Line::Start,
            _ => Line::Capture { cell: id % 81 },
        },
        Plugin::Arena if id.is_multiple_of(2) => Line::Steer { x: 127, y: 0 },
        Plugin::Arena => Line::Steer { x: -127, y: 0 },
    };
    Payload::from_serde(&line).expect("maps of numbers and text are payloads")
}
