//! Histories, good and bad. Each bad one differs from a good one by what its name says.

use super::*;

/// What happens to a member, in the words of the test.
#[derive(Debug, Clone, Copy)]
enum Event {
    Sent(u64),
    Reply(u64),
    Refusal(u64),
    Reliable(u64, u64),
    Heard(u32, u64, Option<u64>),
    State(u64, u64),
}
use Event::*;

fn ledger(sender: u32, history: &[Event]) -> Ledger {
    let mut ledger = Ledger::new(sender);
    ledger.on_joined(1, 10, 0);
    for event in history {
        match *event {
            Sent(id) => ledger.on_sent(Input {
                id,
                at_us: 100 * id,
            }),
            Reply(id) => drop(ledger.on_reply(id)),
            Refusal(id) => drop(ledger.on_refusal(id, "CELL_TAKEN")),
            Reliable(epoch, seq) => ledger.on_reliable(epoch, seq),
            Heard(sender, id, number) => ledger.on_heard(Mark { sender, id }, number),
            State(version, as_of) => ledger.on_state("board", version, as_of),
        }
    }
    ledger
}

fn totals(audience: Audience, histories: &[&[Event]]) -> Totals {
    let ledgers: Vec<_> = (0..)
        .zip(histories)
        .map(|(sender, it)| ledger(sender, it))
        .collect();
    let mut totals = Totals::default();
    audit(&ledgers, audience, &mut totals);
    assert_eq!(totals.sent, totals.replied + totals.refused + totals.lost);
    totals
}

/// Checks that a history has exactly these faults.
fn check(audience: Audience, histories: &[&[Event]], faults: &[(Fault, u64)]) {
    let found = totals(audience, histories).faults;
    assert_eq!(
        found,
        Faults(faults.iter().copied().collect()),
        "{histories:?}"
    );
}

fn check_one(history: &[Event], faults: &[(Fault, u64)]) {
    check(Audience::Nobody, &[history], faults);
}

#[test]
fn a_good_history_has_no_faults() {
    let history = [
        Sent(1),
        State(4, 10),
        Reliable(1, 12),
        Sent(2),
        Reply(1),
        State(9, 12),
        Refusal(2),
        Reliable(1, 13),
    ];
    check_one(&history, &[]);
    let totals = totals(Audience::Nobody, &[&history]);
    assert_eq!(
        (totals.sent, totals.replied, totals.refused, totals.lost),
        (2, 1, 1, 0)
    );
    assert_eq!(totals.refusals["CELL_TAKEN"], 1);
}

#[test]
fn a_lost_reply_is_found() {
    check_one(
        &[Sent(1), Sent(2), Sent(3), Reply(1), Reply(3)],
        &[(Fault::Lost, 1)],
    );
}

#[test]
fn an_answer_gives_back_its_own_input_whatever_the_order() {
    let mut ledger = ledger(0, &[Sent(1), Sent(2), Sent(5)]);
    assert_eq!(ledger.on_reply(5), Some(Input { id: 5, at_us: 500 }));
    assert_eq!(ledger.on_refusal(1, "X"), Some(Input { id: 1, at_us: 100 }));
    assert_eq!(ledger.on_reply(1), None);
    assert_eq!(ledger.next_id(), 6);
}

#[test]
fn a_doubled_answer_is_found_in_every_combination() {
    for first in [Reply(1), Refusal(1)] {
        for second in [Reply(1), Refusal(1)] {
            check_one(&[Sent(1), first, second], &[(Fault::AnsweredAgain, 1)]);
        }
    }
}

#[test]
fn an_answer_to_what_was_never_sent_is_found() {
    check_one(
        &[Sent(1), Reply(1), Reply(2)],
        &[(Fault::AnsweredUnasked, 1)],
    );
}

