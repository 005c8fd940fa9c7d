//! What the bots of one room share: whether all that was said has arrived, and when each cell was asked for.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::watch;

use crate::account::Audience;
use crate::script::CELLS;

/// A room, as its bots see it together.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: String,
    audience: Audience,
    /// Bots that may still send.
    sending: AtomicUsize,
    unanswered: AtomicI64,
    /// Deliveries that must still come. Below zero while a delivery is ahead of the reply to its sender.
    undelivered: AtomicI64,
    settled: watch::Sender<bool>,
    places: Vec<Place>,
}

/// What others must know of one bot.
#[derive(Debug)]
struct Place {
    /// Its number in the room; 0 until it joined.
    member: AtomicU32,
    /// When it asked for each cell, in microseconds of the run; 0 for never.
    asked_us: [AtomicU64; CELLS],
}

impl Room {
    pub(crate) fn new(name: String, players: usize, audience: Audience) -> Self {
        // Only what nobody hears of by message may be timed by cell.
        let has_cells = audience == Audience::Nobody;
        let place = || Place {
            member: AtomicU32::new(0),
            asked_us: [const { AtomicU64::new(0) }; CELLS],
        };
        Self {
            name,
            audience,
            sending: AtomicUsize::new(players),
            unanswered: AtomicI64::new(0),
            undelivered: AtomicI64::new(0),
            settled: watch::Sender::new(false),
            places: if has_cells {
                (0..players).map(|_| place()).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// A bot learnt its number in the room.
    pub(crate) fn on_joined(&self, place: usize, member: u32) {
        if let Some(place) = self.places.get(place) {
            place.member.store(member, Ordering::Release);
        }
    }

    /// The place after this one, whose captures this one watches, and who sits there.
    pub(crate) fn neighbour(&self, place: usize) -> (usize, u32) {
        let neighbour = (place + 1) % self.places.len();
        (
            neighbour,
            self.places[neighbour].member.load(Ordering::Acquire),
        )
    }

    /// A bot asks for a cell, at a time unless that is not to be measured.
    pub(crate) fn on_asked(&self, place: usize, cell: usize, at_us: Option<u64>) {
        let at_us = at_us.unwrap_or_default();
        self.places[place].asked_us[cell].store(at_us, Ordering::Release);
    }

    /// When a bot asked for a cell.
    pub(crate) fn asked_us(&self, place: usize, cell: usize) -> Option<u64> {
        let at_us = self.places[place].asked_us[cell].load(Ordering::Acquire);
        (at_us > 0).then_some(at_us)
    }

    /// An input is sent.
    pub(crate) fn on_sent(&self) {
        self.unanswered.fetch_add(1, Ordering::SeqCst);
    }

    /// An input was answered; one that was accepted must reach its audience.
    pub(crate) fn on_answered(&self, is_accepted: bool, players: usize) {
        if is_accepted {
            let deliveries = match self.audience {
                Audience::Nobody => 0,
                Audience::Sender => 1,
                Audience::Others => players - 1,
                Audience::Everyone => players,
            };
            let deliveries = i64::try_from(deliveries).unwrap_or(i64::MAX);
            self.undelivered.fetch_add(deliveries, Ordering::SeqCst);
        }
        self.unanswered.fetch_sub(1, Ordering::SeqCst);
        self.settle();
    }

    /// A message arrived.
    pub(crate) fn on_heard(&self) {
        self.undelivered.fetch_sub(1, Ordering::SeqCst);
        self.settle();
    }

    /// A bot sends no more.
    pub(crate) fn on_stopped(&self) {
        self.sending.fetch_sub(1, Ordering::SeqCst);
        self.settle();
    }

    /// Becomes true when nobody sends any more, and all that was sent was answered and delivered.
    pub(crate) fn settled(&self) -> watch::Receiver<bool> {
        self.settled.subscribe()
    }

    fn settle(&self) {
        // In this order: once nobody sends and nothing is unanswered, every delivery that must come has been counted.
        let is_settled = self.sending.load(Ordering::SeqCst) == 0
            && self.unanswered.load(Ordering::SeqCst) <= 0
            && self.undelivered.load(Ordering::SeqCst) <= 0;
        if is_settled {
            self.settled.send_replace(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_settled_when_all_stopped_and_all_was_answered_and_delivered() {
        let room = Room::new("room".to_owned(), 2, Audience::Everyone);
        let settled = room.settled();
        room.on_sent();
        room.on_sent();
        room.on_heard();
        room.on_answered(true, 2);
        room.on_stopped();
        room.on_stopped();
        assert!(
            !*settled.borrow(),
            "an input is unanswered, and a delivery missing"
        );
        room.on_answered(false, 2);
        assert!(!*settled.borrow(), "a delivery is missing");
        room.on_heard();
        assert!(*settled.borrow());
    }

    #[test]
    fn a_room_in_which_somebody_may_still_send_is_not_settled() {
        let room = Room::new("room".to_owned(), 2, Audience::Nobody);
        room.on_stopped();
        assert!(!*room.settled().borrow());
        room.on_stopped();
        assert!(*room.settled().borrow());
    }
}
