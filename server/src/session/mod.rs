//! Sessions. One task owns a socket and the identity behind it: it reads frames and hands inputs to rooms, and writes
//! what its rooms put into its outbox.

pub(crate) mod outbox;
mod rooms;
mod state;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::ws::WebSocket;
use bytes::Bytes;
use parlor_proto::{
    ClientFrame, CloseCode, ErrorCode, FrameError, ServerFrame, Subprotocol, WireLimits, server,
};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use self::outbox::{Control, Outbox, Outgoing};
use self::rooms::{WrongCodes, busy, gone};
use self::state::{Action, SessionState};
use self::transport::{Inbound, Transport, WriteError};
use crate::fanout::Fanout;
use crate::node::{Node, Phase};
use crate::room::{LeaveReason, PostError, RoomHandle, RoomInput};

/// How many messages are taken from the socket before what they brought about is written.
const READ_BURST_MAX: usize = 64;
/// Clients that are sent away come back over this time, and not all at once.
const RETRY_SPREAD_MS: u64 = 3_000;

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

/// What a room holds of a session.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) session: SessionId,
    pub(crate) outbox: Arc<Outbox>,
}

impl Peer {
    #[cfg(test)]
    pub(crate) fn new(session: u128, outbox: Arc<Outbox>) -> Self {
        Self {
            session: SessionId(session),
            outbox,
        }
    }
}

/// How a session ended.
#[derive(Debug)]
enum End {
    /// The client is gone.
    Gone,
    /// We end it.
    Close(CloseCode, String),
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

/// Runs a session from its first frame to its last.
pub(crate) async fn run(node: Arc<Node>, socket: WebSocket, subprotocol: Subprotocol) {
    let id = SessionId::random();
    let limits = &node.limits;
    let name = format!("Guest {:04}", id.0 % 10_000);
    let outbox = Arc::new(Outbox::new(subprotocol));
    let peer = Peer {
        session: id,
        outbox: Arc::clone(&outbox),
    };
    let state = SessionState::new(
        peer,
        name,
        limits.rooms_per_session_max,
        limits.bad_frames_max,
    );
    let mut session = SessionTask {
        transport: Transport::new(socket, subprotocol, limits.write_timeout),
        fanout: Fanout::new(Arc::clone(&node.metrics)),
        outbox,
        wrong_codes: WrongCodes::new(limits.wrong_codes_per_minute),
        phase: node.phase.subscribe(),
        outgoing: Vec::new(),
        messages: Vec::new(),
        parked: Vec::new(),
        last_heard: Instant::now(),
        is_pinged: false,
        state,
        node,
    };
    tracing::debug!(session = ?id, subprotocol = subprotocol.name(), "session begins");
    session.node.metrics.connection_opened();
    let Err(end) = session.serve().await;
    session.leave_rooms().await;
    session.node.metrics.connection_closed();
    session.end(end).await;
}

/// Ends a connection that speaks nothing we do.
pub(crate) async fn refuse(socket: WebSocket, code: CloseCode, reason: &str) {
    let transport = Transport::new(socket, Subprotocol::Json, Duration::ZERO);
    transport.close(code, reason).await;
}

/// The loop around a session. Its inputs are the socket, the outbox, the clock and the node's phase.
struct SessionTask {
    node: Arc<Node>,
    transport: Transport,
    state: SessionState,
    outbox: Arc<Outbox>,
    fanout: Fanout,
    wrong_codes: WrongCodes,
    phase: watch::Receiver<Phase>,
    /// What was taken from the outbox; kept to reuse its memory.
    outgoing: Vec<Outgoing>,
    messages: Vec<Bytes>,
    /// Frames that waited for a leave that is done now.
    parked: Vec<ClientFrame>,
    last_heard: Instant,
    is_pinged: bool,
}

impl SessionTask {
    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        self.welcome();
        // One timer that is looked at when it fires, instead of one set anew for every message.
        let mut keepalive = Box::pin(tokio::time::sleep(self.node.limits.heartbeat));
        let outbox = Arc::clone(&self.outbox);
        if self.node.phase() == Phase::Draining {
            // It turned while this session was being set up, which `changed` would not tell.
            return Err(self.drain().await?);
        }
        loop {
            self.write().await?;
            if self.replay().await? {
                continue;
            }
            tokio::select! {
                inbound = self.transport.receive() => self.read(inbound).await?,
                () = outbox.ready() => {}
                () = &mut keepalive => self.keep_alive(keepalive.as_mut()).await?,
                _ = self.phase.changed() => return Err(self.drain().await?),
            }
        }
    }

