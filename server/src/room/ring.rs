//! The reliable frames that a room still has, for members who lost their connection: each with its place in the room's
//! history and with whom it was for. One ring for all members; a member holds only where it stands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::durable::{BadNote, frame_from};
use crate::fanout::{Encoded, Sent};

/// The most that one room retains.
pub(crate) const RING_BYTES_MAX: usize = 4 << 20;
/// What a room may retain in any case, however much the others do.
const ROOM_SHARE_BYTES: usize = 64 << 10;

/// All bytes that the node's rooms retain.
#[derive(Debug)]
pub(crate) struct RetainedBytes {
    retained: AtomicUsize,
    max: usize,
}

impl RetainedBytes {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            retained: AtomicUsize::new(0),
            max,
        }
    }

    fn is_exceeded(&self) -> bool {
        self.retained.load(Ordering::Relaxed) > self.max
    }
}

/// Numbers of members. Most frames that are not for everyone are for one, or for all but one.
type Members = SmallVec<[u32; 4]>;

/// Whom a frame was for, by the members there were at that time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Recipients {
    /// All who were in by then: a member's position is never before its own beginning.
    Everyone,
    /// All but these, in rising order.
    Except(Members),
    /// These, in rising order.
    Only(Members),
}

impl Recipients {
    pub(crate) fn include(&self, member: u32) -> bool {
        match self {
            Self::Everyone => true,
            Self::Except(ids) => ids.binary_search(&member).is_err(),
            Self::Only(ids) => ids.binary_search(&member).is_ok(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Everyone => 0,
            Self::Except(ids) | Self::Only(ids) if ids.spilled() => size_of_val::<[u32]>(ids),
            Self::Except(_) | Self::Only(_) => 0,
        }
    }
}

/// A frame that may be asked for again.
#[derive(Debug)]
struct Retained {
    seq: u64,
    since: Instant,
    recipients: Recipients,
    frame: Sent,
    bytes: usize,
}

/// A ring as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RingNote {
    floor: u64,
    frames: Vec<(u64, Recipients, ByteBuf)>,
}

/// The newest reliable frames of a room.
#[derive(Debug)]
pub(crate) struct Ring {
    frames: VecDeque<Retained>,
    bytes: usize,
    /// The last frame that is no longer here.
    floor: u64,
    window: Duration,
    node: Arc<RetainedBytes>,
}

