//! The world: discs that move and push each other, and orbs. Knows no members' names and sends nothing.

use parlor_plugin::interest::{Grid, Position};
use parlor_plugin::{Map, MemberId, Rng};
use serde::{Deserialize, Serialize};

use crate::motion::{RADIUS, Steer, UNIT, WORLD, moved, within_walls};

/// How often everything moves, in a second.
pub(crate) const TICK_HZ: u32 = 20;
/// How many orbs there are.
pub(crate) const ORBS: usize = 64;
/// An orb's.
const ORB_RADIUS: i32 = 8 * UNIT;
/// The cells in which discs are looked for.
pub(crate) const CELL: u32 = 128 * UNIT.unsigned_abs();
/// How often a place is sought at which nobody is, for who comes.
const TRIES: usize = 16;

/// Somebody in the world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Disc {
    pub(crate) place: Position,
    pub(crate) steer: Steer,
}

/// Discs, and orbs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) discs: Map<MemberId, Disc>,
    /// Where each of them lies.
    pub(crate) orbs: Vec<Position>,
}

impl World {
    pub(crate) fn new(random: &mut Rng) -> Self {
        Self {
            discs: Map::new(),
            orbs: (0..ORBS).map(|_| anywhere(random)).collect(),
        }
    }

    /// Puts a disc where nobody is, as far as such a place is found.
    pub(crate) fn enter(&mut self, id: MemberId, random: &mut Rng) {
        let grid = self.grid();
        let is_free = |place: &Position| grid.within(*place, distance(2 * RADIUS)).is_empty();
        let mut place = anywhere(random);
        for _ in 0..TRIES {
            if is_free(&place) {
                break;
            }
            place = anywhere(random);
        }
        let steer = Steer::default();
        self.discs.insert(id, Disc { place, steer });
    }

    pub(crate) fn steer(&mut self, id: MemberId, steer: Steer) {
        if let Some(disc) = self.discs.get_mut(&id) {
            disc.steer = steer;
        }
    }

    /// Moves everybody by one tick.
    pub(crate) fn walk(&mut self) {
        for disc in self.discs.values_mut() {
            disc.place = moved(disc.place, disc.steer);
        }
        self.collide();
    }

    /// Where everybody is.
    pub(crate) fn grid(&self) -> Grid<MemberId> {
        Grid::of(CELL, self.discs.iter().map(|(id, disc)| (*id, disc.place)))
    }

    /// Pushes apart, in the order of their ids, all pairs that overlap once all have moved.
    fn collide(&mut self) {
        let grid = self.grid();
        let mut pairs = Vec::new();
        for (id, disc) in &self.discs {
            let near = grid.within(disc.place, distance(2 * RADIUS));
            pairs.extend(
                near.into_iter()
                    .filter(|other| other > id)
                    .map(|other| (*id, other)),
            );
        }
        for (a, b) in pairs {
            let (Some(one), Some(other)) = (self.discs.get(&a), self.discs.get(&b)) else {
                continue;
            };
            let (x, y) = push(one.place, other.place);
            for (id, x, y) in [(a, -x, -y), (b, x, y)] {
                if let Some(disc) = self.discs.get_mut(&id) {
                    disc.place = (disc.place.0 + x, disc.place.1 + y);
                }
            }
        }
        for disc in self.discs.values_mut() {
            disc.place = within_walls(disc.place);
        }
    }

    /// Gives each orb to whoever touches it, to the lowest id where several do, and lays it somewhere else. Tells who
    /// got one, once for each.
    pub(crate) fn gather(&mut self, random: &mut Rng) -> Vec<MemberId> {
        let grid = self.grid();
        let mut takers = Vec::new();
        for orb in &mut self.orbs {
            if let Some(taker) = grid.within(*orb, distance(RADIUS + ORB_RADIUS)).first() {
                takers.push(*taker);
                *orb = anywhere(random);
            }
        }
        takers
    }
}

/// How far the second of two discs is pushed away from the first, which is pushed as far the other way: half of what
/// they overlap. Two at the same place part to the left and to the right.
fn push(one: Position, other: Position) -> Position {
    let (x, y) = (other.0 - one.0, other.1 - one.1);
    let (long_x, long_y) = (i64::from(x), i64::from(y));
    let apart = (long_x * long_x + long_y * long_y).isqrt();
    let Ok(apart) = i32::try_from(apart) else {
        return (0, 0);
    };
    let overlap = 2 * RADIUS - apart;
    if overlap <= 0 {
        return (0, 0);
    }
    let half = (overlap + 1) / 2;
    if apart == 0 {
        return (half, 0);
    }
    (x * half / apart, y * half / apart)
}

/// Any place at which a disc can be.
fn anywhere(random: &mut Rng) -> Position {
    let (first, last) = (RADIUS.unsigned_abs(), (WORLD - RADIUS).unsigned_abs());
    let mut along = || {
        let along = random.range(first.into()..u64::from(last) + 1);
        i32::try_from(along).expect("the world is smaller than that")
    };
    (along(), along())
}

/// A distance, which is never negative, as the grid takes it.
pub(crate) const fn distance(length: i32) -> u32 {
    length.unsigned_abs()
}

#[cfg(test)]
mod tests;
