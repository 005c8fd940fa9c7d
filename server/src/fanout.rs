//! Frames to sockets: each is encoded at most once per encoding in use, and its recipients share the bytes. All that a
//! room or a session sends passes here; how it leaves is the [`Exit`]'s business.

use std::iter;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parlor_journal::Lsn;
use parlor_proto::{ServerFrame, Subprotocol};

use crate::breakage::TestBreak;
use crate::release::{Leaving, Release};
use crate::session::Peer;
use crate::session::outbox::{Burst, Control, StateKey};
use crate::telemetry::{Metrics, Stage};
use crate::view_frames::ViewFrames;

/// Encodes frames and puts them into outboxes.
#[derive(Debug)]
pub(crate) struct Fanout {
    metrics: Arc<Metrics>,
    burst: Burst,
    exit: Exit,
    test_break: Option<TestBreak>,
}

/// How what is sent leaves.
#[derive(Debug)]
pub(crate) enum Exit {
    /// At once.
    Open,
    /// When what brought it about is durable.
    Durable(Release),
    /// Not at all: it left when this was brought about for the first time.
    Closed,
}

impl Fanout {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            // Each room and session counts its own; that two meet in one outbox under one number is next to impossible,
            // and would only let a little more wait.
            burst: Burst(rand::random()),
            exit: Exit::Open,
            test_break: None,
        }
    }

    /// Breaks it, where the server is to be broken.
    pub(crate) fn breaking(self, test_break: Option<TestBreak>) -> Self {
        Self { test_break, ..self }
    }

    /// How the server is broken.
    pub(crate) fn test_break(&self) -> Option<TestBreak> {
        self.test_break
    }

    /// Changes the way out.
    pub(crate) fn set_exit(&mut self, exit: Exit) {
        self.exit = exit;
    }

    /// The queue of what waits for the disk, where there is one.
    pub(crate) fn release(&self) -> Option<&Release> {
        match &self.exit {
            Exit::Durable(release) => Some(release),
            Exit::Open | Exit::Closed => None,
        }
    }

    /// The record that must be durable before what is brought about now may leave; `None` if nothing leaves.
    pub(crate) fn record(&self) -> Option<Lsn> {
        match &self.exit {
            Exit::Open => Some(0),
            Exit::Durable(release) => Some(release.record()),
            Exit::Closed => None,
        }
    }

    /// Lets something go, in order with all the rest.
    pub(crate) fn leave(&self, leaving: Leaving) {
        match &self.exit {
            Exit::Open => leaving.go(),
            Exit::Durable(release) => release.leave(leaving),
            Exit::Closed => {}
        }
    }

    /// Says something to a session.
    pub(crate) fn tell(&self, peer: &Peer, control: Control) {
        self.leave(Leaving::Word {
            outbox: Arc::clone(&peer.outbox),
            control,
        });
    }

    /// From here on, what is sent belongs to another step: see [`Burst`].
    pub(crate) fn begin_burst(&mut self) {
        self.burst = Burst(self.burst.0.wrapping_add(1));
    }

    /// Sends one frame to all of `to`.
    // Every message passes here for every member, so that the fan-out itself has no span: `encoding_made` counts it.
    pub(crate) fn send<'a>(&self, to: impl IntoIterator<Item = &'a Peer>, frame: ServerFrame) {
        let encoded = Encoded::new(frame);
        for peer in to {
            self.deliver(peer, &encoded);
        }
    }

    /// Sends one recipient a frame that others may get too.
    pub(crate) fn deliver(&self, peer: &Peer, frame: &impl Encode) {
        let message = || frame.message(peer.subprotocol, &self.metrics);
        match &self.exit {
            Exit::Open => {
                let message = iter::once(message());
                peer.outbox.push_all(peer.connection, self.burst, message);
            }
            Exit::Durable(release) => {
                release.leave_frame(&peer.outbox, peer.connection, self.burst, message());
            }
            Exit::Closed => {}
        }
    }

    /// Sends one state of a view to all of `to`.
    pub(crate) fn send_state<'a>(
        &self,
        to: impl IntoIterator<Item = &'a Peer>,
        key: &StateKey,
        state: ViewFrames,
    ) {
        let state = Arc::new(state);
        for peer in to {
            match &self.exit {
                Exit::Open => {
                    let (connection, subprotocol) = (peer.connection, peer.subprotocol);
                    peer.outbox
                        .push_state(connection, subprotocol, key.clone(), &state);
                }
                Exit::Durable(release) => release.leave(Leaving::State {
                    outbox: Arc::clone(&peer.outbox),
                    connection: peer.connection,
                    subprotocol: peer.subprotocol,
                    key: key.clone(),
                    state: Arc::clone(&state),
                }),
                Exit::Closed => {}
            }
        }
    }

    /// Counts what is encoded.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

