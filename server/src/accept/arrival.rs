//! What is known of a connection from its first byte to its last: the seat it holds, and whose it is.

use std::net::IpAddr;
use std::sync::Arc;

use parlor_gate::address::{Guard, Place};

use super::refusal::Refusal;
use super::seats::Seat;

/// A connection that was accepted.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Where it comes from: the address of the socket, or the one in its PROXY header.
    pub(super) peer: IpAddr,
    pub(super) standing: Standing,
    pub(super) seat: Seat,
}

/// How somebody stands who knocked.
#[derive(Debug)]
pub(super) enum Standing {
    /// Let in, as this caller.
    Admitted(Caller),
    /// From a trusted proxy: each request says whose it is.
    Forwarded,
    /// Only to be told why not.
    Refused(Refusal),
}

/// Where somebody comes from who was let in.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// None where addresses do not count.
    pub(super) place: Option<Place>,
    /// Counts the connection for its address.
    pub(super) guard: Option<Guard>,
}

impl Arrival {
    /// Why this connection is only to be told that it cannot stay.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.standing {
            Standing::Refused(refusal) => Some(refusal),
            Standing::Admitted(_) | Standing::Forwarded => self.seat.refusal,
        }
    }
}

/// What a WebSocket holds of the way it came: its seat, and its place in the count of its address. To be dropped when
/// the WebSocket is.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Where it comes from; none where addresses do not count.
    pub(crate) place: Option<Place>,
    _guard: Option<Guard>,
    _arrival: Arc<Arrival>,
}

impl Connection {
    /// One that has its count in the arrival itself.
    pub(super) fn direct(arrival: Arc<Arrival>, place: Option<Place>) -> Self {
        Self {
            place,
            _guard: None,
            _arrival: arrival,
        }
    }

    /// One that came through a proxy, and is counted by itself.
    pub(super) fn forwarded(arrival: Arc<Arrival>, caller: Caller) -> Self {
        Self {
            place: caller.place,
            _guard: caller.guard,
            _arrival: arrival,
        }
    }
}
