//! Captures: a board shows the cells of every capture that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::history::{Answer, Board, Event, Input, Record};
use super::witnessed::Witnessed;
use super::{Findings, Kind};

/// What a board must show.
struct Capture<'a> {
    room: &'a Arc<str>,
    member: u32,
    id: u64,
    cell: usize,
    tick: u64,
}

/// Whether a board may have been cleared between two that follow each other.
pub(super) type Cleared = fn(&Board, &Board) -> bool;

/// Checks the captures of one client. A board that was cleared soon after a capture shows nothing of it.
pub(super) fn check(
    record: &Record,
    witnessed: &Witnessed,
    is_cleared: Cleared,
    findings: &mut Findings,
) {
    for capture in acknowledged(record) {
        let Some(history) = witnessed.rooms.get(capture.room) else {
            continue;
        };
        if history.boards.is_empty() && history.marker.is_some() {
            let why = "no board of a game that was played";
            findings.add(Some(capture.room), Kind::WitnessIncomplete(why));
        }
        let Some(board) = next_board(&history.boards, capture.tick) else {
            continue;
        };
        // A cell is its owner's until the board is cleared, which makes it nobody's before it is somebody else's: only the
        // board right behind can tell, and only while it is the same match.
        let was_cleared = last_board(&history.boards, capture.tick)
            .is_some_and(|before| is_cleared(before, board));
        if !was_cleared && board.cells.get(capture.cell) != Some(&Some(capture.member)) {
            findings.add(Some(capture.room), Kind::CaptureUndone(capture.id));
        }
    }
}

fn acknowledged(record: &Record) -> Vec<Capture<'_>> {
    let mut members: BTreeMap<&Arc<str>, u32> = BTreeMap::new();
    let mut cells: BTreeMap<(&Arc<str>, u64), usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut captures = Vec::new();
    for (_, event) in &record.events {
        match event {
            Event::Session(_) => {
                cells.clear();
                seen.clear();
            }
            Event::Joined { room, member, .. } => {
                members.insert(room, *member);
            }
            Event::Sent {
                room,
                id,
                input: Input::Capture(cell),
            } => {
                cells.insert((room, *id), *cell);
            }
            Event::Answered {
                room,
                id,
                answer: Answer::Applied { tick, .. },
            } => {
                if let (Some(cell), Some(member)) = (cells.get(&(room, *id)), members.get(room))
                    && seen.insert((room, *id))
                {
                    captures.push(Capture {
                        room,
                        member: *member,
                        id: *id,
                        cell: *cell,
                        tick: *tick,
                    });
                }
            }
            _ => {}
        }
    }
    captures
}

/// The first board that was published after a tick.
fn next_board(boards: &[Board], tick: u64) -> Option<&Board> {
    boards.get(boards.partition_point(|board| board.tick <= tick))
}

/// The last board that was published up to a tick.
fn last_board(boards: &[Board], tick: u64) -> Option<&Board> {
    let after = boards.partition_point(|board| board.tick <= tick);
    after.checked_sub(1).and_then(|index| boards.get(index))
}

/// Where players leave and come back, their cells get another number; so whatever changes may be another match.
pub(super) fn may_be_cleared(before: &Board, after: &Board) -> bool {
    before
        .cells
        .iter()
        .zip(&after.cells)
        .any(|(before, after)| before.is_some() && before != after)
}

/// Where all players stay, only the clock tells one match from another.
pub(super) fn is_other_match(before: &Board, after: &Board) -> bool {
    before.is_played != after.is_played || after.remaining_ms > before.remaining_ms
}
