//! Frames to sockets: each is encoded at most once per encoding in use, and its recipients share the bytes.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use parlor_proto::{ServerFrame, Subprotocol};

use crate::session::outbox::{Outbox, StateKey};
use crate::telemetry::Metrics;

/// Encodes frames and puts them into outboxes.
#[derive(Debug, Clone)]
pub(crate) struct Fanout {
    metrics: Arc<Metrics>,
}

impl Fanout {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }

    /// Sends one reliable frame to all of `to`.
    // Every message passes here for every member, so that the fan-out itself has no span: `encoding_made` counts it.
    pub(crate) fn send<'a>(
        &self,
        to: impl IntoIterator<Item = &'a Arc<Outbox>>,
        frame: &ServerFrame,
    ) {
        let encoded = Encoded::new(frame, &self.metrics);
        for outbox in to {
            outbox.push(encoded.message(outbox.subprotocol));
        }
    }

    /// Sends one state of a view to all of `to`.
    pub(crate) fn send_state<'a>(
        &self,
        to: impl IntoIterator<Item = &'a Arc<Outbox>>,
        key: &StateKey,
        frame: &ServerFrame,
    ) {
        let encoded = Encoded::new(frame, &self.metrics);
        for outbox in to {
            outbox.push_state(key.clone(), encoded.message(outbox.subprotocol));
        }
    }
}

/// One frame, and what it was encoded to so far.
struct Encoded<'a> {
    frame: &'a ServerFrame,
    metrics: &'a Metrics,
    messages: [OnceCell<Bytes>; Subprotocol::ALL.len()],
}

impl<'a> Encoded<'a> {
    fn new(frame: &'a ServerFrame, metrics: &'a Metrics) -> Self {
        Self {
            frame,
            metrics,
            messages: Default::default(),
        }
    }

    fn message(&self, subprotocol: Subprotocol) -> Bytes {
        self.messages[subprotocol.index()]
            .get_or_init(|| {
                self.metrics.encoding_made(subprotocol);
                subprotocol.encode_server(self.frame)
            })
            .clone()
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
        let outboxes: Vec<_> = [
            Subprotocol::Json,
            Subprotocol::Proto,
            Subprotocol::Json,
            Subprotocol::Proto,
            Subprotocol::Json,
        ]
        .map(|subprotocol| Arc::new(Outbox::new(subprotocol)))
        .into();
        let frame = ServerFrame::Pong(server::Pong {
            timestamp: 1,
            server_time_ms: 2,
        });
        for _ in 0..10 {
            fanout.send(&outboxes, &frame);
        }
        assert_eq!(metrics.encodings_made(Subprotocol::Json), 10);
        assert_eq!(metrics.encodings_made(Subprotocol::Binary), 0);
        assert_eq!(metrics.encodings_made(Subprotocol::Proto), 10);
    }
}
