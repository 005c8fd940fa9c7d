//! A client's stays in rooms, cut where it had to begin anew: at a join and at a reset.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::history::{Event, Frame, Place, Record};

/// All stays of one client.
#[derive(Debug, Default)]
pub(super) struct Segments<'a> {
    pub(super) all: Vec<Segment<'a>>,
    /// How many joins were not answered, or only when they were asked for again.
    pub(super) unanswered_joins: BTreeMap<&'a Arc<str>, usize>,
    /// How often it asked for its session, and how many sessions it had.
    pub(super) resumes: usize,
    pub(super) sessions: usize,
}

/// A stay from a join or a reset on.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) room: &'a Arc<str>,
    /// Its number in the room; none where it was reset without having joined.
    pub(super) member: Option<u32>,
    pub(super) begin: Begin,
    pub(super) start: Place,
    pub(super) frames: Vec<&'a Frame>,
    /// Whether it is the last one of its room, which must go on to the end of the run.
    pub(super) is_last: bool,
}

/// How a stay began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// With the first join of a session.
    Join,
    /// With a join that had been asked for before, so that its first answer is lost.
    JoinAgain,
    /// With a reset.
    Reset,
}

/// What is open while a record is gone through.
#[derive(Default)]
struct Walk<'a> {
    /// The stay that goes on, by room.
    current: BTreeMap<&'a Arc<str>, usize>,
    /// How often a join was asked for since it was last answered, by room.
    asked: BTreeMap<&'a Arc<str>, usize>,
}

impl<'a> Segments<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let mut segments = Self::default();
        let mut walk = Walk::default();
        for (_, event) in &record.events {
            segments.on_event(event, &mut walk);
        }
        for index in walk.current.into_values() {
            segments.all[index].is_last = true;
        }
        segments
    }

    fn on_event(&mut self, event: &'a Event, walk: &mut Walk<'a>) {
        match event {
            Event::ResumeSent(_) => self.resumes += 1,
            Event::Session(_) => {
                self.sessions += 1;
                for (room, count) in std::mem::take(&mut walk.asked) {
                    *self.unanswered_joins.entry(room).or_default() += count;
                }
                walk.current.clear();
            }
            Event::JoinSent(room) => *walk.asked.entry(room).or_default() += 1,
            Event::JoinRefused { room, .. } => drop(walk.asked.remove(room)),
            Event::Frame(frame) => {
                if let Some(index) = walk.current.get(&frame.room) {
                    self.all[*index].frames.push(frame);
                }
            }
            Event::Joined {
                room,
                member,
                start,
            } => {
                let again = walk.asked.remove(room).map_or(0, |times| times - 1);
                *self.unanswered_joins.entry(room).or_default() += again;
                let begin = match again {
                    0 => Begin::Join,
                    _ => Begin::JoinAgain,
                };
                self.begin(room, Some(*member), begin, *start, walk);
            }
            Event::Reset { room, start, .. } => {
                let stay = walk.current.get(room);
                let member = stay.and_then(|index| self.all[*index].member);
                self.begin(room, member, Begin::Reset, *start, walk);
            }
            _ => {}
        }
    }

    fn begin(
        &mut self,
        room: &'a Arc<str>,
        member: Option<u32>,
        begin: Begin,
        start: Place,
        walk: &mut Walk<'a>,
    ) {
        walk.current.insert(room, self.all.len());
        self.all.push(Segment {
            room,
            member,
            begin,
            start,
            frames: Vec::new(),
            is_last: false,
        });
    }
}
