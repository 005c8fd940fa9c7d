//! A player that is shown boards.

use super::*;
use crate::account::Audience;

const ME: u32 = 11;
const NEIGHBOUR: u32 = 12;

struct Table {
    grid: Grid,
    room: Room,
}

impl Table {
    fn new() -> Self {
        let room = Room::new("room".to_owned(), 2, Audience::Nobody);
        room.on_joined(0, ME);
        room.on_joined(1, NEIGHBOUR);
        let grid = Grid::new(0);
        Self { grid, room }
    }

    /// Shows a board on which these cells are taken.
    fn see(&mut self, status: &str, taken: &[(usize, u32)]) -> Vec<Shown> {
        let mut cells = [None; CELLS].to_vec();
        for (cell, owner) in taken {
            cells[*cell] = Some(*owner);
        }
        #[derive(Serialize)]
        struct Full<'a> {
            status: &'a str,
            time_remaining_ms: u64,
            cells: Vec<Option<u32>>,
            players: [&'a str; 1],
        }
        let state = payload(&Full {
            status,
            time_remaining_ms: 5,
            cells,
            players: ["x"],
        });
        let sight = Sight {
            state: &state,
            me: ME,
            place: 0,
            room: &self.room,
        };
        let mut all = Vec::new();
        assert!(self.grid.on_board(&sight, |shown| all.push(shown)));
        all
    }

    fn ask(&mut self, id: u64) -> usize {
        let ask = self.grid.next(Stamp {
            sender: 0,
            id,
            at_us: 1_000 * id,
        });
        assert_eq!(ask.is_timed.then_some(ask.cell), self.grid.cell_of(id));
        ask.cell
    }
}

fn own(at_us: u64) -> Shown {
    Shown {
        at_us,
        is_own: true,
    }
}

#[test]
fn a_capture_is_timed_when_the_board_shows_it_first() {
    let mut table = Table::new();
    let cell = table.ask(7);
    table.grid.on_answer(7, true);
    assert_eq!(table.see("active", &[]), []);
    assert_eq!(table.see("active", &[(cell, ME)]), [own(7_000)]);
    assert_eq!(table.see("active", &[(cell, ME)]), []);
}

#[test]
fn the_neighbours_captures_are_timed_by_when_it_asked() {
    let mut table = Table::new();
    table.room.on_asked(1, 5, Some(9_000));
    table.room.on_asked(1, 8, Some(9_000));
    table.room.on_asked(1, 8, None);
    let shown = table.see(
        "active",
        &[(5, NEIGHBOUR), (6, NEIGHBOUR), (8, NEIGHBOUR), (7, 99)],
    );
    assert_eq!(
        shown,
        [Shown {
            at_us: 9_000,
            is_own: false
        }]
    );
}

#[test]
fn cells_that_are_taken_or_asked_for_are_not_asked_for() {
    let mut table = Table::new();
    let taken: Vec<_> = (2..CELLS).map(|cell| (cell, 99)).collect();
    table.see("active", &taken);
    let mut asked = [table.ask(1), table.ask(2)];
    asked.sort_unstable();
    assert_eq!(asked, [0, 1]);
    table.grid.next(Stamp {
        sender: 0,
        id: 3,
        at_us: 3,
    });
    assert_eq!(
        table.grid.cell_of(3),
        None,
        "nothing is free, so this one is not timed"
    );
    table.grid.on_answer(1, false);
    assert_eq!(
        table.grid.cell_of(1),
        None,
        "a refused cell may be asked for again"
    );
}

#[test]
fn a_new_match_forgets_what_was_answered_and_not_seen() {
    let mut table = Table::new();
    let (seen, unseen) = (table.ask(1), table.ask(2));
    let waiting = table.ask(3);
    table.grid.on_answer(1, true);
    table.grid.on_answer(2, true);
    table.see("active", &[(seen, ME)]);
    assert_eq!(table.see("active", &[]), []);
    assert_eq!(table.see("active", &[(unseen, ME)]), []);
    assert_eq!(
        table.see("active", &[(unseen, ME), (waiting, ME)]),
        [own(3_000)]
    );
}

#[test]
fn the_first_bot_starts_once_and_again_when_it_was_refused() {
    let mut table = Table::new();
    let said = |urge: Option<Payload>| urge.map(|it| it.to_json());
    assert_eq!(said(table.grid.urge(1)).unwrap(), r#"{"type":"start"}"#);
    assert_eq!(said(table.grid.urge(2)), None);
    table.grid.on_answer(1, false);
    assert!(table.grid.urge(2).is_some());
    table.grid.on_answer(2, true);
    assert_eq!(said(table.grid.urge(3)), None, "the board will show it");
    table.see("active", &[]);
    assert_eq!(said(table.grid.urge(3)), None);
    table.see("completed", &[]);
    assert_eq!(said(table.grid.urge(4)).unwrap(), r#"{"type":"rematch"}"#);
    assert_eq!(said(Grid::new(1).urge(1)), None);
}

#[test]
fn what_is_no_board_is_told_apart() {
    let mut table = Table::new();
    let state = Payload::from_json(r#"{"status":"active","cells":[1]}"#).unwrap();
    let sight = Sight {
        state: &state,
        me: ME,
        place: 0,
        room: &table.room,
    };
    assert!(!table.grid.on_board(&sight, |_| ()));
}
