//! The life of a session: one connection after the other, the time in between, and the end.

use std::sync::Arc;

use parlor_gate::bans::Subject;
use parlor_gate::jwt::Identity;
use parlor_proto::{CloseCode, client};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::outbox::{Control, Outgoing};
use super::registry::{SessionHandle, SessionInput, Takeover};
use super::serving::{Greeting, Serving};
use super::state::Action;
use super::transport::WriteError;
use super::{Link, Session, refused_resume};
use crate::node::Phase;
use crate::room::{Claim, RoomInput};

/// How a connection ended for its session.
#[derive(Debug)]
pub(super) enum End {
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
            // Its user may come back with another token.
            Self::Close(CloseCode::TokenRefused, _) => true,
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

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Departure {
    /// Its client wants no more of it.
    Goodbye,
    /// There is no connection for it, or the server stops.
    Over,
}

/// A request to take up another session, whose token was found good.
#[derive(Debug)]
pub(super) struct HandOver {
    pub(super) session: SessionHandle,
    pub(super) resume: client::Resume,
    pub(super) generation: u64,
    /// Whose token the connection came with.
    pub(super) identity: Option<Identity>,
}

/// What ends a connection from within.
pub(super) enum Ending {
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

impl Session {
    /// Serves one connection after the other, until there is none for too long.
    pub(super) async fn live(mut self: Box<Self>, first: Option<Link>) {
        self.node.metrics.session_opened();
        let mut serving = match first {
            Some(link) => Serving::new(link, Greeting::Welcome),
            None => match self.away().await {
                Some(takeover) => self.adopt(*takeover).await,
                None => return self.finish(None, Departure::Over).await,
            },
        };
        let (last, departure) = loop {
            let (link, end) = serving.run(&mut self).await;
            let takeover = match end {
                End::Replaced(takeover) => {
                    // The old connection ends by itself: nothing that it still does can reach the session.
                    self.close_beside(link, CloseCode::Replaced, "the session goes on elsewhere");
                    takeover
                }
                End::HandOver(request) => match self.hand_over(link, *request).await {
                    Ok(()) => break (None, Departure::Goodbye),
                    Err(link) => {
                        self.send(refused_resume());
                        serving = Serving::new(link, Greeting::None);
                        continue;
                    }
                },
                end if end.keeps_session() && self.may_be_away() => {
                    match end {
                        End::Close(code, reason) => self.close_beside(link, code, &reason),
                        _ => drop(tokio::spawn(link.let_go())),
                    }
                    match self.away().await {
                        Some(takeover) => takeover,
                        None => break (None, Departure::Over),
                    }
                }
                End::Goodbye => break (Some((link, End::Goodbye)), Departure::Goodbye),
                end => break (Some((link, end)), Departure::Over),
            };
            serving = self.adopt(*takeover).await;
        };
        self.finish(last, departure).await;
    }

    /// Whether a session may wait for a new connection. Nobody comes back to one that was nobody's, and there is an end to
    /// how many wait, or whoever opens and drops connections could fill the memory.
    fn may_be_away(&self) -> bool {
        let limits = &self.node.limits;
        !limits.resume_window.is_zero()
            && self.state.who.is_known()
            && self.node.sessions.count() <= 2 * limits.doors.connections_max
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
                self.left(&room);
            }
        }
    }

    /// Waits for a word that ends the service of the present connection.
    pub(super) async fn interrupted(&mut self) -> End {
        if std::mem::take(&mut self.is_drain_due) {
            return End::Drain;
        }
        self.next_word().await
    }

