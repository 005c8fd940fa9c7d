//! A client's stays in rooms, cut where it had to begin anew: at a join and at a reset.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::history::{Event, Frame, Place, Record};

/// All stays of one client.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    pub(super) all: Vec<Segment<'a>>,
    /// How many joins were not answered, or only when they were asked for again.
    pub(super) unanswered_joins: BTreeMap<Arc<str>, usize>,
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

impl<'a> Segments<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let mut all: Vec<Segment<'a>> = Vec::new();
        // The stay that goes on, and how often a join was asked for, by room.
        let mut current: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        let mut asked: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        let mut unanswered_joins: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let (mut resumes, mut sessions) = (0, 0);
        for (_, event) in &record.events {
            let (room, member, begin, start) = match event {
                Event::ResumeSent(_) => {
                    resumes += 1;
                    continue;
                }
                Event::Session(_) => {
                    sessions += 1;
                    for (room, count) in std::mem::take(&mut asked) {
                        *unanswered_joins.entry(Arc::clone(room)).or_default() += count;
                    }
                    current.clear();
                    continue;
                }
                Event::JoinSent(room) => {
                    *asked.entry(room).or_default() += 1;
                    continue;
                }
                Event::JoinRefused { room, .. } => {
                    asked.remove(room);
                    continue;
                }
                Event::Frame(frame) => {
                    if let Some(index) = current.get(&frame.room) {
                        all[*index].frames.push(frame);
                    }
                    continue;
                }
                Event::Joined {
                    room,
                    member,
                    start,
                } => {
                    let times = asked.remove(room).unwrap_or(0);
                    let again = times.saturating_sub(1);
                    *unanswered_joins.entry(Arc::clone(room)).or_default() += again;
                    let begin = if times > 1 {
                        Begin::JoinAgain
                    } else {
                        Begin::Join
                    };
                    (room, Some(*member), begin, *start)
                }
                Event::Reset { room, start, .. } => {
                    let member = current.get(room).and_then(|index| all[*index].member);
                    (room, member, Begin::Reset, *start)
                }
                _ => continue,
            };
            current.insert(room, all.len());
            all.push(Segment {
                room,
                member,
                begin,
                start,
                frames: Vec::new(),
                is_last: false,
            });
        }
        for index in current.into_values() {
            all[index].is_last = true;
        }
        Self {
            all,
            unanswered_joins,
            resumes,
            sessions,
        }
    }
}
