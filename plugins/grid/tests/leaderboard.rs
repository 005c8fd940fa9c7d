//! What becomes of results.

use parlor_plugin::{
    KvError, KvOutcome, Map, MemberId, Payload, Value, json,
    testing::{Newcomer, TestRoom},
};
use parlor_plugin_grid::Grid;

const KEY: &str = "public/leaderboard";

fn send(room: &mut TestRoom<Grid>, member: MemberId, kind: &str) {
    room.ask(member, &json!({ "type": kind })).data();
}

/// One match to its end: the first takes so many cells, the second all the others.
fn play(room: &mut TestRoom<Grid>, first: MemberId, cells: i64, second: MemberId) {
    for cell in 0..81 {
        let player = if cell < cells { first } else { second };
        room.ask(player, &json!({ "type": "capture", "cell": cell }))
            .data();
    }
}

/// Lets the random wait pass before it is asked, which spreads rooms that end together.
fn report(room: &mut TestRoom<Grid>) {
    room.advance(2_000);
    room.run_storage();
}

fn rows(room: &TestRoom<Grid>) -> Value {
    let stored = Payload::from_bytes(&room.storage()[KEY]).expect("it is public");
    let mut board: Map<String, Value> = stored.read().expect("a map");
    board.remove("rows").expect("rows")
}

fn row(name: &str, wins: u32, best: u32, games: u32) -> Value {
    let row = json!({ "name": name, "account": null, "wins": wins, "best": best, "games": games });
    let payload = Payload::of(&row).expect("a value");
    payload.read().expect("a value")
}

#[test]
fn a_match_to_its_end_is_on_the_leaderboard_with_the_winner_first() {
    let mut room = TestRoom::<Grid>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    send(&mut room, ann, "start");
    play(&mut room, ann, 30, bob);
    report(&mut room);
    assert_eq!(
        rows(&room),
        json!([row("bob", 1, 51, 1), row("ann", 0, 30, 1)])
    );
    send(&mut room, ann, "rematch");
    play(&mut room, ann, 60, bob);
    report(&mut room);
    assert_eq!(
        rows(&room),
        json!([row("ann", 1, 60, 2), row("bob", 1, 51, 2)])
    );
}

#[test]
fn the_clock_ends_a_match_too_and_a_draw_has_no_winner() {
    let mut room = TestRoom::<Grid>::open();
    let ann = room.join("ann");
    let bob = room
        .join_as(&Newcomer::new("bob").user("b@example.org"))
        .unwrap();
    send(&mut room, ann, "start");
    room.advance(31_000);
    report(&mut room);
    let text = rows(&room).to_string();
    assert!(!text.contains("example.org"), "{text}");
    let Value::List(rows) = rows(&room) else {
        panic!("{text}");
    };
    assert_eq!(rows[0], row("ann", 0, 0, 1));
    assert!(
        rows.len() == 2 && rows[1] != row("bob", 0, 0, 1),
        "bob has an account"
    );
    // Nothing is written twice.
    room.advance(1_000);
    room.run_storage();
    assert_eq!(room.kv_requests().len(), 2);
    room.leave(bob);
}

#[test]
fn bots_are_not_ranked_and_a_match_that_all_left_does_not_count() {
    let mut room = TestRoom::<Grid>::open();
    let ann = room.join("ann");
    room.ask(ann, &json!({ "type": "bots", "count": 2 })).data();
    send(&mut room, ann, "start");
    room.leave(ann);
    room.advance(31_000);
    report(&mut room);
    assert!(room.storage().is_empty());
    let ann = room.join("ann");
    send(&mut room, ann, "rematch");
    room.advance(31_000);
    report(&mut room);
    assert_eq!(rows(&room), json!([row("ann", 0, 0, 1)]));
}

#[test]
fn what_another_room_wrote_meanwhile_stays() {
    let mut room = TestRoom::<Grid>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    send(&mut room, ann, "start");
    play(&mut room, ann, 30, bob);
    room.advance(2_000);
    room.kv_answer(1, Ok(KvOutcome::Value(None)));
    let theirs = json!({ "rows": [row("cid", 9, 50, 9), row("ann", 3, 40, 8)] });
    let theirs = Payload::of(&theirs).unwrap().into_bytes();
    room.storage_mut().insert(KEY.to_owned(), theirs);
    room.run_storage();
    assert_eq!(room.kv_requests().len(), 2, "it waits before it asks again");
    // Up to four seconds after one conflict.
    room.advance(2_000);
    room.advance(2_000);
    room.run_storage();
    let expected = [
        row("cid", 9, 50, 9),
        row("ann", 3, 40, 9),
        row("bob", 1, 51, 1),
    ];
    assert_eq!(rows(&room), json!(expected));
}

#[test]
fn a_storage_that_does_not_answer_is_asked_again_and_nothing_is_lost_or_doubled() {
    let mut room = TestRoom::<Grid>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    send(&mut room, ann, "start");
    play(&mut room, ann, 30, bob);
    room.advance(2_000);
    room.kv_answer(1, Err(KvError::Unavailable));
    send(&mut room, ann, "rematch");
    play(&mut room, ann, 60, bob);
    room.run_storage();
    assert!(room.storage().is_empty(), "it is asked after a while only");
    room.advance(5_000);
    room.run_storage();
    assert_eq!(
        rows(&room),
        json!([row("ann", 1, 60, 2), row("bob", 1, 51, 2)])
    );
}

#[test]
fn what_is_no_leaderboard_is_left_alone() {
    let mut room = TestRoom::<Grid>::open();
    room.storage_mut().insert(KEY.to_owned(), vec![0xc1]);
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    send(&mut room, ann, "start");
    play(&mut room, ann, 30, bob);
    report(&mut room);
    assert_eq!(room.storage()[KEY], [0xc1]);
    assert_eq!(room.logs().len(), 1);
}
