//! Somebody in the arena: goes in another direction with each input, at full speed, and looks for itself in what it is
//! shown.

use std::f64::consts::TAU;

use parlor_proto::Payload;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{Stamp, payload};

/// The length of a direction at full speed.
const FULL: f64 = 127.0;

/// What somebody in the arena knows.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// The last direction asked for, until it shows.
    asked: Option<Asked>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    id: u64,
    at_us: u64,
    steer: (i8, i8),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    Steer { x: i8, y: i8 },
}

/// The view `near`, as far as a bot looks at it.
#[derive(Deserialize)]
struct Near {
    /// The direction one goes in, and one's points.
    me: (i8, i8, u64),
    /// Who is in sight, in rising order.
    ids: Vec<u32>,
    cells: Vec<u32>,
    /// Two for each of them.
    at: ByteBuf,
}

impl Arena {
    /// Goes somewhere else.
    pub(super) fn next(&mut self, stamp: Stamp) -> Payload {
        let steer = direction(rand::random_range(0.0..TAU));
        self.asked = Some(Asked {
            id: stamp.id,
            at_us: stamp.at_us,
            steer,
        });
        let (x, y) = steer;
        payload(&Output::Steer { x, y })
    }

    pub(super) fn on_refused(&mut self, id: u64) {
        self.asked = self.asked.filter(|asked| asked.id != id);
    }

    /// Looks around: calls `shown`, with the time at which it was to be asked for, when the last direction shows for
    /// the first time. `false` if this is no view of who was promised to be in it.
    pub(crate) fn on_near(&mut self, state: &Payload, me: u32, shown: impl FnOnce(u64)) -> bool {
        let Ok(near) = state.to_serde::<Near>() else {
            return false;
        };
        let (x, y, _) = near.me;
        if let Some(asked) = self.asked.take_if(|asked| asked.steer == (x, y)) {
            shown(asked.at_us);
        }
        near.ids.is_sorted_by(|one, next| one < next)
            && near.ids.binary_search(&me).is_ok()
            && near.cells.len() == near.ids.len()
            && near.at.len() == 2 * near.ids.len()
    }
}

/// A direction of full speed, and not a bit faster, or the room would change it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is cut to whole numbers on purpose, and shorter than 128"
)]
fn direction(angle: f64) -> (i8, i8) {
    ((angle.cos() * FULL) as i8, (angle.sin() * FULL) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        sender: 0,
        id: 4,
        at_us: 700,
    };

    fn near(steer: (i8, i8), ids: &str) -> Payload {
        let (x, y) = steer;
        let json = format!(
            r#"{{"me":[{x},{y},0],"ids":{ids},"cells":[0,1],"at":{{"$bytes":"AQIDBA=="}},"orbs":{{}}}}"#
        );
        Payload::from_json(&json).unwrap()
    }

    #[test]
    fn a_direction_is_timed_until_it_shows() {
        let mut arena = Arena::default();
        let said = arena.next(STAMP).to_json();
        let (x, y) = arena.asked.unwrap().steer;
        assert_eq!(said, format!(r#"{{"type":"steer","x":{x},"y":{y}}}"#));
        let mut times = Vec::new();
        for steer in [(0, 1), (x, y), (x, y)] {
            assert!(arena.on_near(&near(steer, "[3,5]"), 5, |at_us| times.push(at_us)));
        }
        assert_eq!(times, [700]);
    }

    #[test]
    fn a_refused_direction_is_not_waited_for() {
        let mut arena = Arena::default();
        arena.next(STAMP);
        arena.on_refused(3);
        assert!(arena.asked.is_some());
        arena.on_refused(4);
        assert!(arena.asked.is_none());
    }

    #[test]
    fn a_view_in_which_one_is_not_is_wrong() {
        let mut arena = Arena::default();
        for ids in ["[3,6]", "[5,3]", "[5]", "7"] {
            assert!(!arena.on_near(&near((0, 0), ids), 5, |_| ()), "{ids}");
        }
    }

    #[test]
    fn directions_are_of_full_speed_and_no_faster() {
        for step in 0..1_000 {
            let (x, y) = direction(f64::from(step) / 1_000.0 * TAU);
            let length = f64::from(x).hypot(f64::from(y));
            assert!((125.0..=FULL).contains(&length), "{x} {y}");
        }
    }
}
