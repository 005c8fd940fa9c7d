//! What waits to be written to one socket. The only way to a client.
//!
//! Policy: reliable frames queue up to a bound in frames and bytes, beyond which the session is closed as a slow
//! consumer; a newer state of a view takes the place of an unwritten older one. So states are bounded by what the views
//! of the client's rooms may hold, and do not count towards the bytes: a newcomer gets them all at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use parlor_proto::{CloseCode, Subprotocol};
use tokio::sync::Notify;

/// The most bytes of reliable frames that wait for one client. A plugin may send 1 MiB in one step, which is more as
/// JSON: what one step sends must fit, or a client would be closed that reads as fast as anyone.
const OUTBOX_BYTES_MAX: usize = 4 << 20;
/// The most frames that wait for one client, for the same reason more than the effects of one step.
const OUTBOX_FRAMES_MAX: usize = 16 << 10;

/// A session that answers requests writes when this much waits.
const OUTBOX_BYTES_HEAVY: usize = 256 << 10;

/// Names one view of one room, as far as one client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StateKey {
    pub(crate) room: Arc<str>,
    pub(crate) view: Arc<str>,
}

/// What the session itself must know, in order with the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// The session is in this room no more, or was not let in.
    LeftRoom(Arc<str>),
    /// The room went away before the join reached it; try again.
    JoinBounced(Arc<str>),
    /// Close the connection.
    Close(CloseCode, String),
}

/// One thing to do on the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// Write this message.
    Message(Bytes),
    /// Tell the session.
    Control(Control),
}

/// The queue between rooms and one session.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// In which subprotocol its messages are.
    pub(crate) subprotocol: Subprotocol,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    states: HashMap<StateKey, PendingState>,
    generation: u64,
    bytes: usize,
    is_overflown: bool,
    states_replaced: u64,
}

#[derive(Debug)]
struct PendingState {
    generation: u64,
    message: Bytes,
}

#[derive(Debug)]
enum Entry {
    Message(Bytes),
    /// The state of this key, if it still is of this generation.
    State(StateKey, u64),
    Control(Control),
}

impl Outbox {
    pub(crate) fn new(subprotocol: Subprotocol) -> Self {
        Self {
            subprotocol,
            queue: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Queues a reliable frame.
    pub(crate) fn push(&self, message: Bytes) {
        let mut queue = self.lock();
        if queue.is_overflown {
            return;
        }
        queue.bytes += message.len();
        queue.entries.push_back(Entry::Message(message));
        queue.check_bounds();
        drop(queue);
        self.wake.notify_one();
    }

    /// Queues a state, in place of an older one of the same view.
    pub(crate) fn push_state(&self, key: StateKey, message: Bytes) {
        let mut queue = self.lock();
        if queue.is_overflown {
            return;
        }
        queue.generation += 1;
        let generation = queue.generation;
        let pending = PendingState {
            generation,
            message,
        };
        if queue.states.insert(key.clone(), pending).is_some() {
            queue.states_replaced += 1;
            // Its entry stays behind as a husk; a client that never reads must not gather them without end.
            queue.drop_husks();
        }
        queue.entries.push_back(Entry::State(key, generation));
        queue.check_bounds();
        drop(queue);
        self.wake.notify_one();
    }

    /// Queues a word to the session. Never refused: there are at most a few for each room it is in.
    pub(crate) fn push_control(&self, control: Control) {
        self.lock().entries.push_back(Entry::Control(control));
        self.wake.notify_one();
    }

    /// Whether so much waits that it should be written before more is asked for.
    pub(crate) fn is_heavy(&self) -> bool {
        self.lock().bytes > OUTBOX_BYTES_HEAVY
    }

    /// Forgets the unwritten states of a room that the session left.
    pub(crate) fn forget_states(&self, room: &str) {
        self.lock().states.retain(|key, _| &*key.room != room);
    }

    /// Waits until there may be something to take.
    pub(crate) async fn ready(&self) {
        self.wake.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self, into: &mut Vec<Outgoing>) {
        let mut queue = self.lock();
        let entries = std::mem::take(&mut queue.entries);
        for entry in entries {
            match entry {
                Entry::Message(message) => into.push(Outgoing::Message(message)),
                Entry::Control(control) => into.push(Outgoing::Control(control)),
                Entry::State(key, generation) => {
                    if queue.states.get(&key).map(|it| it.generation) == Some(generation)
                        && let Some(pending) = queue.states.remove(&key)
                    {
                        into.push(Outgoing::Message(pending.message));
                    }
                }
            }
        }
        queue.bytes = 0;
    }

    /// How many states were replaced before they were written, since this was last asked.
    pub(crate) fn take_states_replaced(&self) -> u64 {
        std::mem::take(&mut self.lock().states_replaced)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|lock| lock.into_inner())
    }
}

impl Queue {
    fn check_bounds(&mut self) {
        if self.bytes <= OUTBOX_BYTES_MAX && self.entries.len() <= OUTBOX_FRAMES_MAX {
            return;
        }
        // What is queued could not be written in time; keeping it would only cost memory.
        self.is_overflown = true;
        self.bytes = 0;
        self.states.clear();
        self.entries.clear();
        self.entries.push_back(Entry::Control(Control::Close(
            CloseCode::SlowConsumer,
            "more is queued for this client than it reads".to_owned(),
        )));
    }

