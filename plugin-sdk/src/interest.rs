//! Interest: who is near whom in a large world, so that each member is shown the part around it.
//!
//! A [`Grid`] says what is within a distance of a place. It holds nothing that must be saved: make one in each tick,
//! from the positions there are. An [`Interest`] remembers what each member was shown, so that what moves along the
//! edge does not flicker: a thing comes into sight at one distance, and goes out of it at a longer one. That memory is
//! part of the room's state; keep it in a field.
//!
//! ```
//! use parlor_plugin::{Ctx, Map, MemberId, interest::{Grid, Interest, Position, Reach}};
//!
//! /// Comes into sight within 400, and stays in it up to 440.
//! const REACH: Reach = Reach::new(400, 40);
//!
//! fn show(room: &mut Ctx, places: &Map<MemberId, Position>, interest: &mut Interest<MemberId, MemberId>) {
//!     let grid = Grid::of(128, places.iter().map(|(id, place)| (*id, *place)));
//!     for (member, place) in places {
//!         let seen = interest.look(*member, *place, REACH, &grid).seen;
//!         let near: Map<MemberId, Position> = seen.iter().map(|id| (*id, places[id])).collect();
//!         room.state_for(*member, "near", &near);
//!     }
//! }
//! ```
//!
//! Positions are integers, in whatever unit the room chooses, and all answers are in the order of the keys: the same
//! events lead to the same views, whatever the order in which things were put into the grid.

use serde::{Deserialize, Serialize};

use crate::Map;

/// A place in the world: x and y.
pub type Position = (i32, i32);

/// Where things are, sorted into square cells. A search looks only at the cells that its circle touches.
#[derive(Debug, Clone)]
pub struct Grid<K> {
    cell: i64,
    /// In the order of rows, within a row of columns, within a cell of keys.
    entries: Vec<Entry<K>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<K> {
    /// Row and column.
    cell: (i64, i64),
    key: K,
    position: Position,
}

impl<K: Copy + Ord> Grid<K> {
    /// The grid of these things. Each key should be there once. Cells of about a third of the radius that is searched
    /// most serve well.
    ///
    /// # Panics
    /// When the cells have no size.
    #[track_caller]
    pub fn of(cell: u32, things: impl IntoIterator<Item = (K, Position)>) -> Self {
        assert!(cell > 0, "the cells of a grid must have a size");
        let cell = i64::from(cell);
        let entry = |(key, position): (K, Position)| Entry {
            cell: (
                i64::from(position.1).div_euclid(cell),
                i64::from(position.0).div_euclid(cell),
            ),
            key,
            position,
        };
        let mut entries: Vec<_> = things.into_iter().map(entry).collect();
        entries.sort_unstable();
        Self { cell, entries }
    }

    /// Calls `found` with each thing whose distance from `centre` is at most `radius`, and the square of that distance;
    /// cell by cell, which is the same order whenever the same things are in the same places.
    pub fn each_within(&self, centre: Position, radius: u32, mut found: impl FnMut(K, u64)) {
        let (x, y) = (i64::from(centre.0), i64::from(centre.1));
        let reach = i64::from(radius);
        let [left, right, top, bottom] =
            [x - reach, x + reach, y - reach, y + reach].map(|edge| edge.div_euclid(self.cell));
        let mut rest = &self.entries[..];
        // From one row that has something in it to the next, so that a huge radius costs no more than all that is
        // there.
        let above = self.entries.partition_point(|entry| entry.cell.0 < top);
        let mut rest = &self.entries[above..];
        while let Some(first) = rest.first().filter(|first| first.cell.0 <= bottom) {
            let end = rest.partition_point(|entry| entry.cell.0 == first.cell.0);
            let (row, below) = rest.split_at(end);
            let start = row.partition_point(|entry| entry.cell.1 < left);
            let end = row.partition_point(|entry| entry.cell.1 <= right);
            for entry in &row[start..end] {
                if let Some(squared) = squared_distance(centre, entry.position)
                    && squared <= u64::from(radius).pow(2)
                {
                    found(entry.key, squared);
                }
            }
            rest = below;
        }
    }

    /// What is at most `radius` away from `centre`, in the order of the keys.
    #[must_use]
    pub fn within(&self, centre: Position, radius: u32) -> Vec<K> {
        let mut keys = Vec::new();
        self.each_within(centre, radius, |key, _| keys.push(key));
        keys.sort_unstable();
        keys
    }
}

/// The square of a distance; `None` where it is none that a `u64` holds.
fn squared_distance(a: Position, b: Position) -> Option<u64> {
    let squared = |a: i32, b: i32| u64::from(a.abs_diff(b)).pow(2);
    squared(a.0, b.0).checked_add(squared(a.1, b.1))
}

/// How far a member sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    enter: u32,
    leave: u32,
}

impl Reach {
    /// What comes as near as `radius` comes into sight; what is farther than `radius + margin` goes out of it. The
    /// margin should be more than what things move in a few ticks.
    #[must_use]
    pub const fn new(radius: u32, margin: u32) -> Self {
        Self {
            enter: radius,
            leave: radius.saturating_add(margin),
        }
    }
}

/// What a member sees now.
#[derive(Debug, PartialEq, Eq)]
pub struct Sight<'a, K> {
    /// All of it, in the order of the keys.
    pub seen: &'a [K],
    /// What came into sight with this look.
    pub came: Vec<K>,
    /// What went out of sight, or is no more.
    pub went: Vec<K>,
}

/// What each member was shown last: `W` are those who look, `K` the things they look at. Part of a room's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    transparent,
    bound(
        serialize = "W: Ord + Serialize, K: Serialize",
        deserialize = "W: Ord + Deserialize<'de>, K: Deserialize<'de>"
    )
)]
pub struct Interest<W, K> {
    /// In the order of the keys.
    seen: Map<W, Vec<K>>,
}

impl<W, K> Default for Interest<W, K> {
    fn default() -> Self {
        Self { seen: Map::new() }
    }
}

impl<W: Ord, K: Copy + Ord> Interest<W, K> {
    /// Nobody has seen anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has somebody look around from where they are. The reach may be another one each time.
    pub fn look(
        &mut self,
        watcher: W,
        from: Position,
        reach: Reach,
        grid: &Grid<K>,
    ) -> Sight<'_, K> {
        let seen = self.seen.entry(watcher).or_default();
        let near = u64::from(reach.enter).pow(2);
        let mut now = Vec::with_capacity(seen.len());
        grid.each_within(from, reach.leave, |key, squared| {
            if squared <= near || seen.binary_search(&key).is_ok() {
                now.push(key);
            }
        });
        now.sort_unstable();
        let before = std::mem::replace(seen, now);
        let only_in = |these: &[K], others: &[K]| {
            let is_new = |key: &&K| others.binary_search(key).is_err();
            these.iter().filter(is_new).copied().collect()
        };
        Sight {
            came: only_in(seen, &before),
            went: only_in(&before, seen),
            seen,
        }
    }

    /// What somebody saw when they last looked.
    #[must_use]
    pub fn seen(&self, watcher: &W) -> &[K] {
        self.seen.get(watcher).map_or(&[], Vec::as_slice)
    }

    /// Forgets who looks no more: call it when a member leaves.
    pub fn forget(&mut self, watcher: &W) {
        self.seen.remove(watcher);
    }
}

#[cfg(test)]
mod tests;