/// What can be had in every encoding, and is made at most once in each.
pub(crate) trait Encode {
    /// The message in one encoding, made when it is first asked for.
    fn message(&self, subprotocol: Subprotocol, metrics: &Metrics) -> Bytes;
}

/// A place for a message of each encoding.
type Messages = [OnceLock<Bytes>; Subprotocol::ALL.len()];

/// One frame, and what it was encoded to so far.
#[derive(Debug)]
pub(crate) struct Encoded {
    frame: ServerFrame,
    messages: Messages,
}

impl Encoded {
    pub(crate) fn new(frame: ServerFrame) -> Self {
        Self {
            frame,
            messages: Messages::default(),
        }
    }
}

impl Encode for Encoded {
    fn message(&self, subprotocol: Subprotocol, metrics: &Metrics) -> Bytes {
        let encode = || encode(&self.frame, subprotocol, metrics);
        self.messages[subprotocol.index()]
            .get_or_init(encode)
            .clone()
    }
}

/// A frame that was sent, kept as the messages that it was sent as: that is less than the frame, which can be had from any of
/// them again.
#[derive(Debug)]
pub(crate) struct Sent(Messages);

impl Sent {
    /// Of a frame that was sent to all whom it reached.
    pub(crate) fn new(encoded: Encoded) -> Self {
        let Encoded { frame, messages } = encoded;
        if messages.iter().all(|it| it.get().is_none()) {
            let _ = messages[KEPT.index()].set(KEPT.encode_server(&frame));
        }
        Self(messages)
    }

    /// The frame.
    pub(crate) fn frame(&self) -> ServerFrame {
        let mut messages = Subprotocol::ALL.into_iter().zip(&self.0);
        let found = messages.find_map(|(subprotocol, it)| Some((subprotocol, it.get()?)));
        let (subprotocol, message) = found.expect("it is made with a message");
        let frame = subprotocol.decode_server(message);
        frame.expect("what was encoded here can be decoded")
    }

    /// The frame in the encoding that is written down.
    pub(crate) fn to_binary(&self) -> Bytes {
        let made = self.0[Subprotocol::Binary.index()].get();
        made.cloned()
            .unwrap_or_else(|| Subprotocol::Binary.encode_server(&self.frame()))
    }

    /// What it takes of memory beside itself.
    pub(crate) fn bytes(&self) -> usize {
        self.0
            .iter()
            .filter_map(OnceLock::get)
            .map(Bytes::len)
            .sum()
    }
}

impl Encode for Sent {
    fn message(&self, subprotocol: Subprotocol, metrics: &Metrics) -> Bytes {
        let encode = || encode(&self.frame(), subprotocol, metrics);
        self.0[subprotocol.index()].get_or_init(encode).clone()
    }
}

/// What a frame is kept as that was sent to nobody yet.
const KEPT: Subprotocol = Subprotocol::Binary;

/// To look at the clock takes a good part of what the encoding of a message does: one of so many is timed, and stands for all
/// of them. States are larger, and all are.
const TIMED_EVERY: u32 = 16;

fn encode(frame: &ServerFrame, subprotocol: Subprotocol, metrics: &Metrics) -> Bytes {
    let encode = || subprotocol.encode_server(frame);
    let made_before = metrics.encoding_made(subprotocol);
    if matches!(frame, ServerFrame::RoomState(_) | ServerFrame::RoomPatch(_)) {
        metrics.time(Stage::Encode, encode)
    } else if made_before.is_multiple_of(TIMED_EVERY.into()) {
        metrics.time_sample(Stage::Encode, TIMED_EVERY, encode)
    } else {
        encode()
    }
}

#[cfg(test)]
mod tests {
    use parlor_proto::server;

    use super::*;

    #[test]
    fn a_broadcast_is_encoded_once_per_encoding_in_use() {
        let metrics = Arc::new(Metrics::new());
        let fanout = Fanout::new(Arc::clone(&metrics));
        let peers: Vec<_> = (1..)
            .zip([
                Subprotocol::Json,
                Subprotocol::Proto,
                Subprotocol::Json,
                Subprotocol::Proto,
                Subprotocol::Json,
            ])
            .map(|(session, subprotocol)| Peer::for_tests(session, subprotocol))
            .collect();
        for _ in 0..10 {
            let frame = ServerFrame::Pong(server::Pong {
                timestamp: 1,
                server_time_ms: 2,
            });
            fanout.send(&peers, frame);
        }
        assert_eq!(metrics.encodings_made(Subprotocol::Json), 10);
        assert_eq!(metrics.encodings_made(Subprotocol::Binary), 0);
        assert_eq!(metrics.encodings_made(Subprotocol::Proto), 10);
    }
}
