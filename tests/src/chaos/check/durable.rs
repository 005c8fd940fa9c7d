//! What holds in rooms that survive a crash: their history goes on, and nothing that anybody saw is denied later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::history::{Event, History, Observed, Record, State, What};
use super::games::is_other_match;
use super::witnessed::{RoomHistory, Witnessed};
use super::{Findings, Kind};

/// How many lines a chat keeps.
const LINES_KEPT: usize = 100;

pub(super) fn check(history: &History, witnessed: &Witnessed, findings: &mut Findings) {
    let mut hashes = Hashes::new();
    let mut members: BTreeMap<&Arc<str>, BTreeSet<u32>> = BTreeMap::new();
    for record in &history.clients {
        findings.client.clone_from(&record.name);
        check_resets(record, findings);
        check_states(record, &mut hashes, findings);
        for (_, event) in &record.events {
            if let Event::Joined { room, member, .. } = event {
                members.entry(room).or_default().insert(*member);
            }
        }
    }
    "all of them".clone_into(&mut findings.client);
    for (room, seen) in &witnessed.rooms {
        let none = BTreeSet::new();
        let members = members.get(room).unwrap_or(&none);
        check_history(room, seen, members, findings);
        check_cells(room, seen, findings);
        let observed = history.observed.iter().find(|it| it.room == *room);
        match observed {
            Some(observed) => check_observed(room, seen, observed, findings),
            None if seen.marker.is_some() => {
                let why = "nobody looked at this room in the end";
                findings.add(Some(room), Kind::WitnessIncomplete(why));
            }
            None => {}
        }
    }
}

/// The digest of each version of each view.
type Hashes<'a> = BTreeMap<(&'a Arc<str>, u64, &'a Arc<str>, u64), u32>;

fn check_resets(record: &Record, findings: &mut Findings) {
    for (_, event) in &record.events {
        if let Event::Reset { room, reason, .. } = event {
            findings.add(Some(room), Kind::ResetInDurable(reason.clone()));
        }
    }
}

/// All see the same under one version, and nobody sees an older one again.
fn check_states<'a>(record: &'a Record, hashes: &mut Hashes<'a>, findings: &mut Findings) {
    let mut last: BTreeMap<(&Arc<str>, &Arc<str>), &State> = BTreeMap::new();
    for (_, event) in &record.events {
        let Event::State(state) = event else {
            continue;
        };
        let key = (&state.room, state.epoch, &state.view, state.version);
        if *hashes.entry(key).or_insert(state.hash) != state.hash {
            findings.add(Some(&state.room), Kind::StateDiffers(state.version));
        }
        let before = last.insert((&state.room, &state.view), state);
        let age = |it: &State| (it.epoch, it.version, it.as_of);
        if before.is_some_and(|before| age(before) > age(state)) {
            findings.add(Some(&state.room), Kind::VersionWentBack(state.version));
        }
    }
}

/// One epoch, nobody removed, and every line counted once.
fn check_history(
    room: &Arc<str>,
    seen: &RoomHistory,
    members: &BTreeSet<u32>,
    findings: &mut Findings,
) {
    let last = seen.frames.last_key_value().map(|(place, _)| place.epoch);
    if let Some(epoch) = last.filter(|epoch| *epoch != seen.start.epoch) {
        findings.add(Some(room), Kind::EpochCut(epoch));
    }
    let mut count = 0;
    for frame in seen.frames.values() {
        if let What::Went(member) = frame.what
            && members.contains(&member)
        {
            findings.add(Some(room), Kind::MemberRemoved(member));
        }
        if let Some(line) = frame.line {
            // While the run goes on, what nobody has got yet may be missing.
            let is_next = line == count + 1 || (seen.marker.is_none() && line > count);
            if !is_next {
                findings.add(Some(room), Kind::LineMisnumbered(line));
            }
            count = line;
        }
    }
}

/// A cell stays its owner's until the match is over.
fn check_cells(room: &Arc<str>, seen: &RoomHistory, findings: &mut Findings) {
    for pair in seen.boards.windows(2) {
        let [before, after] = pair else {
            continue;
        };
        let mut cells = before.cells.iter().zip(&after.cells);
        let is_undone = cells.any(|(before, after)| before.is_some() && before != after);
        if is_undone && !is_other_match(before, after) {
            findings.add(Some(room), Kind::CellUndone(after.version));
        }
    }
}

/// What the room says of itself in the end is what its members saw.
fn check_observed(
    room: &Arc<str>,
    seen: &RoomHistory,
    observed: &Observed,
    findings: &mut Findings,
) {
    let said: BTreeMap<u64, &Arc<str>> = seen
        .frames
        .values()
        .filter_map(|frame| match (&frame.what, frame.line) {
            (What::Said(text), Some(line)) => Some((line, text)),
            _ => None,
        })
        .collect();
    let kept: BTreeMap<u64, &Arc<str>> = observed
        .lines
        .iter()
        .map(|(line, text)| (*line, text))
        .collect();
    for (line, text) in &kept {
        if said.get(line) != Some(text) {
            findings.add(Some(room), Kind::LineDenied(*line));
        }
    }
    for line in said.keys().rev().take(LINES_KEPT) {
        if !kept.contains_key(line) {
            findings.add(Some(room), Kind::LineDenied(*line));
        }
    }
    // It was put among the boards that were seen: it must be the last.
    if let (Some(board), Some(last)) = (&observed.board, seen.boards.last())
        && (board.epoch, board.version) < (last.epoch, last.version)
    {
        findings.add(Some(room), Kind::VersionWentBack(board.version));
    }
}
