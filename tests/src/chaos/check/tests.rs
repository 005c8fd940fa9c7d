//! A good history is accepted; each that is wrong in one way is rejected for exactly that.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

mod durable;
mod inputs;
mod resets;

use super::super::history::{
    Answer, Board, Event, Frame, Input, Limits, Observed, Place, Record, State, What,
};
use super::*;

type Events = Vec<(Duration, Event)>;

const ROOM: &str = "hall";

fn room() -> Arc<str> {
    ROOM.into()
}

fn place(seq: u64) -> Place {
    Place { epoch: 1, seq }
}

fn frame(seq: u64, what: What) -> Event {
    let mut hasher = DefaultHasher::new();
    (seq, format!("{what:?}")).hash(&mut hasher);
    Event::Frame(Frame {
        room: room(),
        place: place(seq),
        digest: hasher.finish(),
        bytes: 100,
        what,
        line: None,
    })
}

fn said(seq: u64, text: &str) -> Event {
    frame(seq, What::Said(text.into()))
}

fn sent(id: u64) -> Event {
    Event::Sent {
        room: room(),
        id,
        input: Input::Say(format!("a-{id}").into()),
    }
}

fn answered(id: u64, answer: Answer) -> Event {
    let room = room();
    Event::Answered { room, id, answer }
}

fn applied(id: u64, seq: u64) -> Event {
    answered(id, Answer::Applied { seq, tick: 0 })
}

fn joined(member: u32, seq: u64) -> Event {
    Event::Joined {
        room: room(),
        member,
        start: place(seq),
    }
}

fn reset(seq: u64, reason: &str) -> Event {
    Event::Reset {
        room: room(),
        start: place(seq),
        reason: reason.to_owned(),
    }
}

fn acked(seq: u64, count: u64) -> Event {
    Event::Acked {
        room: room(),
        place: place(seq),
        count,
    }
}

/// A board in which some cells have owners, in a match that goes on.
fn board_of(tick: u64, owners: &[(usize, u32)]) -> Board {
    let mut cells = vec![None; 81];
    for (cell, owner) in owners {
        cells[*cell] = Some(*owner);
    }
    Board {
        room: room(),
        epoch: 1,
        version: tick,
        tick,
        is_played: true,
        remaining_ms: 30_000 - tick,
        cells,
    }
}

/// One event a second.
fn record(name: &str, events: Vec<Event>) -> Record {
    let timed = events.into_iter().zip(0..);
    Record {
        name: name.to_owned(),
        events: timed
            .map(|(event, second)| (Duration::from_secs(second), event))
            .collect(),
    }
}

/// A client comes, speaks, loses its connection while others and itself are heard, resumes, and sends again what was not
/// answered.
fn good() -> History {
    let witness = vec![
        joined(1, 0),
        frame(2, What::Lines),
        frame(4, What::NotFor(2)),
        frame(6, What::NotFor(2)),
        said(7, "a-1"),
        frame(8, What::Other),
        said(9, "a-2"),
        frame(10, What::Other),
        said(11, "a-3"),
        frame(12, What::Marker),
    ];
    let client = vec![
        Event::Session("s".to_owned()),
        Event::JoinSent(room()),
        joined(2, 3),
        frame(5, What::Lines),
        sent(1),
        said(7, "a-1"),
        applied(1, 7),
        acked(7, 2),
        sent(2),
        Event::Lost(None),
        Event::ResumeSent(vec![(room(), place(7))]),
        Event::Resumed(vec![(room(), place(7))]),
        frame(8, What::Other),
        said(9, "a-2"),
        frame(10, What::Other),
        sent(2),
        applied(2, 9),
        sent(3),
        said(11, "a-3"),
        applied(3, 11),
        frame(12, What::Marker),
    ];
    History {
        limits: Limits::default(),
        witnesses: vec![record("witness", witness)],
        clients: vec![record("a", client)],
        observed: Vec::new(),
    }
}

/// What is found after the client's record was changed.
fn found(change: impl FnOnce(&mut Events)) -> Vec<Kind> {
    let mut history = good();
    change(&mut history.clients[0].events);
    kinds(&history)
}

