//! A good history is accepted; each that is wrong in one way is rejected for exactly that.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::super::history::{Answer, Board, Event, Frame, Input, Limits, Place, Record, What};
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

#[test]
fn ms5_an_input_that_was_applied_twice_is_found() {
    let mut history = good();
    let again = said(10, "a-2");
    for record in history.witnesses.iter_mut().chain(&mut history.clients) {
        let index = at(&record.events, &frame(10, What::Other));
        record.events[index].1 = again.clone();
    }
    assert_eq!(kinds(&history), [Kind::AppliedTwice(2)]);
}

#[test]
fn ms2_an_acknowledged_input_that_was_not_applied_is_found() {
    let mut history = good();
    for record in history.witnesses.iter_mut().chain(&mut history.clients) {
        let index = at(&record.events, &said(11, "a-3"));
        record.events[index].1 = frame(11, What::Other);
    }
    assert_eq!(kinds(&history), [Kind::NotApplied(3)]);
}

#[test]
fn an_unanswered_input_may_be_applied_once_or_not_at_all() {
    assert_eq!(found(|events| remove(events, &applied(3, 11))), []);
    let mut history = good();
    for record in history.witnesses.iter_mut().chain(&mut history.clients) {
        let index = at(&record.events, &said(11, "a-3"));
        record.events[index].1 = frame(11, What::Other);
    }
    remove(&mut history.clients[0].events, &applied(3, 11));
    assert_eq!(kinds(&history), []);
}

#[test]
fn ms2_a_refused_input_that_was_applied_is_found() {
    let refused = |code: &str| {
        found(|events| {
            let index = at(events, &applied(3, 11));
            events[index].1 = answered(3, Answer::Refused(code.to_owned()));
        })
    };
    assert_eq!(refused("REFUSED"), [Kind::RefusedYetApplied(3)]);
    assert_eq!(refused("ROOM_BUSY"), [Kind::RefusedYetApplied(3)]);
}

#[test]
fn ms4_inputs_that_were_applied_out_of_order_are_found() {
    let mut history = good();
    for record in history.witnesses.iter_mut().chain(&mut history.clients) {
        for (before, after) in [
            (said(9, "a-2"), said(9, "a-3")),
            (said(11, "a-3"), said(11, "a-2")),
        ] {
            let index = at(&record.events, &before);
            record.events[index].1 = after;
        }
    }
    let kinds = kinds(&history);
    assert!(kinds.contains(&Kind::AppliedOutOfOrder(3)), "{kinds:?}");
}

#[test]
fn a_line_that_nobody_sent_is_found() {
    let kinds = found(|events| events.retain(|(_, event)| *event != sent(3)));
    assert!(
        kinds.contains(&Kind::AppliedUnsent("a-3".into())),
        "{kinds:?}"
    );
    assert!(kinds.contains(&Kind::AnsweredUnasked(3)), "{kinds:?}");
}

#[test]
fn ms5_two_answers_must_be_equal_and_no_more_than_were_asked_for() {
    let twice = |answer: Event| found(|events| insert_after(events, &applied(3, 11), answer));
    assert_eq!(twice(applied(3, 11)), [Kind::AnsweredTwice(3)]);
    let differs = found(|events| {
        let refused = Answer::Refused("REFUSED".to_owned());
        insert_after(events, &applied(2, 9), answered(2, refused));
    });
    assert_eq!(differs, [Kind::AnswersDiffer(2)]);
    // It was sent twice, and so may be answered twice.
    let equal = found(|events| insert_after(events, &applied(2, 9), applied(2, 9)));
    assert_eq!(equal, []);
}

#[test]
fn ms5_an_answer_is_forgotten_only_after_64_more() {
    let kinds = found(|events| {
        let index = at(events, &applied(2, 9));
        events[index].1 = answered(2, Answer::Repeat);
    });
    assert_eq!(kinds, [Kind::AnswerForgotten(2)]);
}

#[test]
fn ms3_a_reply_before_its_frame_is_found() {
    let kinds = found(|events| {
        let (a, b) = (at(events, &said(11, "a-3")), at(events, &applied(3, 11)));
        events.swap(a, b);
    });
    assert_eq!(kinds, [Kind::ReplyBeforeFrame(3)]);
}

/// The client is reset in place of what it missed.
fn reset_history(reason: &str) -> History {
    let mut history = good();
    let events = &mut history.clients[0].events;
    remove(events, &frame(8, What::Other));
    let index = at(events, &said(9, "a-2"));
    events[index].1 = reset(9, reason);
    // What a chat says to one who was reset, and to nobody else.
    let index = at(events, &frame(10, What::Other));
    events[index].1 = frame(10, What::Lines);
    remove(&mut history.witnesses[0].events, &frame(10, What::Other));
    history
}

