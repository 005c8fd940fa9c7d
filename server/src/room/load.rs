//! Who uses a room up. In windows of a second, the CPU time of the room's steps is charged to the members whose inputs
//! they ran, by count; what is nobody's input (joins, ticks, timers) is charged to the room itself. Whoever holds more
//! than half of an overloaded window is told, and sent away if it goes on.
//!
//! Rates limit how much a client says; this limits what its saying costs. It knows neither sockets nor the clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{ServerFrame, server};
use tokio::time::Instant;

use super::core::RoomCore;
use super::origin::Origin;
use crate::session::outbox::Control;

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(1);
/// Who was told is sent away if it is the one again in so many windows after that.
const WINDOWS_TO_MEND: u64 = 2;

/// The code of the notice.
const OVERLOADED: &str = "ROOM_OVERLOADED";

/// What becomes of the member who used up a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sentence {
    /// It is told.
    Tell,
    /// It was told, and its connection is closed.
    Close,
}

impl Sentence {
    /// Its name in metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Tell => "told",
            Self::Close => "closed",
        }
    }
}

/// The window under way, and who was told of late.
#[derive(Debug)]
pub(super) struct Load {
    /// Steps that take more of a window than this overload it: what is left is for all other rooms on the thread.
    busy_max: Duration,
    began: Instant,
    /// Windows are numbered, the ones in which nothing happened too.
    number: u64,
    busy: Duration,
    has_refused: bool,
    shares: HashMap<u32, Duration>,
    told: Vec<Told>,
}

#[derive(Debug)]
struct Told {
    member: u32,
    window: u64,
}

impl Load {
    /// A room whose steps may take so many per cent of a window.
    pub(super) fn new(busy_percent_max: u32, now: Instant) -> Self {
        Self {
            busy_max: WINDOW * busy_percent_max / 100,
            began: now,
            number: 0,
            busy: Duration::ZERO,
            has_refused: false,
            shares: HashMap::new(),
            told: Vec::new(),
        }
    }

    /// Charges what a batch cost to the members its events are from; `None` is the room.
    pub(super) fn charge(
        &mut self,
        senders: impl ExactSizeIterator<Item = Option<u32>>,
        cost: Duration,
    ) {
        self.busy += cost;
        let Ok(count @ 1..) = u32::try_from(senders.len()) else {
            return;
        };
        let share = cost / count;
        for member in senders.flatten() {
            *self.shares.entry(member).or_default() += share;
        }
    }

    /// Notes that inputs were refused for want of room.
    pub(super) fn note_refusal(&mut self) {
        self.has_refused = true;
    }

    /// When the window is to be judged, if there is something to judge: a room that has gone quiet is not woken.
    pub(super) fn next_due(&self) -> Option<Instant> {
        (self.is_overloaded() && !self.shares.is_empty()).then(|| self.began + WINDOW)
    }

    /// Ends the window if its time is over. Says whose it was, if it was overloaded.
    pub(super) fn pass_time(&mut self, now: Instant) -> Option<(u32, Sentence)> {
        let windows = now.saturating_duration_since(self.began).as_secs() / WINDOW.as_secs();
        if windows == 0 {
            return None;
        }
        let judged = self.judge();
        self.began += Duration::from_secs(windows);
        self.number += windows;
        self.busy = Duration::ZERO;
        self.has_refused = false;
        self.shares.clear();
        judged
    }

    fn is_overloaded(&self) -> bool {
        self.busy > self.busy_max || self.has_refused
    }

    fn judge(&mut self) -> Option<(u32, Sentence)> {
        let number = self.number;
        self.told
            .retain(|told| number - told.window <= WINDOWS_TO_MEND);
        if !self.is_overloaded() {
            return None;
        }
        let mut shares = self.shares.iter();
        let (member, _) = shares.find(|(_, share)| **share * 2 > self.busy)?;
        let member = *member;
        let was_told = self.told.iter().any(|told| told.member == member);
        // Whoever is sent away and comes back is told again first.
        self.told.retain(|told| told.member != member);
        if was_told {
            return Some((member, Sentence::Close));
        }
        let window = number;
        self.told.push(Told { member, window });
        Some((member, Sentence::Tell))
    }
}

impl RoomCore {
    /// Charges what a batch cost to those whose inputs it had.
    pub(super) fn charge(&mut self, batch: &[Origin], cost: Duration) {
        if let Some(load) = &mut self.load {
            let senders = batch.iter().map(|origin| match origin {
                Origin::Message { member, .. } => Some(*member),
                _ => None,
            });
            load.charge(senders, cost);
        }
    }

