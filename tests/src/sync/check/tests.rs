//! A good history is accepted; each that is wrong in one way is rejected for exactly that.

use std::sync::Arc;

use parlor_proto::{Seat, Subprotocol};

use super::super::history::{Audience, Deed, Event, History, Library, Record};
use super::{Kind, check};

const EVERYONE: Audience = Audience::Everyone;
const PLAYERS: Audience = Audience::Seat(Seat::Player);

fn show(view: &str, to: Audience, state: &str) -> Deed {
    Deed::Show {
        view: view.into(),
        to,
        state: state.as_bytes().into(),
    }
}

fn connected(is_resumed: bool) -> Event {
    Event::Connected {
        subprotocol: Subprotocol::Json,
        is_resumed,
    }
}

fn joined(member: u32, seat: Seat) -> Event {
    Event::Joined { member, seat }
}

const WHOLE: bool = false;
const PATCH: bool = true;

fn has(view: &str, version: u64, is_patch: bool, state: &str) -> Event {
    Event::State {
        view: view.into(),
        version,
        is_patch,
        state: state.as_bytes().into(),
    }
}

fn refused(view: &str, version: u64, is_patch: bool) -> Event {
    Event::Refused {
        view: view.into(),
        version,
        is_patch,
    }
}

fn spoilt(view: &str) -> Event {
    Event::Spoilt(view.into())
}

/// A room in which three states were shown to everybody, one to players and one to each of two members.
fn deeds() -> Vec<Deed> {
    vec![
        show("board", EVERYONE, "one"),
        show("board", EVERYONE, "two"),
        show("board", PLAYERS, "for players"),
        show("hand", Audience::Member(1), "for 1"),
        show("hand", Audience::Member(2), "for 2"),
        Deed::Quiet(1),
        show("board", EVERYONE, "three"),
        Deed::Withdraw {
            view: "board".into(),
            to: PLAYERS,
        },
        Deed::Seat {
            member: 1,
            seat: Seat::Player,
        },
        Deed::Quiet(2),
    ]
}

/// A spectator who loses its connection on the way.
fn spectator() -> Vec<Event> {
    vec![
        connected(false),
        joined(1, Seat::Spectator),
        has("board", 1, WHOLE, "one"),
        has("hand", 4, WHOLE, "for 1"),
        has("board", 2, PATCH, "two"),
        Event::Quiet(1),
        connected(true),
        has("board", 2, WHOLE, "two"),
        has("hand", 4, WHOLE, "for 1"),
        spoilt("board"),
        refused("board", 6, PATCH),
        has("board", 6, WHOLE, "three"),
        has("board", 8, PATCH, "three"),
        Event::Quiet(2),
    ]
}

/// A player who leaves before the end.
fn player() -> Vec<Event> {
    vec![
        connected(false),
        joined(2, Seat::Player),
        has("board", 3, WHOLE, "for players"),
        has("hand", 5, WHOLE, "for 2"),
        Event::Quiet(1),
        Event::Left,
        Event::Quiet(2),
    ]
}

fn history(records: [Vec<Event>; 2]) -> History {
    let record = |(number, events): (usize, Vec<Event>)| Record {
        name: format!("client {number}"),
        library: Library::Rust,
        events,
    };
    History {
        deeds: deeds(),
        records: records.into_iter().enumerate().map(record).collect(),
    }
}

/// What is wrong when the spectator saw this.
fn found(change: impl FnOnce(&mut Vec<Event>)) -> Vec<Kind> {
    let mut events = spectator();
    change(&mut events);
    let violations = check(&history([events, player()]));
    violations.into_iter().map(|it| it.kind).collect()
}

#[test]
fn a_good_history_is_accepted() {
    assert_eq!(check(&history([spectator(), player()])), []);
}

#[test]
fn a_state_that_nobody_showed_is_noticed() {
    let altered = found(|events| events[2] = has("board", 1, WHOLE, "ona"));
    assert_eq!(altered, [Kind::Altered]);
    let of_other_view = found(|events| events[2] = has("board", 1, WHOLE, "for 1"));
    assert_eq!(of_other_view, [Kind::Altered]);
}

#[test]
fn what_was_for_somebody_else_is_noticed() {
    let of_member = found(|events| events.insert(4, has("hand", 5, WHOLE, "for 2")));
    assert_eq!(
        of_member,
        [Kind::Overheard, Kind::NotCurrent, Kind::VersionFell],
        "and it is not what this one is to have"
    );
    let of_seat = found(|events| events[4] = has("board", 3, WHOLE, "for players"));
    // It is a player later, and what is shown to players then is for it too; what was shown before is as well, by then.
    assert_eq!(of_seat, [Kind::NotCurrent, Kind::VersionFell]);
    let of_seat = |moved| {
        let mut history = history([spectator(), player()]);
        history
            .deeds
            .retain(|deed| moved || !matches!(deed, Deed::Seat { .. }));
        history.records[0].events[4] = has("board", 3, WHOLE, "for players");
        let violations = check(&history);
        violations.iter().any(|it| it.kind == Kind::Overheard)
    };
    assert!(of_seat(false) && !of_seat(true));
}

#[test]
fn one_version_for_two_states_is_noticed() {
    let kinds = found(|events| events[4] = has("board", 3, PATCH, "two"));
    assert!(kinds.contains(&Kind::VersionMeansTwo), "{kinds:?}");
}

#[test]
fn versions_and_states_that_fall_are_noticed() {
    let fell = found(|events| events[11] = has("board", 1, WHOLE, "one"));
    assert!(fell.contains(&Kind::VersionFell), "{fell:?}");
    let fell = found(|events| {
        events[2] = has("board", 1, WHOLE, "two");
        events[4] = has("board", 2, PATCH, "one");
        events.truncate(5);
    });
    assert_eq!(fell, [Kind::StateFell]);
}

#[test]
fn a_patch_before_the_whole_is_noticed_also_where_it_fits() {
    let first = found(|events| events[2] = has("board", 1, PATCH, "one"));
    assert_eq!(first, [Kind::PatchFirst]);
    // What was there before the connection was lost does not count.
    let first = found(|events| events[7] = has("board", 2, PATCH, "two"));
    assert_eq!(first, [Kind::PatchFirst]);
}

#[test]
fn a_patch_of_a_view_that_nobody_knows_is_noticed() {
    let unknown = found(|events| events.insert(4, Event::Unknown(7)));
    assert_eq!(unknown, [Kind::PatchFirst]);
}

#[test]
fn a_frame_that_is_of_no_use_is_noticed_unless_it_was_made_so() {
    assert_eq!(found(|events| drop(events.remove(9))), [Kind::Unusable]);
}

#[test]
fn what_does_not_heal_is_noticed() {
    let never_noticed = found(|events| {
        events.drain(10..13);
    });
    assert_eq!(never_noticed, [Kind::NotHealed]);
}

#[test]
fn what_is_missing_when_all_is_quiet_is_noticed() {
    assert_eq!(found(|events| drop(events.remove(4))), [Kind::NotCurrent]);
    let of_members = found(|events| events.retain(|it| !is_of("hand", it)));
    assert_eq!(of_members, [Kind::NotCurrent; 2]);
    // After a new session nothing is known any more.
    let forgot = found(|events| events.insert(13, joined(1, Seat::Player)));
    assert_eq!(forgot, [Kind::NotCurrent; 2]);
}

fn is_of(wanted: &str, event: &Event) -> bool {
    let wanted: Arc<str> = wanted.into();
    matches!(event, Event::State { view, .. } if *view == wanted)
}
