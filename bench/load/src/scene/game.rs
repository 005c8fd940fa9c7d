//! Rooms with players who take cells, by a schedule, and are shown the board as it changes.

use super::{Count, Event, Input, Latencies, Scene, Times};
use crate::account::{Boards, Cells, Fault, Faults};
use crate::dialect::Heard;
use crate::samples::Samples;
use crate::schedule::Schedule;

/// All servers have as many ticks.
const TICK_US: u64 = 50_000;

#[derive(Debug)]
pub(crate) struct GameScene {
    players: usize,
    rate: f64,
    rooms: Vec<Boards>,
    /// When each client got its last board, and of which tick.
    last_boards: Vec<Option<(u64, u64)>>,
    /// Whose connection is still to end, or to be followed by another one: what comes on it is of no account.
    gone: Vec<bool>,
    /// Where to look for the next who leaves.
    next_leaver: usize,
    times: Times,
    schedule: Option<Schedule>,
    count: Count,
    /// How many boards were shown.
    boards: u64,
    refused: u64,
    screen: Samples,
    answer: Samples,
    unevenness: Samples,
    faults: Faults,
}

impl GameScene {
    /// Each player asks `rate` times a second.
    pub(crate) fn new(rooms: usize, players: usize, rate: f64) -> Self {
        Self {
            players,
            rate,
            rooms: (0..rooms).map(|_| Boards::new(players)).collect(),
            last_boards: vec![None; rooms * players],
            gone: vec![false; rooms * players],
            next_leaver: 0,
            times: Times::default(),
            schedule: None,
            count: Count::default(),
            boards: 0,
            refused: 0,
            screen: Samples::new(),
            answer: Samples::new(),
            unevenness: Samples::new(),
            faults: Faults::default(),
        }
    }

    /// The room of a client, and its place there.
    fn place(&self, client: usize) -> (usize, usize) {
        (client / self.players, client % self.players)
    }

    fn on_answered(&mut self, client: usize, id: u64, is_accepted: bool, at_us: u64) {
        let (room, place) = self.place(client);
        let Some(due_us) = self.rooms[room].on_answer(place, id, is_accepted) else {
            return;
        };
        self.count.messages += 1;
        self.refused += u64::from(!is_accepted);
        if self.times.is_measured(due_us) {
            self.answer.record(at_us.saturating_sub(due_us));
        }
    }

    /// What comes back is to be said to it.
    fn on_board(
        &mut self,
        client: usize,
        tick: u64,
        cells: &Cells,
        is_open: bool,
        at_us: u64,
    ) -> Option<Input> {
        let (room, place) = self.place(client);
        let (times, screen) = (self.times, &mut self.screen);
        self.rooms[room].on_board(place, tick, cells, is_open, |due_us| {
            if times.is_measured(due_us) {
                screen.record(at_us.saturating_sub(due_us));
            }
        });
        self.on_shown(client, tick, at_us);
        self.rooms[room].take_end().then_some(Input::NextBoard)
    }

    /// A client has got a board, whatever is on it.
    fn on_shown(&mut self, client: usize, tick: u64, at_us: u64) {
        let last = self.last_boards[client].replace((at_us, tick));
        if !self.times.is_measured(at_us) {
            return;
        }
        self.boards += 1;
        if let Some((last_us, last_tick)) = last
            && tick > last_tick
        {
            let ticks_us = (tick - last_tick).saturating_mul(TICK_US);
            let time_us = at_us.saturating_sub(last_us);
            self.unevenness.record(time_us.abs_diff(ticks_us));
        }
    }
}

impl Scene for GameScene {
    fn on_connecting(&mut self, client: usize, _at_us: u64) {
        self.gone[client] = false;
    }

    fn on_event(&mut self, event: Event<'_>) -> Option<Input> {
        let Event { client, at_us, .. } = event;
        if self.gone[client] {
            return None;
        }
        match event.heard {
            Heard::Joined { member } => {
                let (room, place) = self.place(client);
                self.rooms[room].on_joined(place, member);
            }
            Heard::Answered { id, is_accepted } => {
                self.on_answered(client, id, is_accepted, at_us);
            }
            Heard::Board {
                tick,
                cells,
                is_open,
            } => return self.on_board(client, tick, cells, is_open, at_us),
            Heard::Said { .. } | Heard::Tick { .. } => {
                let what = || format!("client {client} got what nobody plays with");
                self.faults.add(Fault::Unasked, what);
            }
        }
        None
    }

    fn ready(&self) -> usize {
        let ready = self.rooms.iter().filter(|room| room.is_ready());
        ready.count() * self.players
    }

    fn start(&mut self, times: Times) {
        self.times = times;
        let rate = self.rate * self.last_boards.len() as f64;
        self.schedule = Some(Schedule::new(times.start_us, times.end_us, rate));
    }

    fn schedule(&self) -> Option<Schedule> {
        self.schedule
    }

    fn on_due(&mut self, slot: u64, at_us: u64) -> Option<(usize, Input)> {
        let slot = usize::try_from(slot).unwrap_or_default();
        // From room to room, so that each has its inputs spread over the time.
        let room = slot % self.rooms.len();
        let place = slot / self.rooms.len() % self.players;
        // Whose turn it is may be about to leave, or not play yet.
        let mut places = (place..place + self.players).map(|place| place % self.players);
        let place = places.find(|place| self.rooms[room].is_playing(*place))?;
        let ask = self.rooms[room].ask(place, at_us);
        self.count.said += 1;
        let input = Input::TakeCell {
            id: ask.id,
            cell: ask.cell,
        };
        Some((room * self.players + place, input))
    }

