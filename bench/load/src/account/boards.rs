//! The games of one room, as its members play and see them.
//!
//! Members ask for cells that are free and that nobody else asks for, so that whatever is asked for must come true and be shown
//! to everybody. Only one cell, the *door*, is asked for by whoever is to ask when all others are taken: what comes of that is the
//! server's business, for the board may be emptied before or behind it. With the door, the board is full, and a new one comes.
//!
//! A player may leave for another one. Who leaves asks for nothing any more, and goes when everything that it asked for is answered: so
//! it is known what became of that. Who comes is to be shown what was asked for on the board that it sees first, and on those after it, and
//! plays from the next one on, as not every server has newcomers play at once.

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
    /// The last board whose end everybody saw.
    ended: u64,
    /// What was asked for on the last boards; the board of number n at n modulo their count.
    asked: [[Option<Asked>; CELLS]; BOARDS_KEPT],
    /// How many cells were asked for on all boards before each of the last.
    asked_before: [u64; BOARDS_KEPT],
    /// How many cells were asked for on all boards.
    asked_in_all: u64,
    /// Whether all have seen a board, at one time or another.
    has_begun: bool,
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
    /// Who asked, by number in the room: the place may be another's by now.
    member: u32,
    at_us: u64,
}

/// What all saw in one tick.
#[derive(Debug)]
struct Tick {
    number: u64,
    /// Where there is more than one board in a tick, which of them.
    nth: u32,
    /// Which board it was, of all that there were.
    board: u64,
    cells: Cells,
}

