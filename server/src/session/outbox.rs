//! What waits to be written to one session's socket. The only way to a client.
//!
//! Policy: reliable frames queue up to a bound in frames and bytes, beyond which the connection is closed as a slow
//! consumer; a newer state of a view takes the place of an unwritten older one. A state goes as a patch only on top of the
//! one before, so that the outbox remembers which it had of each view. The bound is on what waits from *before*:
//! what one step of a room sends at once always fits, or a client would be closed that reads as fast as anyone. States are
//! bounded by what the views of the client's rooms may hold; they count for the node's bound only.
//!
//! An outbox lives as long as its session, and serves one connection after the other. Rooms learn of a new connection
//! one by one, so each push says which one it is meant for, and what is meant for an earlier one is dropped: the room
//! sends it again when it learns where the client stands.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use parlor_proto::Subprotocol;
use tokio::sync::Notify;

use crate::view_frames::{Form, StateId, ViewFrames};

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 64;
/// The most that waits for one client whatever its bound is: a whole replay, or one step's output in its longest form.
const OUTBOX_BYTES_CEILING: usize = 32 << 20;
/// While the node has too much queued, clients that have more than this waiting are closed.
const NODE_SHARE_BYTES: usize = 64 << 10;

/// An outbox that remembers more states than this forgets them all: then the next of each view goes as a whole.
const STATES_KNOWN_MAX: usize = 20_000;

/// A session that answers requests writes when this much waits.
const OUTBOX_BYTES_HEAVY: usize = 256 << 10;

/// All bytes that wait in the node's outboxes.
#[derive(Debug)]
pub(crate) struct QueuedBytes {
    queued: AtomicUsize,
    max: usize,
}

impl QueuedBytes {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            queued: AtomicUsize::new(0),
            max,
        }
    }

    /// How many bytes wait.
    pub(crate) fn get(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Counts bytes that were taken out and are not written yet, for as long as what this returns is kept.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> HeldBytes {
        self.add(bytes);
        HeldBytes {
            node: Arc::clone(self),
            bytes,
        }
    }

    fn is_exceeded(&self) -> bool {
        self.get() > self.max
    }

    fn add(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    fn sub(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes on their way from an outbox to a socket.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    node: Arc<QueuedBytes>,
    bytes: usize,
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.node.sub(self.bytes);
    }
}

/// How much may wait for one client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    pub(crate) frames_max: usize,
    pub(crate) bytes_max: usize,
}

/// Why a client was found not to read fast enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Too many reliable frames wait.
    Frames,
    /// Too many bytes of reliable frames wait.
    Bytes,
    /// The node has too much queued, and this client has a share in it.
    Node,
}

impl Overflow {
    /// The name in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Bytes => "bytes",
            Self::Node => "node",
        }
    }
}

