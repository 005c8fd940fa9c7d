//! Sessions. One task owns a session: who a client is, and the rooms it is in. Over its life it serves one connection
//! after the other; between two of them it is away, and its seats are kept for a while.

pub(crate) mod identity;
pub(crate) mod lasting;
mod lifetime;
pub(crate) mod outbox;
mod rates;
mod registry;
mod rooms;
mod serving;
pub(crate) mod state;
pub(crate) mod transport;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parlor_proto::{
    ClientFrame, CloseCode, ErrorCode, FrameError, Position, ServerFrame, Subprotocol, WireLimits,
    client, server,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::identity::Who;
use self::lasting::Written;
use self::lifetime::{Ending, HandOver};
use self::outbox::{Bounds, Control, Outbox, Overflow};
use self::rates::Rates;
use self::registry::SessionHandle;
use self::rooms::{busy, gone};
use self::state::{Action, SessionState, error};
use self::transport::Transport;
use crate::accept::Connection;
use crate::auth::Admission;
use crate::fanout::Fanout;
use crate::node::Node;
use crate::room::{Claim, LeaveReason, PostError, Return, RoomHandle, RoomInput};

pub(crate) use self::registry::{SessionInput, Sessions};

/// A session's identity within this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct SessionId(u128);

impl SessionId {
    /// Of members whose session is not known.
    pub(crate) const NOBODY: Self = Self(0);

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
    /// The way to a session that has no connection: words reach it, frames do not.
    pub(crate) fn without_connection(session: SessionId, outbox: Arc<Outbox>) -> Self {
        Self {
            session,
            outbox,
            // Connections are counted from 1 on.
            connection: 0,
            subprotocol: Subprotocol::Binary,
        }
    }

    /// The way to nobody.
    pub(crate) fn nobody() -> Self {
        static NOWHERE: OnceLock<Arc<Outbox>> = OnceLock::new();
        let outbox = NOWHERE.get_or_init(|| {
            let node = Arc::new(outbox::QueuedBytes::new(0));
            Arc::new(Outbox::new(Bounds::default(), node))
        });
        Self::without_connection(SessionId::NOBODY, Arc::clone(outbox))
    }

    /// The way to a client without a session, for tests and for what is counted.
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
    /// When it became a WebSocket. Whatever the network does to what is sent on it, a client opens one after the other.
    pub(crate) opened: Instant,
    /// Held for as long as the connection lasts.
    pub(crate) connection: Connection,
}

impl Link {
    async fn close(self, code: CloseCode, reason: &str) {
        let Self {
            transport,
            connection,
            ..
        } = self;
        transport.close(code, reason).await;
        drop(connection);
    }

    /// Lets go of a connection that the client closed, or that was lost. The answer to its close frame may still be on the
    /// way, and would not arrive if the connection ended while something is unread.
    async fn let_go(self) {
        self.close(CloseCode::Normal, "").await;
    }
}

/// Runs a session from its first frame to its last.
pub(crate) async fn run(node: Arc<Node>, link: Link, admission: Admission) {
    let session = Box::new(Session::new(node, &link, admission));
    tracing::debug!(session = ?session.id, subprotocol = link.subprotocol.name(), "session begins");
    session.live(Some(link)).await;
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
    rates: Rates,
    /// Where the client said it was when it came back, until it is known to have its new token.
    resumed_from: Vec<Position>,
    /// When the connection was opened in which it was taken up last.
    taken_up_in: Option<Instant>,
    /// Frames that waited for a leave that is done now.
    parked: Vec<ClientFrame>,
    /// Until when the rooms are kept that the client has not come back to, though it is back itself.
    unclaimed_until: Option<Instant>,
    /// Until when it is known who this is, or may stay unknown.
    identity_until: Option<Instant>,
    /// Whether the server told it to go while that could not be done.
    is_drain_due: bool,
    /// What of it is in the journal.
    written: Written,
}

impl Session {
    fn new(node: Arc<Node>, link: &Link, admission: Admission) -> Self {
        let id = SessionId::random();
        let who = Who::from(admission);
        let name = who.default_name(id.0);
        let mut session = Self::found(node, id, who, name);
        session.state.peer.connection = session.outbox.turn_over();
        session.state.peer.subprotocol = link.subprotocol;
        session.begin_identity();
        session
    }

