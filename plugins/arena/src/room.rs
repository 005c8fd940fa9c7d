//! The room: who is in the world, what they steer, and when they see what came of it.

use parlor_plugin::{Config, Ctx, LeaveReason, Member, MemberId, Result, Room, Tick};
use serde::{Deserialize, Serialize};

use crate::motion::Steer;
use crate::near::Sights;
use crate::players::Players;
use crate::world::{TICK_HZ, World};

/// Ticks that were merged are made up as far as this; a room that is even later than that has stood still.
const STEPS_MAX: u32 = 4;

/// What members send.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// From the next tick on, goes this way, until the next one.
    Steer {
        /// To the right.
        x: i8,
        /// Down.
        y: i8,
    },
}

/// The room.
#[derive(Debug, Serialize, Deserialize)]
pub struct Arena {
    world: World,
    players: Players,
    sights: Sights,
}

impl Room for Arena {
    type Input = Input;

    fn open(room: &mut Ctx, _config: &Config) -> Result<Self> {
        let mut players = Players::new();
        players.show(room, 0);
        Ok(Self {
            world: World::new(room.random()),
            players,
            sights: Sights::default(),
        })
    }

    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        self.world.enter(member.id, room.random());
        self.players.enter(member);
        Ok(())
    }

    fn leave(&mut self, _room: &mut Ctx, member: &Member, _reason: LeaveReason) {
        self.world.discs.remove(&member.id);
        self.players.leave(member.id);
        self.sights.forget(member.id);
    }

    fn changed(&mut self, _room: &mut Ctx, member: &Member) {
        self.players.rename(member);
    }

    /// Who cannot steer stands still.
    fn away(&mut self, _room: &mut Ctx, member: MemberId) {
        self.world.steer(member, Steer::default());
    }

    fn message(&mut self, _room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        let Input::Steer { x, y } = input;
        self.world.steer(from.id, Steer::to(x, y));
        Ok(())
    }

    fn tick(&mut self, room: &mut Ctx, tick: Tick) {
        let period_ms = 1_000.0 / f64::from(TICK_HZ);
        let steps = (1..=STEPS_MAX).take_while(|steps| {
            // At least one, whatever is rounded how.
            *steps == 1 || f64::from(*steps) * period_ms < tick.dt_ms + 1.0
        });
        for _ in steps {
            self.world.walk();
            for taker in self.world.gather(room.random()) {
                self.players.score(taker);
            }
        }
        self.players.show(room, tick.number);
        let Self {
            world,
            players,
            sights,
        } = self;
        sights.show(room, world, |id| players.points_of(id));
    }
}