/// What is found after the witness's record was changed.
fn found_beside(change: impl FnOnce(&mut Events)) -> Vec<Kind> {
    let mut history = good();
    change(&mut history.witnesses[0].events);
    kinds(&history)
}

fn kinds(history: &History) -> Vec<Kind> {
    check(history).into_iter().map(|it| it.kind).collect()
}

/// Where an event is.
fn at(events: &Events, wanted: &Event) -> usize {
    let found = events.iter().position(|(_, event)| event == wanted);
    found.unwrap_or_else(|| panic!("{wanted:?} is not there"))
}

fn remove(events: &mut Events, wanted: &Event) {
    events.remove(at(events, wanted));
}

fn insert_after(events: &mut Events, before: &Event, event: Event) {
    let index = at(events, before);
    let time = events[index].0;
    events.insert(index + 1, (time, event));
}

#[test]
fn a_history_as_it_should_be_is_accepted() {
    assert_eq!(kinds(&good()), []);
}

#[test]
fn sq2_a_missing_frame_is_found_also_the_last_one() {
    let missing = |event: Event| found(|events| remove(events, &event));
    assert_eq!(missing(frame(8, What::Other)), [Kind::FrameMissing(8)]);
    assert_eq!(missing(frame(12, What::Marker)), [Kind::EndMissing]);
}

#[test]
fn rs4_a_doubled_frame_is_found() {
    let twice = frame(8, What::Other);
    let kinds = found(|events| insert_after(events, &twice, twice.clone()));
    assert_eq!(kinds, [Kind::FrameDoubled(8)]);
    // From before the resume, in which it has no place any more.
    let kinds = found(|events| insert_after(events, &twice, said(7, "a-1")));
    assert_eq!(kinds, [Kind::FrameDoubled(7)]);
}

#[test]
fn rs4_swapped_frames_are_found() {
    let kinds = found(|events| {
        let (a, b) = (
            at(events, &frame(8, What::Other)),
            at(events, &said(9, "a-2")),
        );
        events.swap(a, b);
    });
    assert_eq!(kinds, [Kind::FrameOutOfOrder(8)]);
}

#[test]
fn an_altered_frame_is_found() {
    let kinds = found(|events| {
        let index = at(events, &frame(8, What::Other));
        let Event::Frame(frame) = &mut events[index].1 else {
            panic!("no frame");
        };
        frame.digest ^= 1;
    });
    assert_eq!(kinds, [Kind::FrameAltered(8)]);
}

#[test]
fn a_frame_that_nobody_else_got_is_found() {
    let before = frame(8, What::Other);
    let kinds = found(|events| {
        insert_after(events, &before, said(99, "a-1"));
        remove(events, &frame(10, What::Other));
    });
    assert!(kinds.contains(&Kind::FrameInvented(99)), "{kinds:?}");
    let early = found(|events| insert_after(events, &joined(2, 3), frame(3, What::Other)));
    assert_eq!(early, [Kind::FrameInvented(3)]);
}

#[test]
fn what_a_newcomer_alone_is_told_must_come_once() {
    let lines = frame(5, What::Lines);
    let none = found(|events| remove(events, &lines));
    assert_eq!(none, [Kind::LinesCame(0)]);
    let two = found(|events| insert_after(events, &said(7, "a-1"), frame(13, What::Lines)));
    assert!(two.contains(&Kind::LinesCame(2)), "{two:?}");
}

#[test]
fn a_hole_in_the_witness_own_record_is_found() {
    let mut history = good();
    for record in history.witnesses.iter_mut().chain(&mut history.clients) {
        remove(&mut record.events, &frame(10, What::Other));
    }
    assert_eq!(kinds(&history), [Kind::NumbersUnused(1)]);
    let swapped = found_beside(|events| {
        let (a, b) = (at(events, &said(7, "a-1")), at(events, &said(9, "a-2")));
        events.swap(a, b);
    });
    let incomplete = Kind::WitnessIncomplete("a frame is out of order");
    assert!(swapped.contains(&incomplete), "{swapped:?}");
    let cut = found_beside(|events| insert_after(events, &said(7, "a-1"), Event::Lost(None)));
    assert_eq!(cut, [Kind::WitnessIncomplete("its connection ended")]);
}
