//! The view `players`: what is known of everybody, wherever they are, and does not move.

use parlor_plugin::{Ctx, Map, Member, MemberId, json};
use serde::{Deserialize, Serialize};

use crate::world::TICK_HZ;

/// How many colours there are.
const COLOURS: u32 = 16;
/// Points are published this many ticks apart, since each time is a frame for everybody. Everybody's own are in `near`
/// at once.
const POINTS_TICKS: u64 = TICK_HZ as u64 / 2;

/// Somebody who plays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Player {
    name: String,
    colour: u32,
    points: u32,
}

/// Everybody.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Players {
    all: Map<MemberId, Player>,
    /// Whether somebody came, went or has another name.
    is_new: bool,
    /// Whether somebody has other points.
    has_new_points: bool,
    /// The tick from which on points are published.
    points_due: u64,
}

impl Players {
    /// Nobody yet, which is made known with the first `show`.
    pub(crate) fn new() -> Self {
        Self {
            is_new: true,
            ..Self::default()
        }
    }

    pub(crate) fn enter(&mut self, member: &Member) {
        let player = Player {
            name: member.name.clone(),
            colour: member.id % COLOURS,
            points: 0,
        };
        self.all.insert(member.id, player);
        self.is_new = true;
    }

    pub(crate) fn rename(&mut self, member: &Member) {
        if let Some(player) = self.all.get_mut(&member.id) {
            member.name.clone_into(&mut player.name);
            self.is_new = true;
        }
    }

    pub(crate) fn leave(&mut self, id: MemberId) {
        self.all.remove(&id);
        self.is_new = true;
    }

    pub(crate) fn score(&mut self, id: MemberId) {
        if let Some(player) = self.all.get_mut(&id) {
            player.points += 1;
            self.has_new_points = true;
        }
    }

    pub(crate) fn points_of(&self, id: MemberId) -> u32 {
        self.all.get(&id).map_or(0, |player| player.points)
    }

    /// Publishes what is due in this tick.
    pub(crate) fn show(&mut self, room: &mut Ctx, tick: u64) {
        let is_new = std::mem::take(&mut self.is_new);
        if is_new {
            room.metadata(&json!({ "players": self.all.len() }));
        }
        if is_new || self.has_new_points && tick >= self.points_due {
            self.has_new_points = false;
            self.points_due = tick + POINTS_TICKS;
            room.state("players", &self.all);
        }
    }
}