#[derive(Debug)]
struct Player {
    /// Its number in the room; 0 until it has joined, and when it has left.
    member: u32,
    /// Whether it asks for nothing any more.
    is_leaving: bool,
    /// The board that it plays from.
    plays_from: u64,
    /// The tick in which it came, where others were there before. What it is shown then may have been put together only for it.
    came_in: Option<u64>,
    answers: Answers,
    /// Which inputs, of those without an answer, must be accepted.
    must: VecDeque<u32>,
    /// Whether it was shown anything.
    has_seen: bool,
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
        Self {
            players: (0..players).map(|_| Player::new()).collect(),
            board: 0,
            ended: 0,
            asked: [[None; CELLS]; BOARDS_KEPT],
            asked_before: [0; BOARDS_KEPT],
            asked_in_all: 0,
            has_begun: false,
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

    /// Whether a player plays.
    pub(crate) fn is_playing(&self, place: usize) -> bool {
        let player = &self.players[place];
        let is_there = player.member != NOBODY && player.board > 0;
        is_there && !player.is_leaving && player.plays_from <= self.board
    }

    /// Whether all play, so that one may leave.
    pub(crate) fn is_complete(&self) -> bool {
        (0..self.players.len()).all(|place| self.is_playing(place))
    }

    /// Whether by now all who see a board have seen it end, which is said once of each. Where a server shows the newest only, who is slow
    /// would not see what a board was like in the end if the next one began before.
    pub(crate) fn take_end(&mut self) -> bool {
        let is_over = self.board > self.ended && self.viewers().all(|player| !player.is_open);
        if is_over {
            self.ended = self.board;
        }
        is_over
    }

    /// A player is to leave, and asks for nothing any more.
    pub(crate) fn begin_leave(&mut self, place: usize) {
        self.players[place].is_leaving = true;
    }

    /// Whether one who is to leave has all of its answers.
    pub(crate) fn may_leave(&self, place: usize) -> bool {
        let player = &self.players[place];
        player.is_leaving && player.answers.pending() == 0
    }

    /// A player has left, and its place is free for another one.
    pub(crate) fn on_left(&mut self, place: usize) {
        let player = std::mem::replace(&mut self.players[place], Player::new());
        let unseen = self.asked_in_all.saturating_sub(player.shown);
        self.missing -= i64::try_from(unseen).unwrap_or(i64::MAX);
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
        self.asked_in_all += 1;
        self.missing += self.screens();
        let player = &mut self.players[place];
        player.must.push_back(id);
        let member = player.member;
        let index = self.board_index();
        self.asked[index][cell] = Some(Asked { member, at_us });
        Ask { id, cell }
    }

    /// An input was answered. Says when it was to be said.
    pub(crate) fn on_answer(&mut self, place: usize, id: u64, is_accepted: bool) -> Option<u64> {
        let screens = self.screens();
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
        let player = &mut self.players[place];
        player.has_seen = true;
        if self.has_begun && player.board == 0 {
            if !is_open {
                // The end of a board that it did not see: the next one is its first.
                return;
            }
            self.on_newcomer(place, tick, cells);
        } else {
            self.on_next(place, tick, cells, is_open);
        }
        let player = &self.players[place];
        let board = player.board;
        let before = player.cells;
        let is_emptied = is_emptied(&before, cells);
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
        (player.cells, player.is_open) = (*cells, is_open);
        self.has_begun = self.has_begun || self.is_ready();
    }

    /// A player is shown something on, or after, the board that it sees.
    fn on_next(&mut self, place: usize, tick: u64, cells: &Cells, is_open: bool) {
        let player = &self.players[place];
        let is_new = is_emptied(&player.cells, cells) || !player.is_open;
        let is_first = player.board == 0;
        let board = player.board + u64::from(is_open && is_new);
        self.check_tick(place, tick, is_first, board, cells);
        self.players[place].board = board;
        if board > self.board {
            self.begin(board);
        }
    }

    /// A player sees its first board, where others have seen some before.
    fn on_newcomer(&mut self, place: usize, tick: u64, cells: &Cells) {
        let board = self.board_of(tick, cells);
        if board > self.board {
            self.begin(board);
        }
        let before = self.asked_before[index_of(board)];
        let unseen = self.asked_in_all.saturating_sub(before);
        self.missing += i64::try_from(unseen).unwrap_or(i64::MAX);
        let player = &mut self.players[place];
        player.shown = before;
        (player.board, player.plays_from) = (board, board + 1);
        (player.tick, player.came_in) = (tick, Some(tick));
    }

    /// Which board somebody sees who has not seen any: the one that others saw by then, or the next, where cells are free again.
    fn board_of(&self, tick: u64, cells: &Cells) -> u64 {
        let mut known = self.ticks.iter().rev();
        match known.find(|known| known.number <= tick) {
            Some(known) => known.board + u64::from(is_emptied(&known.cells, cells)),
            None => self.board,
        }
    }

    /// When a cell was asked for that is shown as somebody's.
    fn find(&self, board: u64, cell: usize, owner: u32) -> Result<u64, Fault> {
        let is_kept = board > 0 && board + BOARDS_KEPT as u64 > self.board;
        let index = index_of(board);
        let asked = self.asked[index][cell].filter(|_| is_kept);
        let asked = asked.ok_or(Fault::Unasked)?;
        if asked.member != owner {
            return Err(Fault::AnotherSender);
        }
        Ok(asked.at_us)
    }

    /// What is shown of a tick must be what others were shown of it, and ticks must rise.
    fn check_tick(&mut self, place: usize, tick: u64, is_first: bool, board: u64, cells: &Cells) {
        let player = &mut self.players[place];
        if tick < player.tick {
            let last = player.tick;
            let what = || format!("tick {tick} came to player {place} behind tick {last}");
            self.faults.add(Fault::TickBack, what);
        }
        let is_another = tick != player.tick || is_first;
        player.nth = if is_another { 0 } else { player.nth + 1 };
        player.tick = tick;
        // What came before all were there may have been put together by the time each came.
        let Player { nth, came_in, .. } = self.players[place];
        if !self.has_begun || came_in == Some(tick) {
            return;
        }
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
            board,
            cells: *cells,
        });
    }

    /// Somebody sees a new board.
    fn begin(&mut self, board: u64) {
        self.board = board;
        self.asked[index_of(board)] = [None; CELLS];
        self.asked_before[index_of(board)] = self.asked_in_all;
        self.asked_count = 0;
    }

    /// How often a cell is to be shown: to all who see a board.
    fn screens(&self) -> i64 {
        i64::try_from(self.viewers().count()).unwrap_or(i64::MAX)
    }

    /// Those who see a board.
    fn viewers(&self) -> impl Iterator<Item = &Player> {
        self.players.iter().filter(|player| player.board > 0)
    }

    fn board_index(&self) -> usize {
        index_of(self.board)
    }

    /// Whether all that was asked for is answered, and shown to everybody, and whoever came was shown something.
    pub(crate) fn is_settled(&self) -> bool {
        self.missing <= 0 && !self.players.iter().any(Player::is_in_the_dark)
    }

    /// What went wrong, with what has not come.
    pub(crate) fn audit(&self) -> Faults {
        let mut faults = self.faults.clone();
        let players = self.players.iter().enumerate();
        let in_the_dark = players.clone().filter(|(_, it)| it.is_in_the_dark());
        for (place, _) in in_the_dark {
            faults.add(Fault::Lost, || {
                format!("any board at all, to player {place}")
            });
        }
        for (place, player) in players.filter(|(_, player)| player.board > 0) {
            let unanswered = player.answers.pending() as u64;
            faults.add_many(Fault::Lost, unanswered, || {
                let first = player.answers.first_pending().unwrap_or_default();
                format!("the answer to input {first} of player {place}")
            });
            let unseen = self.expected.saturating_sub(player.shown);
            faults.add_many(Fault::Lost, unseen, || {
                let Player { shown, tick, .. } = player;
                let expected = self.expected;
                let since = match player.came_in {
                    Some(came_in) => format!("since tick {came_in}"),
                    None => "from the beginning".to_owned(),
                };
                format!("{shown} of {expected} cells were shown to player {place}, there {since}, by tick {tick}")
            });
        }
        faults
    }
}

impl Player {
    /// Whether it has come in, and was shown nothing.
    fn is_in_the_dark(&self) -> bool {
        self.member != NOBODY && !self.has_seen
    }

    fn new() -> Self {
        Self {
            member: NOBODY,
            is_leaving: false,
            plays_from: 0,
            came_in: None,
            answers: Answers::default(),
            must: VecDeque::new(),
            has_seen: false,
            board: 0,
            is_open: false,
            cells: [NOBODY; CELLS],
            tick: 0,
            nth: 0,
            shown: 0,
        }
    }
}

/// Whether a cell that was taken is free.
fn is_emptied(before: &Cells, cells: &Cells) -> bool {
    (0..CELLS).any(|cell| before[cell] != NOBODY && cells[cell] == NOBODY)
}

/// Where what was asked for on a board is kept.
fn index_of(board: u64) -> usize {
    usize::try_from(board % BOARDS_KEPT as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
