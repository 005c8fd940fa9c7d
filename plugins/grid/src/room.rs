//! The room: what members may do, and when they see it.

use parlor_plugin::{
    Config, Ctx, KvError, KvOutcome, LeaveReason, Member, MemberId, Refusal, Result, Room, Seat,
    Tick, TimerId,
};
use serde::{Deserialize, Serialize};

use crate::board::{Board, Listing};
use crate::bots::Bots;
use crate::game::{Game, PLAYERS_MIN, Status};
use crate::leaderboard::{Reporter, WAIT};

pub(crate) const TICK_HZ: u32 = 20;

/// What members send.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// Begins the match.
    Start,
    /// Takes a cell.
    Capture {
        /// Which, from 0 to 80, row by row.
        cell: i64,
    },
    /// Begins another match after the result.
    Rematch,
    /// Asks for bots, from the next match on; 0 for none.
    Bots {
        /// How many, as far as there are seats.
        count: u32,
    },
    /// A spectator asks for a seat in the next match.
    Play,
}

/// The room.
#[derive(Debug, Serialize, Deserialize)]
pub struct Grid {
    pub(crate) game: Game,
    pub(crate) bots: Bots,
    /// Members who wait for a seat, the first one first.
    pub(crate) queue: Vec<MemberId>,
    /// Whether the board changed since it was published.
    pub(crate) is_stale: bool,
    /// What listings show.
    pub(crate) listing: Listing,
    /// Results on their way to the leaderboard.
    #[serde(default)]
    pub(crate) reporter: Reporter,
}

impl Room for Grid {
    type Input = Input;

    fn open(room: &mut Ctx, _config: &Config) -> Result<Self> {
        let game = Game::new();
        let listing = Listing::of(&game);
        room.state("board", &Board::of(&game, room.now_ms()));
        room.metadata(&listing);
        Ok(Self {
            game,
            bots: Bots::default(),
            queue: Vec::new(),
            is_stale: false,
            listing,
            reporter: Reporter::default(),
        })
    }

    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        if member.seat == Seat::Player {
            if self.game.reclaim(&key(member), member.id, &member.name) {
                self.is_stale = true;
                return Ok(());
            }
            self.queue.push(member.id);
            if self.game.status == Status::Completed && !self.game.has_people() {
                self.game.clear();
            }
            self.settle(room);
        }
        Ok(())
    }

    fn leave(&mut self, room: &mut Ctx, member: &Member, _reason: LeaveReason) {
        self.queue.retain(|waiting| *waiting != member.id);
        self.game.unseat(member.id);
        if self.game.status == Status::Active && !self.game.has_people() {
            self.game.finish();
        }
        self.settle(room);
    }

    fn changed(&mut self, _room: &mut Ctx, member: &Member) {
        self.game.rename(member.id, &member.name, key(member));
        self.is_stale = true;
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        match input {
            Input::Play => self.play(room, from.id),
            Input::Rematch if self.queue.contains(&from.id) => self.rematch(room),
            _ if !self.game.has(from.id) => Err(Refusal::new(
                "SPECTATOR",
                "you are watching; send `play` for a seat",
            )),
            Input::Start => self.start(room),
            Input::Capture { cell } => self.capture(room, from.id, cell),
            Input::Rematch => self.rematch(room),
            Input::Bots { count } => {
                self.bots.wanted = count;
                self.settle(room);
                Ok(())
            }
        }
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        let now_ms = room.now_ms();
        if self.game.status == Status::Active {
            self.is_stale |= self.bots.play(&mut self.game, now_ms, room.random());
            // The clock alone is shown once a second; pages count down by themselves.
            self.is_stale |= tick.number.is_multiple_of(TICK_HZ.into());
            if self.game.status == Status::Active && !self.game.is_running(now_ms) {
                self.game.finish();
                self.is_stale = true;
            }
            self.report(room);
        }
        if std::mem::take(&mut self.is_stale) {
            self.publish(room);
        }
    }

    fn timer(&mut self, room: &mut Ctx, timer: TimerId) {
        if timer == WAIT {
            self.reporter.ask(room);
        }
    }

    fn kv_answer(&mut self, room: &mut Ctx, _operation: u64, outcome: Result<KvOutcome, KvError>) {
        self.reporter.answered(room, outcome);
    }
}

