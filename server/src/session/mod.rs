//! Sessions. One task owns a session: who a client is, and the rooms it is in. Over its life it serves one connection
//! after the other; between two of them it is away, and its seats are kept for a while.

pub(crate) mod outbox;
mod registry;
mod rooms;
mod serving;
mod state;
pub(crate) mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parlor_proto::{
    ClientFrame, CloseCode, ErrorCode, FrameError, ServerFrame, Subprotocol, WireLimits, server,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::outbox::{Bounds, Control, Outbox, Outgoing, Overflow};
use self::registry::{SessionHandle, Takeover};
use self::rooms::{WrongCodes, busy, gone};
use self::serving::{Greeting, Serving};
use self::state::{Action, SessionState, error};
use self::transport::{Transport, WriteError};
use crate::accept::Permit;
use crate::fanout::Fanout;
use crate::node::Node;
use crate::room::{Claim, LeaveReason, PostError, Return, RoomHandle, RoomInput};

pub(crate) use self::registry::{SessionInput, Sessions};

/// A session's identity within this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(u128);

impl SessionId {
    fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell sessions apart in a log, and not enough to be one.
        write!(f, "session-{:08x}", self.0 >> 96)
    }
}

/// What a room holds of a session: the way to its client, as long as this connection lasts.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) session: SessionId,
    pub(crate) outbox: Arc<Outbox>,
    /// Which of the session's connections; the outbox drops what is meant for an earlier one.
    pub(crate) connection: u32,
    pub(crate) subprotocol: Subprotocol,
}

impl Peer {
    #[cfg(test)]
    pub(crate) fn for_tests(session: u128, subprotocol: Subprotocol) -> Self {
        let bounds = Bounds {
            frames_max: 1024,
            bytes_max: 1 << 20,
        };
        let node = Arc::new(outbox::QueuedBytes::new(1 << 28));
        Self {
            session: SessionId(session),
            outbox: Arc::new(Outbox::new(bounds, node)),
            connection: 0,
            subprotocol,
        }
    }
}

/// One connection of a session.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) transport: Transport,
    pub(crate) subprotocol: Subprotocol,
    /// Held for as long as the connection lasts.
    pub(crate) permit: Permit,
}

impl Link {
    async fn close(self, code: CloseCode, reason: &str) {
        let Self {
            transport, permit, ..
        } = self;
        transport.close(code, reason).await;
        drop(permit);
    }
}

/// How a connection ended for its session.
#[derive(Debug)]
enum End {
    /// The connection is lost.
    Gone,
    /// The client has said goodbye.
    Goodbye,
    /// We end it.
    Close(CloseCode, String),
    /// The server is about to stop.
    Drain,
    /// The session goes on in another connection.
    Replaced(Box<Takeover>),
    /// The connection takes up another session.
    HandOver(Box<HandOver>),
}

impl End {
    /// Whether the client may come back and go on where it was.
    fn keeps_session(&self) -> bool {
        match self {
            Self::Gone => true,
            Self::Close(code, _) => code.may_reconnect() && *code != CloseCode::ServiceRestart,
            Self::Goodbye | Self::Drain | Self::Replaced(_) | Self::HandOver(_) => false,
        }
    }
}

impl From<WriteError> for End {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Gone => Self::Gone,
            WriteError::Stalled => Self::Close(
                CloseCode::SlowConsumer,
                "nothing could be written for too long".to_owned(),
            ),
        }
    }
}

/// A request to take up another session, whose token was found good.
#[derive(Debug)]
struct HandOver {
    session: SessionHandle,
    resume: parlor_proto::client::Resume,
    generation: u64,
}

/// Runs a session from its first frame to its last.
pub(crate) async fn run(node: Arc<Node>, link: Link) {
    let session = Session::new(node, &link);
    tracing::debug!(session = ?session.id, subprotocol = link.subprotocol.name(), "session begins");
    session.live(link).await;
}

/// A client's identity, and all that outlives its connections.
struct Session {
    node: Arc<Node>,
    id: SessionId,
    handle: SessionHandle,
    inputs: mpsc::Receiver<SessionInput>,
    state: SessionState,
    outbox: Arc<Outbox>,
    fanout: Fanout,
    wrong_codes: WrongCodes,
    /// Frames that waited for a leave that is done now.
    parked: Vec<ClientFrame>,
    /// Until when the rooms are kept that the client has not come back to, though it is back itself.
    unclaimed_until: Option<Instant>,
    /// Whether the server told it to go while that could not be done.
    is_drain_due: bool,
}

