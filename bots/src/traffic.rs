//! What went over the wire, from all bots at once, by what they speak.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use parlor_proto::Subprotocol;

const SUBPROTOCOLS: usize = Subprotocol::ALL.len();

/// What went over the wire so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    wires: [WireCounters; SUBPROTOCOLS],
    answered: AtomicU64,
    unsent: AtomicU64,
}

#[derive(Debug, Default)]
struct WireCounters {
    frames_out: AtomicU64,
    bytes_out: AtomicU64,
    frames_in: AtomicU64,
    bytes_in: AtomicU64,
    framed_bytes_in: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    wires: [Wire; SUBPROTOCOLS],
    pub(crate) answered: u64,
    pub(crate) unsent: u64,
}

/// Frames, and the bytes of their messages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wire {
    pub(crate) frames_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) frames_in: u64,
    pub(crate) bytes_in: u64,
    /// With the headers that the WebSocket puts before them.
    pub(crate) framed_bytes_in: u64,
}

impl Counters {
    pub(crate) fn on_sent(&self, subprotocol: Subprotocol, bytes: usize) {
        let wire = &self.wires[subprotocol.index()];
        wire.frames_out.fetch_add(1, Ordering::Relaxed);
        wire.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn on_received(&self, subprotocol: Subprotocol, bytes: usize) {
        let wire = &self.wires[subprotocol.index()];
        let framed = bytes + header_bytes(bytes);
        wire.frames_in.fetch_add(1, Ordering::Relaxed);
        wire.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        wire.framed_bytes_in
            .fetch_add(framed as u64, Ordering::Relaxed);
    }

    pub(crate) fn on_answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Inputs were due that the generator never got to send.
    pub(crate) fn on_unsent(&self, inputs: u64) {
        self.unsent.fetch_add(inputs, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Count {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Count {
            wires: self.wires.each_ref().map(|wire| Wire {
                frames_out: read(&wire.frames_out),
                bytes_out: read(&wire.bytes_out),
                frames_in: read(&wire.frames_in),
                bytes_in: read(&wire.bytes_in),
                framed_bytes_in: read(&wire.framed_bytes_in),
            }),
            answered: read(&self.answered),
            unsent: read(&self.unsent),
        }
    }
}

impl Count {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            wires: array::from_fn(|index| self.wires[index].since(before.wires[index])),
            answered: self.answered - before.answered,
            unsent: self.unsent - before.unsent,
        }
    }

    /// What those did who speak this.
    pub(crate) fn of(&self, subprotocol: Subprotocol) -> Wire {
        self.wires[subprotocol.index()]
    }

    /// What all did.
    pub(crate) fn total(&self) -> Wire {
        self.wires.iter().fold(Wire::default(), |sum, wire| Wire {
            frames_out: sum.frames_out + wire.frames_out,
            bytes_out: sum.bytes_out + wire.bytes_out,
            frames_in: sum.frames_in + wire.frames_in,
            bytes_in: sum.bytes_in + wire.bytes_in,
            framed_bytes_in: sum.framed_bytes_in + wire.framed_bytes_in,
        })
    }
}

impl Wire {
    fn since(self, before: Self) -> Self {
        Self {
            frames_out: self.frames_out - before.frames_out,
            bytes_out: self.bytes_out - before.bytes_out,
            frames_in: self.frames_in - before.frames_in,
            bytes_in: self.bytes_in - before.bytes_in,
            framed_bytes_in: self.framed_bytes_in - before.framed_bytes_in,
        }
    }
}

/// So many bytes come before a message of this length from a server, in one frame: RFC 6455, section 5.2.
const fn header_bytes(message_bytes: usize) -> usize {
    match message_bytes {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_websocket() {
        let lengths = [0, 125, 126, 65_535, 65_536];
        assert_eq!(lengths.map(header_bytes), [2, 2, 4, 4, 10]);
    }

    #[test]
    fn each_subprotocol_is_counted_by_itself() {
        let counters = Counters::default();
        counters.on_received(Subprotocol::Json, 1_000);
        let before = counters.read();
        for bytes in [100, 200] {
            counters.on_received(Subprotocol::Json, bytes);
        }
        counters.on_received(Subprotocol::Proto, 50);
        counters.on_sent(Subprotocol::Proto, 7);
        let count = counters.read().since(before);
        let json = count.of(Subprotocol::Json);
        assert_eq!(
            (json.frames_in, json.bytes_in, json.framed_bytes_in),
            (2, 300, 306)
        );
        assert_eq!(count.of(Subprotocol::Binary).frames_in, 0);
        let total = count.total();
        assert_eq!(
            (total.frames_in, total.bytes_in, total.framed_bytes_in),
            (3, 350, 358)
        );
        assert_eq!((total.frames_out, total.bytes_out), (1, 7));
    }
}
