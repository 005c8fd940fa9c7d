//! Where one member stands among the reliable frames that were sent to it: what it needs for an exact resume, and for
//! noticing a hole that nobody else would.

use serde::{Deserialize, Serialize};

use super::ring::Ring;

/// Why a member cannot go on from where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ResetReason {
    /// What it missed is no longer here.
    WindowExceeded,
    /// The room's history is another than the one it knows.
    EpochChanged,
    /// It got more or fewer frames than were sent.
    CountMismatch,
    /// It names a place in the history where it cannot have been.
    UnknownPosition,
}

impl ResetReason {
    /// As clients and metrics see it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::WindowExceeded => "window-exceeded",
            Self::EpochChanged => "epoch-changed",
            Self::CountMismatch => "count-mismatch",
            Self::UnknownPosition => "unknown-position",
        }
    }
}

/// What was sent to a member since its join or its last reset, and what of it arrived.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// Where it began.
    start: u64,
    /// Why it began there, if that was a reset.
    reset: Option<ResetReason>,
    /// The last frame for it, and how many there were.
    sent_seq: u64,
    sent_count: u64,
    /// The last frame that it said it has, and how many it had by then.
    acked_seq: u64,
    acked_count: u64,
}

impl Delivery {
    /// Begins after `seq`.
    pub(crate) fn from(seq: u64) -> Self {
        Self {
            start: seq,
            sent_seq: seq,
            acked_seq: seq,
            ..Self::default()
        }
    }

    /// Begins anew after `seq`, because of `reason`.
    pub(crate) fn reset(seq: u64, reason: ResetReason) -> Self {
        Self {
            reset: Some(reason),
            ..Self::from(seq)
        }
    }

    /// Notes that a frame was meant for the member.
    pub(crate) fn sent(&mut self, seq: u64) {
        self.sent_seq = seq;
        self.sent_count += 1;
    }

    /// Takes the member's word for what arrived, up to `seq` and `count` in all.
    pub(crate) fn acked(
        &mut self,
        (seq, count): (u64, u64),
        (member, room_seq): (u32, u64),
        ring: &Ring,
    ) -> Result<(), ResetReason> {
        if seq > room_seq {
            return Err(ResetReason::UnknownPosition);
        }
        if seq < self.acked_seq {
            return Ok(());
        }
        let is_all = seq >= self.sent_seq;
        if !is_all && seq < ring.floor() {
            // How many came after it cannot be said any more; the next word may be about newer ones.
            return Ok(());
        }
        let later = if is_all {
            0
        } else {
            ring.after(seq, member).count() as u64
        };
        if count + later != self.sent_count {
            return Err(ResetReason::CountMismatch);
        }
        self.acked_seq = seq;
        self.acked_count = count;
        Ok(())
    }

    /// Whether the member can go on after `seq` with what the ring still has.
    pub(crate) fn check(
        &self,
        seq: u64,
        (member, room_seq): (u32, u64),
        ring: &Ring,
    ) -> Result<(), ResetReason> {
        if seq > room_seq {
            return Err(ResetReason::UnknownPosition);
        }
        if seq < self.start {
            // A client that never got the reset stands where it stood before.
            return Err(self.reset.unwrap_or(ResetReason::UnknownPosition));
        }
        if seq >= self.sent_seq || seq >= ring.floor() {
            return Ok(());
        }
        // Frames after it are gone, but perhaps none that was for this member.
        let kept = ring.after(seq, member).count() as u64;
        if seq == self.acked_seq && self.acked_count + kept == self.sent_count {
            return Ok(());
        }
        Err(ResetReason::WindowExceeded)
    }

