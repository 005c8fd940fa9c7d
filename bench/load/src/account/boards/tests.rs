use super::*;

const PLAYERS: usize = 3;

/// A room and a server that does right, unless a test says otherwise.
struct Game {
    boards: Boards,
    /// As the server has it.
    cells: Cells,
    tick: u64,
    shown: Vec<u64>,
}

impl Game {
    /// A room in which everybody sees the first board. Members are numbered from 11 on.
    fn new() -> Self {
        let mut boards = Boards::new(PLAYERS);
        for place in 0..PLAYERS {
            boards.on_joined(place, member(place));
        }
        let mut game = Self {
            boards,
            cells: [NOBODY; CELLS],
            tick: 7,
            shown: Vec::new(),
        };
        assert!(!game.boards.is_ready());
        game.show_all();
        assert!(game.boards.is_ready() && game.boards.is_settled());
        game
    }

    /// A player asks for a cell, gets it, and has the answer.
    fn take(&mut self, place: usize, at_us: u64) -> Ask {
        let ask = self.boards.ask(place, at_us);
        self.cells[ask.cell] = member(place);
        let asked_at_us = self.boards.on_answer(place, ask.id.into(), true);
        assert_eq!(asked_at_us, Some(at_us));
        ask
    }

    fn show(&mut self, place: usize, cells: &Cells) {
        self.show_as(place, cells, true);
    }

    /// A player is shown that the board has ended.
    fn show_end(&mut self, place: usize) {
        let cells = self.cells;
        self.show_as(place, &cells, false);
    }

    fn show_as(&mut self, place: usize, cells: &Cells, is_open: bool) {
        let shown = &mut self.shown;
        self.boards
            .on_board(place, self.tick, cells, is_open, |at_us| shown.push(at_us));
    }

    /// Everybody is shown what the server has, in a tick of its own.
    fn show_all(&mut self) {
        self.tick += 1;
        let cells = self.cells;
        for place in 0..PLAYERS {
            self.show(place, &cells);
        }
    }

    fn count(&self, fault: Fault) -> u64 {
        let faults = self.boards.audit();
        assert!(faults.to_string().lines().count() <= 1, "{faults}");
        faults.count(fault)
    }

    fn is_good(&self) -> bool {
        self.boards.is_settled() && self.boards.audit().is_empty()
    }
}

fn member(place: usize) -> u32 {
    11 + u32::try_from(place).unwrap()
}

#[test]
fn every_cell_is_shown_to_everybody_from_the_time_it_was_to_be_asked_for() {
    let mut game = Game::new();
    game.take(0, 100);
    game.take(2, 200);
    assert!(!game.boards.is_settled(), "nobody has seen it");
    game.show_all();
    assert_eq!(game.shown, [100, 200].repeat(PLAYERS));
    assert!(game.is_good());
}

