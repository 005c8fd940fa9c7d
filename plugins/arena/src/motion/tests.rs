use std::path::Path;

use super::*;

/// A disc that moves: where from, and a direction as it is sent with the number of ticks that it holds for.
#[derive(Debug, Serialize, Deserialize)]
struct Walk {
    from: Position,
    steers: Vec<(i8, i8, u32)>,
    /// Where it is after each of them.
    places: Vec<Position>,
    /// The last one in whole units.
    units: Position,
}

fn walk(from: Position, steers: &[(i8, i8, u32)]) -> Walk {
    let mut place = from;
    let after = |(x, y, ticks): &(i8, i8, u32)| {
        let steer = Steer::to(*x, *y);
        place = (0..*ticks).fold(place, |place, _| moved(place, steer));
        place
    };
    let places: Vec<Position> = steers.iter().map(after).collect();
    Walk {
        from,
        steers: steers.to_owned(),
        places,
        units: (to_units(place.0), to_units(place.1)),
    }
}

fn walks() -> Vec<Walk> {
    let middle = (WORLD / 2, WORLD / 2);
    let around: Vec<(i8, i8, u32)> = (-8..=8)
        .flat_map(|x: i8| [(x * 15, 119 - x, 3), (-x * 15, x * 7, 2)])
        .collect();
    vec![
        walk(
            middle,
            &[(127, 0, 20), (0, 127, 20), (-127, 0, 7), (0, -127, 3)],
        ),
        walk(middle, &[(127, 127, 10), (-128, -128, 10), (-128, 127, 10)]),
        walk(middle, &[(1, -1, 50), (-63, 64, 11), (5, 0, 1), (0, 0, 4)]),
        walk(
            (RADIUS, RADIUS),
            &[(-127, -3, 5), (90, 90, 200), (127, -90, 9)],
        ),
        walk((300_001, 77_777), &around),
    ]
}

/// The file is made anew with `PARLOR_WRITE_VECTORS=1 cargo test -p parlor-plugin-arena`.
#[test]
fn the_vectors_are_what_discs_do() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/motion.json");
    let lines: Vec<String> = walks()
        .iter()
        .map(|walk| serde_json::to_string(walk).unwrap())
        .collect();
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var_os("PARLOR_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn nobody_is_faster_than_full_speed() {
    for x in i8::MIN..=i8::MAX {
        for y in i8::MIN..=i8::MAX {
            let steer = Steer::to(x, y);
            assert!(
                steer.x * steer.x + steer.y * steer.y <= FULL * FULL,
                "{x} {y}"
            );
        }
    }
    assert_eq!(Steer::to(-128, 0), Steer { x: -127, y: 0 });
    assert_eq!(Steer::to(127, 127), Steer { x: 89, y: 89 });
    assert_eq!(Steer::to(60, -80), Steer { x: 60, y: -80 });
}

#[test]
fn full_speed_is_240_units_a_second() {
    let mut place = (100 * UNIT, 500 * UNIT);
    for _ in 0..20 {
        place = moved(place, Steer::to(127, 0));
    }
    assert_eq!(place, (340 * UNIT, 500 * UNIT));
}

#[test]
fn walls_hold() {
    let corner = (WORLD - RADIUS, RADIUS);
    assert_eq!(moved(corner, Steer::to(127, -127)), corner);
    assert_eq!(within_walls((-5, WORLD + 5)), (RADIUS, WORLD - RADIUS));
}