impl Session {
    fn new(node: Arc<Node>, link: &Link) -> Self {
        let (id, handle, inputs) = node.sessions.register();
        let limits = &node.limits;
        let bounds = Bounds {
            frames_max: limits.outbox_frames_max,
            bytes_max: limits.outbox_bytes_max,
        };
        let outbox = Arc::new(Outbox::new(bounds, Arc::clone(&node.queued)));
        let peer = Peer {
            session: id,
            connection: outbox.turn_over(),
            outbox: Arc::clone(&outbox),
            subprotocol: link.subprotocol,
        };
        let name = format!("Guest {:04}", id.0 % 10_000);
        let (rooms_max, bad_frames_max) = (limits.rooms_per_session_max, limits.bad_frames_max);
        Self {
            state: SessionState::new(peer, name, rooms_max, bad_frames_max),
            fanout: Fanout::new(Arc::clone(&node.metrics)),
            wrong_codes: WrongCodes::new(limits.wrong_codes_per_minute),
            parked: Vec::new(),
            unclaimed_until: None,
            is_drain_due: false,
            outbox,
            inputs,
            handle,
            id,
            node,
        }
    }

    /// Serves one connection after the other, until there is none for too long.
    async fn live(mut self, first: Link) {
        self.node.metrics.session_opened();
        let mut serving = Serving::new(first, Greeting::Welcome);
        let last = loop {
            let (link, end) = serving.run(&mut self).await;
            let takeover = match end {
                End::Replaced(takeover) => {
                    // The old connection ends by itself: nothing that it still does can reach the session.
                    self.close_beside(link, CloseCode::Replaced, "the session goes on elsewhere");
                    takeover
                }
                End::HandOver(request) => match self.hand_over(link, *request).await {
                    Ok(()) => break None,
                    Err(link) => {
                        self.send(refused_resume());
                        serving = Serving::new(link, Greeting::None);
                        continue;
                    }
                },
                end if end.keeps_session() && !self.node.limits.resume_window.is_zero() => {
                    if let End::Close(code, reason) = end {
                        self.close_beside(link, code, &reason);
                    }
                    match self.away().await {
                        Some(takeover) => takeover,
                        None => break None,
                    }
                }
                end => break Some((link, end)),
            };
            serving = self.adopt(*takeover).await;
        };
        self.finish(last).await;
    }

    /// Waits without a connection. `None` if nobody took the session up in time.
    async fn away(&mut self) -> Option<Box<Takeover>> {
        tracing::debug!(session = ?self.id, "away");
        self.outbox.turn_over();
        self.parked.clear();
        self.node.metrics.session_away(true);
        for (room, was_claimed) in self.state.detach() {
            if was_claimed {
                // A room that is gone keeps no seat.
                let _ = room.post_surely(RoomInput::Lost(self.id)).await;
            }
        }
        let window = tokio::time::sleep(self.node.limits.resume_window);
        tokio::pin!(window);
        let outbox = Arc::clone(&self.outbox);
        let takeover = loop {
            tokio::select! {
                biased;
                end = self.interrupted() => match end {
                    End::Replaced(takeover) => break Some(takeover),
                    _ => break None,
                },
                () = outbox.ready() => self.take_words(),
                () = &mut window => break None,
            }
        };
        self.node.metrics.session_away(false);
        takeover
    }

    /// Takes what rooms say to the session itself while there is nobody to write to.
    fn take_words(&mut self) {
        let mut outgoing = Vec::new();
        self.outbox.take(&mut outgoing);
        for it in outgoing {
            if let Outgoing::Control(Control::LeftRoom(room) | Control::JoinBounced(room)) = it {
                self.state.left(&room);
            }
        }
    }

    /// Waits for a word that ends the service of the present connection.
    async fn interrupted(&mut self) -> End {
        if std::mem::take(&mut self.is_drain_due) {
            return End::Drain;
        }
        self.next_word().await
    }

    /// Waits for a new connection. That the server is about to stop is kept for later.
    async fn replaced(&mut self) -> End {
        loop {
            match self.next_word().await {
                End::Drain => self.is_drain_due = true,
                end => return end,
            }
        }
    }

    async fn next_word(&mut self) -> End {
        loop {
            match self.inputs.recv().await {
                Some(SessionInput::Takeover(takeover)) => {
                    if self.handle.generations().accepts(takeover.generation) {
                        return End::Replaced(takeover);
                    }
                    takeover.refuse();
                }
                Some(SessionInput::Drain) => return End::Drain,
                // The session itself holds the other end.
                None => std::future::pending().await,
            }
        }
    }

