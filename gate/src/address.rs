//! How many connections one address may have, and how fast it may open them.
//!
//! Knows no socket: it is told of every arrival with the time, and hands out a [`Guard`] that counts until it is dropped.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many bits of an IPv6 address stand for one client: a network of this size is what a household gets.
const IPV6_PREFIX_BITS: u32 = 64;

/// Where a client comes from, as far as limits and bans tell clients apart: an IPv4 address, or the /64 of an IPv6 one.
/// An IPv4 address that is written as an IPv6 one is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(IpAddr);

impl Place {
    /// The place of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & (u128::MAX << (128 - IPV6_PREFIX_BITS));
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(v6) => write!(f, "{v6}/{IPV6_PREFIX_BITS}"),
        }
    }
}

/// A text that names no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as an address; write it like 203.0.113.7 or 2001:db8::/64")]
pub struct PlaceError(String);

impl FromStr for Place {
    type Err = PlaceError;

    /// Reads what [`Place`] writes, and any single address.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let refuse = || PlaceError(text.to_owned());
        let address = match text.split_once('/') {
            Some((address, "64")) if address.contains(':') => address,
            Some(_) => return Err(refuse()),
            None => text,
        };
        address.parse().map(Self::of).map_err(|_| refuse())
    }
}

/// What one address may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressLimits {
    /// Connections at a time; at least 1.
    pub connections_max: u32,
    /// New connections a second, and as many at once after a quiet second; at least 1.
    pub new_per_second: u32,
    /// Of the connections beyond these, how many a second are told why; the rest are dropped. At least 1.
    pub refusals_per_second: u32,
}

/// What an address has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Connections at a time.
    Connections,
    /// New connections a second.
    Rate,
}

/// What to do with a new connection.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It may stay, and counts for as long as the guard is kept.
    Admitted(Guard),
    /// It may not stay, and is to be told why.
    Refused(Excess),
    /// It may not stay, and its address was told often enough in this second.
    Dropped(Excess),
}

/// The table of addresses. It holds those that have connections, and those that had some in the last second; its memory
/// is bounded by these two.
#[derive(Debug, Clone)]
pub struct Addresses(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: AddressLimits,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    entries: HashMap<Place, Entry>,
    /// At this size, entries that say nothing any more are taken out.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Entry {
    connections: u32,
    arrivals: Pace,
    refusals: Pace,
}

/// The least size at which it is worth to look for entries that say nothing any more.
const SWEEP_AT_MIN: usize = 1_024;
/// Beyond this size, addresses without connections are forgotten though they were here in the last second.
const ENTRIES_MAX: usize = 65_536;

impl Addresses {
    /// An empty table.
    #[must_use]
    pub fn new(limits: AddressLimits) -> Self {
        let table = Mutex::new(Table {
            entries: HashMap::new(),
            sweep_at: SWEEP_AT_MIN,
        });
        Self(Arc::new(Shared { limits, table }))
    }

    /// Decides about a new connection from this place.
    pub fn admit(&self, place: Place, now: Instant) -> Verdict {
        let limits = &self.0.limits;
        let mut table = self.0.table();
        let entry = table.entry(place, now);
        let excess = if entry.connections >= limits.connections_max {
            Excess::Connections
        } else if entry.arrivals.take(limits.new_per_second, now) {
            entry.connections += 1;
            drop(table);
            return Verdict::Admitted(Guard {
                shared: Arc::clone(&self.0),
                place,
            });
        } else {
            Excess::Rate
        };
        if entry.refusals.take(limits.refusals_per_second, now) {
            Verdict::Refused(excess)
        } else {
            Verdict::Dropped(excess)
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here panics half way, so that what another thread left is good.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn entry(&mut self, place: Place, now: Instant) -> &mut Entry {
        if self.entries.len() >= self.sweep_at && !self.entries.contains_key(&place) {
            self.entries.retain(|_, entry| !entry.is_idle(now));
            if self.entries.len() >= ENTRIES_MAX {
                self.entries.retain(|_, entry| entry.connections > 0);
            }
            // Twice what is left, so that sweeping costs each arrival the same, however many there are.
            self.sweep_at = (2 * self.entries.len()).max(SWEEP_AT_MIN);
            self.entries.shrink_to(self.sweep_at);
        }
        self.entries.entry(place).or_default()
    }
}

impl Entry {
    fn is_idle(&self, now: Instant) -> bool {
        self.connections == 0 && self.arrivals.is_rested(now) && self.refusals.is_rested(now)
    }
}

/// Counts one connection of an address, until it is dropped.
#[derive(Debug)]
pub struct Guard {
    shared: Arc<Shared>,
    place: Place,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(entry) = self.shared.table().entries.get_mut(&self.place) {
            entry.connections = entry.connections.saturating_sub(1);
        }
    }
}

/// So many a second, and as many at once after a quiet second: the generic cell rate algorithm, which needs one number.
#[derive(Debug, Default)]
struct Pace {
    /// The time up to which the rate is used up.
    spent_until: Option<Instant>,
}

impl Pace {
    const WINDOW: Duration = Duration::from_secs(1);

    /// Takes one, if there is one.
    fn take(&mut self, per_second: u32, now: Instant) -> bool {
        let from = self.spent_until.map_or(now, |until| until.max(now));
        let until = from + Self::WINDOW / per_second.max(1);
        let is_free = until <= now + Self::WINDOW;
        if is_free {
            self.spent_until = Some(until);
        }
        is_free
    }

    /// Whether it is as if nothing had been taken.
    fn is_rested(&self, now: Instant) -> bool {
        self.spent_until.is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests;
