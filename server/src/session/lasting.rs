//! Sessions that outlive the server: those that are in rooms which do. What it takes to take one up again is in the journal
//! before a room of it says that its client is in.

use std::sync::Arc;

use parlor_gate::jwt::Identity;
use parlor_journal::{Frame, FrameKind, StreamId, StreamKind};
use parlor_proto::{Durability, client};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::identity::Who;
use super::registry::Generations;
use super::{Session, SessionId};
use crate::node::Node;
use crate::room::{RoomHandle, RoomInput};

/// A session as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionNote {
    user: Option<String>,
    name: String,
    roles: Vec<String>,
    generations: Generations,
    /// The rooms it is in, or on its way into, that outlive the server.
    pub(crate) rooms: Vec<String>,
}

/// What was written last, and how often something was.
#[derive(Debug, Default)]
pub(super) struct Written {
    count: u64,
    note: Option<SessionNote>,
}

impl Written {
    /// Nothing was written by this process, but this by one before.
    pub(super) fn earlier(count: u64, note: SessionNote) -> Self {
        Self {
            count,
            note: Some(note),
        }
    }
}

fn stream_of(id: SessionId) -> StreamId {
    StreamId::new(StreamKind::Session, id.0.to_be_bytes())
}

/// A session that was found in the journal.
#[derive(Debug)]
pub(crate) struct Found {
    id: SessionId,
    count: u64,
    pub(crate) note: SessionNote,
}

/// Reads all sessions that the journal has. One that cannot be read is over: its client joins its rooms anew.
pub(crate) fn read_all(node: &Node) -> Vec<Found> {
    let journal = &node.persistence.journal;
    let mut found = Vec::new();
    for stream in journal.streams(StreamKind::Session) {
        let id = <[u8; 16]>::try_from(&*stream.name).map(u128::from_be_bytes);
        let read = match journal.read(&stream) {
            Ok(read) => read,
            Err(error) => {
                // The disk may read it the next time.
                tracing::error!(%stream, %error, "a session in the journal cannot be read now; it stays there");
                continue;
            }
        };
        let newest = read.snapshots.into_iter().next();
        let note = newest.and_then(|(count, bytes)| {
            let note = rmp_serde::from_slice(&bytes).ok()?;
            Some((count, note))
        });
        match (id, note) {
            (Ok(id), Some((count, note))) => found.push(Found {
                id: SessionId(id),
                count,
                note,
            }),
            _ => {
                tracing::error!(%stream, "a session in the journal cannot be read; it is over");
                journal.append(Frame::end(stream), None);
            }
        }
    }
    found
}

/// Has a session wait for its client, as it was when the server before this one ended.
pub(crate) fn restore(node: &Arc<Node>, found: Found, rooms: Vec<RoomHandle>) {
    let Found { id, count, note } = found;
    if rooms.is_empty() {
        node.persistence
            .journal
            .append(Frame::end(stream_of(id)), None);
        return;
    }
    let who = note.user.clone().map_or(Who::Guest, |user| {
        Who::User(Identity {
            user,
            name: Some(note.name.clone()),
            roles: note.roles.clone(),
            // Whoever comes back brings a token of its own, and how long it stays is that one's business.
            expires_at: Duration::MAX,
        })
    });
    let session = Session::found(Arc::clone(node), id, who, note.name.clone());
    let mut session = Box::new(session);
    *session.handle.generations() = note.generations.clone().after_restart();
    let found_in = note.rooms.iter().cloned().collect();
    session.handle.found_in.get_or_init(|| found_in);
    session.written = Written::earlier(count, note);
    for room in rooms {
        let request = client::JoinRoom {
            room: Some(room.name().to_string()),
            plugin: Some(room.identity.plugin.to_string()),
            ..client::JoinRoom::default()
        };
        session.state.enter(room, request, 0);
    }
    // Nobody has a connection; the rooms know that by themselves.
    session.state.detach();
    tokio::spawn(session.live(None));
}

impl Session {
    /// Whether a room outlives the server.
    pub(super) fn is_lasting(&self, room: &RoomHandle) -> bool {
        let durability = self
            .node
            .persistence
            .durability_of(&room.identity.version());
        durability != Durability::None
    }

    /// Writes down what changed about the session, if it is one that outlives the server.
    pub(super) fn write_down(&mut self) {
        let rooms = self.state.rooms().filter(|room| self.is_lasting(room));
        let rooms: Vec<String> = rooms.map(|room| room.name().to_string()).collect();
        if rooms.is_empty() {
            return self.forget_written();
        }
        let note = SessionNote {
            user: self.state.who.user().map(str::to_owned),
            name: self.state.name.clone(),
            roles: self.state.who.roles().to_vec(),
            generations: self.handle.generations().clone(),
            rooms,
        };
        if self.written.note.as_ref() == Some(&note) {
            return;
        }
        let Ok(payload) = rmp_serde::to_vec(&note) else {
            unreachable!("a note is plain data");
        };
        self.written.count += 1;
        let frame = Frame {
            stream: stream_of(self.id),
            kind: FrameKind::Snapshot,
            seq: self.written.count,
            payload: payload.into(),
        };
        // What the rooms tell the client comes behind this, and is durable after it.
        self.node.persistence.journal.append(frame, None);
        self.written.note = Some(note);
    }

    /// Writes down what changed, of a session that was written down before.
    pub(super) fn write_down_changes(&mut self) {
        if self.written.note.is_some() {
            self.write_down();
        }
    }

    /// The session does not outlive the server any more.
    pub(super) fn forget_written(&mut self) {
        if self.written.note.take().is_some() {
            let frame = Frame::end(stream_of(self.id));
            self.node.persistence.journal.append(frame, None);
        }
    }

    /// The server is about to stop: the session stays in the rooms that go on in the next, and leaves the others.
    pub(super) async fn suspend(&mut self) {
        self.write_down();
        for room in self.state.take_rooms() {
            if self.is_lasting(&room) {
                // One that is gone needs no word.
                let _ = room.post_surely(RoomInput::Lost(self.id)).await;
            } else {
                self.leave(&room).await;
            }
        }
    }
}
