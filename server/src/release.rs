//! What leaves a room of which everything must be durable first: frames, states, answers and words to sessions wait here,
//! in order, until the record of the step that they came from is on the disk. The room runs on meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::{fmt, iter};

use bytes::Bytes;
use parlor_journal::Lsn;
use parlor_proto::{Payload, Subprotocol};
use smallvec::{SmallVec, smallvec};
use tokio::sync::oneshot;

use crate::room::RoomStatus;
use crate::session::outbox::{Burst, Control, Outbox, StateKey};
use crate::view_frames::ViewFrames;

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 64;

/// One thing that leaves a room.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// Frames for one connection of a session.
    Frames(Frames),
    /// A state of a view, in the same way.
    State {
        outbox: Arc<Outbox>,
        connection: u32,
        subprotocol: Subprotocol,
        key: StateKey,
        state: Arc<ViewFrames>,
    },
    /// A word to a session.
    Word {
        outbox: Arc<Outbox>,
        control: Control,
    },
    /// The session is out of the room: states of it that wait in its outbox are to be forgotten.
    Forget { outbox: Arc<Outbox>, room: Arc<str> },
    /// A word to a task of this server that waits for it.
    Answer(Answer),
    /// What listings show of the room.
    Metadata {
        status: Arc<RoomStatus>,
        metadata: Payload,
    },
}

/// Frames that follow one another and are all for one: what a room says goes to many in turn, or it is a run of answers.
#[derive(Debug)]
pub(crate) struct Frames {
    outbox: Arc<Outbox>,
    connection: u32,
    burst: Burst,
    messages: SmallVec<[Bytes; 1]>,
}

impl Frames {
    fn are_for(&self, outbox: &Arc<Outbox>, connection: u32, burst: Burst) -> bool {
        self.connection == connection && self.burst == burst && Arc::ptr_eq(&self.outbox, outbox)
    }
}

/// What somebody waits for.
pub(crate) struct Answer(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Answer")
    }
}

impl Leaving {
    /// An answer; whoever waits for it may be gone by then.
    pub(crate) fn answer<T: Send + 'static>(to: oneshot::Sender<T>, answer: T) -> Self {
        Self::Answer(Answer(Box::new(move || drop(to.send(answer)))))
    }

    /// Goes where it is meant to go.
    pub(crate) fn go(self) {
        match self {
            Self::Frames(frames) => {
                let Frames {
                    outbox, messages, ..
                } = frames;
                outbox.push_all(frames.connection, frames.burst, messages);
            }
            Self::State {
                outbox,
                connection,
                subprotocol,
                key,
                state,
            } => outbox.push_state(connection, subprotocol, key, &state),
            Self::Word { outbox, control } => outbox.push_control(control),
            Self::Forget { outbox, room } => outbox.forget_states(&room),
            Self::Answer(answer) => (answer.0)(),
            Self::Metadata { status, metadata } => status.set_metadata(metadata),
        }
    }

    fn bytes(&self) -> usize {
        let bytes = match self {
            Self::Frames(frames) => return frames.messages.iter().map(frame_bytes).sum(),
            Self::State { state, .. } => state.bytes(),
            Self::Metadata { metadata, .. } => metadata.as_msgpack().len(),
            Self::Word { .. } | Self::Forget { .. } | Self::Answer(_) => 0,
        };
        bytes + ENTRY_BYTES
    }
}

fn frame_bytes(message: &Bytes) -> usize {
    message.len() + ENTRY_BYTES
}

/// The queue of what may not leave yet.
#[derive(Debug, Default)]
pub(crate) struct Release {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// What leaves now was brought about by this record, or one before it.
    record: Lsn,
    /// What is durable.
    durable: Lsn,
    waiting: VecDeque<(Lsn, Leaving)>,
    bytes: usize,
}

impl Release {
    /// Lets something go as soon as what brought it about is durable.
    pub(crate) fn leave(&self, leaving: Leaving) {
        let mut queue = self.lock();
        if queue.record <= queue.durable {
            drop(queue);
            return leaving.go();
        }
        let record = queue.record;
        queue.bytes += leaving.bytes();
        queue.waiting.push_back((record, leaving));
    }

