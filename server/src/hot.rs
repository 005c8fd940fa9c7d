//! The paths inside the server whose instructions `bench/counts` counts: values that are made ready, and for each path one
//! call that takes it and does nothing else. Nothing of the server uses this, and it may change at any time.

use std::sync::Arc;

use parlor_proto::{ClientFrame, Payload, ServerFrame, Subprotocol, client, server};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::Limits;
use crate::fanout::Fanout;
use crate::room::hot::{MEMBERS_MAX, identity};
use crate::room::{RoomHandle, RoomInput, RoomStatus};
use crate::session::Peer;
use crate::session::identity::Who;
use crate::session::outbox::{Outgoing, StateKey};
use crate::session::state::{Action, SessionState};
use crate::telemetry::{Metrics, PluginCounts};
use crate::view_frames::{ViewFrames, ViewHandle};

pub use crate::room::hot::{Batch, Inputs, Outcome, Plugin, Room};

/// A session in a room that takes what it is given.
#[derive(Debug)]
pub struct Session {
    state: SessionState,
    mailbox: mpsc::Receiver<RoomInput>,
    now: std::time::Instant,
}

impl Session {
    /// In the room of this name.
    #[must_use]
    pub fn new(room: &str) -> Self {
        let limits = Limits::default();
        let bounds = limits.mailbox_bounds();
        let (sender, mailbox) = mpsc::channel(bounds.capacity());
        let (identity, status) = (identity(room), Arc::new(RoomStatus::new(MEMBERS_MAX)));
        let handle = RoomHandle::new(identity, status, sender, bounds);
        let peer = Peer::for_tests(1, Subprotocol::Json);
        let (rooms_max, bad_frames_max) = (limits.rooms_per_session_max, limits.bad_frames_max);
        let name = "Ada".to_owned();
        let mut state = SessionState::new(peer, Who::Guest, name, rooms_max, bad_frames_max);
        state.enter(handle, client::JoinRoom::default(), 0);
        Self {
            state,
            mailbox,
            now: Instant::now().into_std(),
        }
    }

    /// The path: a frame of its client becomes an input in the room's mailbox. Whether it did.
    pub fn route(&mut self, frame: ClientFrame) -> bool {
        let actions = self.state.on_frame(Ok(frame), self.now);
        let post = |action| match action {
            Action::Post(room, input) => room.post(input).is_ok(),
            _ => false,
        };
        actions.into_iter().all(post)
    }

    /// Has the room take one input.
    pub fn take(&mut self) -> bool {
        self.mailbox.try_recv().is_ok()
    }
}

/// Clients, and the way to them.
#[derive(Debug)]
pub struct Clients {
    fanout: Fanout,
    peers: Vec<Peer>,
    taken: Vec<Outgoing>,
}

/// A state of a view, with the patch from the one before.
#[derive(Debug)]
pub struct ViewState(StateKey, ViewFrames);

impl Clients {
    /// One for each of these.
    #[must_use]
    pub fn new(clients: &[Subprotocol]) -> Self {
        Self {
            fanout: Fanout::new(metrics()),
            peers: peers(clients),
            taken: Vec::new(),
        }
    }

    /// The path: a frame goes to all of them.
    pub fn send(&mut self, frame: ServerFrame) {
        self.fanout.begin_burst();
        self.fanout.send(&self.peers, frame);
    }

    /// The state of this version and how it differs from the one before.
    #[must_use]
    pub fn state(&self, view: &str, version: u64, state: Payload, patch: Payload) -> ViewState {
        let whole = server::RoomState {
            room: "room".to_owned(),
            epoch: 1,
            tick: version,
            view: view.to_owned(),
            version,
            as_of: 0,
            hash: state.state_hash(),
            handle: ViewHandle::default().get(),
            state,
        };
        let key = StateKey {
            room: "room".into(),
            view: view.into(),
        };
        let patch = version.checked_sub(1).map(|base| (base, patch));
        ViewState(key, ViewFrames::newest(self.fanout.metrics(), whole, patch))
    }

    /// The path: a state goes to all of them, as a patch where they have the one before.
    pub fn send_state(&self, state: ViewState) {
        let ViewState(key, frames) = state;
        self.fanout.send_state(&self.peers, &key, frames);
    }

    /// The path: the loops of their sessions take what waits. How much that was.
    pub fn take(&mut self) -> usize {
        for peer in &self.peers {
            peer.outbox.take(&mut self.taken);
        }
        self.taken.len()
    }

    /// Lets go of what was taken.
    pub fn clear(&mut self) {
        self.taken.clear();
    }
}

pub(crate) fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::with(&PluginCounts::default()))
}

pub(crate) fn peers(subprotocols: &[Subprotocol]) -> Vec<Peer> {
    let peers = (1..).zip(subprotocols);
    peers
        .map(|(session, subprotocol)| Peer::for_tests(session, *subprotocol))
        .collect()
}