    /// A session without a connection.
    fn found(node: Arc<Node>, id: SessionId, who: Who, name: String) -> Self {
        let limits = &node.limits;
        let bounds = Bounds {
            frames_max: limits.outbox_frames_max,
            bytes_max: limits.outbox_bytes_max,
        };
        let outbox = Arc::new(Outbox::new(bounds, Arc::clone(&node.queued)));
        let (handle, inputs) = node.sessions.register(id, Arc::clone(&outbox));
        if let Some(user) = who.user() {
            handle.belongs_to(user);
        }
        let peer = Peer::without_connection(id, Arc::clone(&outbox));
        let (rooms_max, bad_frames_max) = (limits.rooms_per_session_max, limits.bad_frames_max);
        Self {
            state: SessionState::new(peer, who, name, rooms_max, bad_frames_max),
            fanout: Fanout::new(Arc::clone(&node.metrics)),
            rates: Rates::new(limits.rates),
            resumed_from: Vec::new(),
            taken_up_in: None,
            parked: Vec::new(),
            unclaimed_until: None,
            is_drain_due: false,
            identity_until: None,
            written: Written::default(),
            outbox,
            inputs,
            handle,
            id,
            node,
        }
    }

    fn returning(&self, claim: Claim) -> RoomInput {
        RoomInput::Back(Box::new(Return {
            peer: self.state.peer.clone(),
            name: self.state.name.clone(),
            roles: self.state.who.roles().to_vec(),
            claim,
        }))
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

    /// Takes a frame that came at that time. `Some` if that ends the connection.
    async fn handle(
        &mut self,
        frame: Result<ClientFrame, FrameError>,
        since: Instant,
    ) -> Option<Ending> {
        if let Ok(ClientFrame::Ack(ack)) = &frame {
            self.note_proof(ack);
        }
        let may_change_name = matches!(frame, Ok(ClientFrame::Auth(_)));
        let mut actions = VecDeque::from(self.state.on_frame(frame, since.into_std()));
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Authenticate(token, name) => {
                    // Rare, and larger than all the rest: it may ask for keys by HTTP.
                    let authenticated = self.authenticate(&token, name.as_deref());
                    match Box::pin(authenticated).await {
                        Ok(more) => actions.extend(more),
                        Err(ending) => return Some(ending),
                    }
                }
                Action::Send(frame) => self.send(frame),
                Action::Welcome => self.welcome(),
                Action::Join { request, attempt } => {
                    if let Err(refused) = self.join(request, attempt)
                        && let Some(ending) = refused.ending()
                    {
                        return Some(ending);
                    }
                }
                Action::List(request) => self.list(&request),
                Action::Pong(ping) => self.pong(&ping),
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
                    let who = &self.state.who;
                    let found = self.node.sessions.find(&resume, who.user());
                    match found.filter(|(id, ..)| *id != self.id) {
                        Some((_, session, generation)) => {
                            return Some(Ending::HandOver(Box::new(HandOver {
                                session,
                                resume,
                                generation,
                                identity: self.state.who.identity().cloned(),
                            })));
                        }
                        None => self.send(refused_resume()),
                    }
                }
            }
        }
        if may_change_name {
            self.write_down_changes();
        }
        None
    }

    /// Who has a frame from behind `resumed` has the token in it too, also while the pong that says so is still on its way:
    /// an older connection whose `resume` comes late must not take the session back to where it was.
    fn note_proof(&mut self, ack: &client::Ack) {
        let is_behind = |from: &Position| {
            from.room == ack.room && from.epoch == ack.epoch && from.seq < ack.seq
        };
        if self.resumed_from.iter().any(is_behind) {
            self.resumed_from.clear();
            let newest = self.handle.generations().newest();
            self.confirm_token(newest);
        }
    }

    /// The client has the token of this generation.
    fn confirm_token(&mut self, generation: u64) {
        let is_news = self.handle.generations().confirm(generation);
        if is_news {
            self.write_down_changes();
        }
    }

    /// Notes that the session is in a room no more. Gives what waited for that.
    fn left(&mut self, room: &str) -> Vec<ClientFrame> {
        let parked = self.state.left(room);
        self.write_down_changes();
        parked
    }

    async fn post(&mut self, room: &RoomHandle, input: RoomInput) {
        let id = match &input {
            RoomInput::Message { id, .. } | RoomInput::Leave { id, .. } => *id,
            _ => None,
        };
        // What must not be lost waits for its place; everything else may be refused.
        let posted = match input {
            RoomInput::Leave { .. } | RoomInput::Roles { .. } => room.post_surely(input).await,
            input => room.post(input),
        };
        match posted {
            Ok(()) => {}
            Err(PostError::Busy) => self.send(busy(room, id)),
            Err(PostError::Gone) => {
                let parked = self.left(room.name());
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
                messages_per_second: self.rates.messages_per_second(),
            },
            server: concat!("parlor/", env!("CARGO_PKG_VERSION")).to_owned(),
        });
        self.send(frame);
    }

    fn pong(&mut self, ping: &client::Ping) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_ms = since_1970.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        self.send(ServerFrame::Pong(server::Pong {
            timestamp: ping.timestamp,
            server_time_ms: unix_ms,
        }));
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

fn refused_resume() -> ServerFrame {
    error(
        ErrorCode::ResumeRefused,
        "this session is over, is another user's, or its token was used already; join your rooms again",
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
