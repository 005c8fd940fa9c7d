//! Rooms that survive a crash: no witness sees everything, and nobody may see what is denied later.

use super::*;

/// A line with the number that the chat gave it.
fn line(seq: u64, number: u64, text: &str) -> Event {
    let Event::Frame(mut frame) = said(seq, text) else {
        panic!("no frame");
    };
    frame.line = Some(number);
    Event::Frame(frame)
}

fn state(version: u64, hash: u32) -> Event {
    Event::State(State {
        room: room(),
        epoch: 1,
        view: "board".into(),
        version,
        as_of: 0,
        hash,
    })
}

fn capture(id: u64, cell: usize) -> Event {
    Event::Sent {
        room: room(),
        id,
        input: Input::Capture(cell),
    }
}

fn told(id: u64, tick: u64) -> Event {
    answered(id, Answer::Applied { seq: 11, tick })
}

/// The server is killed; a client comes back to it, and finds its room as it was.
fn killed(at: u64) -> [Event; 3] {
    let rooms = vec![(room(), place(at))];
    [
        Event::Lost(None),
        Event::ResumeSent(rooms.clone()),
        Event::Resumed(rooms),
    ]
}

/// Two clients talk and play; the server is killed twice, and each misses something that the other one saw.
fn good() -> History {
    let mut a = vec![
        Event::Session("s".to_owned()),
        Event::JoinSent(room()),
        joined(1, 1),
        frame(2, What::Lines),
        frame(4, What::NotFor(2)),
        frame(6, What::NotFor(2)),
        sent(1),
        line(7, 1, "a-1"),
        applied(1, 7),
        state(1, 10),
        Event::Board(board_of(1, &[])),
        sent(2),
    ];
    a.extend(killed(7));
    a.extend([
        line(8, 2, "a-2"),
        sent(2),
        applied(2, 8),
        capture(3, 5),
        told(3, 20),
        state(2, 20),
        frame(9, What::NotFor(2)),
    ]);
    a.extend(killed(9));
    a.extend([
        state(2, 20),
        Event::Board(board_of(21, &[(5, 1)])),
        sent(4),
        line(11, 3, "a-4"),
        applied(4, 11),
        frame(12, What::Marker),
    ]);
    let mut b = vec![
        Event::Session("t".to_owned()),
        Event::JoinSent(room()),
        joined(2, 4),
        frame(5, What::Lines),
        state(1, 10),
    ];
    b.extend(killed(4));
    b.extend([line(7, 1, "a-1"), line(8, 2, "a-2"), state(2, 20)]);
    b.extend(killed(8));
    b.extend([
        frame(10, What::NotFor(1)),
        line(11, 3, "a-4"),
        frame(12, What::Marker),
    ]);
    let observed = Observed {
        room: room(),
        lines: [(1, "a-1"), (2, "a-2"), (3, "a-4")]
            .map(|(number, text)| (number, text.into()))
            .into(),
        board: Some(board_of(22, &[(5, 1), (6, 2)])),
    };
    History {
        limits: Limits {
            is_killed: true,
            ..Limits::default()
        },
        witnesses: Vec::new(),
        clients: vec![record("a", a), record("b", b)],
        observed: vec![observed],
    }
}

/// What is found after a record was changed.
fn found(client: usize, change: impl FnOnce(&mut Events)) -> Vec<Kind> {
    found_in(|history| change(&mut history.clients[client].events))
}

fn found_in(change: impl FnOnce(&mut History)) -> Vec<Kind> {
    let mut history = good();
    change(&mut history);
    kinds(&history)
}

fn kinds(history: &History) -> Vec<Kind> {
    let found = check_durable(history);
    found.into_iter().map(|it| it.kind).collect()
}

fn replace(events: &mut Events, wanted: &Event, by: Event) {
    let index = at(events, wanted);
    events[index].1 = by;
}

/// Replaces in all records.
fn replace_all(history: &mut History, wanted: &Event, by: &Event) {
    for record in &mut history.clients {
        for (_, event) in &mut record.events {
            if event == wanted {
                *event = by.clone();
            }
        }
    }
}