    /// Handles a message, and those that are there already behind it.
    async fn read(&mut self, first: Inbound) -> Result<(), End> {
        let mut inbound = Some(first);
        let mut count = 0;
        while let Some(next) = inbound {
            self.last_heard = Instant::now();
            self.is_pinged = false;
            match next {
                Inbound::Message(message) => self.on_message(&message).await?,
                Inbound::SignOfLife => {}
                Inbound::Gone => return Err(End::Gone),
                Inbound::Violation(code, reason) => {
                    return Err(End::Close(code, reason.to_owned()));
                }
            }
            count += 1;
            inbound = if count < READ_BURST_MAX {
                self.transport.receive_ready()
            } else {
                None
            };
        }
        Ok(())
    }

    async fn on_message(&mut self, message: &[u8]) -> Result<(), End> {
        self.replay().await?;
        let subprotocol = self.outbox.subprotocol;
        self.node.metrics.frame_in(subprotocol, message.len());
        let frame = subprotocol.decode_client(message);
        tracing::trace!(session = ?self.state.peer.session, ?frame, "frame");
        self.handle(frame).await?;
        // What a burst of requests is answered must not pile up until the burst is over.
        if self.outbox.is_heavy() {
            self.write().await?;
        }
        Ok(())
    }

    /// Takes up the frames that waited for a leave to be done. Whether there were any.
    async fn replay(&mut self) -> Result<bool, End> {
        let parked = std::mem::take(&mut self.parked);
        let had_any = !parked.is_empty();
        for frame in parked {
            self.handle(Ok(frame)).await?;
        }
        Ok(had_any)
    }

    async fn handle(&mut self, frame: Result<ClientFrame, FrameError>) -> Result<(), End> {
        for action in self.state.on_frame(frame, unix_time_ms()) {
            self.act(action).await?;
        }
        Ok(())
    }

    async fn act(&mut self, action: Action) -> Result<(), End> {
        match action {
            Action::Send(frame) => self.send(&frame),
            Action::Welcome => self.welcome(),
            Action::Join { request, attempt } => self.join(request, attempt),
            Action::List(request) => self.list(&request),
            Action::Post(room, input) => self.post(&room, input).await,
            Action::Close(code, reason) => {
                // Its last words go out before the close frame does.
                self.write().await?;
                return Err(End::Close(code, reason));
            }
        }
        Ok(())
    }

    async fn post(&mut self, room: &RoomHandle, input: RoomInput) {
        let id = match &input {
            RoomInput::Message { id, .. } | RoomInput::Leave { id, .. } => *id,
            _ => None,
        };
        // A departure must not be lost; everything else may be refused.
        let posted = if matches!(input, RoomInput::Leave { .. }) {
            room.post_surely(input).await
        } else {
            room.post(input)
        };
        match posted {
            Ok(()) => {}
            Err(PostError::Busy) => self.send(&busy(room, id)),
            Err(PostError::Gone) => {
                let parked = self.state.left(room.name());
                self.parked.extend(parked);
                self.send(&gone(room, id));
            }
        }
    }

    fn welcome(&self) {
        let limits = &self.node.limits;
        self.send(&ServerFrame::Welcome(server::Welcome {
            session: self.state.peer.session.to_string(),
            resume_token: format!("{:032x}", rand::random::<u128>()),
            protocol: self.outbox.subprotocol.name().to_owned(),
            heartbeat_ms: u64::try_from(limits.heartbeat.as_millis()).unwrap_or(u64::MAX),
            limits: WireLimits {
                message_bytes_max: limits.message_bytes_max as u64,
                rooms_max: limits.rooms_per_session_max as u64,
                messages_per_second: 0,
            },
            server: concat!("parlor/", env!("CARGO_PKG_VERSION")).to_owned(),
        }));
    }

