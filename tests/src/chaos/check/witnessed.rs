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
}

/// A frame, and when the witness got it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) at: Duration,
    pub(super) digest: u64,
    pub(super) bytes: u32,
    pub(super) what: What,
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
        }
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
        let seen = Seen {
            at,
            digest: frame.digest,
            bytes: frame.bytes,
            what: frame.what.clone(),
        };
        self.frames.insert(frame.place, seen);
        frame.place > last
    }
}
