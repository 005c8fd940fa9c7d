//! What a server does with the rooms and sessions that the one before it left in the journal. Rooms with somebody in them
//! are brought back at once, each by its own task; the others sleep on. Sessions wait for their clients.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parlor_journal::{Frame, StreamData, StreamId, StreamKind};
use tokio::time::Instant;

use crate::node::Node;
use crate::room::{Beginning, Made, RoomIdentity, Sleeper, StoredRoom, number_of};
use crate::session::lasting;

/// Brings back what there is. Clients are let in after this.
pub(crate) fn revive(node: &Arc<Node>) {
    let started = Instant::now();
    let mut rooms: HashMap<Arc<str>, Stored> = HashMap::new();
    let mut epochs = HashSet::new();
    for stream in node.persistence.journal.streams(StreamKind::Room) {
        let Some(stored) = read(node, &stream, &mut epochs) else {
            continue;
        };
        let name = Arc::clone(&stored.identity.name);
        // Two of one name are a room and what it went on as after it was damaged.
        let older = match rooms.remove(&name) {
            Some(present) if present.number > stored.number => {
                rooms.insert(name, present);
                Some(stored)
            }
            present => {
                rooms.insert(name, stored);
                present
            }
        };
        if let Some(older) = older {
            let frame = Frame::end(older.stream);
            node.persistence.journal.append(frame, None);
        }
    }
    node.storage.forget_ended(|epoch| epochs.contains(&epoch));
    let (awake, asleep): (Vec<Stored>, Vec<Stored>) =
        rooms.into_values().partition(|stored| stored.room.is_awake);
    let counts = (awake.len(), asleep.len());
    for stored in asleep {
        stored.sleep(node);
    }
    let made: Vec<(Made, u64)> = awake.into_iter().filter_map(|it| it.wake(node)).collect();
    let mut sessions = 0;
    for found in lasting::read_all(node) {
        let names = found.note.rooms.iter();
        let rooms = names.filter_map(|name| node.rooms.live(name)).collect();
        lasting::restore(node, found, rooms);
        sessions += 1;
    }
    // Only now: a room that comes back looks who of its members has a session.
    for (made, number) in made {
        let slept = Duration::ZERO;
        made.start(node, Beginning::Stored { number, slept });
    }
    if counts != (0, 0) {
        let (awake, asleep) = counts;
        tracing::info!(awake, asleep, sessions, took = ?started.elapsed(), "rooms come back from the journal");
    }
}

/// A room as the journal has it.
struct Stored {
    stream: StreamId,
    number: u64,
    identity: Arc<RoomIdentity>,
    room: StoredRoom,
}

/// Reads a room's stream, and notes its epoch also where this server cannot bring it back.
fn read(node: &Arc<Node>, stream: &StreamId, epochs: &mut HashSet<u64>) -> Option<Stored> {
    let persistence = &node.persistence;
    let set_aside = |problem: &str| {
        let kept = persistence.set_aside(stream, "unknown");
        tracing::error!(%stream, ?kept, "a room in the journal cannot be read, and is set aside: {problem}");
        node.metrics.room_recovered("set-aside");
    };
    let data: StreamData = match persistence.journal.read(stream) {
        Ok(data) => data,
        Err(error) => {
            // The disk may read it the next time: nothing is decided about it here.
            tracing::error!(%stream, %error, "a room in the journal cannot be read now; it stays there");
            return None;
        }
    };
    let (Some(room), Some(number)) = (StoredRoom::read(&data), number_of(stream)) else {
        set_aside("none of its snapshots can be read");
        return None;
    };
    let note = &room.identity;
    epochs.insert(note.epoch);
    let Some(version) = node.version_of(&note.digest) else {
        // Nobody may make another room of its name meanwhile.
        node.rooms.reserve(&note.room);
        tracing::error!(
            room = note.room,
            plugin = note.plugin,
            digest = note.digest,
            "the room runs a component that this server does not have; put it into the folder of plugins, and start the server again"
        );
        return None;
    };
    Some(Stored {
        stream: stream.clone(),
        number,
        identity: Arc::new(note.revive(version)),
        room,
    })
}

impl Stored {
    fn sleep(self, node: &Node) {
        let timer = self.room.timer_in_ms.map(Duration::from_millis);
        let wake_at = timer.map(|after| Instant::now() + after.min(Duration::from_hours(24 * 365)));
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(self.room.saved_at);
        let sleeper = Sleeper {
            identity: self.identity,
            number: self.number,
            since,
            slept_from: Instant::now(),
            wake_at,
        };
        node.rooms.put_sleeper(node, sleeper);
    }

    fn wake(self, node: &Arc<Node>) -> Option<(Made, u64)> {
        match node.rooms.put_awake(node, Arc::clone(&self.identity)) {
            Ok(made) => Some((made, self.number)),
            Err((_, message)) => {
                tracing::error!(room = %self.identity.name, "a room with members sleeps on until somebody comes to it: {message}");
                self.sleep(node);
                None
            }
        }
    }
}
