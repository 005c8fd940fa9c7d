//! What a session may do in a time. The counting is in [`parlor_gate::rates`]; here it gets the time, and the client is
//! told what comes of it.

use std::time::Duration;

use parlor_gate::rates::{Rate, RateSettings, SessionRates, Verdict};
use parlor_proto::{ClientFrame, CloseCode, ErrorCode, ServerFrame, client, server};
use tokio::time::Instant;

use super::state::error;
use super::{Ending, Session};

/// What a session did so far. It lives as long as the session: a client does not get new rates by coming back.
#[derive(Debug)]
pub(super) struct Rates {
    counts: SessionRates,
    settings: Option<RateSettings>,
    began: Instant,
}

/// A request goes no further; the client was told.
pub(super) struct Refused(Option<Ending>);

impl Refused {
    /// What ends the connection, if this was once too often.
    pub(super) fn ending(self) -> Option<Ending> {
        self.0
    }
}

/// What a request was about, for the answer to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    pub(super) id: Option<u64>,
    pub(super) room: Option<String>,
}

impl Subject {
    pub(super) fn of_join(join: &client::JoinRoom) -> Self {
        Self {
            id: join.id,
            room: join.room.clone(),
        }
    }

    fn of(frame: &ClientFrame) -> Self {
        let (id, room) = match frame {
            ClientFrame::JoinRoom(join) => return Self::of_join(join),
            ClientFrame::LeaveRoom(leave) => (leave.id, Some(&leave.room)),
            ClientFrame::RoomMessage(message) => (message.id, Some(&message.room)),
            ClientFrame::Ack(ack) => (None, Some(&ack.room)),
            ClientFrame::StateRequest(request) => (None, Some(&request.room)),
            ClientFrame::ListRooms(list) => (Some(list.id), None),
            ClientFrame::Auth(_) | ClientFrame::Resume(_) | ClientFrame::Ping(_) => (None, None),
        };
        Self {
            id,
            room: room.cloned(),
        }
    }
}

impl Rates {
    pub(super) fn new(settings: Option<RateSettings>) -> Self {
        Self {
            counts: SessionRates::new(settings.as_ref()),
            settings,
            began: Instant::now(),
        }
    }

    /// How many messages a second there may be, as clients are told it.
    pub(super) fn messages_per_second(&self) -> u64 {
        self.settings.map_or(0, |it| it.messages_per_second.into())
    }

    fn time(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Session {
    /// Counts a message that came at this time, before anything is done with it.
    pub(super) fn admit_message(&mut self, message: &[u8], now: Instant) -> Result<(), Refused> {
        let time = now.saturating_duration_since(self.rates.began);
        let verdict = self.rates.counts.message(message.len(), time);
        if verdict == Verdict::Pass {
            return Ok(());
        }
        // Whoever waits for the answer to this is to know that there is none.
        let frame = self.state.peer.subprotocol.decode_client(message);
        let subject = frame.map(|frame| Subject::of(&frame)).unwrap_or_default();
        self.heed(verdict, subject)
    }

    /// Counts a WebSocket ping, or a pong to no ping of ours.
    pub(super) fn admit_ping(&mut self, now: Instant) -> Result<(), Refused> {
        let time = now.saturating_duration_since(self.rates.began);
        match self.rates.counts.ping(time) {
            Verdict::Refuse { rate, is_first } => {
                self.node.metrics.rate_exceeded(rate.name());
                // There is no frame to answer.
                if is_first {
                    self.warn(rate);
                }
                Ok(())
            }
            verdict => self.heed(verdict, Subject::default()),
        }
    }

    /// Counts a join, and whether its code is to be looked at.
    pub(super) fn admit_join(&mut self, join: &client::JoinRoom) -> Result<(), Refused> {
        let time = self.rates.time();
        if join.code.is_some() {
            let verdict = self.rates.counts.code(time);
            self.heed(verdict, Subject::of_join(join))?;
        }
        let verdict = self.rates.counts.join(time);
        self.heed(verdict, Subject::of_join(join))
    }

    /// Whether a room may be made, if there is none.
    pub(super) fn may_create(&mut self) -> bool {
        let time = self.rates.time();
        self.rates.counts.may_create(time)
    }

    /// Notes what came of looking for a room.
    pub(super) fn note_located(&mut self, is_new: bool) {
        if is_new {
            let time = self.rates.time();
            self.rates.counts.created(time);
        }
    }

    /// Notes why there was no room, and answers where that was a matter of rates.
    pub(super) fn note_not_located(
        &mut self,
        code: ErrorCode,
        subject: &Subject,
    ) -> Result<(), Refused> {
        let time = self.rates.time();
        match code {
            ErrorCode::WrongCode => self.rates.counts.wrong_code(time),
            ErrorCode::RateLimitExceeded => {
                let verdict = self.rates.counts.refuse_create(time);
                return self.heed(verdict, subject.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// Does what a verdict asks for.
    fn heed(&mut self, verdict: Verdict, subject: Subject) -> Result<(), Refused> {
        match verdict {
            Verdict::Pass => Ok(()),
            Verdict::Refuse { rate, is_first } => {
                self.node.metrics.rate_exceeded(rate.name());
                let Subject { id, room } = subject;
                self.send(error(
                    ErrorCode::RateLimitExceeded,
                    rate.refusal(),
                    id,
                    room,
                ));
                if is_first {
                    self.warn(rate);
                }
                Err(Refused(None))
            }
            Verdict::Close { rate } => {
                self.node.metrics.rate_exceeded(rate.name());
                let reason = rate.close_reason().to_owned();
                Err(Refused(Some(Ending::Close(CloseCode::RateLimit, reason))))
            }
        }
    }

    fn warn(&mut self, rate: Rate) {
        let Some(settings) = self.rates.settings else {
            return;
        };
        self.send(ServerFrame::Notice(server::Notice {
            code: ErrorCode::RateLimitExceeded.as_str().to_owned(),
            message: rate.warning(&settings),
        }));
    }
}
