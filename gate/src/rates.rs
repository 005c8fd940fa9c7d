//! How much one session may ask for in a time. Each thing it does is asked about here, and passes, is refused, or ends
//! the session; what it is told is here too.
//!
//! Time is an argument: how long ago the session began, or any other origin, as long as it is always the same one. These
//! counts belong to the session and outlive its connections, or a client would get fresh ones by connecting again.

mod bucket;
mod patience;
mod quota;

use std::time::Duration;

use self::bucket::Bucket;
use self::patience::{Forgiveness, Patience, Strain};
use self::quota::Quota;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// The period of [`RateSettings::pings_per_10_seconds`].
const PING_PERIOD: Duration = Duration::from_secs(10);

/// How much a session may do in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSettings {
    /// Messages a second, in the long run. Default 100.
    pub messages_per_second: u32,
    /// Messages at once, after a while of less. Default 200.
    pub messages_burst: u32,
    /// Bytes of messages a second, in the long run. Default 256 KiB.
    pub bytes_per_second: u32,
    /// Bytes of messages at once, after a while of less. Default 1 MiB.
    pub bytes_burst: u32,
    /// Requests to join a room, in any minute. Default 30.
    pub joins_per_minute: u32,
    /// Rooms made, in any minute. Default 10.
    pub creates_per_minute: u32,
    /// Wrong room codes, in any minute. Default 10.
    pub wrong_codes_per_minute: u32,
    /// WebSocket pings, and pongs that nobody asked for, in any 10 seconds. Default 10.
    pub pings_per_10_seconds: u32,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            messages_per_second: 100,
            messages_burst: 200,
            bytes_per_second: 256 << 10,
            bytes_burst: 1 << 20,
            joins_per_minute: 30,
            creates_per_minute: 10,
            wrong_codes_per_minute: 10,
            pings_per_10_seconds: 10,
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Messages, whatever is in them.
    Messages,
    /// Their bytes.
    Bytes,
    /// Requests to join a room.
    Joins,
    /// Rooms made.
    Creates,
    /// Room codes that no room has.
    WrongCodes,
    /// WebSocket pings.
    Pings,
}

/// What becomes of a thing that a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is to be done.
    Pass,
    /// It is not to be done, and the client is told so.
    Refuse {
        /// What there was too much of.
        rate: Rate,
        /// Whether a `notice` goes with it: it is the first excess in a while.
        is_first: bool,
    },
    /// The session did not heed the warning: its connection is to be closed.
    Close {
        /// What there was too much of.
        rate: Rate,
    },
}

impl Verdict {
    fn of(rate: Rate, strain: Strain) -> Self {
        match strain {
            Strain::First => Self::Refuse {
                rate,
                is_first: true,
            },
            Strain::More => Self::Refuse {
                rate,
                is_first: false,
            },
            Strain::TooMuch => Self::Close { rate },
        }
    }

    /// The graver of two.
    fn or(self, other: Self) -> Self {
        let gravity = |verdict| match verdict {
            Self::Pass => 0,
            Self::Refuse { is_first, .. } => 1 + u8::from(is_first),
            Self::Close { .. } => 3,
        };
        if gravity(other) > gravity(self) {
            other
        } else {
            self
        }
    }
}

/// What one session has done of late. Without settings there are no rates, and everything passes.
#[derive(Debug)]
pub struct SessionRates {
    counts: Option<Box<Counts>>,
}

#[derive(Debug)]
struct Counts {
    messages: (Bucket, Patience),
    bytes: (Bucket, Patience),
    joins: (Quota, Patience),
    creates: (Quota, Patience),
    wrong_codes: (Quota, Patience),
    pings: (Quota, Patience),
}

impl SessionRates {
    /// Counts from nothing. `None` switches all rates off.
    #[must_use]
    pub fn new(settings: Option<&RateSettings>) -> Self {
        Self {
            counts: settings.map(|settings| Box::new(Counts::new(settings))),
        }
    }

    /// A message of so many bytes came.
    pub fn message(&mut self, bytes: usize, now: Duration) -> Verdict {
        let Some(counts) = &mut self.counts else {
            return Verdict::Pass;
        };
        let bytes = bytes as u64;
        let (messages, message_patience) = &mut counts.messages;
        let (byte_bucket, byte_patience) = &mut counts.bytes;
        let (has_message, has_bytes) = (messages.has(1, now), byte_bucket.has(bytes, now));
        if has_message && has_bytes {
            messages.take(1);
            byte_bucket.take(bytes);
            return Verdict::Pass;
        }
        let mut verdict = Verdict::Pass;
        if !has_message {
            verdict = Verdict::of(Rate::Messages, message_patience.strain(1, now));
        }
        if !has_bytes {
            verdict = verdict.or(Verdict::of(Rate::Bytes, byte_patience.strain(bytes, now)));
        }
        verdict
    }

    /// The client asks to be let into a room.
    pub fn join(&mut self, now: Duration) -> Verdict {
        self.counts.as_mut().map_or(Verdict::Pass, |counts| {
            pass_or_refuse(Rate::Joins, &mut counts.joins, now)
        })
    }

    /// Whether a room may be made for the client. If one was, [`Self::created`] is to be called, and if one would have
    /// been but for this, [`Self::refuse_create`].
    pub fn may_create(&mut self, now: Duration) -> bool {
        let counts = self.counts.as_mut();
        counts.is_none_or(|counts| counts.creates.0.has_room(now))
    }

