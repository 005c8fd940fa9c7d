//! What witnesses saw, by room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::history::{Board, Event, Frame, History, Place, Record, What};
use super::{Findings, Kind};

/// The histories of all rooms.
#[derive(Debug, Default)]
pub(super) struct Witnessed {
    pub(super) rooms: BTreeMap<Arc<str>, RoomHistory>,
}

/// The history of one room.
#[derive(Debug)]
pub(super) struct RoomHistory {
    /// Before its first frame.
    pub(super) start: Place,
    pub(super) frames: BTreeMap<Place, Seen>,
    /// In the order in which they were published.
    pub(super) boards: Vec<Board>,
    /// The last frame of the run.
    pub(super) marker: Option<Place>,
    /// Where each text was said; more than one place is one too many.
    pub(super) said: BTreeMap<Arc<str>, Vec<Place>>,
    /// What was sent to one member only: to whom.
    private: BTreeMap<Place, String>,
}

/// A frame, and when the witness got it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) at: Duration,
    pub(super) digest: u64,
    pub(super) bytes: u32,
    pub(super) what: What,
    pub(super) line: Option<u64>,
}

impl Witnessed {
    pub(super) fn of(history: &History, findings: &mut Findings) -> Self {
        let mut witnessed = Self::default();
        for record in &history.witnesses {
            findings.client.clone_from(&record.name);
            witnessed.take(record, findings);
        }
        witnessed
    }

    /// What all clients saw, taken together: where there is no witness that sees everything, no two of them may have seen
    /// different things in one place.
    pub(super) fn together(history: &History, findings: &mut Findings) -> Self {
        let mut together = Self::default();
        for record in &history.clients {
            findings.client.clone_from(&record.name);
            together.merge(record, findings);
        }
        for observed in &history.observed {
            if let (Some(room), Some(board)) = (
                together.rooms.get_mut(&observed.room),
                observed.board.as_ref(),
            ) {
                room.boards.push(board.clone());
            }
        }
        for room in together.rooms.values_mut() {
            room.set_in_order();
        }
        together
    }

    fn merge(&mut self, record: &Record, findings: &mut Findings) {
        for (at, event) in &record.events {
            match event {
                Event::Joined { room, start, .. } => {
                    let joined = self.rooms.entry(Arc::clone(room));
                    let joined = joined.or_insert_with(|| RoomHistory::begin(*start));
                    joined.start = joined.start.min(*start);
                }
                Event::Frame(frame) => {
                    let is_altered = self
                        .rooms
                        .get_mut(&frame.room)
                        .is_some_and(|room| !room.merge(*at, frame, &record.name));
                    if is_altered {
                        findings.add(Some(&frame.room), Kind::FrameAltered(frame.place.seq));
                    }
                }
                Event::Board(board) => {
                    if let Some(room) = self.rooms.get_mut(&board.room) {
                        room.boards.push(board.clone());
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, record: &Record, findings: &mut Findings) {
        let mut rooms: BTreeMap<Arc<str>, RoomHistory> = BTreeMap::new();
        let mut incomplete = |why| findings.add(None, Kind::WitnessIncomplete(why));
        for (at, event) in &record.events {
            match event {
                Event::Joined { room, start, .. } => {
                    let begun = RoomHistory::begin(*start);
                    if rooms.insert(Arc::clone(room), begun).is_some() {
                        incomplete("it joined a room twice");
                    }
                }
                Event::Frame(frame) => match rooms.get_mut(&frame.room) {
                    Some(room) => {
                        if !room.take(*at, frame) {
                            incomplete("a frame is out of order");
                        }
                    }
                    None => incomplete("a frame came before it joined"),
                },
                Event::Board(board) => {
                    if let Some(room) = rooms.get_mut(&board.room) {
                        room.boards.push(board.clone());
                    }
                }
                Event::Lost(_) | Event::Abandoned => incomplete("its connection ended"),
                Event::Reset { .. } => incomplete("it was reset"),
                Event::Expelled { .. } => incomplete("it was expelled"),
                _ => {}
            }
        }
        if rooms.values().any(|room| room.marker.is_none()) {
            incomplete("the last frame of a room is not there");
        }
        self.rooms.append(&mut rooms);
    }
}

impl RoomHistory {
    fn begin(start: Place) -> Self {
        Self {
            start,
            frames: BTreeMap::new(),
            boards: Vec::new(),
            marker: None,
            said: BTreeMap::new(),
            private: BTreeMap::new(),
        }
    }

    /// Takes a frame that others may have seen, too. Whether it can be what is in this place.
    fn merge(&mut self, at: Duration, frame: &Frame, client: &str) -> bool {
        if frame.what == What::Lines {
            let owner = self.private.entry(frame.place);
            return *owner.or_insert_with(|| client.to_owned()) == *client;
        }
        let seen = self.frames.entry(frame.place);
        let seen = seen.or_insert_with(|| Seen::of(at, frame));
        seen.at = seen.at.min(at);
        seen.digest == frame.digest
    }

    /// Gathers what follows from all frames and boards.
    fn set_in_order(&mut self) {
        for (place, seen) in &self.frames {
            match &seen.what {
                What::Said(text) => {
                    let places = self.said.entry(Arc::clone(text)).or_default();
                    places.push(*place);
                }
                What::Marker => self.marker = self.marker.or(Some(*place)),
                _ => {}
            }
        }
        self.boards
            .sort_by_key(|board| (board.epoch, board.version));
        self.boards
            .dedup_by_key(|board| (board.epoch, board.version));
    }

    /// Takes a frame, which must be the latest.
    fn take(&mut self, at: Duration, frame: &Frame) -> bool {
        let last = self.frames.last_key_value().map_or(self.start, |it| *it.0);
        match &frame.what {
            // Meant for the witness itself when it came.
            What::Lines => return frame.place > last,
            What::Marker => self.marker = Some(frame.place),
            What::Said(text) => {
                let places = self.said.entry(Arc::clone(text)).or_default();
                places.push(frame.place);
            }
            What::NotFor(_) | What::Went(_) | What::Other => {}
        }
        self.frames.insert(frame.place, Seen::of(at, frame));
        frame.place > last
    }
}

impl Seen {
    fn of(at: Duration, frame: &Frame) -> Self {
        Self {
            at,
            digest: frame.digest,
            bytes: frame.bytes,
            what: frame.what.clone(),
            line: frame.line,
        }
    }
}
