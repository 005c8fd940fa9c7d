//! What a client of `grid` sees.

use parlor_plugin::{
    MemberId, Seat, json,
    testing::{Newcomer, Setup, TestRoom},
};
use parlor_plugin_grid::Grid;
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
struct Board {
    status: String,
    time_remaining_ms: u64,
    cells: Vec<Option<u32>>,
    players: Vec<Player>,
    winner: Option<u32>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Player {
    id: u32,
    name: String,
    color: String,
    score: u32,
    bot: bool,
    present: bool,
}

impl Board {
    fn player(&self, id: u32) -> &Player {
        self.players
            .iter()
            .find(|player| player.id == id)
            .expect("a player of that number")
    }

    fn bots(&self) -> usize {
        self.players.iter().filter(|player| player.bot).count()
    }
}

fn send(room: &mut TestRoom<Grid>, member: MemberId, kind: &str) {
    room.ask(member, &json!({ "type": kind })).data();
}

fn capture(room: &mut TestRoom<Grid>, member: MemberId, cell: i64) -> Option<String> {
    room.ask(member, &json!({ "type": "capture", "cell": cell }))
        .code()
        .map(str::to_owned)
}

/// The board as of the next tick.
fn board(room: &mut TestRoom<Grid>) -> Board {
    room.tick(1);
    room.view_as("board")
}

fn started() -> (TestRoom<Grid>, MemberId, MemberId) {
    let mut room = TestRoom::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    send(&mut room, ann, "start");
    (room, ann, bob)
}

#[test]
fn the_board_is_there_from_the_start() {
    let room = TestRoom::<Grid>::open();
    let nobody = vec![None::<u32>; 81];
    assert_eq!(
        room.view("board"),
        json!({ "status": "waiting", "time_remaining_ms": 30_000, "cells": nobody, "players": [], "winner": null })
    );
    assert_eq!(
        room.metadata(),
        json!({ "status": "waiting", "players": 0 })
    );
}

#[test]
fn a_match_needs_two_and_bots_count() {
    let mut room = TestRoom::<Grid>::open();
    let ann = room.join("ann");
    assert_eq!(
        room.ask(ann, &json!({ "type": "start" })).code(),
        Some("NOT_ENOUGH_PLAYERS")
    );
    room.ask(ann, &json!({ "type": "bots", "count": 1 })).data();
    send(&mut room, ann, "start");
    let board = board(&mut room);
    assert_eq!(
        (board.status.as_str(), board.time_remaining_ms),
        ("active", 30_000)
    );
    assert_eq!(room.metadata(), json!({ "status": "active", "players": 2 }));
    assert_eq!(
        room.ask(ann, &json!({ "type": "start" })).code(),
        Some("ALREADY_STARTED")
    );
}

#[test]
fn the_first_to_ask_gets_the_cell_and_keeps_it() {
    let (mut room, ann, bob) = started();
    let capture_4 = json!({ "type": "capture", "cell": 4 });
    room.push_all(&[(bob, &capture_4), (ann, &capture_4)]);
    room.tick(1);
    assert_eq!(room.last_answer(bob).code(), None);
    assert_eq!(room.last_answer(ann).code(), Some("CELL_TAKEN"));
    assert_eq!(capture(&mut room, bob, 4).as_deref(), Some("CELL_TAKEN"));
    let board = board(&mut room);
    assert_eq!(board.cells[4], Some(bob));
    assert_eq!((board.player(ann).score, board.player(bob).score), (0, 1));
    assert_ne!(board.player(ann).color, board.player(bob).color);
}

#[test]
fn wrong_captures_are_refused_by_name() {
    let (mut room, ann, _) = started();
    assert_eq!(capture(&mut room, ann, 81).as_deref(), Some("BAD_CELL"));
    assert_eq!(capture(&mut room, ann, -1).as_deref(), Some("BAD_CELL"));
    let answer = room.ask(ann, &json!({ "type": "capture", "cell": "x" }));
    assert_eq!(answer.code(), Some("INVALID_PAYLOAD"));
    let watcher = room.join_as(&Newcomer::new("cid").spectator()).unwrap();
    assert_eq!(capture(&mut room, watcher, 3).as_deref(), Some("SPECTATOR"));
    room.advance(30_000);
    assert_eq!(capture(&mut room, ann, 3).as_deref(), Some("NOT_ACTIVE"));
}

#[test]
fn after_thirty_seconds_the_most_cells_win() {
    let (mut room, ann, bob) = started();
    let capture = |cell: i64| json!({ "type": "capture", "cell": cell });
    room.push_all(&[(ann, capture(0)), (bob, capture(1)), (bob, capture(2))]);
    room.advance(29_950);
    assert_eq!(room.view_as::<Board>("board").status, "active");
    let board = board(&mut room);
    assert_eq!(
        (board.status.as_str(), board.time_remaining_ms, board.winner),
        ("completed", 0, Some(bob))
    );
}

#[test]
fn equal_scores_are_a_draw() {
    let (mut room, ann, bob) = started();
    capture(&mut room, ann, 0);
    capture(&mut room, bob, 1);
    room.advance(30_000);
    let board: Board = room.view_as("board");
    assert_eq!((board.status.as_str(), board.winner), ("completed", None));
}

#[test]
fn the_last_free_cell_ends_the_match() {
    let (mut room, ann, bob) = started();
    for cell in 0..81 {
        assert_eq!(
            capture(&mut room, if cell < 41 { ann } else { bob }, cell),
            None
        );
    }
    let board = board(&mut room);
    assert_eq!(
        (board.status.as_str(), board.winner),
        ("completed", Some(ann))
    );
}

#[test]
fn a_rematch_begins_at_once_on_an_empty_board() {
    let (mut room, ann, bob) = started();
    capture(&mut room, ann, 0);
    assert_eq!(
        room.ask(bob, &json!({ "type": "rematch" })).code(),
        Some("NOT_COMPLETED")
    );
    room.advance(30_000);
    send(&mut room, bob, "rematch");
    let board = board(&mut room);
    assert_eq!((board.status.as_str(), board.winner), ("active", None));
    assert!(board.cells.iter().all(Option::is_none));
    assert_eq!(board.player(ann).score, 0);
}

#[test]
fn who_comes_during_a_match_watches_it_and_plays_the_next() {
    let (mut room, ann, _) = started();
    let cid = room.join("cid");
    assert_eq!(room.seat(cid), Some(Seat::Spectator));
    assert_eq!(capture(&mut room, cid, 3).as_deref(), Some("SPECTATOR"));
    room.advance(30_000);
    send(&mut room, ann, "rematch");
    assert_eq!(room.seat(cid), Some(Seat::Player));
    assert_eq!(capture(&mut room, cid, 3), None);
}

#[test]
fn who_asked_to_watch_is_seated_only_on_request() {
    let mut room = TestRoom::<Grid>::open();
    room.join("ann");
    let cid = room.join_as(&Newcomer::new("cid").spectator()).unwrap();
    assert_eq!(board(&mut room).players.len(), 1);
    send(&mut room, cid, "play");
    assert_eq!(room.seat(cid), Some(Seat::Player));
    assert_eq!(board(&mut room).players.len(), 2);
}

#[test]
fn who_comes_back_has_its_cells_and_colour_again() {
    let mut room = TestRoom::<Grid>::open();
    let ann = room.join("ann");
    let bob = room.join_as(&Newcomer::new("bob").user("u1")).unwrap();
    send(&mut room, ann, "start");
    capture(&mut room, bob, 7);
    let before = board(&mut room);
    room.disconnect(bob);
    let away = board(&mut room);
    assert!(!away.player(bob).present);
    assert_eq!(away.cells[7], Some(bob));

    // Neither another account of the same name nor a stranger gets the seat.
    let other = room.join_as(&Newcomer::new("bob").user("u2")).unwrap();
    assert_eq!(room.seat(other), Some(Seat::Spectator));
    let back = room.join_as(&Newcomer::new("robert").user("u1")).unwrap();
    let after = board(&mut room);
    assert_eq!(after.cells[7], Some(back));
    let (was, is) = (before.player(bob), after.player(back));
    assert_eq!((&was.color, was.score), (&is.color, is.score));
    assert_eq!((is.name.as_str(), is.present), ("robert", true));
    assert_eq!(capture(&mut room, back, 8), None);
}

#[test]
fn a_guest_is_known_again_by_name() {
    let (mut room, _, bob) = started();
    capture(&mut room, bob, 7);
    room.leave(bob);
    let back = room.join("bob");
    assert_eq!(board(&mut room).cells[7], Some(back));
}

#[test]
fn a_winner_who_comes_back_to_the_result_still_is_the_winner() {
    let (mut room, _, bob) = started();
    capture(&mut room, bob, 7);
    room.advance(30_000);
    room.leave(bob);
    let back = room.join("bob");
    assert_eq!(board(&mut room).winner, Some(back));
}

#[test]
fn who_left_has_no_seat_in_the_rematch() {
    let (mut room, ann, bob) = started();
    room.leave(bob);
    room.advance(30_000);
    send(&mut room, ann, "rematch");
    let board = board(&mut room);
    assert_eq!((board.status.as_str(), board.players.len()), ("waiting", 1));
}

#[test]
fn the_last_person_to_leave_ends_the_match_and_the_next_finds_a_waiting_room() {
    let (mut room, ann, bob) = started();
    room.ask(ann, &json!({ "type": "bots", "count": 3 })).data();
    room.leave(ann);
    assert_eq!(board(&mut room).status, "active");
    room.leave(bob);
    assert_eq!(board(&mut room).status, "completed");
    let cid = room.join("cid");
    let board = board(&mut room);
    assert_eq!((board.status.as_str(), board.bots()), ("waiting", 3));
    assert!(board.player(cid).present);
}

#[test]
fn bots_fill_seats_and_make_room_for_people() {
    let mut room = TestRoom::<Grid>::open();
    let ann = room.join("ann");
    room.ask(ann, &json!({ "type": "bots", "count": 100 }))
        .data();
    let full = board(&mut room);
    assert_eq!((full.players.len(), full.bots()), (8, 7));
    assert!(
        full.players
            .iter()
            .all(|player| player.bot == (player.id >= 1_000_000))
    );
    let colors: std::collections::BTreeSet<_> =
        full.players.iter().map(|player| &player.color).collect();
    assert_eq!(colors.len(), 8);

    let bob = room.join("bob");
    assert_eq!(room.seat(bob), Some(Seat::Player));
    assert_eq!(board(&mut room).bots(), 6);
    room.ask(ann, &json!({ "type": "bots", "count": 2 })).data();
    assert_eq!(board(&mut room).bots(), 2);
    room.ask(ann, &json!({ "type": "bots", "count": 0 })).data();
    assert_eq!(board(&mut room).bots(), 0);
}

#[test]
fn bots_play_at_a_pace_a_person_beats() {
    for seed in 1..=20 {
        let mut room = TestRoom::<Grid>::open_with(&Setup::new().seed(seed)).unwrap();
        let ann = room.join("ann");
        room.ask(ann, &json!({ "type": "bots", "count": 1 })).data();
        send(&mut room, ann, "start");
        room.advance(30_000);
        let score = room.view_as::<Board>("board").players[1].score;
        assert!(
            (18..=40).contains(&score),
            "seed {seed}: the bot took {score} cells"
        );
    }
}

#[test]
fn the_ninth_watches_until_a_seat_is_free() {
    let mut room = TestRoom::<Grid>::open();
    let members: Vec<MemberId> = (1..=8).map(|n| room.join(&format!("p{n}"))).collect();
    let ninth = room.join("p9");
    assert_eq!(room.seat(ninth), Some(Seat::Spectator));
    send(&mut room, ninth, "play");
    assert_eq!(room.seat(ninth), Some(Seat::Spectator));
    room.leave(members[3]);
    assert_eq!(room.seat(ninth), Some(Seat::Player));
}

#[test]
fn a_tick_on_which_nothing_changes_has_no_effects() {
    let mut room = TestRoom::<Grid>::open();
    let ann = room.join("ann");
    room.tick(1);
    assert_eq!(room.effects_of_last_step(), 2, "board and listing");
    room.tick(1);
    assert_eq!(room.effects_of_last_step(), 0);
    let bob = room.join("bob");
    room.ask(ann, &json!({ "type": "start" })).data();
    room.tick(18);
    room.push(bob, &json!({ "type": "capture", "cell": 3 }));
    for expected in [1, 0] {
        room.tick(1);
        assert_eq!(
            room.effects_of_last_step(),
            expected,
            "tick {}",
            room.now_ms() / 50
        );
    }
}

#[test]
fn a_batch_is_the_same_as_its_messages_one_by_one() {
    let mut room = TestRoom::<Grid>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    let capture = |cell: i64| json!({ "type": "capture", "cell": cell });
    room.push_all(&[
        (ann, json!({ "type": "bots", "count": 5 })),
        (bob, json!({ "type": "start" })),
        (ann, capture(1)),
        (bob, capture(1)),
        (bob, capture(2)),
        (ann, json!({ "type": "rematch" })),
    ]);
    room.tick(40);
    let board: Board = room.view_as("board");
    assert_eq!((board.cells[1], board.cells[2]), (Some(ann), Some(bob)));
    assert!(
        board
            .players
            .iter()
            .any(|player| player.bot && player.score > 0)
    );
}

#[test]
fn a_player_who_takes_another_name_is_shown_by_it_and_known_again_by_it() {
    let (mut room, ann, _) = started();
    room.rename(ann, "anna");
    assert_eq!(board(&mut room).player(ann).name, "anna");
    capture(&mut room, ann, 7);
    room.leave(ann);
    let back = room.join("anna");
    assert_eq!(board(&mut room).cells[7], Some(back));
}