#[test]
fn boards_are_played_one_after_the_other() {
    let mut game = Game::new();
    for _ in 0..3 * BOARDS_KEPT {
        let asked: Vec<usize> = (0..CELLS).map(|turn| game.take(turn % 3, 5).cell).collect();
        let mut cells = asked.clone();
        cells.sort_unstable();
        assert_eq!(cells, (0..CELLS).collect::<Vec<_>>(), "each cell once");
        assert_eq!(asked.last(), Some(&DOOR));
        game.show_all();
        let ask = game.boards.ask(0, 6);
        assert_eq!(ask.cell, DOOR, "the board is full");
        game.boards.on_answer(0, ask.id.into(), false);
        game.cells = [NOBODY; CELLS];
        game.show_all();
    }
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn a_door_that_is_taken_late_belongs_to_the_next_board() {
    let mut game = Game::new();
    for turn in 0..CELLS {
        game.take(turn % 3, 5);
    }
    game.show_all();
    let late = game.boards.ask(1, 6);
    game.cells = [NOBODY; CELLS];
    game.cells[late.cell] = member(1);
    game.boards.on_answer(1, late.id.into(), true);
    game.show_all();
    assert_eq!(game.take(0, 7).cell, 1 + 2, "the second board has begun");
    game.show_all();
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn a_player_may_be_behind_others() {
    let mut game = Game::new();
    for turn in 0..CELLS {
        game.take(turn % 3, 5);
    }
    let full = game.cells;
    (game.tick, game.cells) = (9, [NOBODY; CELLS]);
    for cells in [full, [NOBODY; CELLS]] {
        game.tick += 1;
        game.show(0, &cells);
    }
    game.take(0, 8);
    (game.tick, game.shown) = (10, Vec::new());
    game.show(1, &full);
    assert_eq!(game.shown, [5; CELLS - 1]);
    game.show(2, &full);
    game.tick = 11;
    game.show(1, &[NOBODY; CELLS]);
    game.show(2, &[NOBODY; CELLS]);
    game.show_all();
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn a_board_has_ended_when_the_last_player_sees_that_and_that_is_said_once() {
    let mut game = Game::new();
    game.tick += 1;
    for place in [0, 2] {
        game.show_end(place);
        assert!(!game.boards.take_end(), "not all have seen it");
    }
    game.show_end(1);
    assert!(game.boards.take_end());
    game.show_end(1);
    assert!(!game.boards.take_end(), "it was said");
    game.show_all();
    assert!(!game.boards.take_end());
    game.tick += 1;
    (0..PLAYERS).for_each(|place| game.show_end(place));
    assert!(game.boards.take_end(), "the next one");
}

#[test]
fn who_has_left_need_not_see_the_end_of_a_board() {
    let mut game = Game::new();
    game.tick += 1;
    (1..PLAYERS).for_each(|place| game.show_end(place));
    game.boards.begin_leave(0);
    game.boards.on_left(0);
    game.show_end(1);
    assert!(game.boards.take_end());
}

#[test]
fn a_cell_that_one_player_is_not_shown_is_lost() {
    let mut game = Game::new();
    game.take(0, 100);
    let cells = game.cells;
    game.tick += 1;
    game.show(0, &cells);
    game.show(1, &cells);
    assert!(!game.boards.is_settled());
    assert_eq!(game.count(Fault::Lost), 1);
}

#[test]
fn an_input_without_an_answer_is_lost() {
    let mut game = Game::new();
    game.boards.ask(1, 100);
    assert!(!game.boards.is_settled());
    assert_eq!(game.count(Fault::Lost), 1);
}

#[test]
fn an_answer_that_comes_twice_or_to_nothing_is_noticed() {
    let mut game = Game::new();
    let ask = game.take(0, 100);
    game.show_all();
    assert_eq!(game.boards.on_answer(0, ask.id.into(), true), None);
    assert_eq!(game.count(Fault::Doubled), 1);
    let mut game = Game::new();
    assert_eq!(game.boards.on_answer(0, 1, true), None);
    assert_eq!(game.count(Fault::Unasked), 1);
}

#[test]
fn a_free_cell_that_is_refused_is_noticed() {
    let mut game = Game::new();
    let ask = game.boards.ask(0, 100);
    game.boards.on_answer(0, ask.id.into(), false);
    assert!(game.boards.is_settled());
    assert_eq!(game.count(Fault::Refused), 1);
}

#[test]
fn a_cell_that_is_given_to_another_is_noticed() {
    let mut game = Game::new();
    let ask = game.take(0, 100);
    game.cells[ask.cell] = member(1);
    game.show_all();
    let faults = game.boards.audit();
    assert_eq!(faults.count(Fault::AnotherSender), 3);
    assert_eq!(faults.count(Fault::Lost), 3);
}

#[test]
fn a_cell_that_nobody_asked_for_is_noticed() {
    let mut game = Game::new();
    game.cells[40] = member(1);
    game.show_all();
    assert_eq!(game.count(Fault::Unasked), 3);
}

#[test]
fn two_boards_for_the_same_tick_are_noticed() {
    let mut game = Game::new();
    game.take(0, 100);
    game.show_all();
    let mut other = game.cells;
    other[DOOR] = member(2);
    game.tick += 1;
    let cells = game.cells;
    game.show(0, &cells);
    game.show(1, &other);
    game.show(2, &cells);
    assert_eq!(game.count(Fault::Diverged), 1);
}

#[test]
fn more_than_one_board_in_a_tick_is_good_where_all_see_the_same() {
    let mut game = Game::new();
    game.take(0, 100);
    game.show_all();
    game.take(1, 200);
    game.tick -= 1;
    game.show_all();
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn a_tick_that_goes_back_is_noticed() {
    let mut game = Game::new();
    game.show_all();
    game.tick -= 2;
    game.show_all();
    assert_eq!(game.count(Fault::TickBack), 3);
}

/// A room in which the player at this place has left after all have taken something, and somebody else has come, as member 77, who has not
/// seen anything yet.
fn with_a_newcomer(place: usize) -> Game {
    let mut game = Game::new();
    for place in 0..PLAYERS {
        game.take(place, 100);
    }
    game.show_all();
    assert!(game.boards.is_complete());
    game.boards.begin_leave(place);
    assert!(game.boards.may_leave(place) && !game.boards.is_playing(place));
    game.boards.on_left(place);
    assert!(game.is_good(), "nobody waits for who has left");
    game.boards.on_joined(place, 77);
    game.shown.clear();
    game
}

#[test]
fn who_leaves_waits_for_its_answers_and_needs_nothing_more() {
    let mut game = Game::new();
    let ask = game.boards.ask(1, 100);
    game.boards.begin_leave(1);
    assert!(!game.boards.may_leave(1));
    game.boards.on_answer(1, ask.id.into(), true);
    assert!(game.boards.may_leave(1));
    game.boards.on_left(1);
    game.cells[ask.cell] = member(1);
    game.tick += 1;
    let cells = game.cells;
    game.show(0, &cells);
    assert!(!game.boards.is_settled(), "one has not seen it");
    game.show(2, &cells);
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn who_comes_is_shown_the_board_as_it_is_and_plays_from_the_next_on() {
    let mut game = with_a_newcomer(1);
    game.show_all();
    assert_eq!(game.shown, [100; PLAYERS], "only the newcomer has news");
    assert!(!game.boards.is_playing(1) && !game.boards.is_complete());
    for turn in PLAYERS..CELLS {
        game.take(2 * (turn % 2), 200);
    }
    game.show_all();
    game.cells = [NOBODY; CELLS];
    game.show_all();
    assert!(game.boards.is_complete());
    let ask = game.boards.ask(1, 300);
    game.boards.on_answer(1, ask.id.into(), true);
    game.cells[ask.cell] = 77;
    game.show_all();
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn who_comes_may_be_the_first_to_see_a_board() {
    let mut game = with_a_newcomer(2);
    let before = game.cells;
    game.cells = [NOBODY; CELLS];
    game.tick += 2;
    game.show(2, &[NOBODY; CELLS]);
    game.tick -= 1;
    game.show(0, &before);
    game.show(1, &before);
    game.show_all();
    assert_eq!(game.shown, Vec::<u64>::new());
    game.take(0, 300);
    game.show_all();
    assert_eq!(game.shown, [300; PLAYERS]);
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn the_end_of_a_board_is_nothing_to_who_comes() {
    let mut game = with_a_newcomer(0);
    let (tick, cells) = (game.tick + 1, game.cells);
    game.boards.on_board(0, tick, &cells, false, |_| {});
    assert!(game.is_good(), "{}", game.boards.audit());
    game.cells = [NOBODY; CELLS];
    game.show_all();
    game.show_all();
    assert!(game.is_good(), "{}", game.boards.audit());
}

#[test]
fn a_cell_that_who_comes_is_not_shown_is_lost() {
    let mut game = with_a_newcomer(1);
    game.show_all();
    let ask = game.take(0, 300);
    let cells = game.cells;
    game.tick += 1;
    game.show(0, &cells);
    game.show(2, &cells);
    assert!(!game.boards.is_settled(), "{ask:?}");
    assert_eq!(game.count(Fault::Lost), 1);
}

#[test]
fn who_comes_and_is_shown_nothing_is_noticed() {
    let mut game = with_a_newcomer(1);
    assert!(!game.boards.is_settled());
    assert_eq!(game.count(Fault::Lost), 1);
    game.show_all();
    assert!(game.is_good(), "{}", game.boards.audit());
}
