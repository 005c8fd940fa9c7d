//! A client made of `parlor-proto`, which comes back whenever it loses its connection, each time in another encoding.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{
    ClientFrame, Payload, Position, Seat, ServerFrame, State, Subprotocol, ViewCopies, ViewFault,
    client, server,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;

use super::history::Event;
use super::recorder::Recorder;
use super::{Command, PLUGIN, ROOM};
use crate::TestClient;
use crate::chaos::{Inbound, Line};

/// The longest that a client waits before it connects again, or asks again to be let in.
const PAUSE_MAX: Duration = Duration::from_millis(60);

/// Runs a client until there are no more commands.
pub(super) async fn run(
    address: SocketAddr,
    seed: u64,
    number: usize,
    recorder: Arc<Recorder>,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut rng = StdRng::seed_from_u64(seed);
    let seat = super::seat_of(&mut rng);
    let mut member = Member {
        number,
        recorder,
        session: None,
        fresh: None,
        position: None,
        seat,
        is_leaving: false,
        copies: ViewCopies::default(),
        is_at_a_loss: false,
    };
    loop {
        let subprotocol = Subprotocol::ALL[rng.random_range(0..Subprotocol::ALL.len())];
        if let Some(line) = Line::open(address, subprotocol).await
            && member.talk(line, subprotocol, &mut commands).await == End::Stop
        {
            return;
        }
        let pause = tokio::time::sleep(PAUSE_MAX.mul_f64(rng.random()));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                command = commands.recv() => match command {
                    Some(command) => drop(member.on_command(command)),
                    None => return,
                },
            }
        }
    }
}

/// Why a connection is over.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Lost,
    Stop,
}

struct Member {
    number: usize,
    recorder: Arc<Recorder>,
    session: Option<(String, String)>,
    /// The session that is there should the other not go on.
    fresh: Option<(String, String)>,
    /// Where it is in the room, while it is there.
    position: Option<Position>,
    seat: Seat,
    /// Whether it is to leave, and come again.
    is_leaving: bool,
    copies: ViewCopies,
    /// Whether there is a view of which it cannot find out what it is.
    is_at_a_loss: bool,
}

impl Member {
    async fn talk(
        &mut self,
        mut line: Line,
        subprotocol: Subprotocol,
        commands: &mut mpsc::Receiver<Command>,
    ) -> End {
        let mut outbound = self.greeting();
        loop {
            if !outbound.is_empty() && !line.send(&outbound).await {
                return End::Lost;
            }
            if std::mem::take(&mut self.is_at_a_loss) {
                return End::Lost;
            }
            outbound = tokio::select! {
                inbound = line.next() => match inbound {
                    Inbound::Frame(frame) => self.on_frame(*frame, subprotocol),
                    Inbound::Nothing => Vec::new(),
                    Inbound::End(_) => return End::Lost,
                },
                command = commands.recv() => match command {
                    Some(Command::Reconnect) => return End::Lost,
                    Some(command) => self.on_command(command).into_iter().collect(),
                    None => return End::Stop,
                },
            };
        }
    }

    fn greeting(&mut self) -> Vec<ClientFrame> {
        self.fresh = None;
        self.copies.clear();
        let Some((session, resume_token)) = self.session.clone() else {
            return Vec::new();
        };
        let rooms = self.position.clone().into_iter().collect();
        let resume = client::Resume {
            session,
            resume_token,
            rooms,
        };
        vec![resume.into()]
    }

    fn on_command(&mut self, command: Command) -> Option<ClientFrame> {
        match command {
            Command::Reconnect => None,
            Command::Rejoin(_) if self.is_leaving || self.position.is_none() => None,
            Command::Rejoin(seat) => {
                self.seat = seat;
                self.is_leaving = true;
                Some(leave())
            }
            Command::Spoil(view) => {
                let copy = self.copies.get_mut(ROOM, &view)?;
                copy.state = State::new(&Payload::empty_map());
                self.recorder.note(self.number, Event::Spoilt(view));
                None
            }
            Command::Request(view) => self.request(&view),
            Command::Heed(round) => {
                self.recorder.heeded(self.number, round);
                None
            }
        }
    }