    /// Goes on in a new connection.
    async fn adopt(&mut self, takeover: Takeover) -> Serving {
        let Takeover {
            link,
            resume,
            generation,
            outcome,
        } = takeover;
        tracing::debug!(session = ?self.id, subprotocol = link.subprotocol.name(), "resumed");
        self.handle.generations().on_used(generation);
        // Who handed the connection over may be gone already.
        let _ = outcome.send(Ok(()));
        self.parked.clear();
        self.state.peer.connection = self.outbox.turn_over();
        self.state.peer.subprotocol = link.subprotocol;
        let mut answers = Vec::new();
        for (room, was_claimed) in self.state.detach() {
            let position = resume.rooms.iter().find(|it| it.room == **room.name());
            let input = match position {
                Some(position) => {
                    let (answer, answered) = oneshot::channel();
                    answers.push(answered);
                    self.state.claim(room.name());
                    let (epoch, seq) = (position.epoch, position.seq);
                    self.returning(Claim::Position { epoch, seq, answer })
                }
                None if was_claimed => RoomInput::Lost(self.id),
                None => continue,
            };
            // A room that is gone does not answer, and is left out.
            let _ = room.post_surely(input).await;
        }
        self.unclaimed_until = Some(Instant::now() + self.node.limits.resume_window);
        Serving::new(link, Greeting::Resumed(answers))
    }

    fn returning(&self, claim: Claim) -> RoomInput {
        RoomInput::Back(Box::new(Return {
            peer: self.state.peer.clone(),
            roles: Vec::new(),
            claim,
        }))
    }

    /// Gives the connection to the session that it asked for. Gets it back if that is over, or its token was used.
    async fn hand_over(&mut self, link: Link, request: HandOver) -> Result<(), Link> {
        let (outcome, mut told) = oneshot::channel();
        let takeover = Takeover {
            link,
            resume: request.resume,
            generation: request.generation,
            outcome,
        };
        let input = SessionInput::Takeover(Box::new(takeover));
        if let Err(error) = request.session.inputs.try_send(input) {
            return match error.into_inner() {
                SessionInput::Takeover(takeover) => Err(takeover.link),
                SessionInput::Drain => unreachable!("it was a takeover that was sent"),
            };
        }
        loop {
            tokio::select! {
                biased;
                told = &mut told => {
                    return match told {
                        Ok(Err(link)) => Err(*link),
                        Ok(Ok(())) | Err(_) => Ok(()),
                    };
                }
                // Two sessions that wait for each other would wait for ever.
                Some(input) = self.inputs.recv() => {
                    if let SessionInput::Takeover(takeover) = input {
                        takeover.refuse();
                    }
                }
            }
        }
    }

    /// Tells rooms that want to know of a silent client.
    async fn on_silence(&mut self, silence: Duration) {
        for room in self.state.on_silence(silence) {
            self.tell_silence(&room, true).await;
        }
    }

    /// Tells rooms that were told of a silent client that it is heard again.
    async fn on_heard(&mut self) {
        for room in self.state.on_heard() {
            self.tell_silence(&room, false).await;
        }
    }

    async fn tell_silence(&self, room: &RoomHandle, is_silent: bool) {
        let session = self.id;
        // A room that is gone does not mind.
        let _ = room
            .post_surely(RoomInput::Silent { session, is_silent })
            .await;
    }

    /// Lets go of the rooms that the client did not come back to.
    async fn leave_unclaimed(&mut self) {
        self.unclaimed_until = None;
        for room in self.state.take_unclaimed() {
            self.leave(&room).await;
        }
    }

    async fn leave(&self, room: &RoomHandle) {
        let input = RoomInput::Leave {
            peer: self.state.peer.clone(),
            id: None,
            reason: LeaveReason::Disconnected,
        };
        // A room that is gone needs no goodbye.
        let _ = room.post_surely(input).await;
    }

    /// Ends the session, and its last connection if it still has one.
    async fn finish(mut self, last: Option<(Link, End)>) {
        for room in self.state.take_rooms() {
            self.leave(&room).await;
        }
        self.node.metrics.session_closed();
        if let Some((link, End::Close(code, reason))) = last {
            self.note_closing(code, &reason);
            link.close(code, &reason).await;
        }
        // Only now: a stopping server waits for the last close frame.
        self.node.sessions.unregister(self.id);
        self.inputs.close();
        while let Ok(input) = self.inputs.try_recv() {
            if let SessionInput::Takeover(takeover) = input {
                takeover.refuse();
            }
        }
        tracing::debug!(session = ?self.id, "session ends");
    }

