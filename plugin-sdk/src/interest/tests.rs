use proptest::prelude::*;

use super::*;

/// What looking at everything finds.
fn naive(things: &[(u16, Position)], centre: Position, radius: u32) -> Vec<u16> {
    let is_within = |(x, y): Position| {
        let (dx, dy) = (
            i128::from(x) - i128::from(centre.0),
            i128::from(y) - i128::from(centre.1),
        );
        dx * dx + dy * dy <= i128::from(radius).pow(2)
    };
    let near = things.iter().filter(|(_, position)| is_within(*position));
    let mut keys: Vec<u16> = near.map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys
}

/// Places close to each other, and a few as far away as can be.
fn coordinate() -> impl Strategy<Value = i32> {
    prop_oneof![
        8 => -300..300_i32,
        1 => any::<i32>(),
        1 => prop_oneof![Just(i32::MIN), Just(i32::MAX)],
    ]
}

fn position() -> impl Strategy<Value = Position> {
    (coordinate(), coordinate())
}

fn radius() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..400_u32, 1 => any::<u32>()]
}

fn things() -> impl Strategy<Value = Vec<(u16, Position)>> {
    let map = prop::collection::btree_map(0..60_u16, position(), 0..40);
    map.prop_map(|things| things.into_iter().collect())
}

proptest! {
    #[test]
    fn a_grid_finds_what_looking_at_everything_finds(
        things in things(),
        centre in position(),
        radius in radius(),
        cell in prop_oneof![1..200_u32, any::<u32>().prop_map(|cell| cell.max(1))],
    ) {
        let grid = Grid::of(cell, things.iter().copied());
        prop_assert_eq!(grid.within(centre, radius), naive(&things, centre, radius));
    }

    #[test]
    fn a_look_is_what_the_rule_says_of_each_thing(
        walks in prop::collection::vec((position(), things()), 1..8),
        radius in 0..300_u32,
        margin in 0..100_u32,
    ) {
        let reach = Reach::new(radius, margin);
        let mut interest = Interest::new();
        let mut before: Vec<u16> = Vec::new();
        for (from, things) in walks {
            let grid = Grid::of(64, things.iter().copied());
            let mut expected = naive(&things, from, radius + margin);
            let near = naive(&things, from, radius);
            expected.retain(|key| near.contains(key) || before.contains(key));
            // A room that was saved and loaded goes on as the one that was not.
            let saved = rmp_serde::to_vec_named(&interest).unwrap();
            let mut loaded: Interest<u8, u16> = crate::decode_state(&saved).unwrap();
            let sight = interest.look(7_u8, from, reach, &grid);
            prop_assert_eq!(&sight, &loaded.look(7, from, reach, &grid));
            let came: Vec<u16> = expected.iter().copied().filter(|key| !before.contains(key)).collect();
            let went: Vec<u16> = before.iter().copied().filter(|key| !expected.contains(key)).collect();
            prop_assert_eq!((sight.seen, sight.came, sight.went), (&expected[..], came, went));
            before = expected;
        }
    }

    #[test]
    fn the_order_in_which_things_were_put_in_does_not_matter(things in things(), centre in position()) {
        let order = |grid: &Grid<u16>| {
            let mut found = Vec::new();
            grid.each_within(centre, 500, |key, squared| found.push((key, squared)));
            found
        };
        let forward = Grid::of(50, things.iter().copied());
        let backward = Grid::of(50, things.iter().rev().copied());
        prop_assert_eq!(order(&forward), order(&backward));
    }
}

#[test]
fn what_moves_along_the_edge_does_not_flicker() {
    let reach = Reach::new(100, 10);
    let mut interest = Interest::<u32, u32>::new();
    let mut look = |x: i32| {
        let grid = Grid::of(40, [(1, (x, 0))]);
        let sight = interest.look(9, (0, 0), reach, &grid);
        (sight.seen.to_vec(), sight.came, sight.went)
    };
    assert_eq!(look(101), (vec![], vec![], vec![]));
    assert_eq!(look(100), (vec![1], vec![1], vec![]));
    assert_eq!(look(105), (vec![1], vec![], vec![]), "within the margin");
    assert_eq!(look(111), (vec![], vec![], vec![1]));
    assert_eq!(look(105), (vec![], vec![], vec![]), "not as near again");
}

#[test]
fn who_is_forgotten_sees_everything_anew() {
    let grid = Grid::of(40, [(3, (0, 0)), (1, (5, 5))]);
    let mut interest = Interest::<u32, u32>::new();
    let reach = Reach::new(50, 5);
    assert_eq!(interest.look(9, (1, 1), reach, &grid).came, [1, 3]);
    assert!(interest.look(9, (1, 1), reach, &grid).came.is_empty());
    assert_eq!(interest.seen(&9), [1, 3]);
    interest.forget(&9);
    assert!(interest.seen(&9).is_empty());
    assert_eq!(interest.look(9, (1, 1), reach, &grid).came, [1, 3]);
}

#[test]
fn cells_lie_as_well_on_the_other_side_of_zero() {
    let grid = Grid::of(10, [(1, (-1, -1)), (2, (1, 1)), (3, (-11, 0))]);
    assert_eq!(grid.within((0, 0), 2), [1, 2]);
    assert_eq!(grid.within((-10, 0), 1), [3]);
    assert_eq!(grid.within((-10, 0), u32::MAX), [1, 2, 3]);
}