    /// The same for a frame.
    pub(crate) fn leave_frame(
        &self,
        outbox: &Arc<Outbox>,
        connection: u32,
        burst: Burst,
        message: Bytes,
    ) {
        let mut queue = self.lock();
        let record = queue.record;
        if record <= queue.durable {
            drop(queue);
            return outbox.push_all(connection, burst, iter::once(message));
        }
        queue.bytes += frame_bytes(&message);
        if let Some((last, Leaving::Frames(frames))) = queue.waiting.back_mut()
            && *last == record
            && frames.are_for(outbox, connection, burst)
        {
            return frames.messages.push(message);
        }
        let frames = Frames {
            outbox: Arc::clone(outbox),
            connection,
            burst,
            messages: smallvec![message],
        };
        queue.waiting.push_back((record, Leaving::Frames(frames)));
    }

    /// The record that what leaves now waits for.
    pub(crate) fn record(&self) -> Lsn {
        self.lock().record
    }

    /// What leaves from here on waits for this record.
    pub(crate) fn wait_for(&self, record: Lsn) {
        self.lock().record = record;
    }

    /// Lets go what waited for records that are durable now.
    pub(crate) fn advance(&self, durable: Lsn) {
        let mut queue = self.lock();
        queue.durable = durable;
        while queue
            .waiting
            .front()
            .is_some_and(|(record, _)| *record <= durable)
        {
            if let Some((_, leaving)) = queue.waiting.pop_front() {
                queue.bytes -= leaving.bytes();
                leaving.go();
            }
        }
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// The record that must be durable for nothing to wait any more; `None` if nothing waits.
    pub(crate) fn waits_for(&self) -> Option<Lsn> {
        self.lock().waiting.back().map(|(record, _)| *record)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|lock| lock.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Peer;
    use crate::session::outbox::Outgoing;

    fn say(release: &Release, peer: &Peer, text: &'static str) {
        let message = Bytes::from_static(text.as_bytes());
        release.leave_frame(&peer.outbox, peer.connection, Burst(1), message);
    }

    fn heard(peer: &Peer) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        peer.outbox.take(&mut outgoing);
        outgoing
    }

    fn texts(texts: &[&'static str]) -> Vec<Outgoing> {
        let message = |text: &&'static str| Outgoing::Message(Bytes::from_static(text.as_bytes()));
        texts.iter().map(message).collect()
    }

    #[test]
    fn frames_of_one_client_wait_together_and_in_order_with_those_of_others() {
        let release = Release::default();
        let [one, other] = [1, 2].map(|it| Peer::for_tests(it, Subprotocol::Json));
        release.wait_for(5);
        for (peer, text) in [(&one, "a"), (&one, "b"), (&other, "c"), (&one, "d")] {
            say(&release, peer, text);
        }
        assert_eq!(release.lock().waiting.len(), 3);
        release.advance(5);
        assert_eq!(heard(&one), texts(&["a", "b", "d"]));
        assert_eq!(heard(&other), texts(&["c"]));
        assert_eq!(release.bytes(), 0);
    }

    #[test]
    fn nothing_leaves_before_its_record_is_durable_and_all_in_order() {
        let (release, peer) = (Release::default(), Peer::for_tests(1, Subprotocol::Json));
        say(&release, &peer, "before");
        assert_eq!(heard(&peer), texts(&["before"]));
        release.wait_for(5);
        say(&release, &peer, "five");
        release.wait_for(6);
        say(&release, &peer, "six");
        say(&release, &peer, "still six");
        assert_eq!((heard(&peer), release.waits_for()), (vec![], Some(6)));
        assert_eq!(release.bytes(), "fivesixstill six".len() + 3 * ENTRY_BYTES);
        release.advance(4);
        assert_eq!(heard(&peer), []);
        release.advance(5);
        assert_eq!(heard(&peer), texts(&["five"]));
        release.advance(7);
        say(&release, &peer, "at once");
        assert_eq!(heard(&peer), texts(&["six", "still six", "at once"]));
        assert_eq!((release.waits_for(), release.bytes()), (None, 0));
    }
}
