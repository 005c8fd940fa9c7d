//! Beginning anew, and being sent away.

use super::*;

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
