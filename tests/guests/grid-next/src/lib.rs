//! The next version of the bundled game: its state has a field more, another one has a new name, and it goes on where the
//! version before was.
#![cfg(target_family = "wasm")]

use parlor_plugin::{
    Config, Ctx, KvError, KvOutcome, LeaveReason, Member, MemberId, Result, Room, Tick, TimerId,
    decode_state, export,
};
use serde::{Deserialize, Serialize};

// The game's own sources: as a dependency it would bring its exports along, which a component has once.
#[path = "../../../../plugins/grid/src/board.rs"]
mod board;
#[path = "../../../../plugins/grid/src/bots.rs"]
mod bots;
#[path = "../../../../plugins/grid/src/game.rs"]
mod game;
#[path = "../../../../plugins/grid/src/leaderboard.rs"]
mod leaderboard;
#[path = "../../../../plugins/grid/src/room.rs"]
mod room;

pub use room::{Grid, Input};

use board::Listing;
use bots::Bots;
use game::Game;
use leaderboard::Reporter;

/// The room.
#[derive(Serialize, Deserialize)]
struct Next {
    #[serde(with = "Renamed")]
    grid: Grid,
    /// How many cells were taken in all matches. The version before did not count them.
    captures: usize,
}

/// The fields of the version before, one of them under another name.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Grid")]
struct Renamed {
    game: Game,
    bots: Bots,
    #[serde(rename = "waiting")]
    queue: Vec<MemberId>,
    is_stale: bool,
    listing: Listing,
    reporter: Reporter,
}

impl Next {
    /// Lets the game do something, and shows how many cells were taken if that was among it.
    fn counting<T>(&mut self, room: &mut Ctx, act: impl FnOnce(&mut Grid, &mut Ctx) -> T) -> T {
        let before = taken(&self.grid);
        let outcome = act(&mut self.grid, room);
        let more = taken(&self.grid).saturating_sub(before);
        if more > 0 {
            self.captures += more;
            room.state("captures", &self.captures);
        }
        outcome
    }
}

fn taken(grid: &Grid) -> usize {
    grid.game.cells.iter().flatten().count()
}

impl Room for Next {
    type Input = Input;

    fn open(room: &mut Ctx, config: &Config) -> Result<Self> {
        let grid = Grid::open(room, config)?;
        Ok(Self { grid, captures: 0 })
    }

    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        self.grid.join(room, member)
    }

    fn leave(&mut self, room: &mut Ctx, member: &Member, reason: LeaveReason) {
        self.grid.leave(room, member, reason);
    }

    fn changed(&mut self, room: &mut Ctx, member: &Member) {
        self.grid.changed(room, member);
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        self.counting(room, |grid, room| grid.message(room, from, input))
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        self.counting(room, |grid, room| grid.tick(room, tick));
    }

    fn timer(&mut self, room: &mut Ctx, timer: TimerId) {
        self.grid.timer(room, timer);
    }

    fn kv_answer(&mut self, room: &mut Ctx, operation: u64, outcome: Result<KvOutcome, KvError>) {
        self.grid.kv_answer(room, operation, outcome);
    }

    fn upgrade(schema: u32, bytes: &[u8]) -> Result<Self> {
        match schema {
            1 => {
                let grid: Grid = decode_state(bytes)?;
                let captures = taken(&grid);
                Ok(Self { grid, captures })
            }
            other => Err(format!("no version ever wrote schema {other}").into()),
        }
    }
}

export!(Next {
    name: "grid",
    version: "0.1.0",
    tick_hz: room::TICK_HZ,
    players_max: 8,
    spectators_max: 64,
    durability: Journal,
    state_schema: 2,
});
