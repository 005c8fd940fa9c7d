//! Who is kept out for a while, after being closed too often for what the protocol does not allow.
//!
//! Two bounded tables: offences that are still counted, and bans that are in force. They are apart so that a crowd of
//! strangers with one offence each cannot push out a ban.

mod recent;

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use parlor_proto::CloseCode;

use self::recent::Recent;
use crate::address::{Place, PlaceError};

/// When somebody is banned, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BanLimits {
    /// So many offences within the window; at least 1.
    pub offences_max: usize,
    /// How long an offence counts.
    pub window: Duration,
    /// How long a ban lasts.
    pub duration: Duration,
    /// How many are remembered, of offenders and of banned ones each; beyond that, the oldest are forgotten.
    pub entries_max: usize,
}

/// Who is behind a connection, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The user, once a token said who it is.
    pub user: Option<String>,
    /// Where the connection comes from; none where addresses do not count.
    pub place: Option<Place>,
}

impl Subject {
    /// What is banned: the user where one is known, since others may share the address, else the address.
    #[must_use]
    pub fn key(&self) -> Option<BanKey> {
        let user = self.user.clone().map(BanKey::User);
        user.or(self.place.map(BanKey::Address))
    }
}

/// What a ban is about. Written as `user:NAME` or `address:ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BanKey {
    /// A user, wherever they are.
    User(String),
    /// All guests of an address.
    Address(Place),
}

impl fmt::Display for BanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::Address(place) => write!(f, "address:{place}"),
        }
    }
}

/// A text that is no key of a ban.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use this as the key of a ban: write user:NAME or address:ADDRESS; {0}")]
pub struct BanKeyError(PlaceError);

impl FromStr for BanKey {
    type Err = BanKeyError;

    /// Reads what [`BanKey`] writes, and an address alone.
    fn from_str(text: &str) -> Result<Self, BanKeyError> {
        if let Some(user) = text.strip_prefix("user:") {
            return Ok(Self::User(user.to_owned()));
        }
        let address = text.strip_prefix("address:").unwrap_or(text);
        address.parse().map(Self::Address).map_err(BanKeyError)
    }
}

/// A ban in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// The last offence before it.
    pub code: CloseCode,
    /// When it ends.
    pub until: Instant,
}

/// Whether a connection that is closed with this code counts as an offence of the client. What a server, a network or a
/// slow machine may be the cause of does not. `ProtocolError` is one where the WebSocket was broken; where no
/// subprotocol was in common, nothing began that could be abused, and nobody notes it.
#[must_use]
pub fn is_offence(code: CloseCode) -> bool {
    match code {
        CloseCode::ProtocolError
        | CloseCode::UnsupportedData
        | CloseCode::InvalidText
        | CloseCode::PolicyViolation
        | CloseCode::MessageTooBig
        | CloseCode::TokenRefused
        | CloseCode::RateLimit => true,
        CloseCode::Normal
        | CloseCode::GoingAway
        | CloseCode::InternalError
        | CloseCode::ServiceRestart
        | CloseCode::Overloaded
        | CloseCode::TokenRequired
        | CloseCode::TooSlow
        | CloseCode::Replaced
        | CloseCode::Silent
        | CloseCode::TooManyConnections
        | CloseCode::SlowConsumer => false,
    }
}

/// Offences and bans of a node.
#[derive(Debug)]
pub struct Bans {
    limits: BanLimits,
    /// When each offender's last offences were, fewer than are needed for a ban.
    offences: Recent<BanKey, VecDeque<Instant>>,
    bans: Recent<BanKey, Ban>,
}

impl Bans {
    /// Nobody is banned.
    #[must_use]
    pub fn new(limits: BanLimits) -> Self {
        Self {
            limits,
            offences: Recent::new(limits.entries_max),
            bans: Recent::new(limits.entries_max),
        }
    }

    /// Notes that somebody was closed with this code. The ban, if this was one too many. While a ban is in force nothing
    /// is counted: it ends when it was said to end.
    pub fn note_offence(&mut self, key: BanKey, code: CloseCode, now: Instant) -> Option<Ban> {
        if !is_offence(code) || self.ban(&key, now).is_some() {
            return None;
        }
        let window = self.limits.window;
        let mut times = self.offences.remove(&key).unwrap_or_default();
        times.retain(|&time| now.saturating_duration_since(time) < window);
        times.push_back(now);
        if times.len() < self.limits.offences_max {
            self.offences.insert(key, times);
            return None;
        }
        let until = now + self.limits.duration;
        let ban = Ban { code, until };
        self.bans.insert(key, ban);
        Some(ban)
    }

    /// The ban that is in force for this key.
    #[must_use]
    pub fn ban(&self, key: &BanKey, now: Instant) -> Option<Ban> {
        self.bans.get(key).filter(|ban| now < ban.until).copied()
    }

    /// All bans in force, the oldest first.
    #[must_use]
    pub fn list(&self, now: Instant) -> Vec<(BanKey, Ban)> {
        let in_force = self.bans.iter().filter(|(_, ban)| now < ban.until);
        in_force.map(|(key, ban)| (key.clone(), *ban)).collect()
    }

    /// Lifts a ban, or forgets the offences on the way to one. Whether there was one in force.
    pub fn lift(&mut self, key: &BanKey, now: Instant) -> bool {
        self.offences.remove(key);
        self.bans.remove(key).is_some_and(|ban| now < ban.until)
    }
}

#[cfg(test)]
mod tests;