#[test]
fn a_run_with_crashes_as_it_should_be_is_accepted_at_its_end_and_on_the_way() {
    assert_eq!(kinds(&good()), []);
    let length = good().clients[0].events.len();
    for far in 0..length {
        let kinds = found_in(|history| {
            history.observed.clear();
            // What the other client shows has its causes in this one's record, up to here.
            history.clients[0].events.truncate(far);
            history.clients.truncate(1);
        });
        assert_eq!(kinds, [], "after {far} events");
    }
}

#[test]
fn rs4_a_frame_missing_doubled_or_swapped_after_a_crash_is_found() {
    let second = line(8, 2, "a-2");
    let missing = found(1, |events| remove(events, &second));
    assert_eq!(missing, [Kind::FrameMissing(8)]);
    let doubled = found(1, |events| insert_after(events, &second, second.clone()));
    assert_eq!(doubled, [Kind::FrameDoubled(8)]);
    let swapped = found(1, |events| {
        let (a, b) = (at(events, &line(7, 1, "a-1")), at(events, &second));
        events.swap(a, b);
    });
    assert_eq!(swapped, [Kind::FrameOutOfOrder(7)]);
    let end = found(1, |events| remove(events, &frame(12, What::Marker)));
    assert_eq!(end, [Kind::EndMissing]);
}

#[test]
fn sq2_a_number_that_is_used_again_for_something_else_is_found() {
    // The one saw it before the crash; the other what came in its place.
    let kinds = found(1, |events| {
        replace(events, &line(8, 2, "a-2"), frame(8, What::Other));
    });
    assert!(kinds.contains(&Kind::FrameAltered(8)), "{kinds:?}");
    // The same between what is only for one, and what is for all.
    let private = found(1, |events| {
        replace(events, &frame(5, What::Lines), frame(2, What::Lines));
    });
    assert!(private.contains(&Kind::FrameAltered(2)), "{private:?}");
    let kinds = found(1, |events| {
        replace(events, &frame(5, What::Lines), frame(7, What::Lines));
    });
    assert!(kinds.contains(&Kind::FrameAltered(7)), "{kinds:?}");
}

#[test]
fn ms2_an_acknowledged_input_that_is_in_no_history_is_found() {
    let gone = found_in(|history| {
        replace_all(history, &line(11, 3, "a-4"), &frame(11, What::Other));
        history.observed[0].lines.pop();
    });
    assert_eq!(gone, [Kind::NotApplied(4)]);
    // All saw it, and the recovered room does not know of it.
    let denied = found_in(|history| drop(history.observed[0].lines.pop()));
    assert_eq!(denied, [Kind::LineDenied(3)]);
    let altered = found_in(|history| history.observed[0].lines[1].1 = "a-9".into());
    assert_eq!(altered, [Kind::LineDenied(2)]);
    let unseen = found_in(|history| history.observed[0].lines.push((4, "a-9".into())));
    assert_eq!(unseen, [Kind::LineDenied(4)]);
}

#[test]
fn ms5_an_input_that_is_applied_before_and_after_a_crash_is_found() {
    let kinds = found_in(|history| {
        let again = line(10, 3, "a-2");
        replace_all(history, &frame(10, What::NotFor(1)), &again);
        insert_after(
            &mut history.clients[0].events,
            &Event::Board(board_of(21, &[(5, 1)])),
            again,
        );
        replace_all(history, &line(11, 3, "a-4"), &line(11, 4, "a-4"));
        history.observed[0].lines = [(1, "a-1"), (2, "a-2"), (3, "a-2"), (4, "a-4")]
            .map(|(number, text)| (number, text.into()))
            .into();
    });
    assert_eq!(kinds, [Kind::AppliedTwice(2)]);
}

#[test]
fn ms5_an_answer_that_did_not_survive_is_found() {
    let forgotten = found(0, |events| {
        replace(events, &applied(2, 8), answered(2, Answer::Repeat));
    });
    assert_eq!(forgotten, [Kind::AnswerForgotten(2)]);
    let differs = found(0, |events| {
        let other = Answer::Refused("REFUSED".to_owned());
        insert_after(events, &sent(2), answered(2, other));
    });
    assert!(differs.contains(&Kind::AnswersDiffer(2)), "{differs:?}");
}

