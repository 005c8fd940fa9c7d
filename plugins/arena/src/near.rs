//! The view `near`: what one member is shown, at every tick. It is small on the wire where all of it moves.
//!
//! Places are given as a cell of 128 by 128 units and a place within it: the numbers that are others at every tick are
//! bytes, one behind the other, and the cell is seldom another one. Discs are lists side by side, of which the patch
//! sends `at` as a whole.

use parlor_plugin::interest::{Interest, Position, Reach};
use parlor_plugin::{Bytes, Ctx, Map, MemberId};
use serde::{Deserialize, Serialize};

use crate::motion::{UNIT, to_units};
use crate::world::{CELL, World, distance};

/// How far members see.
const REACH: Reach = Reach::new(distance(400 * UNIT), distance(40 * UNIT));
/// A cell of the view, in units.
const CELL_UNITS: i32 = 128;
/// How many cells there are in a row.
const CELLS_IN_ROW: i32 = 13;

/// What everybody saw last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sights {
    discs: Interest<MemberId, MemberId>,
    orbs: Interest<MemberId, u32>,
}

/// The view.
#[derive(Debug, Serialize)]
struct Near<'a> {
    /// The member's own direction, and points.
    me: (i32, i32, u32),
    /// Who is in sight, the member among them, in rising order.
    ids: &'a [MemberId],
    /// The cell each of them is in, row by row.
    cells: Vec<i32>,
    /// Where in its cell each of them is, in units: x and y in turns, a byte each.
    at: Bytes,
    /// The orbs in sight.
    orbs: Map<u32, Position>,
}

impl Sights {
    /// Shows each member what is near.
    pub(crate) fn show(&mut self, room: &mut Ctx, world: &World, points: impl Fn(MemberId) -> u32) {
        let discs = world.grid();
        let orbs = (0_u32..).zip(world.orbs.iter().copied());
        let orbs = parlor_plugin::interest::Grid::of(CELL, orbs);
        for (id, disc) in &world.discs {
            let ids = self.discs.look(*id, disc.place, REACH, &discs).seen;
            let places = ids.iter().filter_map(|id| world.discs.get(id));
            let places: Vec<Position> = places.map(|disc| units(disc.place)).collect();
            let seen = self.orbs.look(*id, disc.place, REACH, &orbs).seen;
            let near = Near {
                me: (disc.steer.x, disc.steer.y, points(*id)),
                ids,
                cells: places.iter().map(|(x, y)| cell(*x, *y)).collect(),
                at: Bytes::from(places_in_cells(&places)),
                orbs: seen
                    .iter()
                    .filter_map(|orb| world.orb(*orb).map(|place| (*orb, units(place))))
                    .collect(),
            };
            room.state_for(*id, "near", &near);
        }
    }

    pub(crate) fn forget(&mut self, id: MemberId) {
        self.discs.forget(&id);
        self.orbs.forget(&id);
    }
}

fn units(place: Position) -> Position {
    (to_units(place.0), to_units(place.1))
}

fn places_in_cells(places: &[Position]) -> Vec<u8> {
    let numbers = places.iter().flat_map(|(x, y)| [*x, *y]);
    let in_cell = |number: i32| (number % CELL_UNITS).to_le_bytes()[0];
    numbers.map(in_cell).collect()
}

fn cell(x: i32, y: i32) -> i32 {
    y / CELL_UNITS * CELLS_IN_ROW + x / CELL_UNITS
}
