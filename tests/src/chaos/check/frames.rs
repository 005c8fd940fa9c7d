//! Every reliable frame exactly once and in order: each stay of a client, held against what the witness of the room got.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::history::{Place, What};
use super::segments::{Begin, Segment, Segments};
use super::witnessed::{RoomHistory, Witnessed};
use super::{Findings, Kind};

pub(super) fn check(segments: &Segments<'_>, witnessed: &Witnessed, findings: &mut Findings) {
    for segment in &segments.all {
        match witnessed.rooms.get(segment.room) {
            Some(history) => check_segment(segment, history, findings),
            None => {
                let why = "nobody witnessed this room";
                findings.add(Some(segment.room), Kind::WitnessIncomplete(why));
            }
        }
    }
}

fn check_segment(segment: &Segment<'_>, history: &RoomHistory, findings: &mut Findings) {
    let mut add = |kind| findings.add(Some(segment.room), kind);
    let mut came = BTreeSet::new();
    let mut last = segment.start;
    let mut lines = 0;
    for frame in &segment.frames {
        let seq = frame.place.seq;
        if frame.place <= segment.start {
            add(Kind::FrameInvented(seq));
            continue;
        }
        if !came.insert(frame.place) {
            add(Kind::FrameDoubled(seq));
            continue;
        }
        if frame.place < last {
            add(Kind::FrameOutOfOrder(seq));
        }
        last = last.max(frame.place);
        match history.frames.get(&frame.place) {
            None if frame.what == What::Lines => lines += 1,
            Some(seen) if seen.digest == frame.digest => {}
            Some(_) => add(Kind::FrameAltered(seq)),
            None => add(Kind::FrameInvented(seq)),
        }
    }
    let is_for_it =
        |what: &What| !matches!(what, What::NotFor(who) if Some(*who) == segment.member);
    for (place, seen) in history.frames.range(segment.start..=last) {
        if *place > segment.start && is_for_it(&seen.what) && !came.contains(place) {
            add(Kind::FrameMissing(place.seq));
        }
    }
    // A stay that was cut short may lack what was on its way; the last one goes on to the end of the run.
    if segment.is_last && history.marker.is_some_and(|marker| marker > last) {
        add(Kind::EndMissing);
    }
    check_lines(segment, history, lines, &mut add);
}

/// A chat sends its last lines to whoever came or was reset: once.
fn check_lines(
    segment: &Segment<'_>,
    history: &RoomHistory,
    lines: usize,
    add: &mut impl FnMut(Kind),
) {
    let is_chat = !history.said.is_empty();
    // Where a stay was cut short they may not have come yet. Where it began again while the room still had to send those
    // of an earlier beginning, both come, each in its place.
    let is_over = history.marker.is_some();
    let least = usize::from(is_chat && is_over && segment.is_last);
    let most = if segment.begin == Begin::Join { 1 } else { 2 };
    if !(least..=most).contains(&lines) {
        add(Kind::LinesCame(lines));
    }
}

/// Every number of a room's history was used for a frame that somebody got. So the witness itself lacks nothing.
pub(super) fn check_numbers(all: &[Segments<'_>], witnessed: &Witnessed, findings: &mut Findings) {
    "all of them".clone_into(&mut findings.client);
    let mut private: BTreeMap<&Arc<str>, BTreeSet<Place>> = BTreeMap::new();
    let unseen_max = unseen_max(all);
    for segment in all.iter().flat_map(|segments| &segments.all) {
        let lines = segment.frames.iter().filter(|it| it.what == What::Lines);
        let places = lines.map(|frame| frame.place);
        private.entry(segment.room).or_default().extend(places);
    }
    for (room, history) in &witnessed.rooms {
        let Some(marker) = history.marker else {
            continue;
        };
        let none = BTreeSet::new();
        let private = private.get(room).unwrap_or(&none);
        let is_unused = |seq: &u64| {
            let place = Place {
                epoch: marker.epoch,
                seq: *seq,
            };
            !history.frames.contains_key(&place) && !private.contains(&place)
        };
        // What the witness brought about by coming is not sent to it, or to it alone: it is within the first numbers.
        let first = history.frames.keys().next().map_or(0, |place| place.seq);
        let unused = (first..marker.seq).filter(is_unused).count();
        if unused > unseen_max.get(room).copied().unwrap_or(0) {
            findings.add(Some(room), Kind::NumbersUnused(unused));
        }
    }
}

/// How many private frames of each room there may be that nobody recorded, because their reader was gone.
fn unseen_max<'a>(all: &'a [Segments<'_>]) -> BTreeMap<&'a Arc<str>, usize> {
    let mut unseen: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for segments in all {
        let mut resets: BTreeSet<&Arc<str>> = BTreeSet::new();
        for segment in &segments.all {
            if segment.frames.iter().all(|frame| frame.what != What::Lines) {
                *unseen.entry(segment.room).or_default() += 1;
            }
            if segment.begin == Begin::Reset || segments.sessions > 1 {
                resets.insert(segment.room);
            }
        }
        // Where a client was away for too long, more than one of its resumes may have ended in a reset that got lost.
        for room in resets {
            *unseen.entry(room).or_default() += segments.resumes;
        }
        for (room, count) in &segments.unanswered_joins {
            *unseen.entry(room).or_default() += count;
        }
    }
    unseen
}