#[test]
fn seq_that_stands_still_or_goes_back_is_found() {
    check_one(&[Reliable(1, 11), Reliable(1, 11)], &[(Fault::SeqBack, 1)]);
    check_one(
        &[Reliable(1, 15), Reliable(1, 12), Reliable(1, 13)],
        &[(Fault::SeqBack, 1)],
    );
    check_one(&[Reliable(1, 10)], &[(Fault::SeqBack, 1)]);
}

#[test]
fn an_epoch_that_changes_is_found() {
    check_one(
        &[Reliable(1, 11), Reliable(2, 1), Reliable(2, 2)],
        &[(Fault::EpochChanged, 1)],
    );
}

#[test]
fn a_version_that_does_not_rise_is_found() {
    check_one(&[State(3, 10), State(3, 10)], &[(Fault::VersionBack, 1)]);
    check_one(&[State(3, 10), State(2, 10)], &[(Fault::VersionBack, 1)]);
}

#[test]
fn a_state_from_before_a_message_that_came_already_is_found() {
    check_one(&[Reliable(1, 12), State(1, 11)], &[(Fault::StateOld, 1)]);
}

#[test]
fn everyone_hears_what_was_accepted_and_nothing_that_was_refused() {
    let said = [Sent(1), Heard(0, 1, Some(1)), Reply(1), Sent(2), Refusal(2)];
    let heard = [Heard(0, 1, Some(1))];
    check(Audience::Everyone, &[&said, &heard], &[]);
    assert_eq!(totals(Audience::Everyone, &[&said, &heard]).expected, 2);
    check(
        Audience::Everyone,
        &[&said, &[]],
        &[(Fault::Undelivered, 1)],
    );
    let too_much = [Heard(0, 1, Some(1)), Heard(0, 2, Some(2))];
    check(
        Audience::Everyone,
        &[&said, &too_much],
        &[(Fault::Surplus, 1)],
    );
}

#[test]
fn others_hear_it_and_the_sender_does_not() {
    let said = [Sent(1), Reply(1)];
    let heard = [Heard(0, 1, None)];
    check(Audience::Others, &[&said, &heard], &[]);
    check(Audience::Others, &[&said, &[]], &[(Fault::Undelivered, 1)]);
    let by_both = [Sent(1), Reply(1), Heard(0, 1, None)];
    check(
        Audience::Others,
        &[&by_both, &heard],
        &[(Fault::Surplus, 1)],
    );
}

#[test]
fn the_sender_alone_hears_an_echo() {
    let said = [Sent(1), Reply(1), Heard(0, 1, None)];
    check(Audience::Sender, &[&said, &[]], &[]);
    check(
        Audience::Sender,
        &[&said[..2], &[Heard(0, 1, None)]],
        &[(Fault::Undelivered, 1), (Fault::Surplus, 1)],
    );
}

#[test]
fn one_message_twice_in_place_of_another_is_found() {
    let said = [Sent(1), Reply(1), Sent(2), Reply(2)];
    let heard = [Heard(0, 1, None), Heard(0, 1, None)];
    check(Audience::Others, &[&said, &heard], &[(Fault::Mixed, 1)]);
}

#[test]
fn a_message_under_another_name_is_found() {
    let said = [Sent(7), Reply(7)];
    check(
        Audience::Others,
        &[&said, &[Heard(7, 0, None)]],
        &[(Fault::Mixed, 1)],
    );
}

#[test]
fn chat_lines_are_numbered_without_a_gap() {
    let said = [Sent(1), Reply(1), Sent(2), Reply(2)];
    let gap = [Heard(0, 1, Some(1)), Heard(0, 2, Some(3))];
    check(Audience::Others, &[&said, &gap], &[(Fault::NumberGap, 1)]);
}

#[test]
fn faults_read_as_sentences() {
    let faults = totals(Audience::Nobody, &[&[Sent(1), Sent(2), Reliable(1, 1)]]).faults;
    assert_eq!(
        faults.to_string(),
        "2 inputs were never answered\n1 times a sequence number did not rise"
    );
    assert_eq!(faults.count(Fault::Lost), 2);
}