    fn note_closing(&self, code: CloseCode, reason: &str) {
        tracing::debug!(session = ?self.id, code = code.code(), reason, "closing");
        self.node.metrics.closed(code);
    }

    /// Closes a connection that the session does not wait for.
    fn close_beside(&self, link: Link, code: CloseCode, reason: &str) {
        self.note_closing(code, reason);
        let reason = reason.to_owned();
        tokio::spawn(async move { link.close(code, &reason).await });
    }

    /// Takes a frame. `Some` if that ends the connection.
    async fn handle(&mut self, frame: Result<ClientFrame, FrameError>) -> Option<Ending> {
        for action in self.state.on_frame(frame, unix_time_ms()) {
            match action {
                Action::Send(frame) => self.send(frame),
                Action::Welcome => self.welcome(),
                Action::Join { request, attempt } => self.join(request, attempt),
                Action::List(request) => self.list(&request),
                Action::Post(room, input) => self.post(&room, input).await,
                // The next one says the same and more.
                Action::Ack(room, input) => drop(room.post(input)),
                Action::Claim(room, id) => {
                    let input = self.returning(Claim::Nothing { id });
                    if room.post_surely(input).await.is_err() {
                        let name = Arc::clone(room.name());
                        self.outbox.push_control(Control::JoinBounced(name));
                    }
                }
                Action::Close(code, reason) => return Some(Ending::Close(code, reason)),
                Action::Resume(resume) => {
                    let found = self.node.sessions.find(&resume);
                    match found.filter(|(id, ..)| *id != self.id) {
                        Some((_, session, generation)) => {
                            return Some(Ending::HandOver(Box::new(HandOver {
                                session,
                                resume,
                                generation,
                            })));
                        }
                        None => self.send(refused_resume()),
                    }
                }
            }
        }
        None
    }

    async fn post(&mut self, room: &RoomHandle, input: RoomInput) {
        let id = match &input {
            RoomInput::Message { id, .. } | RoomInput::Leave { id, .. } => *id,
            _ => None,
        };
        // What must not be lost waits for its place; everything else may be refused.
        let posted = match input {
            RoomInput::Leave { .. } => room.post_surely(input).await,
            input => room.post(input),
        };
        match posted {
            Ok(()) => {}
            Err(PostError::Busy) => self.send(busy(room, id)),
            Err(PostError::Gone) => {
                let parked = self.state.left(room.name());
                self.parked.extend(parked);
                self.send(gone(room, id));
            }
        }
    }

    fn welcome(&mut self) {
        let limits = &self.node.limits;
        let frame = ServerFrame::Welcome(server::Welcome {
            session: self.id.to_string(),
            resume_token: self.node.sessions.token(self.id, &self.handle),
            protocol: self.state.peer.subprotocol.name().to_owned(),
            heartbeat_ms: u64::try_from(limits.heartbeat.as_millis()).unwrap_or(u64::MAX),
            limits: WireLimits {
                message_bytes_max: limits.message_bytes_max as u64,
                rooms_max: limits.rooms_per_session_max as u64,
                messages_per_second: 0,
            },
            server: concat!("parlor/", env!("CARGO_PKG_VERSION")).to_owned(),
        });
        self.send(frame);
    }

    fn send(&mut self, frame: ServerFrame) {
        if let ServerFrame::Error(refused) = &frame
            && let Some(code) = ErrorCode::from_name(&refused.code)
        {
            self.node.metrics.refused(code.as_str());
        }
        self.fanout.begin_burst();
        self.fanout.send([&self.state.peer], frame);
    }
}

/// What ends a connection from within.
enum Ending {
    Close(CloseCode, String),
    HandOver(Box<HandOver>),
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Close(code, reason) => Self::Close(code, reason),
            Ending::HandOver(request) => Self::HandOver(request),
        }
    }
}

fn refused_resume() -> ServerFrame {
    error(
        ErrorCode::ResumeRefused,
        "this session is over, or its token was used already; join your rooms again",
        None,
        None,
    )
}

fn overflow_reason(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Frames | Overflow::Bytes => "more is queued for this client than it reads",
        Overflow::Node => "the server has too much queued, and this client reads too slowly",
    }
}

fn unix_time_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
