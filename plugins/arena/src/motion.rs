//! How one disc moves by itself, in whole numbers, so that a page that computes the same comes to the same.
//!
//! `web-client/src/pages/arena/motion.ts` is this in TypeScript; `vectors/motion.json` holds both to it.

use parlor_plugin::interest::Position;
use serde::{Deserialize, Serialize};

/// Positions are counted in these parts of a unit.
pub(crate) const UNIT: i32 = 256;
/// The length of a wall.
pub(crate) const WORLD: i32 = 1_600 * UNIT;
/// A disc's.
pub(crate) const RADIUS: i32 = 16 * UNIT;
/// The way of a tick at full speed: 240 units a second.
const STRIDE: i32 = 12 * UNIT;
/// The length of a direction at full speed.
const FULL: i32 = 127;

/// Where somebody wants to go, and how fast: a direction of a length up to 127.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Steer {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl Steer {
    /// A direction, cut to full speed.
    pub(crate) fn to(x: i8, y: i8) -> Self {
        let (x, y) = (i32::from(x), i32::from(y));
        let squared = x * x + y * y;
        if squared <= FULL * FULL {
            return Self { x, y };
        }
        // Rounded up, so that nobody is faster by rounding.
        let length = (squared - 1).isqrt() + 1;
        Self {
            x: x * FULL / length,
            y: y * FULL / length,
        }
    }
}

/// Where a disc is a tick later, if nobody pushes it.
pub(crate) fn moved(from: Position, steer: Steer) -> Position {
    within_walls((
        from.0 + steer.x * STRIDE / FULL,
        from.1 + steer.y * STRIDE / FULL,
    ))
}

/// The nearest place at which a disc is inside the walls.
pub(crate) fn within_walls(place: Position) -> Position {
    let inside = |along: i32| along.clamp(RADIUS, WORLD - RADIUS);
    (inside(place.0), inside(place.1))
}

/// A part of a place in whole units, as views give it.
pub(crate) fn to_units(along: i32) -> i32 {
    (along + UNIT / 2) / UNIT
}

#[cfg(test)]
mod tests;
