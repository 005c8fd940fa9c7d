//! Resets, refusals and expulsions: each needs a cause that the records show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::history::{Event, Limits, Place, Record, What};
use super::witnessed::Witnessed;
use super::{Findings, Kind};

/// How much earlier than its time something may be over: clocks are read at both ends of a socket.
const SLACK: Duration = Duration::from_millis(500);
/// A frame is kept with its encodings, so that the ring holds at least this fraction of its bytes in frames.
const COPIES_MAX: u64 = 6;

/// What a client knows of one of its rooms.
struct Stay {
    member: u32,
    start: Place,
    place: Place,
    count: u64,
    /// A count it said that was not what it had got.
    is_miscounted: bool,
}

struct Walk<'a> {
    witnessed: &'a Witnessed,
    limits: &'a Limits,
    stays: BTreeMap<Arc<str>, Stay>,
    members: BTreeMap<Arc<str>, u32>,
    /// When the session was last heard of for sure.
    heard: Duration,
    /// The positions that were sent last.
    sent: BTreeMap<Arc<str>, Place>,
}

pub(super) fn check(
    record: &Record,
    witnessed: &Witnessed,
    limits: &Limits,
    findings: &mut Findings,
) {
    let mut walk = Walk {
        witnessed,
        limits,
        stays: BTreeMap::new(),
        members: BTreeMap::new(),
        heard: Duration::ZERO,
        sent: BTreeMap::new(),
    };
    for (at, event) in &record.events {
        walk.on_event(*at, event, findings);
    }
}

impl Walk<'_> {
    fn on_event(&mut self, at: Duration, event: &Event, findings: &mut Findings) {
        match event {
            Event::Session(_) => {
                self.stays.clear();
                self.members.clear();
                self.heard = at;
            }
            Event::ResumeSent(positions) => self.sent = positions.iter().cloned().collect(),
            Event::Resumed(rooms) => {
                self.heard = at;
                self.on_resumed(rooms, findings);
            }
            Event::ResumeRefused => {
                let may_be_gone = self.limits.is_killed && self.stays.is_empty();
                if self.is_within_window(at) && !may_be_gone {
                    findings.add(None, Kind::ResumeRefusedEarly);
                }
            }
            Event::Joined {
                room,
                member,
                start,
            } => {
                let before = self.members.insert(Arc::clone(room), *member);
                if before.is_some_and(|before| before != *member) {
                    findings.add(Some(room), Kind::MemberChanged);
                }
                self.begin(room, *member, *start);
            }
            Event::Frame(frame) => {
                self.heard = at;
                if let Some(stay) = self.stays.get_mut(&frame.room) {
                    stay.place = stay.place.max(frame.place);
                    stay.count += 1;
                }
            }
            Event::Acked { room, count, .. } => {
                if let Some(stay) = self.stays.get_mut(room) {
                    stay.is_miscounted |= stay.count != *count;
                }
            }
            Event::Reset {
                room,
                start,
                reason,
            } => {
                self.on_reset(at, room, reason, findings);
                let member = self.members.get(room).copied().unwrap_or(0);
                self.begin(room, member, *start);
            }
            Event::Expelled { room, why } => self.on_expelled(room, why, findings),
            Event::Answered { .. } => self.heard = at,
            _ => {}
        }
    }

    /// Whether the session should still be there.
    fn is_within_window(&self, at: Duration) -> bool {
        at.saturating_sub(self.heard) + SLACK < self.limits.resume_window
    }

    fn begin(&mut self, room: &Arc<str>, member: u32, start: Place) {
        let stay = Stay {
            member,
            start,
            place: start,
            count: 0,
            is_miscounted: false,
        };
        self.stays.insert(Arc::clone(room), stay);
    }

    /// The session goes on in all its rooms, and in each from where the client is, unless a reset says otherwise.
    fn on_resumed(&mut self, rooms: &[(Arc<str>, Place)], findings: &mut Findings) {
        for (room, sent) in std::mem::take(&mut self.sent) {
            match rooms.iter().find(|(name, _)| *name == room) {
                None => self.on_expelled(&room, "resumed", findings),
                Some((_, place)) if *place < sent => {
                    findings.add(Some(&room), Kind::ResumedElsewhere);
                }
                Some(_) => {}
            }
        }
    }

    /// A member may be removed, which all others are told.
    fn on_expelled(&mut self, room: &Arc<str>, why: &'static str, findings: &mut Findings) {
        let Some(stay) = self.stays.remove(room) else {
            return;
        };
        let went = |what: &What| *what == What::Went(stay.member);
        let history = self.witnessed.rooms.get(room);
        let is_known = history.is_some_and(|it| it.frames.values().any(|seen| went(&seen.what)));
        if !is_known {
            findings.add(Some(room), Kind::Expelled(why));
        }
    }

    fn on_reset(&self, at: Duration, room: &Arc<str>, reason: &str, findings: &mut Findings) {
        let (Some(stay), Some(history)) = (self.stays.get(room), self.witnessed.rooms.get(room))
        else {
            return;
        };
        let has_cause = match reason {
            "window-exceeded" => {
                let mut missed = history
                    .frames
                    .range(stay.place..)
                    .filter(|(place, _)| **place > stay.place);
                let bytes: u64 = missed.clone().map(|(_, seen)| u64::from(seen.bytes)).sum();
                let age = missed.next().map(|(_, seen)| at.saturating_sub(seen.at));
                age.is_some_and(|age| age + SLACK >= self.limits.ring_age)
                    || bytes * COPIES_MAX >= self.limits.ring_bytes
            }
            "count-mismatch" => stay.is_miscounted,
            "epoch-changed" => history.start.epoch != stay.place.epoch,
            // A client that never says another position than its own cannot be somewhere unknown.
            "unknown-position" => stay.place < stay.start,
            _ => {
                let kind = Kind::ResetUnexplained(reason.to_owned());
                return findings.add(Some(room), kind);
            }
        };
        if !has_cause {
            findings.add(Some(room), Kind::ResetNeedless(reason.to_owned()));
        }
    }
}
