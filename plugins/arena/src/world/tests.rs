use super::*;

/// A world of discs at these places, in units, and of no orbs.
fn world(places: &[(i32, i32)]) -> World {
    let discs = (1..).zip(places).map(|(id, (x, y))| {
        let place = (x * UNIT, y * UNIT);
        let steer = Steer::default();
        (id, Disc { place, steer })
    });
    World {
        discs: discs.collect(),
        orbs: Vec::new(),
    }
}

#[track_caller]
fn check(before: &[(i32, i32)], after: &[(i32, i32)]) {
    let mut world = world(before);
    world.walk();
    let places = world.discs.values();
    let places: Vec<_> = places
        .map(|disc| (disc.place.0 / UNIT, disc.place.1 / UNIT))
        .collect();
    assert_eq!(places, after);
}

#[test]
fn who_does_not_touch_is_not_pushed() {
    check(&[(100, 100), (132, 100)], &[(100, 100), (132, 100)]);
    check(&[(100, 100), (123, 123)], &[(100, 100), (123, 123)]);
}

#[test]
fn two_that_overlap_are_pushed_apart_each_half_the_way() {
    check(&[(100, 100), (120, 100)], &[(94, 100), (126, 100)]);
    check(&[(100, 120), (100, 100)], &[(100, 126), (100, 94)]);
    // 20 apart along a 3-4-5 triangle: 6 along it is 3.6 and 4.8.
    check(&[(100, 100), (112, 116)], &[(96, 95), (115, 120)]);
}

#[test]
fn two_in_one_place_part_sideways() {
    check(&[(500, 500), (500, 500)], &[(484, 500), (516, 500)]);
}

#[test]
fn walls_hold_against_who_is_pushed() {
    check(&[(16, 100), (26, 100)], &[(16, 100), (37, 100)]);
}

#[test]
fn three_in_a_row_are_pushed_in_the_order_of_their_ids() {
    // First 1 and 2, then 1 and 3, which do not touch, then 2 and 3.
    check(
        &[(100, 100), (120, 100), (140, 100)],
        &[(94, 100), (117, 100), (149, 100)],
    );
}

#[test]
fn who_runs_into_somebody_moves_them_at_half_the_speed() {
    let mut world = world(&[(100, 100), (132, 100)]);
    world.steer(1, Steer::to(127, 0));
    for _ in 0..10 {
        world.walk();
    }
    let [one, other] = [1, 2].map(|id| world.discs[&id].place.0 / UNIT);
    assert_eq!(
        (one, other),
        (160, 192),
        "ten strides of 12, of which half is shared"
    );
}

#[test]
fn a_crowd_comes_apart_and_stays_in_the_world() {
    let crowd: Vec<_> = (0..100).map(|n| (700 + n % 10, 700 + n / 10)).collect();
    let mut world = world(&crowd);
    for _ in 0..400 {
        world.walk();
    }
    let places: Vec<_> = world.discs.values().map(|disc| disc.place).collect();
    for (index, a) in places.iter().enumerate() {
        assert!(
            [a.0, a.1]
                .iter()
                .all(|along| (RADIUS..=WORLD - RADIUS).contains(along))
        );
        for b in &places[index + 1..] {
            let along = |a: i32, b: i32| i64::from(a - b).pow(2);
            let squared = along(a.0, b.0) + along(a.1, b.1);
            // A unit less than two radii, for what is left of rounding.
            let least = i64::from(2 * RADIUS - UNIT).pow(2);
            assert!(squared >= least, "{a:?} {b:?}");
        }
    }
}
