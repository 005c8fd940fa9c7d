//! What became of inputs.

use super::*;

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

fn board(tick: u64, owners: &[(usize, u32)]) -> Event {
    Event::Board(board_of(tick, owners))
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
