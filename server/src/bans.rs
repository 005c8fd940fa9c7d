//! The bans of a node. The rules are `parlor-gate`'s; here are the lock and the log.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlor_gate::bans::{BanKey, BanLimits, Subject};
use parlor_proto::CloseCode;
use tokio::time::Instant;

use crate::config::DoorLimits;

/// Who is kept out, and who is on the way to it.
#[derive(Debug)]
pub(crate) struct Bans(Mutex<parlor_gate::bans::Bans>);

/// A ban in force.
#[derive(Debug)]
pub(crate) struct Ban {
    pub(crate) key: BanKey,
    /// The last offence before it.
    pub(crate) code: CloseCode,
    /// How long it still lasts.
    pub(crate) left: Duration,
}

impl Bans {
    pub(crate) fn new(limits: &DoorLimits) -> Self {
        Self(Mutex::new(parlor_gate::bans::Bans::new(BanLimits {
            offences_max: limits.offences_max,
            window: limits.offence_window,
            duration: limits.ban_duration,
            entries_max: limits.bans_max,
        })))
    }

    /// Notes that a connection was closed with this code. Most codes are no offence, and somebody of whom nothing is
    /// known cannot be banned.
    pub(crate) fn note_offence(&self, subject: &Subject, code: CloseCode, now: Instant) {
        let Some(key) = subject.key() else {
            return;
        };
        let name = key.to_string();
        if self
            .lock()
            .note_offence(key, code, now.into_std())
            .is_some()
        {
            tracing::info!(key = name, code = code.code(), "banned");
        }
    }

    /// How long this subject is still banned for, if at all.
    pub(crate) fn time_left(&self, subject: &Subject, now: Instant) -> Option<Duration> {
        let now = now.into_std();
        let ban = self.lock().ban(&subject.key()?, now)?;
        Some(ban.until.saturating_duration_since(now))
    }

    /// All bans in force, the oldest first.
    pub(crate) fn list(&self, now: Instant) -> Vec<Ban> {
        let now = now.into_std();
        let list = self.lock().list(now).into_iter();
        list.map(|(key, ban)| Ban {
            key,
            code: ban.code,
            left: ban.until.saturating_duration_since(now),
        })
        .collect()
    }

    /// Lifts a ban. Whether there was one.
    pub(crate) fn lift(&self, key: &BanKey, now: Instant) -> bool {
        let is_lifted = self.lock().lift(key, now.into_std());
        if is_lifted {
            // A user's name is whatever its token says: quoted, it cannot pass for another line of the log.
            tracing::info!(key = ?key.to_string(), "ban lifted");
        }
        is_lifted
    }

    fn lock(&self) -> MutexGuard<'_, parlor_gate::bans::Bans> {
        // Nothing in there panics half way, so that what another thread left is good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody is told who is banned for so long.
pub(crate) fn reason(left: Duration) -> String {
    let seconds = whole_seconds(left);
    format!("banned for {seconds} s: too many connections had to be closed for what the client did")
}

/// Not one second too few.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
