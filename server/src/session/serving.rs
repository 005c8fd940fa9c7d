//! One connection of a session: the loop around its socket. Its inputs are the socket, the outbox, the clock, and what
//! is said to the session from elsewhere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parlor_proto::{ResumedRoom, ServerFrame, server};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::lifetime::End;
use super::outbox::{Control, Outgoing};
use super::rates::Refused;
use super::state::Action;
use super::transport::{Inbound, WriteError};
use super::{CloseCode, Link, Session, overflow_reason};
use crate::telemetry::Stage;

/// How many messages are taken from the socket before what they brought about is written.
const READ_BURST_MAX: usize = 64;
/// Clients that are sent away come back over this time, and not all at once.
const RETRY_SPREAD_MS: u64 = 3_000;

/// How long a client may take to read what was under way when the server is to stop.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a connection begins with.
pub(super) enum Greeting {
    /// The session is new.
    Welcome,
    /// It goes on, where each of these rooms says.
    Resumed(Vec<oneshot::Receiver<ResumedRoom>>),
    /// It was greeted already.
    None,
}

/// A connection in service.
pub(super) struct Serving {
    link: Link,
    greeting: Greeting,
    /// What was taken from the outbox; kept to reuse its memory.
    outgoing: Vec<Outgoing>,
    messages: Vec<Bytes>,
    last_heard: Instant,
    is_pinged: bool,
    /// How many of our pings were not answered yet.
    unanswered_pings: u32,
    /// Whether something was done since the timer was set by which it may have to be set sooner. What is only written has
    /// nothing to do with it.
    may_look_sooner: bool,
}

impl Serving {
    pub(super) fn new(link: Link, greeting: Greeting) -> Self {
        Self {
            link,
            greeting,
            outgoing: Vec::new(),
            messages: Vec::new(),
            last_heard: Instant::now(),
            is_pinged: false,
            unanswered_pings: 0,
            may_look_sooner: true,
        }
    }

    /// Serves until something ends it. Gives the connection back with that.
    pub(super) async fn run(mut self, session: &mut Session) -> (Link, End) {
        session.node.metrics.connection_opened();
        let Err(mut end) = self.serve(session).await;
        if matches!(end, End::Drain) {
            end = self.drain(session).await;
        }
        session.node.metrics.connection_closed();
        (self.link, end)
    }

    async fn serve(&mut self, session: &mut Session) -> Result<std::convert::Infallible, End> {
        match std::mem::replace(&mut self.greeting, Greeting::None) {
            // Else it comes as soon as it is known who is there.
            Greeting::Welcome if session.state.who.is_known() => session.welcome(),
            Greeting::Resumed(answers) => self.greet(session, answers).await?,
            Greeting::Welcome | Greeting::None => {}
        }
        // One timer that is looked at when it fires, instead of one set anew for every message.
        let mut timer = Box::pin(tokio::time::sleep_until(self.next_look(session)));
        let outbox = Arc::clone(&session.outbox);
        loop {
            self.write(session).await?;
            if self.replay(session).await? {
                continue;
            }
            if std::mem::take(&mut self.may_look_sooner) {
                let next_look = self.next_look(session);
                if next_look < timer.deadline() {
                    timer.as_mut().reset(next_look);
                }
            }
            tokio::select! {
                inbound = self.link.transport.receive() => self.read(session, inbound).await?,
                () = outbox.ready() => {}
                () = &mut timer => self.look(session, timer.as_mut()).await?,
                end = session.interrupted() => return Err(end),
            }
        }
    }

    /// Tells the client where its rooms stand, before anything that it missed there.
    async fn greet(
        &mut self,
        session: &mut Session,
        answers: Vec<oneshot::Receiver<ResumedRoom>>,
    ) -> Result<(), End> {
        let mut rooms = Vec::with_capacity(answers.len());
        for answer in answers {
            tokio::select! {
                biased;
                // A room that is gone, or has the session no more, does not answer.
                answered = answer => rooms.extend(answered),
                end = session.interrupted() => return Err(end),
            }
        }
        let generation = session.handle.generations().newest();
        let frame = ServerFrame::Resumed(server::Resumed {
            session: session.id.to_string(),
            resume_token: session.node.sessions.token(session.id, &session.handle),
            rooms,
        });
        let peer = &session.state.peer;
        session
            .outbox
            .push_first(peer.connection, peer.subprotocol.encode_server(&frame));
        self.write(session).await?;
        // Its pong shows that the client has the new token, for it came before.
        let payload = Bytes::copy_from_slice(&generation.to_be_bytes());
        self.ping(payload).await
    }