    /// A room was made for the client.
    pub fn created(&mut self, now: Duration) {
        if let Some(counts) = &mut self.counts {
            counts.creates.0.note(now);
        }
    }

    /// No room was made, for there were too many.
    pub fn refuse_create(&mut self, now: Duration) -> Verdict {
        self.counts.as_mut().map_or(Verdict::Pass, |counts| {
            Verdict::of(Rate::Creates, counts.creates.1.strain(1, now))
        })
    }

    /// The client comes with a room code, right or wrong: somebody who guesses must not learn by going on.
    pub fn code(&mut self, now: Duration) -> Verdict {
        let Some(counts) = &mut self.counts else {
            return Verdict::Pass;
        };
        let (quota, patience) = &mut counts.wrong_codes;
        if quota.has_room(now) {
            return Verdict::Pass;
        }
        Verdict::of(Rate::WrongCodes, patience.strain(1, now))
    }

    /// The code that [`Self::code`] let pass was wrong.
    pub fn wrong_code(&mut self, now: Duration) {
        if let Some(counts) = &mut self.counts {
            counts.wrong_codes.0.note(now);
        }
    }

    /// A WebSocket ping came, or a pong to no ping of ours. It has been answered already if it had to be: there is
    /// nothing to refuse, only to warn of.
    pub fn ping(&mut self, now: Duration) -> Verdict {
        self.counts.as_mut().map_or(Verdict::Pass, |counts| {
            pass_or_refuse(Rate::Pings, &mut counts.pings, now)
        })
    }
}

impl Counts {
    fn new(settings: &RateSettings) -> Self {
        let messages_per_second = u64::from(settings.messages_per_second);
        let bytes_burst = u64::from(settings.bytes_burst);
        // Three times the quota in all: what passed, and twice as much on top.
        let thrice = |count: u32, period| quota(count, 2 * u64::from(count), period);
        Self {
            messages: (
                Bucket::new(messages_per_second, settings.messages_burst.into()),
                // As much again as a second has.
                Patience::new(messages_per_second, Forgiveness::AfterQuiet(SECOND)),
            ),
            bytes: (
                Bucket::new(settings.bytes_per_second.into(), bytes_burst),
                // A single large message is more than a second's worth, and is only to be warned of.
                Patience::new(bytes_burst, Forgiveness::AfterQuiet(SECOND)),
            ),
            joins: thrice(settings.joins_per_minute, MINUTE),
            creates: thrice(settings.creates_per_minute, MINUTE),
            wrong_codes: thrice(settings.wrong_codes_per_minute, MINUTE),
            pings: quota(
                settings.pings_per_10_seconds,
                settings.pings_per_10_seconds.into(),
                PING_PERIOD,
            ),
        }
    }
}

fn quota(count_max: u32, excess_max: u64, period: Duration) -> (Quota, Patience) {
    let patience = Patience::new(excess_max, Forgiveness::AfterStart(period));
    (Quota::new(count_max, period), patience)
}

fn pass_or_refuse(rate: Rate, (quota, patience): &mut (Quota, Patience), now: Duration) -> Verdict {
    if quota.has_room(now) {
        quota.note(now);
        return Verdict::Pass;
    }
    Verdict::of(rate, patience.strain(1, now))
}

impl Rate {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Bytes => "bytes",
            Self::Joins => "joins",
            Self::Creates => "creates",
            Self::WrongCodes => "wrong-codes",
            Self::Pings => "pings",
        }
    }

    /// What a client is told whose request was refused.
    #[must_use]
    pub fn refusal(self) -> &'static str {
        match self {
            Self::Messages => "too many messages; this was not handled, send it again more slowly",
            Self::Bytes => "too many bytes; this was not handled, send it again more slowly",
            Self::Joins => "too many joins were asked for; wait a minute",
            Self::Creates => "you made too many rooms; wait a minute, or join one that is there",
            Self::WrongCodes => "too many room codes were tried; wait a minute",
            Self::Pings => "too many WebSocket pings",
        }
    }

    /// The text of the `notice` that goes before the close: what there may be, and what comes of going on.
    #[must_use]
    pub fn warning(self, settings: &RateSettings) -> String {
        let allowed = match self {
            Self::Messages => format!(
                "at most {} messages a second are handled, {} at once",
                settings.messages_per_second, settings.messages_burst
            ),
            Self::Bytes => format!(
                "at most {} bytes of messages a second are handled, {} at once",
                settings.bytes_per_second, settings.bytes_burst
            ),
            Self::Joins => format!("at most {} joins a minute", settings.joins_per_minute),
            Self::Creates => format!(
                "at most {} rooms a minute are made for you",
                settings.creates_per_minute
            ),
            Self::WrongCodes => format!(
                "at most {} wrong room codes a minute",
                settings.wrong_codes_per_minute
            ),
            Self::Pings => format!(
                "at most {} WebSocket pings in 10 s",
                settings.pings_per_10_seconds
            ),
        };
        format!("{allowed}; slow down, for going on like this closes the connection")
    }

    /// Why the connection is closed, short enough for a close frame.
    #[must_use]
    pub fn close_reason(self) -> &'static str {
        match self {
            Self::Messages => "too many messages a second, also after a warning",
            Self::Bytes => "too many bytes a second, also after a warning",
            Self::Joins => "three times the joins that a minute may have",
            Self::Creates => "three times the new rooms that a minute may have",
            Self::WrongCodes => "too many room codes were guessed",
            Self::Pings => "too many WebSocket pings, also after a warning",
        }
    }
}

#[cfg(test)]
mod tests;
