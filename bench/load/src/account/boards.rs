//! The games of one room, as its members play and see them.
//!
//! Members ask for cells that are free and that nobody else asks for, so that whatever is asked for must come true and be shown
//! to everybody. Only one cell, the *door*, is asked for by whoever is to ask when all others are taken: what comes of that is the
//! server's business, for the board may be emptied before or behind it. With the door, the board is full, and a new one comes.

use std::collections::VecDeque;

use super::{Answers, Fault, Faults};

/// How many cells the board has.
pub(crate) const CELLS: usize = 81;
/// The owner of each cell; nobody's is 0.
pub(crate) type Cells = [u32; CELLS];

const NOBODY: u32 = 0;
const DOOR: usize = 0;
/// So many boards are kept, for members who are behind others.
const BOARDS_KEPT: usize = 4;
/// So many ticks are kept, to compare with what others saw.
const TICKS_KEPT: usize = 64;

/// What to ask for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) id: u32,
    pub(crate) cell: usize,
}

/// The account of one room.
#[derive(Debug)]
pub(crate) struct Boards {
    players: Vec<Player>,
    /// How many boards there were; nothing is to be asked for where the first is still to come.
    board: u64,
    /// What was asked for on the last boards; the board of number n at n modulo their count.
    asked: [[Option<Asked>; CELLS]; BOARDS_KEPT],
    /// How many cells of this board were asked for, without the door.
    asked_count: usize,
    ticks: VecDeque<Tick>,
    /// How many cells each player must be shown as taken, by what was accepted so far.
    expected: u64,
    /// How many answers, and cells to be shown, are missing.
    missing: i64,
    faults: Faults,
}

/// A cell that was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    place: usize,
    at_us: u64,
}

/// What all saw in one tick.
#[derive(Debug)]
struct Tick {
    number: u64,
    /// Where there is more than one board in a tick, which of them.
    nth: u32,
    cells: Cells,
}

#[derive(Debug)]
struct Player {
    /// Its number in the room; 0 until it has joined.
    member: u32,
    answers: Answers,
    /// Which inputs, of those without an answer, must be accepted.
    must: VecDeque<u32>,
    /// Which board it sees, by number; 0 for none.
    board: u64,
    /// Whether that can be played on still.
    is_open: bool,
    cells: Cells,
    tick: u64,
    nth: u32,
    /// How many cells it was shown as taken.
    shown: u64,
}

impl Boards {
    pub(crate) fn new(players: usize) -> Self {
        let player = || Player {
            member: NOBODY,
            answers: Answers::default(),
            must: VecDeque::new(),
            board: 0,
            is_open: false,
            cells: [NOBODY; CELLS],
            tick: 0,
            nth: 0,
            shown: 0,
        };
        Self {
            players: (0..players).map(|_| player()).collect(),
            board: 0,
            asked: [[None; CELLS]; BOARDS_KEPT],
            asked_count: 0,
            ticks: VecDeque::with_capacity(TICKS_KEPT),
            expected: 0,
            missing: 0,
            faults: Faults::default(),
        }
    }

    pub(crate) fn on_joined(&mut self, place: usize, member: u32) {
        self.players[place].member = member;
    }

    /// Whether everybody sees a board that can be played on.
    pub(crate) fn is_ready(&self) -> bool {
        self.players.iter().all(|player| player.board > 0)
    }

    /// A player is to ask for a cell.
    pub(crate) fn ask(&mut self, place: usize, at_us: u64) -> Ask {
        let player = &mut self.players[place];
        let id = player.answers.next();
        player.answers.on_asked(at_us);
        self.missing += 1;
        if self.board == 0 || self.asked_count == CELLS - 1 {
            return Ask { id, cell: DOOR };
        }
        // Steps that are prime to how many there are come by all of them; not in the order of a line, which would be easy to write down.
        const STEP: usize = 37;
        let cell = 1 + (self.asked_count * STEP + self.board_index()) % (CELLS - 1);
        self.asked_count += 1;
        self.missing += screens(self.players.len());
        self.players[place].must.push_back(id);
        let index = self.board_index();
        self.asked[index][cell] = Some(Asked { place, at_us });
        Ask { id, cell }
    }

    /// An input was answered. Says when it was to be said.
    pub(crate) fn on_answer(&mut self, place: usize, id: u64, is_accepted: bool) -> Option<u64> {
        let screens = screens(self.players.len());
        let player = &mut self.players[place];
        let answered = match player.answers.on_answer(id) {
            Ok(answered) => answered,
            Err(fault) => {
                let what = || format!("an answer to input {id} of player {place}");
                self.faults.add(fault, what);
                return None;
            }
        };
        self.missing -= 1;
        let must = player.must.iter().position(|must| u64::from(*must) == id);
        if let Some(must) = must {
            player.must.remove(must);
            if is_accepted {
                self.expected += 1;
            } else {
                self.missing -= screens;
                let what = || format!("input {id} of player {place}, for a cell that was free");
                self.faults.add(Fault::Refused, what);
            }
        }
        Some(answered.at_us)
    }