    /// Handles a message, and those that are there already behind it.
    async fn read(&mut self, session: &mut Session, first: Inbound) -> Result<(), End> {
        let mut inbound = Some(first);
        let mut count = 0;
        // One look at the clock for all that is there.
        self.last_heard = Instant::now();
        self.may_look_sooner = true;
        while let Some(next) = inbound {
            self.is_pinged = false;
            session.on_heard().await;
            match next {
                Inbound::Message(message) => self.on_message(session, &message).await?,
                Inbound::Ping => self.on_ping(session).await?,
                Inbound::Pong(payload) => {
                    match self.unanswered_pings.checked_sub(1) {
                        Some(unanswered) => self.unanswered_pings = unanswered,
                        None => self.on_ping(session).await?,
                    }
                    if let Ok(generation) = <[u8; 8]>::try_from(&*payload) {
                        let generation = u64::from_be_bytes(generation);
                        session.confirm_token(generation);
                    }
                }
                Inbound::Gone => return Err(End::Gone),
                // Only what a client sends on purpose is a goodbye; a page that goes away may be loaded anew.
                Inbound::Closed(Some(1000)) => return Err(End::Goodbye),
                Inbound::Closed(_) => return Err(End::Gone),
                Inbound::Violation(code, reason) => {
                    return Err(End::Close(code, reason.to_owned()));
                }
            }
            count += 1;
            inbound = if count < READ_BURST_MAX {
                self.link.transport.receive_ready()
            } else {
                None
            };
        }
        Ok(())
    }

    async fn on_message(&mut self, session: &mut Session, message: &[u8]) -> Result<(), End> {
        if !session.parked.is_empty() {
            self.replay(session).await?;
        }
        let subprotocol = self.link.subprotocol;
        session.node.metrics.frame_in(subprotocol, message.len());
        if let Err(refused) = session.admit_message(message, self.last_heard) {
            return self.heed(session, refused).await;
        }
        let frame = subprotocol.decode_client(message);
        // Its kind only: what is in it may be a token, or nobody else's business.
        let kind = frame.as_ref().map(parlor_proto::ClientFrame::type_name);
        tracing::trace!(session = ?session.id, frame = ?kind, "frame");
        self.handle(session, frame).await?;
        // What a burst of requests is answered must not pile up until the burst is over.
        if session.outbox.is_heavy() {
            self.write(session).await?;
        }
        Ok(())
    }

    async fn on_ping(&mut self, session: &mut Session) -> Result<(), End> {
        match session.admit_ping(self.last_heard) {
            Ok(()) => Ok(()),
            Err(refused) => self.heed(session, refused).await,
        }
    }

    /// A request was refused for its rate. Where that was once too often, it ends the connection.
    async fn heed(&mut self, session: &mut Session, refused: Refused) -> Result<(), End> {
        let ending = refused.ending();
        if ending.is_some() || session.outbox.is_heavy() {
            self.write(session).await?;
        }
        ending.map_or(Ok(()), |ending| Err(ending.into()))
    }

    /// Takes up the frames that waited for a leave to be done. Whether there were any.
    async fn replay(&mut self, session: &mut Session) -> Result<bool, End> {
        let parked = std::mem::take(&mut session.parked);
        let had_any = !parked.is_empty();
        for frame in parked {
            self.handle(session, Ok(frame)).await?;
        }
        Ok(had_any)
    }

    async fn handle(
        &mut self,
        session: &mut Session,
        frame: Result<parlor_proto::ClientFrame, parlor_proto::FrameError>,
    ) -> Result<(), End> {
        match session.handle(frame, self.last_heard).await {
            None => Ok(()),
            Some(ending) => {
                // Its last words go out before the connection ends, or goes to another session.
                self.write(session).await?;
                Err(ending.into())
            }
        }
    }

    /// Writes all that waits in the outbox, with one flush.
    async fn write(&mut self, session: &mut Session) -> Result<(), End> {
        loop {
            session.outbox.take(&mut self.outgoing);
            if self.outgoing.is_empty() {
                return Ok(());
            }
            let metrics = Arc::clone(&session.node.metrics);
            metrics.states_replaced(session.outbox.take_states_replaced());
            let mut end = None;
            let mut rejoins = Vec::new();
            for outgoing in self.outgoing.drain(..) {
                match outgoing {
                    Outgoing::Message(message) => {
                        metrics.frame_out(self.link.subprotocol, message.len());
                        self.messages.push(message);
                    }
                    Outgoing::Control(Control::LeftRoom(room)) => {
                        let parked = session.left(&room);
                        session.parked.extend(parked);
                    }
                    Outgoing::Control(Control::JoinBounced(room)) => {
                        self.may_look_sooner = true;
                        rejoins.extend(session.state.on_join_bounced(&room));
                    }
                    Outgoing::Control(Control::Overloads(room)) => {
                        let reason = "its inputs took most of an overloaded room's time, also after a warning";
                        tracing::debug!(session = ?session.id, %room, "overloads a room");
                        end = Some(End::Close(CloseCode::RateLimit, reason.to_owned()));
                    }
                    Outgoing::Control(Control::Overflown(overflow)) => {
                        metrics.slow_consumer(overflow.label());
                        let reason = overflow_reason(overflow).to_owned();
                        end = Some(End::Close(CloseCode::SlowConsumer, reason));
                    }
                }
            }
            if !self.messages.is_empty() {
                self.send(session).await?;
            }
            if let Some(end) = end {
                return Err(end);
            }
            for action in rejoins {
                match action {
                    Action::Join { request, attempt } => {
                        if let Err(refused) = session.join(request, attempt)
                            && let Some(ending) = refused.ending()
                        {
                            return Err(ending.into());
                        }
                    }
                    Action::Send(frame) => session.send(frame),
                    _ => {}
                }
            }
        }
    }

