//! Where a client is in its room's history, and when it says so: as the SDK does, which keeps the server from keeping what it may
//! have to send again.

use parlor_proto::client;

use super::Misread;

/// An ack goes out after so many frames.
const AFTER_FRAMES: u64 = 64;
/// Or with the first frame that comes so long behind the first that it covers.
const AFTER_US: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct History {
    epoch: u64,
    seq: u64,
    /// Reliable frames since the join.
    count: u64,
    /// Of those, how many the server was told of.
    acked: u64,
    /// When the first came that it was not told of.
    since_us: u64,
}

impl History {
    pub(super) fn new(epoch: u64, seq: u64) -> Self {
        Self {
            epoch,
            seq,
            count: 0,
            acked: 0,
            since_us: 0,
        }
    }

    /// A reliable frame came; their numbers rise, in one epoch.
    pub(super) fn on_reliable(&mut self, epoch: u64, seq: u64, at_us: u64) -> Result<(), Misread> {
        if epoch != self.epoch || seq <= self.seq {
            return Err(Misread::Protocol(format!(
                "seq {seq} of epoch {epoch} came behind seq {} of epoch {}",
                self.seq, self.epoch
            )));
        }
        if self.count == self.acked {
            self.since_us = at_us;
        }
        self.seq = seq;
        self.count += 1;
        Ok(())
    }

    pub(super) fn is_ack_due(&self, at_us: u64) -> bool {
        let unacked = self.count - self.acked;
        unacked >= AFTER_FRAMES || (unacked > 0 && at_us >= self.since_us + AFTER_US)
    }

    /// What to say now.
    pub(super) fn ack(&mut self, room: &str) -> client::Ack {
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
    fn many_frames_are_acknowledged_at_once() {
        let mut history = History::new(7, 0);
        for seq in 1..=AFTER_FRAMES {
            assert!(!history.is_ack_due(5), "{seq}");
            history.on_reliable(7, 2 * seq, 5).unwrap();
        }
        assert!(history.is_ack_due(5));
        let ack = history.ack("room");
        assert_eq!((ack.epoch, ack.seq, ack.count), (7, 128, 64));
        assert!(!history.is_ack_due(u64::MAX));
    }

    #[test]
    fn few_are_acknowledged_after_a_second() {
        let mut history = History::new(7, 0);
        history.on_reliable(7, 1, 500).unwrap();
        history.on_reliable(7, 2, 700).unwrap();
        assert!(!history.is_ack_due(499 + AFTER_US));
        assert!(history.is_ack_due(500 + AFTER_US));
    }

    #[test]
    fn what_does_not_rise_is_refused() {
        let mut history = History::new(7, 5);
        assert!(history.on_reliable(7, 5, 0).is_err());
        assert!(history.on_reliable(8, 6, 0).is_err());
        assert!(history.on_reliable(7, 6, 0).is_ok());
    }
}