    /// A player is shown a board. Calls `shown` for each cell that is new to it, with the time at which that was to be asked for.
    pub(crate) fn on_board(
        &mut self,
        place: usize,
        tick: u64,
        cells: &Cells,
        is_open: bool,
        mut shown: impl FnMut(u64),
    ) {
        self.check_tick(place, tick, cells);
        let player = &self.players[place];
        let before = player.cells;
        let is_taken_away = |cell: usize| before[cell] != NOBODY && cells[cell] == NOBODY;
        let is_emptied = (0..CELLS).any(is_taken_away);
        let mut board = player.board;
        if is_open && (is_emptied || !player.is_open) {
            board += 1;
            if board > self.board {
                self.begin(board);
            }
        }
        let before = if is_emptied { [NOBODY; CELLS] } else { before };
        for cell in (0..CELLS).filter(|cell| *cell != DOOR && cells[*cell] != before[*cell]) {
            match self.find(board, cell, cells[cell]) {
                Ok(at_us) => {
                    shown(at_us);
                    self.players[place].shown += 1;
                    self.missing -= 1;
                }
                Err(fault) => self.faults.add(fault, || {
                    let owner = cells[cell];
                    format!("cell {cell} is shown to player {place} as member {owner}'s")
                }),
            }
        }
        let player = &mut self.players[place];
        (player.cells, player.board, player.is_open) = (*cells, board, is_open);
    }

    /// When a cell was asked for that is shown as somebody's.
    fn find(&self, board: u64, cell: usize, owner: u32) -> Result<u64, Fault> {
        let is_kept = board > 0 && board + BOARDS_KEPT as u64 > self.board;
        let index = index_of(board);
        let asked = self.asked[index][cell].filter(|_| is_kept);
        let asked = asked.ok_or(Fault::Unasked)?;
        if self.players[asked.place].member != owner {
            return Err(Fault::AnotherSender);
        }
        Ok(asked.at_us)
    }

    /// What is shown of a tick must be what others were shown of it, and ticks must rise.
    fn check_tick(&mut self, place: usize, tick: u64, cells: &Cells) {
        let player = &mut self.players[place];
        if tick < player.tick {
            let last = player.tick;
            let what = || format!("tick {tick} came to player {place} behind tick {last}");
            self.faults.add(Fault::TickBack, what);
        }
        let is_another = tick != player.tick || player.board == 0;
        player.nth = if is_another { 0 } else { player.nth + 1 };
        player.tick = tick;
        // What came before all were there may have been put together by the time each came.
        if !self.is_ready() {
            return;
        }
        let nth = self.players[place].nth;
        let known = self.ticks.iter().rev();
        let mut known = known.filter(|known| (known.number, known.nth) == (tick, nth));
        if let Some(known) = known.next() {
            if known.cells != *cells {
                let what = || format!("in tick {tick}, to player {place}");
                self.faults.add(Fault::Diverged, what);
            }
            return;
        }
        if self.ticks.len() == TICKS_KEPT {
            self.ticks.pop_front();
        }
        self.ticks.push_back(Tick {
            number: tick,
            nth,
            cells: *cells,
        });
    }

    /// Somebody sees a new board.
    fn begin(&mut self, board: u64) {
        self.board = board;
        self.asked[index_of(board)] = [None; CELLS];
        self.asked_count = 0;
    }

    fn board_index(&self) -> usize {
        index_of(self.board)
    }

    /// Whether all that was asked for is answered, and shown to everybody.
    pub(crate) fn is_settled(&self) -> bool {
        self.missing <= 0
    }

    /// What went wrong, with what has not come.
    pub(crate) fn audit(&self) -> Faults {
        let mut faults = self.faults.clone();
        for (place, player) in self.players.iter().enumerate() {
            let unanswered = player.answers.pending() as u64;
            faults.add_many(Fault::Lost, unanswered, || {
                let first = player.answers.first_pending().unwrap_or_default();
                format!("the answer to input {first} of player {place}")
            });
            let unseen = self.expected.saturating_sub(player.shown);
            faults.add_many(Fault::Lost, unseen, || {
                let expected = self.expected;
                format!(
                    "{} of {expected} cells were shown to player {place}",
                    player.shown
                )
            });
        }
        faults
    }
}

/// How often a cell is to be shown.
fn screens(players: usize) -> i64 {
    i64::try_from(players).unwrap_or(i64::MAX)
}

/// Where what was asked for on a board is kept.
fn index_of(board: u64) -> usize {
    usize::try_from(board % BOARDS_KEPT as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