impl Grid {
    fn start(&mut self, room: &mut Ctx) -> Result<()> {
        if self.game.status != Status::Waiting {
            return Err(Refusal::new(
                "ALREADY_STARTED",
                "the match has begun; after it send `rematch`",
            ));
        }
        if self.game.players.len() < PLAYERS_MIN {
            return Err(Refusal::new(
                "NOT_ENOUGH_PLAYERS",
                "two are needed; wait for somebody, or ask for bots",
            ));
        }
        self.game.start(room.now_ms());
        self.bots.start(&self.game, room.now_ms(), room.random());
        self.is_stale = true;
        Ok(())
    }

    fn capture(&mut self, room: &mut Ctx, player: MemberId, cell: i64) -> Result<()> {
        if !self.game.is_running(room.now_ms()) {
            return Err(Refusal::new("NOT_ACTIVE", "no match is running"));
        }
        let cell = usize::try_from(cell).unwrap_or(usize::MAX);
        match self.game.cells.get(cell) {
            None => Err(Refusal::new("BAD_CELL", "cells are 0 to 80")),
            Some(Some(_)) => Err(Refusal::new(
                "CELL_TAKEN",
                "somebody has this cell; take another one",
            )),
            Some(None) => {
                self.game.capture(cell, player);
                self.is_stale = true;
                self.report(room);
                Ok(())
            }
        }
    }

    /// Brings a match that was just played to its end onto the leaderboard. One that everybody left does not count.
    fn report(&mut self, room: &mut Ctx) {
        if self.game.status == Status::Completed {
            self.reporter.report(room, &self.game);
        }
    }

    fn rematch(&mut self, room: &mut Ctx) -> Result<()> {
        if self.game.status != Status::Completed {
            return Err(Refusal::new(
                "NOT_COMPLETED",
                "a rematch comes after the result",
            ));
        }
        self.game.clear();
        self.settle(room);
        if self.game.players.len() < PLAYERS_MIN {
            Ok(())
        } else {
            self.start(room)
        }
    }

    fn play(&mut self, room: &mut Ctx, member: MemberId) -> Result<()> {
        if !self.game.has(member) && !self.queue.contains(&member) {
            self.queue.push(member);
            self.settle(room);
        }
        Ok(())
    }

    /// In the waiting room, seats those who queue, and bots on what is left. At any time, who queues is a spectator.
    fn settle(&mut self, room: &mut Ctx) {
        self.is_stale = true;
        if self.game.status == Status::Waiting {
            self.bots.settle(&mut self.game, self.queue.len());
            let game = &mut self.game;
            self.queue.retain(|&id| match room.member(id).cloned() {
                Some(member) if game.seat(id, member.name.clone(), Some(key(&member))) => {
                    take_seat(room, &member, Seat::Player);
                    false
                }
                _ => true,
            });
        }
        for member in self
            .queue
            .iter()
            .filter_map(|id| room.member(*id).cloned())
            .collect::<Vec<_>>()
        {
            take_seat(room, &member, Seat::Spectator);
        }
    }

    fn publish(&mut self, room: &mut Ctx) {
        room.state("board", &Board::of(&self.game, room.now_ms()));
        let listing = Listing::of(&self.game);
        if listing != self.listing {
            room.metadata(&listing);
            self.listing = listing;
        }
    }
}

fn take_seat(room: &mut Ctx, member: &Member, seat: Seat) {
    if member.seat != seat {
        room.set_seat(member.id, seat);
    }
}

/// How a member who left is known again: by the account, else by the name.
fn key(member: &Member) -> String {
    match &member.user {
        Some(user) => format!("user {user}"),
        None => format!("name {}", member.name),
    }
}