/// What is pushed in one go: by one step of a room, or by one answer of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Burst(pub(crate) u64);

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
    /// The client does not read as fast as its rooms speak.
    Overflown(Overflow),
    /// The client keeps this room busier than it may, and was told so before.
    Overloads(Arc<str>),
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
    bounds: Bounds,
    node: Arc<QueuedBytes>,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Which of the session's connections it serves.
    connection: u32,
    entries: VecDeque<Entry>,
    states: HashMap<StateKey, PendingState>,
    /// The last state of each view that this connection was given, written or not.
    known: HashMap<StateKey, StateId>,
    generation: u64,
    /// Reliable frames that wait, and their bytes.
    frames: usize,
    bytes: usize,
    state_bytes: usize,
    burst: Option<Burst>,
    overflow: Option<Overflow>,
    /// Whether nothing was taken for this connection yet. All that its rooms replay is one burst: none of it could be
    /// written before they all had answered.
    is_fresh: bool,
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
    pub(crate) fn new(bounds: Bounds, node: Arc<QueuedBytes>) -> Self {
        Self {
            bounds,
            node,
            queue: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Ends the service of one connection: drops what waits for it, and all that will still be pushed for it. Gives the
    /// number of the next.
    pub(crate) fn turn_over(&self) -> u32 {
        let mut queue = self.lock();
        queue.connection += 1;
        self.node.sub(queue.clear_messages());
        queue.drop_endings();
        queue.known.clear();
        queue.overflow = None;
        queue.burst = None;
        queue.is_fresh = true;
        queue.connection
    }

    /// Queues reliable frames of one burst.
    pub(crate) fn push_all(
        &self,
        connection: u32,
        burst: Burst,
        messages: impl IntoIterator<Item = Bytes>,
    ) {
        let mut queue = self.lock();
        if queue.connection != connection || queue.overflow.is_some() {
            return;
        }
        if queue.burst != Some(burst) {
            queue.burst = Some(burst);
            if let Some(overflow) = queue.check(self.bounds).filter(|_| !queue.is_fresh) {
                return self.overflow(queue, overflow);
            }
        }
        let bytes_before = queue.bytes;
        for message in messages {
            queue.frames += 1;
            queue.bytes += message.len() + ENTRY_BYTES;
            queue.entries.push_back(Entry::Message(message));
        }
        self.node.add(queue.bytes - bytes_before);
        if queue.bytes > OUTBOX_BYTES_CEILING {
            return self.overflow(queue, Overflow::Bytes);
        }
        if self.node.is_exceeded() && queue.bytes + queue.state_bytes > NODE_SHARE_BYTES {
            return self.overflow(queue, Overflow::Node);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Queues a frame before all others.
    pub(crate) fn push_first(&self, connection: u32, message: Bytes) {
        let mut queue = self.lock();
        if queue.connection == connection && queue.overflow.is_none() {
            let cost = message.len() + ENTRY_BYTES;
            queue.frames += 1;
            queue.bytes += cost;
            self.node.add(cost);
            queue.entries.push_front(Entry::Message(message));
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Queues a state, in place of an older one of the same view. Only its room queues states of a view, one after the
    /// other.
    pub(crate) fn push_state(
        &self,
        connection: u32,
        subprotocol: Subprotocol,
        key: StateKey,
        state: &ViewFrames,
    ) {
        let Some(form) = self.form_of(connection, &key, state) else {
            return;
        };
        // Encoded without the lock: if what waited was written meanwhile, the whole is as good.
        let message = state.message(form, subprotocol);
        let mut queue = self.lock();
        if queue.connection != connection || queue.overflow.is_some() {
            return;
        }
        if queue.known.len() >= STATES_KNOWN_MAX {
            queue.known.clear();
        }
        queue.known.insert(key.clone(), state.id());
        queue.generation += 1;
        let generation = queue.generation;
        let cost = message.len() + ENTRY_BYTES;
        queue.state_bytes += cost;
        self.node.add(cost);
        let pending = PendingState {
            generation,
            message,
        };
        if let Some(replaced) = queue.states.insert(key.clone(), pending) {
            let cost = replaced.message.len() + ENTRY_BYTES;
            queue.state_bytes -= cost;
            self.node.sub(cost);
            queue.states_replaced += 1;
            // Its entry stays behind as a husk; a client that never reads must not gather them without end.
            queue.drop_husks(self.bounds.frames_max);
        }
        queue.entries.push_back(Entry::State(key, generation));
        if self.node.is_exceeded() && queue.bytes + queue.state_bytes > NODE_SHARE_BYTES {
            return self.overflow(queue, Overflow::Node);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// What this connection is to be given of a state, if anything.
    fn form_of(&self, connection: u32, key: &StateKey, state: &ViewFrames) -> Option<Form> {
        let queue = self.lock();
        if queue.connection != connection || queue.overflow.is_some() {
            return None;
        }
        let is_unwritten = queue.states.contains_key(key);
        state.form_for(queue.known.get(key).copied(), is_unwritten)
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

    /// Whether the client was found not to read fast enough.
    pub(crate) fn has_overflown(&self) -> bool {
        self.lock().overflow.is_some()
    }

    /// Forgets the states of a room that the session left, and does not write those that wait.
    pub(crate) fn forget_states(&self, room: &str) {
        let mut queue = self.lock();
        queue.known.retain(|key, _| &*key.room != room);
        let mut freed = 0;
        queue.states.retain(|key, state| {
            let is_kept = &*key.room != room;
            if !is_kept {
                freed += state.message.len() + ENTRY_BYTES;
            }
            is_kept
        });
        queue.state_bytes -= freed;
        self.node.sub(freed);
    }

    /// Waits until there may be something to take.
    pub(crate) async fn ready(&self) {
        self.wake.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self, into: &mut Vec<Outgoing>) {
        let mut queue = self.lock();
        queue.is_fresh = false;
        let Queue {
            entries, states, ..
        } = &mut *queue;
        for entry in entries.drain(..) {
            match entry {
                Entry::Message(message) => into.push(Outgoing::Message(message)),
                Entry::Control(control) => into.push(Outgoing::Control(control)),
                Entry::State(key, generation) => {
                    if states.get(&key).map(|it| it.generation) == Some(generation)
                        && let Some(pending) = states.remove(&key)
                    {
                        into.push(Outgoing::Message(pending.message));
                    }
                }
            }
        }
        self.node.sub(queue.clear_messages());
    }

    /// How many states were replaced before they were written, since this was last asked.
    pub(crate) fn take_states_replaced(&self) -> u64 {
        std::mem::take(&mut self.lock().states_replaced)
    }

    /// What is queued could not be written in time; keeping it would only cost memory.
    fn overflow(&self, mut queue: MutexGuard<'_, Queue>, overflow: Overflow) {
        self.node.sub(queue.clear_messages());
        queue.overflow = Some(overflow);
        queue
            .entries
            .push_back(Entry::Control(Control::Overflown(overflow)));
        drop(queue);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|lock| lock.into_inner())
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let freed = self.lock().clear_messages();
        self.node.sub(freed);
    }
}

impl Queue {
    fn check(&self, bounds: Bounds) -> Option<Overflow> {
        if self.frames > bounds.frames_max {
            return Some(Overflow::Frames);
        }
        (self.bytes > bounds.bytes_max).then_some(Overflow::Bytes)
    }

    /// Drops all frames; words to the session stay. Gives the bytes that this frees.
    fn clear_messages(&mut self) -> usize {
        self.entries
            .retain(|entry| matches!(entry, Entry::Control(_)));
        self.states.clear();
        self.frames = 0;
        std::mem::take(&mut self.bytes) + std::mem::take(&mut self.state_bytes)
    }

    /// Drops words that would end a connection: they were about the one that ends anyway.
    fn drop_endings(&mut self) {
        self.entries.retain(|entry| {
            !matches!(
                entry,
                Entry::Control(Control::Overflown(_) | Control::Overloads(_))
            )
        });
    }

    fn drop_husks(&mut self, slack: usize) {
        if self.entries.len() <= 2 * self.states.len() + self.frames + slack {
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
mod tests;
