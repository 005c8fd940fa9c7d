//! What a client of `arena` sees.

use parlor_plugin::{
    Bytes, Map, MemberId, Payload, json,
    testing::{Answer, TestRoom},
};
use parlor_plugin_arena::Arena;
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
struct Near {
    me: (i32, i32, u32),
    ids: Vec<MemberId>,
    cells: Vec<i32>,
    at: Bytes,
    orbs: Map<String, (i32, i32)>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Player {
    name: String,
    colour: u32,
    points: u32,
}

impl Near {
    fn place(&self, id: MemberId) -> Option<(i32, i32)> {
        let index = self.ids.iter().position(|seen| *seen == id)?;
        let (column, row) = (self.cells[index] % 13, self.cells[index] / 13);
        let (x, y) = (self.at[2 * index], self.at[2 * index + 1]);
        Some((column * 128 + i32::from(x), row * 128 + i32::from(y)))
    }
}

fn near(room: &TestRoom<Arena>, member: MemberId) -> Near {
    let view = Payload::of(room.view_for(member, "near")).expect("a view");
    view.read().expect("of this shape")
}

/// Everybody, by number as text.
fn players(room: &TestRoom<Arena>) -> Map<String, Player> {
    room.view_as("players")
}

fn steer(room: &mut TestRoom<Arena>, member: MemberId, x: i32, y: i32) {
    let answer = room.push(member, &json!({ "type": "steer", "x": x, "y": y }));
    assert_eq!(answer, Answer::Waiting);
}

fn apart(a: (i32, i32), b: (i32, i32)) -> f64 {
    f64::from((a.0 - b.0).pow(2) + (a.1 - b.1).pow(2)).sqrt()
}

/// Has a member go to a place, as straight as a person at a keyboard would.
fn go(room: &mut TestRoom<Arena>, member: MemberId, to: (i32, i32)) {
    for _ in 0..400 {
        let me = near(room, member)
            .place(member)
            .expect("oneself is in sight");
        let (x, y) = (to.0 - me.0, to.1 - me.1);
        if x.abs().max(y.abs()) < 12 {
            break;
        }
        steer(room, member, x.clamp(-127, 127), y.clamp(-127, 127));
        room.tick(1);
    }
    steer(room, member, 0, 0);
    room.tick(1);
}

#[test]
fn a_newcomer_stands_still_and_sees_itself_with_the_next_tick() {
    let mut room = TestRoom::<Arena>::open();
    let ann = room.join("ann");
    room.tick(1);
    let first = near(&room, ann);
    assert_eq!((first.me, &first.ids), ((0, 0, 0), &vec![ann]));
    let player = Player {
        name: "ann".to_owned(),
        colour: ann % 16,
        points: 0,
    };
    assert_eq!(players(&room), [(ann.to_string(), player)].into());
    assert_eq!(room.metadata(), json!({ "players": 1 }));
    room.tick(1);
    assert_eq!(near(&room, ann), first);
}

#[test]
fn a_direction_holds_from_the_tick_that_its_answer_names_until_the_next() {
    let mut room = TestRoom::<Arena>::open();
    let ann = room.join("ann");
    room.tick(1);
    go(&mut room, ann, (800, 800));
    let (x, y) = near(&room, ann).place(ann).unwrap();
    steer(&mut room, ann, 127, 0);
    room.tick(1);
    assert_eq!(near(&room, ann).place(ann), Some((x + 12, y)));
    room.tick(4);
    assert_eq!(near(&room, ann).place(ann), Some((x + 60, y)));
    assert_eq!(near(&room, ann).me.0, 127);
    steer(&mut room, ann, 0, -127);
    steer(&mut room, ann, 0, 0);
    room.tick(3);
    assert_eq!(
        near(&room, ann).place(ann),
        Some((x + 60, y)),
        "the last one of a tick counts"
    );
}

#[test]
fn what_is_no_direction_is_refused() {
    let mut room = TestRoom::<Arena>::open();
    let ann = room.join("ann");
    for bad in [
        json!({ "type": "steer", "x": 200, "y": 0 }),
        json!({ "type": "steer", "x": 0.5, "y": 0 }),
        json!({ "type": "jump" }),
    ] {
        room.push(ann, &bad);
        room.tick(1);
        assert_eq!(
            room.last_answer(ann).code(),
            Some("INVALID_PAYLOAD"),
            "{bad}"
        );
    }
}

#[test]
fn members_see_who_is_within_400_units_and_nobody_farther() {
    let mut room = TestRoom::<Arena>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    room.tick(1);
    go(&mut room, ann, (300, 800));
    go(&mut room, bob, (1_200, 800));
    assert_eq!(
        (near(&room, ann).ids, near(&room, bob).ids),
        (vec![ann], vec![bob])
    );
    let distance = |room: &TestRoom<Arena>| {
        let place = |member| near(room, member).place(member).unwrap();
        apart(place(ann), place(bob))
    };
    // They come together until they see each other, and go apart until they do not.
    steer(&mut room, bob, -127, 0);
    while near(&room, ann).ids.len() == 1 {
        room.tick(1);
    }
    let met = distance(&room);
    assert!((385.0..401.0).contains(&met), "{met}");
    assert_eq!(near(&room, bob).ids, [ann, bob]);
    steer(&mut room, bob, 127, 0);
    while near(&room, ann).ids.len() == 2 {
        room.tick(1);
    }
    let parted = distance(&room);
    assert!((439.0..455.0).contains(&parted), "{parted}");
}

#[test]
fn the_room_decides_who_is_pushed_where() {
    let mut room = TestRoom::<Arena>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    room.tick(1);
    go(&mut room, bob, (800, 800));
    go(&mut room, ann, (700, 800));
    let before = near(&room, bob).place(bob).unwrap();
    for _ in 0..20 {
        let seen = near(&room, ann);
        let (me, other) = (seen.place(ann).unwrap(), seen.place(bob).unwrap());
        steer(
            &mut room,
            ann,
            3 * (other.0 - me.0).clamp(-42, 42),
            3 * (other.1 - me.1).clamp(-42, 42),
        );
        room.tick(1);
    }
    let seen = near(&room, ann);
    let (me, other) = (seen.place(ann).unwrap(), seen.place(bob).unwrap());
    assert!(
        apart(before, other) > 20.0,
        "bob was pushed: {before:?} {other:?}"
    );
    assert!(
        apart(me, other) >= 31.0,
        "they do not overlap: {me:?} {other:?}"
    );
}

#[test]
fn an_orb_gives_a_point_and_lies_elsewhere_then() {
    let mut room = TestRoom::<Arena>::open();
    let ann = room.join("ann");
    room.tick(1);
    // By rows, until there is one in sight: there are 64.
    for y in [400, 800, 1_200] {
        go(&mut room, ann, (800, y));
        if !near(&room, ann).orbs.is_empty() {
            break;
        }
    }
    let before = near(&room, ann);
    let (orb, place) = before.orbs.iter().next().expect("an orb in sight");
    go(&mut room, ann, *place);
    let after = near(&room, ann);
    assert!(after.me.2 > before.me.2, "a point");
    assert_ne!(after.orbs.get(orb), Some(place));
    room.tick(10);
    assert_eq!(
        players(&room)[&ann.to_string()].points,
        near(&room, ann).me.2,
        "soon everybody knows"
    );
}

#[test]
fn who_is_away_stands_still_and_who_left_is_gone() {
    let mut room = TestRoom::<Arena>::open();
    let (ann, bob) = (room.join("ann"), room.join("bob"));
    room.tick(1);
    go(&mut room, ann, (800, 800));
    go(&mut room, bob, (700, 700));
    steer(&mut room, ann, 60, 0);
    room.tick(1);
    room.away(ann);
    room.tick(1);
    let stood = near(&room, bob).place(ann);
    room.tick(5);
    assert_eq!(near(&room, bob).place(ann), stood);
    room.leave(ann);
    room.tick(1);
    assert_eq!(near(&room, bob).ids, [bob]);
    assert_eq!(players(&room).len(), 1);
    assert_eq!(room.metadata(), json!({ "players": 1 }));
}

#[test]
fn an_empty_room_costs_nothing() {
    let mut room = TestRoom::<Arena>::open();
    let ann = room.join("ann");
    room.tick(1);
    room.leave(ann);
    room.tick(30);
    assert_eq!(room.effects_of_last_step(), 0);
}

#[test]
fn another_name_is_known_with_the_next_tick() {
    let mut room = TestRoom::<Arena>::open();
    let ann = room.join("ann");
    room.tick(1);
    room.rename(ann, "anna");
    room.tick(1);
    assert_eq!(players(&room)[&ann.to_string()].name, "anna");
}