#[test]
fn a_line_counted_twice_or_not_at_all_is_found() {
    for number in [2, 4] {
        let kinds = found_in(|history| {
            replace_all(history, &line(11, 3, "a-4"), &line(11, number, "a-4"));
            history.observed[0].lines.pop();
        });
        assert!(
            kinds.contains(&Kind::LineMisnumbered(number)),
            "{number}: {kinds:?}"
        );
    }
}

#[test]
fn st2_a_version_that_goes_back_or_says_two_things_is_found() {
    let back = found(0, |events| {
        let last = events.iter().rposition(|(_, it)| *it == state(2, 20));
        events[last.unwrap()].1 = state(1, 10);
    });
    assert_eq!(back, [Kind::VersionWentBack(1)]);
    let differs = found(1, |events| {
        replace(events, &state(2, 20), state(2, 21));
    });
    assert_eq!(differs, [Kind::StateDiffers(2)]);
    let older = found_in(|history| history.observed[0].board = Some(board_of(20, &[])));
    assert!(older.contains(&Kind::VersionWentBack(20)), "{older:?}");
}

#[test]
fn sq3_another_epoch_is_found() {
    let kinds = found_in(|history| {
        for record in &mut history.clients {
            for (_, event) in &mut record.events {
                if let Event::Frame(frame) = event
                    && frame.place.seq > 9
                {
                    frame.place.epoch = 2;
                }
            }
        }
    });
    assert!(kinds.contains(&Kind::EpochCut(2)), "{kinds:?}");
}

#[test]
fn rs4_a_reset_after_a_crash_is_found_whatever_its_reason() {
    let before = killed(8)[2].clone();
    for reason in ["epoch-changed", "unknown-position", "window-exceeded"] {
        let kinds = found(1, |events| {
            insert_after(events, &before, reset(9, reason));
        });
        let expected = Kind::ResetInDurable(reason.to_owned());
        assert!(kinds.contains(&expected), "{kinds:?}");
    }
}

#[test]
fn rs2_a_session_or_a_place_in_a_room_that_did_not_survive_is_found() {
    let refused = found(1, |events| {
        replace(events, &killed(8)[2], Event::ResumeRefused);
    });
    assert_eq!(refused, [Kind::ResumeRefusedEarly]);
    let left_out = found(1, |events| {
        replace(events, &killed(8)[2], Event::Resumed(Vec::new()));
    });
    assert_eq!(left_out, [Kind::Expelled("resumed")]);
    let again = found(1, |events| {
        insert_after(events, &killed(8)[2], joined(3, 8));
    });
    assert!(again.contains(&Kind::MemberChanged), "{again:?}");
    let removed = found_in(|history| {
        replace_all(
            history,
            &frame(10, What::NotFor(1)),
            &frame(10, What::Went(1)),
        );
    });
    assert!(removed.contains(&Kind::MemberRemoved(1)), "{removed:?}");
    // A session that is in no room yet is not kept.
    let unborn = found(0, |events| {
        insert_after(
            events,
            &Event::Session("s".to_owned()),
            Event::ResumeRefused,
        );
    });
    assert_eq!(unborn, []);
}

#[test]
fn an_acknowledged_capture_is_the_captor_s_until_the_match_is_over() {
    let first = Event::Board(board_of(21, &[(5, 1)]));
    let given = found(0, |events| {
        replace(events, &first, Event::Board(board_of(21, &[(5, 2)])));
    });
    assert!(given.contains(&Kind::CaptureUndone(3)), "{given:?}");
    let unknown = found(0, |events| {
        replace(events, &first, Event::Board(board_of(21, &[])));
    });
    assert_eq!(unknown, [Kind::CaptureUndone(3)]);
    let undone = found_in(|history| history.observed[0].board = Some(board_of(22, &[])));
    assert_eq!(undone, [Kind::CellUndone(22)]);
    let rematch = found_in(|history| {
        history.observed[0].board = Some(Board {
            remaining_ms: 30_000,
            ..board_of(22, &[])
        });
    });
    assert_eq!(rematch, []);
}

#[test]
fn a_room_that_nobody_looked_at_in_the_end_proves_nothing() {
    let kinds = found_in(|history| history.observed.clear());
    let why = "nobody looked at this room in the end";
    assert_eq!(kinds, [Kind::WitnessIncomplete(why)]);
}