#[test]
fn rs4_a_reset_without_cause_is_found_whatever_reason_it_gives() {
    for reason in [
        "window-exceeded",
        "count-mismatch",
        "epoch-changed",
        "unknown-position",
    ] {
        let expected = [Kind::ResetNeedless(reason.to_owned())];
        assert_eq!(kinds(&reset_history(reason)), expected);
    }
    let unexplained = [Kind::ResetUnexplained("because".to_owned())];
    assert_eq!(kinds(&reset_history("because")), unexplained);
}

#[test]
fn rs4_a_reset_with_its_cause_is_accepted() {
    let mut aged = reset_history("window-exceeded");
    aged.limits.ring_age = Duration::from_secs(3);
    assert_eq!(kinds(&aged), []);
    let mut full = reset_history("window-exceeded");
    full.limits.ring_bytes = 1_000;
    assert_eq!(kinds(&full), []);
    let mut miscounted = reset_history("count-mismatch");
    let events = &mut miscounted.clients[0].events;
    let index = at(events, &acked(7, 2));
    events[index].1 = acked(7, 3);
    assert_eq!(kinds(&miscounted), []);
}

#[test]
fn a_session_must_live_as_long_as_it_was_promised() {
    let refused = |window| {
        let mut history = good();
        history.limits.resume_window = Duration::from_secs(window);
        let events = &mut history.clients[0].events;
        let index = at(events, &Event::Resumed(vec![(room(), place(7))]));
        events.truncate(index);
        let last = events[index - 1].0;
        events.push((last, Event::ResumeRefused));
        let kinds = kinds(&history);
        kinds.contains(&Kind::ResumeRefusedEarly)
    };
    assert!(refused(60));
    assert!(!refused(2));
}

#[test]
fn a_session_goes_on_where_it_was() {
    let resumed = Event::Resumed(vec![(room(), place(7))]);
    let replaced = |by: Event| {
        found(|events| {
            let index = at(events, &resumed);
            events[index].1 = by;
        })
    };
    let elsewhere = replaced(Event::Resumed(vec![(room(), place(6))]));
    assert_eq!(elsewhere, [Kind::ResumedElsewhere]);
    assert_eq!(
        replaced(Event::Resumed(Vec::new())),
        [Kind::Expelled("resumed")]
    );
    let other = found(|events| insert_after(events, &applied(3, 11), joined(9, 11)));
    assert!(other.contains(&Kind::MemberChanged), "{other:?}");
}

#[test]
fn an_expulsion_must_be_known_to_all() {
    let expelled = Event::Expelled {
        room: room(),
        why: "room_left",
    };
    let mut history = good();
    insert_after(&mut history.clients[0].events, &applied(3, 11), expelled);
    assert_eq!(kinds(&history), [Kind::Expelled("room_left")]);
    for record in history.witnesses.iter_mut().chain(&mut history.clients) {
        let index = at(&record.events, &frame(10, What::Other));
        record.events[index].1 = frame(10, What::Went(2));
    }
    assert_eq!(kinds(&history), []);
}

/// A board in which some cells have owners.
fn board(tick: u64, owners: &[(usize, u32)]) -> Event {
    let mut cells = vec![None; 81];
    for (cell, owner) in owners {
        cells[*cell] = Some(*owner);
    }
    let room = room();
    Event::Board(Board { room, tick, cells })
}

#[test]
fn an_acknowledged_capture_must_be_on_the_board() {
    let played = |boards: &[Event]| {
        let mut history = good();
        let witness = &mut history.witnesses[0].events;
        for board in boards {
            let index = at(witness, &frame(12, What::Marker));
            let time = witness[index].0;
            witness.insert(index, (time, board.clone()));
        }
        let events = &mut history.clients[0].events;
        let capture = Event::Sent {
            room: room(),
            id: 4,
            input: Input::Capture(5),
        };
        insert_after(events, &applied(3, 11), capture.clone());
        let answer = answered(4, Answer::Applied { seq: 11, tick: 20 });
        insert_after(events, &capture, answer);
        kinds(&history)
    };
    assert_eq!(
        played(&[board(20, &[(1, 3)]), board(21, &[(1, 3), (5, 2)])]),
        []
    );
    let undone = [Kind::CaptureUndone(4)];
    assert_eq!(
        played(&[board(20, &[(1, 3)]), board(21, &[(1, 3)])]),
        undone
    );
    assert_eq!(
        played(&[board(20, &[(1, 3)]), board(21, &[(1, 3), (5, 3)])]),
        undone
    );
    let unseen = "no board of a game that was played";
    assert_eq!(played(&[]), [Kind::WitnessIncomplete(unseen)]);
    // The board was cleared in between, and shows nothing of it.
    assert_eq!(played(&[board(20, &[(1, 3)]), board(21, &[])]), []);
}