impl Ring {
    pub(crate) fn new(window: Duration, node: Arc<RetainedBytes>) -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            floor: 0,
            window,
            node,
        }
    }

    /// Keeps the frame that was just sent.
    pub(crate) fn push(&mut self, seq: u64, recipients: Recipients, frame: Encoded, now: Instant) {
        let frame = Sent::new(frame);
        let bytes = size_of::<Retained>() + frame.bytes() + recipients.bytes();
        self.bytes += bytes;
        self.node.retained.fetch_add(bytes, Ordering::Relaxed);
        self.frames.push_back(Retained {
            seq,
            since: now,
            recipients,
            frame,
            bytes,
        });
        while self.bytes > RING_BYTES_MAX
            || (self.bytes > ROOM_SHARE_BYTES && self.node.is_exceeded())
        {
            self.pop();
        }
        self.expire(now);
    }

    /// Lets go of what is older than the window.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(oldest) = self.frames.front()
            && now.duration_since(oldest.since) > self.window
        {
            self.pop();
        }
    }

    /// When something will be too old. A little later, so that a quiet room wakes once for many frames.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let oldest = self.frames.front()?;
        Some(oldest.since + self.window + self.window / 8)
    }

    /// Lets go of what everybody has, up to `seq`.
    pub(crate) fn forget_up_to(&mut self, seq: u64) {
        while self.frames.front().is_some_and(|it| it.seq <= seq) {
            self.pop();
        }
    }

    /// The last frame that is no longer here; 0 if all are.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// The frames for a member after a position, as far as they are here.
    pub(crate) fn after(&self, seq: u64, member: u32) -> impl Iterator<Item = &Sent> {
        let start = self.frames.partition_point(|it| it.seq <= seq);
        self.frames
            .range(start..)
            .filter(move |it| it.recipients.include(member))
            .map(|it| &it.frame)
    }

    pub(crate) fn note(&self) -> RingNote {
        let frames = self.frames.iter();
        RingNote {
            floor: self.floor,
            frames: frames
                .map(|it| {
                    let message = ByteBuf::from(it.frame.to_binary());
                    (it.seq, it.recipients.clone(), message)
                })
                .collect(),
        }
    }

    /// Takes up what was written down. Time stood still meanwhile: the frames are as old as if they were sent now.
    pub(crate) fn take_up(&mut self, note: RingNote, now: Instant) -> Result<(), BadNote> {
        self.floor = note.floor;
        for (seq, recipients, frame) in note.frames {
            self.push(seq, recipients, Encoded::new(frame_from(&frame)?), now);
        }
        Ok(())
    }

    fn pop(&mut self) {
        let Some(oldest) = self.frames.pop_front() else {
            return;
        };
        self.floor = oldest.seq;
        self.bytes -= oldest.bytes;
        self.node
            .retained
            .fetch_sub(oldest.bytes, Ordering::Relaxed);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.node.retained.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use parlor_proto::{ServerFrame, server};

    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn frame(size: usize) -> Encoded {
        Encoded::new(ServerFrame::RoomMessage(server::RoomMessage {
            room: "room".to_owned(),
            data: parlor_proto::Payload::from_serde(&"x".repeat(size)).unwrap(),
            from: None,
            epoch: 1,
            seq: 1,
        }))
    }

    fn ring() -> Ring {
        Ring::new(WINDOW, Arc::new(RetainedBytes::new(64 << 20)))
    }

    fn only(ids: &[u32]) -> Recipients {
        Recipients::Only(ids.into())
    }

    #[test]
    fn a_member_gets_what_was_for_it_after_its_position() {
        let (mut ring, now) = (ring(), Instant::now());
        ring.push(1, Recipients::Everyone, frame(1), now);
        ring.push(2, only(&[7]), frame(1), now);
        ring.push(3, Recipients::Except([8][..].into()), frame(1), now);
        ring.push(4, only(&[8, 9]), frame(1), now);
        assert_eq!(ring.after(0, 7).count(), 3);
        assert_eq!(ring.after(1, 7).count(), 2);
        assert_eq!(ring.after(1, 8).count(), 1);
        assert_eq!(ring.after(4, 8).count(), 0);
        assert_eq!(ring.floor(), 0);
    }

    #[test]
    fn what_is_older_than_the_window_goes() {
        let (mut ring, now) = (ring(), Instant::now());
        ring.push(1, Recipients::Everyone, frame(1), now);
        ring.push(2, Recipients::Everyone, frame(1), now + WINDOW);
        assert_eq!(ring.floor(), 0);
        ring.expire(now + WINDOW + Duration::from_millis(1));
        assert_eq!((ring.floor(), ring.after(1, 1).count()), (1, 1));
    }

    #[test]
    fn bytes_are_bounded_for_the_room_and_for_the_node() {
        let (mut ring, now) = (ring(), Instant::now());
        for seq in 1..=10 {
            ring.push(seq, Recipients::Everyone, frame(1 << 20), now);
        }
        assert!(ring.bytes <= RING_BYTES_MAX);
        assert_eq!(ring.after(0, 1).count(), 3);

        let node = Arc::new(RetainedBytes::new(100_000));
        let mut other = Ring::new(WINDOW, Arc::clone(&node));
        for seq in 1..=100 {
            other.push(seq, Recipients::Everyone, frame(10_000), now);
        }
        assert!(other.bytes <= 100_000);
        drop(other);
        assert_eq!(node.retained.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_everybody_has_goes() {
        let (mut ring, now) = (ring(), Instant::now());
        for seq in 1..=5 {
            ring.push(seq, Recipients::Everyone, frame(1), now);
        }
        ring.forget_up_to(3);
        assert_eq!((ring.floor(), ring.after(0, 1).count()), (3, 2));
    }
}