    fn begin_leave(&mut self) -> Option<usize> {
        let clients = self.gone.len();
        // From one room to the next, and to another place in each.
        let step = self.players + 1;
        let order = (0..clients).map(|nth| (self.next_leaver + nth * step) % clients);
        let is_free = |client: &usize| self.rooms[client / self.players].is_complete();
        let client = order.into_iter().find(is_free)?;
        self.next_leaver = (client + step) % clients;
        let (room, place) = self.place(client);
        self.rooms[room].begin_leave(place);
        Some(client)
    }

    fn may_leave(&self, client: usize) -> bool {
        let (room, place) = self.place(client);
        self.rooms[room].may_leave(place)
    }

    fn on_left(&mut self, client: usize) {
        let (room, place) = self.place(client);
        self.rooms[room].on_left(place);
        self.gone[client] = true;
        self.last_boards[client] = None;
    }

    fn count(&self) -> Count {
        self.count
    }

    fn is_settled(&self) -> bool {
        self.rooms.iter().all(Boards::is_settled)
    }

    fn audit(&self) -> Faults {
        let mut faults = self.faults.clone();
        for room in &self.rooms {
            faults.extend(room.audit());
        }
        faults
    }

    fn latencies(&self) -> Latencies {
        Latencies {
            message: self.screen.percentiles(),
            answer: self.answer.percentiles(),
            unevenness: self.unevenness.percentiles(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::CELLS;
    use crate::samples::Percentiles;

    const TIMES: Times = Times {
        start_us: 0,
        measured_us: 0,
        end_us: 1_000_000,
    };

    fn event(scene: &mut GameScene, client: usize, heard: Heard<'_>, at_us: u64) {
        assert_eq!(
            scene.on_event(Event {
                client,
                heard,
                at_us
            }),
            None
        );
    }

    fn show(scene: &mut GameScene, client: usize, tick: u64, cells: &Cells, at_us: u64) {
        let heard = Heard::Board {
            tick,
            cells,
            is_open: true,
        };
        event(scene, client, heard, at_us);
    }

    /// Two rooms with two players each.
    fn started() -> GameScene {
        let mut scene = GameScene::new(2, 2, 10.0);
        for client in 0..4 {
            let member = u32::try_from(client % 2).unwrap() + 1;
            event(&mut scene, client, Heard::Joined { member }, 0);
        }
        assert_eq!(scene.ready(), 0);
        for client in 0..4 {
            show(&mut scene, client, 1, &[0; CELLS], 0);
        }
        assert_eq!(scene.ready(), 4);
        scene.start(TIMES);
        scene
    }

    #[test]
    fn everybody_asks_in_turn_from_room_to_room() {
        let mut scene = started();
        let schedule = scene.schedule().unwrap();
        assert_eq!(schedule.slots(), 40);
        let clients: Vec<usize> = (0..5)
            .map(|slot| scene.on_due(slot, 0).unwrap().0)
            .collect();
        assert_eq!(clients, [0, 2, 1, 3, 0]);
        let expected = Count {
            messages: 0,
            said: 5,
        };
        assert_eq!(scene.count(), expected);
    }

    #[test]
    fn screens_are_measured_from_the_scheduled_time_and_ticks_by_their_distance() {
        let mut scene = started();
        let Some((client, Input::TakeCell { id, cell })) = scene.on_due(1, 1_000) else {
            panic!("players take cells");
        };
        let answer = Heard::Answered {
            id: id.into(),
            is_accepted: true,
        };
        event(&mut scene, client, answer, 40_000);
        let mut cells = [0; CELLS];
        cells[cell] = 1;
        show(&mut scene, 2, 3, &cells, 101_000);
        assert!(!scene.is_settled());
        show(&mut scene, 3, 3, &cells, 102_000);
        assert!(scene.is_settled() && scene.audit().is_empty());
        let latencies = scene.latencies();
        let of = |latency: Option<Percentiles>| latency.map(|it| (it.count, it.p50));
        assert_eq!(of(latencies.answer), Some((1, 39_007)));
        assert_eq!(of(latencies.message), Some((2, 100_031)));
        assert_eq!(of(latencies.unevenness), Some((2, 1_000)));
    }

    #[test]
    fn who_is_the_last_to_see_the_end_of_a_board_asks_for_the_next() {
        let mut scene = started();
        let mut end = |client| {
            let heard = Heard::Board {
                tick: 2,
                cells: &[0; CELLS],
                is_open: false,
            };
            scene.on_event(Event {
                client,
                heard,
                at_us: 0,
            })
        };
        assert_eq!(end(1), None);
        assert_eq!(end(2), None, "another room");
        assert_eq!(end(0), Some(Input::NextBoard));
    }

    #[test]
    fn what_goes_wrong_in_any_room_is_told() {
        let mut scene = started();
        scene.on_due(0, 0);
        let answer = Heard::Answered {
            id: 9,
            is_accepted: true,
        };
        event(&mut scene, 3, answer, 0);
        assert!(!scene.is_settled());
        assert_eq!(scene.audit().count(Fault::Lost), 1);
        assert_eq!(scene.audit().count(Fault::Unasked), 1);
    }
}