    /// Waits for any word from elsewhere.
    pub(super) async fn next_word(&mut self) -> End {
        loop {
            match self.inputs.recv().await {
                Some(SessionInput::Takeover(takeover)) => {
                    let is_good = self.handle.generations().accepts(takeover.generation);
                    if is_good && !self.is_late(&takeover) {
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

    /// Whether a used token came once more, on a connection that its client had opened, and given up, before the one on which
    /// it was used: the network kept it back. It knows less than the newer one, and would take the session back to there.
    fn is_late(&self, takeover: &Takeover) -> bool {
        let is_repeated = takeover.generation < self.handle.generations().newest();
        is_repeated && self.taken_up_in.is_some_and(|it| takeover.link.opened < it)
    }

    /// Goes on in a new connection.
    async fn adopt(&mut self, takeover: Takeover) -> Serving {
        let Takeover {
            link,
            resume,
            generation,
            identity,
            outcome,
        } = takeover;
        tracing::debug!(session = ?self.id, subprotocol = link.subprotocol.name(), "resumed");
        self.handle.generations().on_used(generation);
        self.write_down_changes();
        // Who handed the connection over may be gone already.
        let _ = outcome.send(Ok(()));
        self.parked.clear();
        self.state.peer.connection = self.outbox.turn_over();
        self.state.peer.subprotocol = link.subprotocol;
        self.taken_up_in = Some(link.opened);
        let renamed = identity.map(|it| self.state.take_identity(it));
        self.begin_identity();
        let mut answers = Vec::new();
        let mut claimed = Vec::new();
        for (room, was_claimed) in self.state.detach() {
            let position = resume.rooms.iter().find(|it| it.room == **room.name());
            let input = match position {
                Some(position) => {
                    let (answer, answered) = oneshot::channel();
                    answers.push(answered);
                    self.state.claim(room.name());
                    claimed.push(position.clone());
                    let (epoch, seq) = (position.epoch, position.seq);
                    self.returning(Claim::Position { epoch, seq, answer })
                }
                None if was_claimed => RoomInput::Lost(self.id),
                None => continue,
            };
            // A room that is gone does not answer, and is left out.
            if room.post_surely(input).await.is_err() {
                self.left(room.name());
            }
        }
        for action in renamed.into_iter().flatten() {
            if let Action::Post(room, input) = action {
                self.post(&room, input).await;
            }
        }
        self.unclaimed_until = Some(Instant::now() + self.node.limits.resume_window);
        self.resumed_from = claimed;
        Serving::new(link, Greeting::Resumed(answers))
    }

    /// Whether whoever asks for an earlier session is kept out by now. The connection may be older than the ban.
    fn is_banned(&self, link: &Link) -> bool {
        let subject = Subject {
            user: self.state.who.user().map(str::to_owned),
            place: link.connection.place,
        };
        let bans = &self.node.bans;
        bans.time_left(&subject, Instant::now()).is_some()
    }

    /// Gives the connection to the session that it asked for. Gets it back if that is over, its token was used,
    /// or whoever asks is banned.
    async fn hand_over(&mut self, link: Link, request: HandOver) -> Result<(), Link> {
        if self.is_banned(&link) {
            return Err(link);
        }
        let (outcome, mut told) = oneshot::channel();
        let takeover = Takeover {
            link,
            resume: request.resume,
            generation: request.generation,
            identity: request.identity,
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

    /// Ends the session, and its last connection if it still has one.
    async fn finish(mut self: Box<Self>, last: Option<(Link, End)>, departure: Departure) {
        if departure == Departure::Over && self.node.phase() == Phase::Draining {
            self.suspend().await;
        } else {
            for room in self.state.take_rooms() {
                self.leave(&room).await;
            }
            self.forget_written();
        }
        self.node.metrics.session_closed();
        match last {
            Some((link, End::Close(code, reason))) => {
                self.note_closing(&link, code, &reason);
                link.close(code, &reason).await;
            }
            Some((link, _)) => link.let_go().await,
            None => {}
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

    fn note_closing(&self, link: &Link, code: CloseCode, reason: &str) {
        tracing::debug!(session = ?self.id, code = code.code(), reason, "closing");
        self.node.metrics.closed(code);
        // The token of somebody who is known was good, and its end is no offence.
        if code == CloseCode::TokenRefused && self.state.who.is_known() {
            return;
        }
        let subject = Subject {
            user: self.state.who.user().map(str::to_owned),
            place: link.connection.place,
        };
        self.node.bans.note_offence(&subject, code, Instant::now());
    }

    /// Closes a connection that the session does not wait for.
    fn close_beside(&self, link: Link, code: CloseCode, reason: &str) {
        self.note_closing(&link, code, reason);
        let reason = reason.to_owned();
        tokio::spawn(async move { link.close(code, &reason).await });
    }
}