    fn send(&self, frame: &ServerFrame) {
        if let ServerFrame::Error(refused) = frame
            && let Some(code) = ErrorCode::from_name(&refused.code)
        {
            self.node.metrics.refused(code.as_str());
        }
        self.fanout.send([&self.outbox], frame);
    }

    /// Writes all that waits in the outbox, with one flush.
    async fn write(&mut self) -> Result<(), End> {
        loop {
            self.outbox.take(&mut self.outgoing);
            if self.outgoing.is_empty() {
                return Ok(());
            }
            self.node
                .metrics
                .states_replaced(self.outbox.take_states_replaced());
            let mut end = None;
            let mut rejoins = Vec::new();
            for outgoing in self.outgoing.drain(..) {
                match outgoing {
                    Outgoing::Message(message) => {
                        self.node
                            .metrics
                            .frame_out(self.outbox.subprotocol, message.len());
                        self.messages.push(message);
                    }
                    Outgoing::Control(Control::LeftRoom(room)) => {
                        self.parked.extend(self.state.left(&room));
                    }
                    Outgoing::Control(Control::JoinBounced(room)) => {
                        rejoins.extend(self.state.on_join_bounced(&room));
                    }
                    Outgoing::Control(Control::Close(code, reason)) => {
                        end = Some(End::Close(code, reason));
                    }
                }
            }
            if !self.messages.is_empty() {
                self.transport.send_all(&mut self.messages).await?;
            }
            if let Some(end) = end {
                return Err(end);
            }
            for action in rejoins {
                match action {
                    Action::Join { request, attempt } => self.join(request, attempt),
                    Action::Send(frame) => self.send(&frame),
                    _ => {}
                }
            }
        }
    }

    async fn keep_alive(&mut self, timer: std::pin::Pin<&mut Sleep>) -> Result<(), End> {
        let limits = &self.node.limits;
        let silence = self.last_heard.elapsed();
        if silence >= limits.silence_max {
            let reason = "nothing was heard from the client, not even a pong".to_owned();
            return Err(End::Close(CloseCode::Silent, reason));
        }
        let mut next = self.last_heard + limits.heartbeat;
        if silence >= limits.heartbeat {
            // A pong may come at once, and then the next silence is to be noticed in its own time.
            next = Instant::now() + limits.heartbeat;
            next = next.min(self.last_heard + limits.silence_max);
            if !std::mem::replace(&mut self.is_pinged, true) {
                self.transport.ping().await?;
            }
        }
        timer.reset(next.max(Instant::now() + Duration::from_millis(1)));
        Ok(())
    }

    /// The server is about to stop: says when to come back.
    async fn drain(&mut self) -> Result<End, End> {
        let retry_after_ms = rand::random_range(0..=RETRY_SPREAD_MS);
        self.send(&ServerFrame::Goaway(server::Goaway {
            reason: "the server restarts".to_owned(),
            retry_after_ms,
        }));
        self.write().await?;
        Ok(End::Close(
            CloseCode::ServiceRestart,
            "the server restarts".to_owned(),
        ))
    }

    async fn leave_rooms(&mut self) {
        for room in self.state.take_rooms() {
            let input = RoomInput::Leave {
                peer: self.state.peer.clone(),
                id: None,
                reason: LeaveReason::Disconnected,
            };
            // A room that is gone needs no goodbye.
            let _ = room.post_surely(input).await;
        }
    }

    async fn end(self, end: End) {
        match end {
            End::Gone => tracing::debug!(session = ?self.state.peer.session, "client gone"),
            End::Close(code, reason) => {
                tracing::debug!(session = ?self.state.peer.session, code = code.code(), reason, "closing");
                self.node.metrics.closed(code);
                self.transport.close(code, &reason).await;
            }
        }
    }
}

fn unix_time_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
