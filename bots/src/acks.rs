//! When a bot says what has arrived, so that the server need keep no longer what it may have to send again: SQ4.

use std::time::Duration;

use parlor_proto::client;
use tokio::time::Instant;

/// An ack goes out this long after the first frame it covers.
const AFTER: Duration = Duration::from_secs(1);
/// Or after this many frames.
const AFTER_FRAMES: u64 = 64;

/// What arrived in one room, and what was said of it.
#[derive(Debug)]
pub(crate) struct Acks {
    epoch: u64,
    seq: u64,
    /// Reliable frames since the join or the last `reset`.
    count: u64,
    /// Of those, how many the server was told of.
    acked: u64,
    due: Option<Instant>,
}

impl Acks {
    /// For a member that begins at this place of the room's history.
    pub(crate) fn new(epoch: u64, seq: u64) -> Self {
        Self {
            epoch,
            seq,
            count: 0,
            acked: 0,
            due: None,
        }
    }

    /// A reliable frame came.
    pub(crate) fn on_reliable(&mut self, epoch: u64, seq: u64, now: Instant) {
        (self.epoch, self.seq) = (epoch, seq);
        self.count += 1;
        if self.count - self.acked >= AFTER_FRAMES {
            self.due = Some(now);
        } else if self.due.is_none() {
            self.due = Some(now + AFTER);
        }
    }

    /// A `reset` came: the count begins anew.
    pub(crate) fn on_reset(&mut self, epoch: u64, seq: u64) {
        *self = Self::new(epoch, seq);
    }

    /// When the next ack is due, if one is.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What to say now.
    pub(crate) fn take(&mut self, room: &str) -> client::Ack {
        self.due = None;
        self.acked = self.count;
        client::Ack {
            room: room.to_owned(),
            epoch: self.epoch,
            seq: self.seq,
            count: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sq4_a_single_frame_is_acknowledged_after_a_second() {
        let now = Instant::now();
        let mut acks = Acks::new(7, 100);
        assert_eq!(acks.due(), None, "nothing came yet");
        acks.on_reliable(7, 101, now);
        acks.on_reliable(7, 105, now + AFTER / 2);
        assert_eq!(acks.due(), Some(now + AFTER), "by the first of the two");
        let ack = acks.take("lobby");
        assert_eq!((ack.epoch, ack.seq, ack.count), (7, 105, 2));
        assert_eq!(acks.due(), None);
    }

    #[test]
    fn sq4_many_frames_are_acknowledged_at_once_and_counted_since_the_join() {
        let now = Instant::now();
        let mut acks = Acks::new(7, 0);
        for seq in 1..=AFTER_FRAMES {
            assert_ne!(acks.due(), Some(now), "{seq}");
            acks.on_reliable(7, seq, now);
        }
        assert_eq!(acks.due(), Some(now));
        assert_eq!(acks.take("lobby").count, AFTER_FRAMES);
        acks.on_reliable(7, 65, now);
        assert_eq!(acks.due(), Some(now + AFTER), "the next one waits again");
        assert_eq!(acks.take("lobby").count, AFTER_FRAMES + 1);
    }

    #[test]
    fn sq4_a_reset_begins_a_new_count() {
        let now = Instant::now();
        let mut acks = Acks::new(7, 0);
        acks.on_reliable(7, 1, now);
        acks.on_reset(8, 40);
        assert_eq!(acks.due(), None, "there is nothing left to acknowledge");
        acks.on_reliable(8, 41, now);
        let ack = acks.take("lobby");
        assert_eq!((ack.epoch, ack.seq, ack.count), (8, 41, 1));
    }
}