    /// Writes what was taken from the outbox. A client may be as slow as it likes, until more waits behind that than may.
    async fn send(&mut self, session: &mut Session) -> Result<(), End> {
        let bytes = self.messages.iter().map(Bytes::len).sum();
        let _held = session.node.queued.hold(bytes);
        let outbox = Arc::clone(&session.outbox);
        let metrics = Arc::clone(&session.node.metrics);
        let (begun, until) = (Instant::now(), session.identity_until);
        loop {
            let is_drain_due = session.is_drain_due;
            let sending = self.link.transport.send_all(&mut self.messages);
            tokio::select! {
                biased;
                sent = metrics.time_polls(Stage::Write, sending) => {
                    return Ok(sent.inspect_err(|error| {
                        if matches!(error, WriteError::Stalled) {
                            session.node.metrics.slow_consumer("write");
                        }
                    })?);
                }
                // A new connection does not wait for what the old one cannot write.
                end = session.next_word() => match end {
                    End::Drain => session.is_drain_due = true,
                    end => return Err(end),
                },
                () = outbox.ready() => if outbox.has_overflown() {
                    return Ok(());
                },
                // However slowly the client reads, it does not stay longer than its token, nor keep the server from ending.
                () = reached(until) => {
                    let (code, reason) = session.identity_end();
                    return Err(End::Close(code, reason.to_owned()));
                }
                () = reached(Some(begun + LAST_WORDS)), if is_drain_due => {
                    let reason = "the server restarts".to_owned();
                    return Err(End::Close(CloseCode::ServiceRestart, reason));
                }
            }
        }
    }

    /// When it is to be looked next how long the client has been silent.
    fn next_look(&self, session: &Session) -> Instant {
        let limits = &session.node.limits;
        let ping_after = self.ping_after(session);
        let mut next = self.last_heard + ping_after;
        if self.is_pinged {
            next = self.last_heard + limits.silence_max;
            if let Some(away_after) = session.state.next_away_after() {
                next = next.min(self.last_heard + away_after);
            }
        }
        let ends = [session.unclaimed_until, session.identity_until];
        ends.into_iter().flatten().fold(next, Instant::min)
    }

    /// A room may want to know sooner than the server would ask.
    fn ping_after(&self, session: &Session) -> Duration {
        let heartbeat = session.node.limits.heartbeat;
        let away_after = session.state.next_away_after();
        away_after.map_or(heartbeat, |it| heartbeat.min(it / 2))
    }

    async fn look(
        &mut self,
        session: &mut Session,
        timer: std::pin::Pin<&mut Sleep>,
    ) -> Result<(), End> {
        let silence = self.last_heard.elapsed();
        if silence >= session.node.limits.silence_max {
            let reason = "nothing was heard from the client, not even a pong".to_owned();
            return Err(End::Close(CloseCode::Silent, reason));
        }
        if session
            .identity_until
            .is_some_and(|it| it <= Instant::now())
        {
            let (code, reason) = session.identity_end();
            return Err(End::Close(code, reason.to_owned()));
        }
        if session
            .unclaimed_until
            .is_some_and(|it| it <= Instant::now())
        {
            session.leave_unclaimed().await;
        }
        session.on_silence(silence).await;
        if silence >= self.ping_after(session) && !std::mem::replace(&mut self.is_pinged, true) {
            self.ping(Bytes::new()).await?;
        }
        timer.reset(
            self.next_look(session)
                .max(Instant::now() + Duration::from_millis(1)),
        );
        Ok(())
    }

    async fn ping(&mut self, payload: Bytes) -> Result<(), End> {
        self.unanswered_pings = self.unanswered_pings.saturating_add(1);
        Ok(self.link.transport.ping(payload).await?)
    }

    /// The server is about to stop: says when to come back.
    async fn drain(&mut self, session: &mut Session) -> End {
        session.send(ServerFrame::Goaway(server::Goaway {
            reason: "the server restarts".to_owned(),
            retry_after_ms: rand::random_range(0..=RETRY_SPREAD_MS),
        }));
        match self.write(session).await {
            Ok(()) => End::Close(CloseCode::ServiceRestart, "the server restarts".to_owned()),
            Err(end) => end,
        }
    }
}

/// Waits until then, or for ever.
async fn reached(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