    fn on_frame(&mut self, frame: ServerFrame, subprotocol: Subprotocol) -> Vec<ClientFrame> {
        let connected = |is_resumed| Event::Connected {
            subprotocol,
            is_resumed,
        };
        let is_patch = matches!(frame, ServerFrame::RoomPatch(_));
        let frame = match self.copies.take(frame) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Vec::new(),
            Err(fault) => return self.on_fault(&fault, is_patch).into_iter().collect(),
        };
        match frame {
            ServerFrame::Welcome(welcome) => {
                let known = Some((welcome.session, welcome.resume_token));
                if self.session.is_some() {
                    self.fresh = known;
                    return Vec::new();
                }
                self.session = known;
                self.recorder.note(self.number, connected(false));
                self.outside()
            }
            ServerFrame::Resumed(resumed) => {
                self.session = Some((resumed.session, resumed.resume_token));
                self.recorder.note(self.number, connected(true));
                if resumed.rooms.is_empty() {
                    return self.outside();
                }
                self.is_leaving.then(leave).into_iter().collect()
            }
            ServerFrame::Error(error) if error.code == "RESUME_REFUSED" => {
                self.session = self.fresh.take();
                self.recorder.note(self.number, connected(false));
                self.outside()
            }
            // It asked to leave a second time, for the first answer was lost, or is on its way.
            ServerFrame::Error(error) if error.code == "NOT_IN_ROOM" => {
                if self.position.is_some() {
                    self.outside()
                } else {
                    Vec::new()
                }
            }
            // Likewise to be let in: the answer to the first time is what counts.
            ServerFrame::Error(error) if error.code == "ALREADY_IN_ROOM" => Vec::new(),
            ServerFrame::Error(error) if error.code != "VIEW_NOT_FOUND" => {
                panic!("client {} is refused: {error:?}", self.number)
            }
            ServerFrame::RoomLeft(_) => self.outside(),
            ServerFrame::RoomJoined(joined) => {
                self.on_joined(&joined);
                Vec::new()
            }
            ServerFrame::Reset(reset) => {
                self.go_to(reset.epoch, reset.seq);
                self.recorder.note(self.number, Event::Reset);
                Vec::new()
            }
            ServerFrame::UserJoined(it) => self.go_to(it.epoch, it.seq),
            ServerFrame::UserChanged(it) => self.go_to(it.epoch, it.seq),
            ServerFrame::UserLeft(it) => self.go_to(it.epoch, it.seq),
            ServerFrame::RoomState(frame) => {
                self.on_state(&frame, is_patch);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_joined(&mut self, joined: &server::RoomJoined) {
        self.go_to(joined.epoch, joined.seq);
        let (member, seat) = (joined.you.id, joined.you.seat);
        self.recorder
            .note(self.number, Event::Joined { member, seat });
    }

    fn go_to(&mut self, epoch: u64, seq: u64) -> Vec<ClientFrame> {
        let room = ROOM.to_owned();
        self.position = Some(Position { room, epoch, seq });
        Vec::new()
    }

    /// It is in no room, and asks to be let in.
    fn outside(&mut self) -> Vec<ClientFrame> {
        if self.position.take().is_some() {
            self.recorder.note(self.number, Event::Left);
        }
        self.is_leaving = false;
        let join = client::JoinRoom {
            seat: Some(self.seat),
            id: Some(1),
            ..TestClient::into_room(ROOM, PLUGIN)
        };
        vec![join.into()]
    }

    fn on_state(&self, frame: &server::RoomState, is_patch: bool) {
        let (view, version) = (&frame.view, frame.version);
        self.recorder
            .note_state(self.number, view, version, is_patch, &frame.state);
    }

    /// A frame is of no use: it asks for the whole (ST4, PT8).
    fn on_fault(&mut self, fault: &ViewFault, is_patch: bool) -> Option<ClientFrame> {
        match fault {
            ViewFault::Wrong { view, version, .. } => {
                let event = Event::Refused {
                    view: self.recorder.name(view),
                    version: *version,
                    is_patch,
                };
                self.recorder.note(self.number, event);
                self.request(view)
            }
            ViewFault::Unknown { handle } => {
                self.recorder.note(self.number, Event::Unknown(*handle));
                // All views come whole with the next connection, so that the play can go on.
                self.is_at_a_loss = true;
                None
            }
        }
    }

    fn request(&self, view: &str) -> Option<ClientFrame> {
        let request = client::StateRequest {
            room: self.position.as_ref()?.room.clone(),
            view: view.to_owned(),
        };
        // Behind a leave it would come too late.
        (!self.is_leaving).then(|| request.into())
    }
}

fn leave() -> ClientFrame {
    let room = ROOM.to_owned();
    client::LeaveRoom { room, id: Some(2) }.into()
}
