//! Frames to sockets: each is encoded at most once per encoding in use, and its recipients share the bytes. All that a
//! room or a session sends passes here; how it leaves is the [`Exit`]'s business.

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
    pub(crate) fn deliver(&self, peer: &Peer, encoded: &Encoded) {
        let message = || encoded.message(peer.subprotocol, &self.metrics);
        match &self.exit {
            Exit::Open => peer.outbox.push(peer.connection, self.burst, message()),
            Exit::Durable(release) => release.leave(Leaving::Frame {
                outbox: Arc::clone(&peer.outbox),
                connection: peer.connection,
                burst: self.burst,
                message: message(),
            }),
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
            self.leave(Leaving::State {
                outbox: Arc::clone(&peer.outbox),
                connection: peer.connection,
                subprotocol: peer.subprotocol,
                key: key.clone(),
                state: Arc::clone(&state),
            });
        }
    }

    /// Counts what is encoded.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

/// One frame, and what it was encoded to so far.
#[derive(Debug)]
pub(crate) struct Encoded {
    frame: ServerFrame,
    messages: [OnceLock<Bytes>; Subprotocol::ALL.len()],
}

impl Encoded {
    pub(crate) fn new(frame: ServerFrame) -> Self {
        Self {
            frame,
            messages: Default::default(),
        }
    }

    pub(crate) fn frame(&self) -> &ServerFrame {
        &self.frame
    }

    /// The frame in one encoding, made when it is first asked for.
    pub(crate) fn message(&self, subprotocol: Subprotocol, metrics: &Metrics) -> Bytes {
        self.messages[subprotocol.index()]
            .get_or_init(|| {
                metrics.encoding_made(subprotocol);
                metrics.time(Stage::Encode, || subprotocol.encode_server(&self.frame))
            })
            .clone()
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let payload = match &self.frame {
            ServerFrame::RoomMessage(message) => message.data.as_msgpack().len(),
            _ => 0,
        };
        let encoded = self.messages.iter().filter_map(OnceLock::get);
        size_of::<Self>() + payload + encoded.map(Bytes::len).sum::<usize>()
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