    /// Up to where the member needs nothing any more; `None` if it needs nothing at all.
    pub(crate) fn settled_up_to(&self) -> Option<u64> {
        (self.acked_count < self.sent_count).then_some(self.acked_seq)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use parlor_proto::{ServerFrame, server};
    use tokio::time::Instant;

    use super::super::ring::{Recipients, RetainedBytes};
    use super::*;
    use crate::fanout::Encoded;

    const ME: u32 = 7;

    /// A room whose frames of these numbers were for everyone, or for somebody else.
    struct Room {
        ring: Ring,
        seq: u64,
        delivery: Delivery,
    }

    impl Room {
        fn new() -> Self {
            let node = Arc::new(RetainedBytes::new(1 << 20));
            Self {
                ring: Ring::new(Duration::from_secs(60), node),
                seq: 10,
                delivery: Delivery::from(10),
            }
        }

        fn send(&mut self, recipients: Recipients) {
            self.seq += 1;
            if recipients.include(ME) {
                self.delivery.sent(self.seq);
            }
            let frame = Encoded::new(ServerFrame::Notice(server::Notice {
                code: String::new(),
                message: String::new(),
            }));
            self.ring.push(self.seq, recipients, frame, Instant::now());
        }

        fn ack(&mut self, seq: u64, count: u64) -> Result<(), ResetReason> {
            self.delivery
                .acked((seq, count), (ME, self.seq), &self.ring)
        }

        fn check(&self, seq: u64) -> Result<(), ResetReason> {
            self.delivery.check(seq, (ME, self.seq), &self.ring)
        }
    }

    fn other() -> Recipients {
        Recipients::Only([1][..].into())
    }

    /// SQ4
    #[test]
    fn an_ack_is_compared_by_its_count_and_a_hole_is_seen() {
        let mut room = Room::new();
        for _ in 0..3 {
            room.send(Recipients::Everyone);
            room.send(other());
        }
        assert_eq!(room.ack(13, 2), Ok(()));
        assert_eq!(room.ack(15, 2), Err(ResetReason::CountMismatch));
        assert_eq!(room.ack(15, 4), Err(ResetReason::CountMismatch));
        assert_eq!(room.ack(15, 3), Ok(()));
        assert_eq!(room.delivery.settled_up_to(), None);
        assert_eq!(room.ack(13, 2), Ok(()), "an old one is ignored");
        assert_eq!(room.ack(17, 3), Err(ResetReason::UnknownPosition));
    }

    /// RS4
    #[test]
    fn a_member_goes_on_from_every_place_that_the_ring_still_covers() {
        let mut room = Room::new();
        for _ in 0..5 {
            room.send(Recipients::Everyone);
        }
        for seq in 10..=15 {
            assert_eq!(room.check(seq), Ok(()));
        }
        assert_eq!(room.check(9), Err(ResetReason::UnknownPosition));
        assert_eq!(room.check(16), Err(ResetReason::UnknownPosition));
        room.ring.forget_up_to(12);
        assert_eq!(room.check(11), Err(ResetReason::WindowExceeded));
        assert_eq!(room.check(12), Ok(()));
    }

    /// RS4
    #[test]
    fn a_member_that_never_got_its_reset_is_reset_again_for_the_same_reason() {
        let mut room = Room::new();
        room.delivery = Delivery::reset(20, ResetReason::WindowExceeded);
        room.seq = 25;
        assert_eq!(room.check(15), Err(ResetReason::WindowExceeded));
        assert_eq!(room.check(26), Err(ResetReason::UnknownPosition));
        assert_eq!(room.check(20), Ok(()));
    }

    #[test]
    fn frames_for_others_that_are_gone_are_no_loss() {
        let mut room = Room::new();
        room.send(Recipients::Everyone);
        assert_eq!(room.ack(11, 1), Ok(()));
        for _ in 0..5 {
            room.send(other());
        }
        room.ring.forget_up_to(14);
        assert_eq!(room.check(11), Ok(()), "nothing was for it");
        room.send(Recipients::Everyone);
        assert_eq!(room.check(11), Ok(()), "the only one for it is there");
        room.ring.forget_up_to(room.seq);
        assert_eq!(room.check(11), Err(ResetReason::WindowExceeded));
    }

    #[test]
    fn a_count_that_cannot_be_compared_any_more_is_left_to_the_next() {
        let mut room = Room::new();
        for _ in 0..4 {
            room.send(Recipients::Everyone);
        }
        room.ring.forget_up_to(12);
        assert_eq!(room.ack(11, 99), Ok(()));
        assert_eq!(room.delivery.settled_up_to(), Some(10));
        assert_eq!(room.ack(13, 3), Ok(()));
        assert_eq!(room.delivery.settled_up_to(), Some(13));
    }
}