    fn drop_husks(&mut self) {
        if self.entries.len() <= 2 * self.states.len() + OUTBOX_FRAMES_MAX / 2 {
            return;
        }
        let states = &self.states;
        self.entries.retain(|entry| match entry {
            Entry::State(key, generation) => {
                states.get(key).map(|it| it.generation) == Some(*generation)
            }
            Entry::Message(_) | Entry::Control(_) => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(view: &str) -> StateKey {
        StateKey {
            room: "room".into(),
            view: view.into(),
        }
    }

    fn taken(outbox: &Outbox) -> Vec<Outgoing> {
        let mut all = Vec::new();
        outbox.take(&mut all);
        all
    }

    fn message(text: &'static str) -> Outgoing {
        Outgoing::Message(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_newer_state_takes_the_place_of_an_unwritten_one_and_goes_behind_what_came_between() {
        let outbox = Outbox::new(Subprotocol::Json);
        outbox.push_state(key("board"), "old".into());
        outbox.push("said".into());
        outbox.push_state(key("board"), "new".into());
        outbox.push_state(key("other"), "else".into());
        assert_eq!(
            taken(&outbox),
            [message("said"), message("new"), message("else")]
        );
        assert_eq!(outbox.take_states_replaced(), 1);
        assert_eq!(taken(&outbox), []);
    }

    #[test]
    fn more_than_the_bound_closes_the_session_and_frees_what_was_queued() {
        let outbox = Outbox::new(Subprotocol::Json);
        outbox.push(Bytes::from(vec![0; OUTBOX_BYTES_MAX]));
        assert_eq!(taken(&outbox).len(), 1);
        outbox.push(Bytes::from(vec![0; OUTBOX_BYTES_MAX]));
        outbox.push("one more".into());
        outbox.push("and another".into());
        assert!(matches!(
            taken(&outbox).as_slice(),
            [Outgoing::Control(Control::Close(
                CloseCode::SlowConsumer,
                _
            ))]
        ));
    }

    #[test]
    fn states_alone_never_overflow() {
        let outbox = Outbox::new(Subprotocol::Json);
        for _ in 0..3 * OUTBOX_FRAMES_MAX {
            outbox.push_state(key("board"), Bytes::from(vec![0; 1000]));
        }
        assert_eq!(taken(&outbox).len(), 1);
    }

    #[test]
    fn states_of_a_room_that_was_left_are_not_written() {
        let outbox = Outbox::new(Subprotocol::Json);
        outbox.push_state(key("board"), "gone".into());
        outbox.forget_states("room");
        assert_eq!(taken(&outbox), []);
    }
}