    /// Ends the window if its time is over, and lets whoever used it up know.
    pub(super) fn judge_load(&mut self) {
        let Some(load) = &mut self.load else {
            return;
        };
        if self.status.take_refusal() {
            load.note_refusal();
        }
        let Some((member, sentence)) = load.pass_time(self.now) else {
            return;
        };
        let Some(member) = self.roster.get(member) else {
            return;
        };
        self.metrics.room_overloaded(sentence.name());
        match sentence {
            Sentence::Tell => {
                let notice = ServerFrame::Notice(server::Notice {
                    code: OVERLOADED.to_owned(),
                    message: format!(
                        "the room {} has more to do than it can, most of it for you; send less, for going on like this \
                         closes the connection",
                        self.identity.name
                    ),
                });
                self.fanout.send([&member.peer], notice);
            }
            Sentence::Close => {
                let word = Control::Overloads(Arc::clone(&self.identity.name));
                member.peer.outbox.push_control(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A room that is looked at at the end of each window.
    struct Windows {
        load: Load,
        now: Instant,
    }

    impl Windows {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                load: Load::new(50, now),
                now,
            }
        }

        fn end(&mut self) -> Option<(u32, Sentence)> {
            self.now += WINDOW;
            self.load.pass_time(self.now)
        }

        /// A window in which this was charged.
        fn with(&mut self, charges: &[(&[Option<u32>], u64)]) -> Option<(u32, Sentence)> {
            for (senders, ms) in charges {
                let cost = Duration::from_millis(*ms);
                self.load.charge(senders.iter().copied(), cost);
            }
            self.end()
        }
    }

    const ANN: Option<u32> = Some(1);
    const BOB: Option<u32> = Some(2);
    const ROOM: Option<u32> = None;

    #[test]
    fn whoever_goes_on_overloading_a_room_is_told_and_then_sent_away() {
        let mut windows = Windows::new();
        assert_eq!(windows.with(&[(&[ANN], 501)]), Some((1, Sentence::Tell)));
        assert_eq!(windows.with(&[(&[ANN], 501)]), Some((1, Sentence::Close)));
    }

    #[test]
    fn a_room_that_has_half_of_its_time_left_blames_nobody() {
        let mut windows = Windows::new();
        for _ in 0..4 {
            assert_eq!(windows.with(&[(&[ANN], 500)]), None);
        }
    }

    #[test]
    fn a_window_is_charged_by_the_count_of_inputs() {
        let mut windows = Windows::new();
        assert_eq!(
            windows.with(&[(&[ANN, BOB, BOB], 600)]),
            Some((2, Sentence::Tell))
        );
        let mut windows = Windows::new();
        assert_eq!(
            windows.with(&[(&[ANN, BOB], 600)]),
            None,
            "half is not more than half"
        );
        assert_eq!(
            windows.with(&[(&[ANN], 300), (&[BOB], 290)]),
            Some((1, Sentence::Tell))
        );
    }

    #[test]
    fn what_nobody_sent_is_the_room_s_own() {
        let mut windows = Windows::new();
        for _ in 0..4 {
            assert_eq!(windows.with(&[(&[ROOM], 900), (&[ANN], 90)]), None);
            assert_eq!(windows.with(&[(&[ANN, ROOM, ROOM], 900)]), None);
            assert_eq!(windows.with(&[(&[], 900)]), None);
        }
    }

    #[test]
    fn a_room_that_refuses_inputs_is_overloaded_however_little_it_does() {
        let mut windows = Windows::new();
        windows.load.note_refusal();
        assert_eq!(windows.with(&[(&[ANN], 1)]), Some((1, Sentence::Tell)));
        assert_eq!(
            windows.with(&[(&[ANN], 1)]),
            None,
            "it took everything this time"
        );
        windows.load.note_refusal();
        assert_eq!(windows.with(&[(&[ANN], 1)]), Some((1, Sentence::Close)));
    }

    #[test]
    fn two_windows_to_mend_are_enough() {
        let mut windows = Windows::new();
        for _ in 0..3 {
            assert_eq!(windows.with(&[(&[ANN], 600)]), Some((1, Sentence::Tell)));
            assert_eq!((windows.end(), windows.end()), (None, None));
        }
        assert_eq!(windows.with(&[(&[ANN], 600)]), Some((1, Sentence::Tell)));
        assert_eq!(windows.end(), None);
        assert_eq!(windows.with(&[(&[ANN], 600)]), Some((1, Sentence::Close)));
        assert_eq!(
            windows.with(&[(&[ANN], 600)]),
            Some((1, Sentence::Tell)),
            "after it came back"
        );
    }

    #[test]
    fn two_who_take_turns_are_each_remembered() {
        let mut windows = Windows::new();
        assert_eq!(windows.with(&[(&[ANN], 600)]), Some((1, Sentence::Tell)));
        assert_eq!(windows.with(&[(&[BOB], 600)]), Some((2, Sentence::Tell)));
        assert_eq!(windows.with(&[(&[ANN], 600)]), Some((1, Sentence::Close)));
        assert_eq!(windows.with(&[(&[BOB], 600)]), Some((2, Sentence::Close)));
    }

    #[test]
    fn a_room_is_woken_to_judge_only_where_there_is_something_to_judge() {
        let mut windows = Windows::new();
        let began = windows.now;
        assert_eq!(windows.load.next_due(), None);
        windows
            .load
            .charge([ANN].into_iter(), Duration::from_millis(500));
        assert_eq!(windows.load.next_due(), None);
        windows
            .load
            .charge([ANN].into_iter(), Duration::from_millis(1));
        assert_eq!(windows.load.next_due(), Some(began + WINDOW));
        assert_eq!(windows.load.pass_time(began + WINDOW / 2), None);
        // However late it is looked at, it is one window, and the others since then were quiet.
        let late = began + 10 * WINDOW;
        assert_eq!(windows.load.pass_time(late), Some((1, Sentence::Tell)));
        assert_eq!(windows.load.next_due(), None);
        windows
            .load
            .charge([ANN].into_iter(), Duration::from_millis(600));
        assert_eq!(
            windows.load.pass_time(late + WINDOW),
            Some((1, Sentence::Tell))
        );
    }
}
