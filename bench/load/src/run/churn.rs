//! Who leaves when, so that somebody else comes.

use crate::scene::Scene;
use crate::schedule::Schedule;

const SECONDS_PER_MINUTE: f64 = 60.0;

/// The leavers of a run.
#[derive(Debug, Default)]
pub(crate) struct Churn {
    /// Nothing where all stay.
    schedule: Option<Schedule>,
    /// The next slot of the schedule.
    slot: u64,
    /// Who say no more, and wait for what is still to come.
    leaving: Vec<usize>,
    /// How many have gone.
    gone: u64,
}

impl Churn {
    pub(crate) fn new(start_us: u64, end_us: u64, per_minute: f64) -> Self {
        let rate = per_minute / SECONDS_PER_MINUTE;
        Self {
            schedule: (rate > 0.0).then(|| Schedule::new(start_us, end_us, rate)),
            ..Self::default()
        }
    }

    /// Those who may go now.
    pub(crate) fn leavers(&mut self, now_us: u64, scene: &mut impl Scene) -> Vec<usize> {
        if let Some(schedule) = self.schedule
            && self.slot < schedule.slots()
            && schedule.at_us(self.slot) <= now_us
        {
            self.slot += 1;
            self.leaving.extend(scene.begin_leave());
        }
        let may_leave = |client: &mut usize| scene.may_leave(*client);
        let leavers: Vec<usize> = self.leaving.extract_if(.., may_leave).collect();
        self.gone += leavers.len() as u64;
        leavers
    }

    /// How many have gone by now; nothing where all stay.
    pub(crate) fn gone(&self) -> Option<u64> {
        self.schedule.map(|_| self.gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::CELLS;
    use crate::dialect::Heard;
    use crate::scene::{Event, GameScene, Input, Times};

    #[test]
    fn who_is_to_leave_waits_for_its_answers() {
        let mut scene = GameScene::new(1, 2, 10.0);
        let hear = |scene: &mut GameScene, client, heard| {
            scene.on_event(Event {
                client,
                heard,
                at_us: 0,
            });
        };
        for client in 0..2 {
            let member = u32::try_from(client).unwrap() + 1;
            hear(&mut scene, client, Heard::Joined { member });
            let cells = &[0; CELLS];
            let board = Heard::Board {
                tick: 1,
                cells,
                is_open: true,
            };
            hear(&mut scene, client, board);
        }
        scene.start(Times::default());
        let Some((0, Input::TakeCell { id, .. })) = scene.on_due(0, 0) else {
            panic!("the first asks first");
        };
        let mut churn = Churn::new(0, 60_000_000, 6.0);
        assert!(churn.leavers(0, &mut scene).is_empty());
        let turn = scene.on_due(2, 0).map(|(client, _)| client);
        assert_eq!(turn, Some(1), "in the place of who is to leave");
        let answer = Heard::Answered {
            id: id.into(),
            is_accepted: true,
        };
        hear(&mut scene, 0, answer);
        assert_eq!(churn.leavers(5_000_000, &mut scene), [0]);
        scene.on_left(0);
        assert!(churn.leavers(10_000_000, &mut scene).is_empty(), "not both");
    }

    #[test]
    fn where_all_stay_nobody_leaves() {
        let mut scene = GameScene::new(1, 2, 10.0);
        let mut churn = Churn::new(0, 60_000_000, 0.0);
        assert!(churn.leavers(60_000_000, &mut scene).is_empty());
    }
}
