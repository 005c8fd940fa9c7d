//! A run in which the server is killed again and again, under load and on its way up, and clients come back by themselves.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::check::{Violation, check_durable};
use super::client::{Pace, RoomPlan, Script, Stage, Tally};
use super::crowd::{ARRIVE_MAX, Crowd, MARKER, rooms_of, seating_by};
use super::history::{History, Limits};
use super::observe::observe;

/// One in so many clients of a game keeps its boards.
const BOARD_KEEPERS: usize = 4;

/// A server that can be killed, and started again on the same address with what it had made durable.
pub trait Victim: Send {
    /// Where clients connect.
    fn address(&self) -> SocketAddr;
    /// Starts it, without waiting until it is ready.
    fn spawn(&mut self);
    /// Waits until it is ready for clients.
    fn is_ready(&mut self) -> impl Future<Output = ()> + Send;
    /// Waits until it has ended by itself, if ever.
    fn ended(&mut self) -> impl Future<Output = ()> + Send;
    /// Ends it at once. It may lose all that it had not made durable.
    fn kill(&mut self) -> impl Future<Output = ()> + Send;
    /// From the next start on it does not end by itself.
    fn spare(&mut self);
}

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct CrashRun {
    /// How many clients there are, each in a chat and in a game.
    pub clients: usize,
    /// How many of them share a chat.
    pub chatters: usize,
    /// How much each client says.
    pub pace: Pace,
    /// How often the server is killed.
    pub kills: usize,
    /// Set where it ends by itself, where it was told to, and is killed only where it did not come to that.
    pub ends_by_itself: Option<Patience>,
    /// How long it lives under load before it is killed.
    pub life: Range<Duration>,
    /// How long it takes to be ready, roughly: it is also killed before.
    pub start_up: Duration,
    /// After so many kills the records are checked as far as they are; and in the end.
    pub check_every: usize,
    /// How long clients may take to come to rest in the end.
    pub settle_max: Duration,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
}

/// How long a server may take from its start on to end by itself.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// When it is started for the first time, and has nothing yet to recover.
    pub first: Duration,
    /// Later.
    pub later: Duration,
}

/// How often the server was killed at which moments.
#[derive(Debug, Clone, Default)]
pub struct Kills {
    /// While clients were there and heard answers.
    pub under_load: usize,
    /// While clients were coming back.
    pub resuming: usize,
    /// Before it was ready.
    pub starting: usize,
    /// Not by the test: it ended where it was told to.
    pub by_itself: usize,
}

/// What came of a run.
#[derive(Debug)]
pub struct CrashOutcome {
    /// All records, unless the run ended before its time.
    pub history: History,
    /// What is wrong with them.
    pub violations: Vec<Violation>,
    /// When the server was killed.
    pub kills: Kills,
    /// How often the records were checked.
    pub checks: usize,
    /// How far the clients came.
    pub tally: Tally,
    /// What the clients did not come to within their time.
    pub missed: Option<&'static str>,
}

enum Moment {
    Load,
    Resume,
    StartUp,
    /// Within so long.
    Itself(Duration),
}

/// How long the last server of a run lives on before all come to rest.
const LINGER: Duration = Duration::from_millis(400);
/// How long the clients of a server that lives may take to hear an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

impl CrashRun {
    /// Kills a server again and again.
    pub async fn pass(&self, victim: &mut impl Victim) -> CrashOutcome {
        let seating = seating_by(self.clients, true, self.chatters);
        let rooms = rooms_of(&seating);
        let mut crowd = Crowd::default();
        victim.spawn();
        victim.is_ready().await;
        for (number, rooms) in seating.into_iter().enumerate() {
            crowd.add(self.client(number, rooms, victim.address()));
        }
        let mut outcome = CrashOutcome {
            history: History::default(),
            violations: Vec::new(),
            kills: Kills::default(),
            checks: 0,
            tally: Tally::default(),
            missed: None,
        };
        outcome.missed = self
            .kill_and_settle(victim, &crowd, &rooms, &mut outcome)
            .await;
        outcome.tally = crowd.tally();
        outcome.history.clients = crowd.records().await;
        outcome.history.limits = limits();
        let last = outcome.history;
        let checked = tokio::task::spawn_blocking(move || (check_durable(&last), last));
        (outcome.violations, outcome.history) = checked.await.expect("checking does not panic");
        outcome.checks += 1;
        outcome
    }

    /// The run but for its end; what the clients did not come to, if so.
    async fn kill_and_settle(
        &self,
        victim: &mut impl Victim,
        crowd: &Crowd,
        rooms: &[RoomPlan],
        outcome: &mut CrashOutcome,
    ) -> Option<&'static str> {
        let all = self.clients;
        if !crowd
            .reached(ARRIVE_MAX, |tally| tally.arrived == all)
            .await
        {
            return Some("to get into their rooms");
        }
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut before = crowd.tally();
        for number in 1..=self.kills {
            let mut moment = match (self.ends_by_itself, rng.random_range(0..4)) {
                (Some(patience), _) if number == 1 => Moment::Itself(patience.first),
                (Some(patience), _) => Moment::Itself(patience.later),
                (None, 0) if number > 1 => Moment::StartUp,
                (None, 1) => Moment::Resume,
                (None, _) => Moment::Load,
            };
            if !self.live(&moment, victim, crowd, &before, &mut rng).await {
                if self.ends_by_itself.is_none() {
                    return Some("to be answered between two kills");
                }
                moment = Moment::Load;
            }
            victim.kill().await;
            match moment {
                Moment::Load => outcome.kills.under_load += 1,
                Moment::Resume => outcome.kills.resuming += 1,
                Moment::StartUp => outcome.kills.starting += 1,
                Moment::Itself(_) => outcome.kills.by_itself += 1,
            }
            before = crowd.tally();
            if number == self.kills {
                victim.spare();
            }
            victim.spawn();
            if number.is_multiple_of(self.check_every) {
                let history = History {
                    clients: crowd.records_so_far(),
                    limits: limits(),
                    ..History::default()
                };
                let checked = tokio::task::spawn_blocking(move || check_durable(&history));
                outcome.checks += 1;
                if !checked.await.expect("checking does not panic").is_empty() {
                    return None;
                }
            }
        }
        if !self
            .live(&Moment::Load, victim, crowd, &before, &mut rng)
            .await
        {
            return Some("to be answered after the last kill");
        }
        self.settle(victim.address(), crowd, rooms, &mut outcome.history)
            .await
    }

    /// Lets the server live until a moment to kill it. Whether that came; `before` is how far the clients were when it
    /// began.
    async fn live(
        &self,
        moment: &Moment,
        victim: &mut impl Victim,
        crowd: &Crowd,
        before: &Tally,
        rng: &mut StdRng,
    ) -> bool {
        let is_answered = |tally: &Tally| tally.answered >= before.answered + self.clients / 2;
        let is_come = match moment {
            Moment::StartUp => {
                let share = rng.random_range(0.0..1.0);
                tokio::time::sleep(self.start_up.mul_f64(share)).await;
                return true;
            }
            Moment::Itself(patience) => {
                return tokio::time::timeout(*patience, victim.ended())
                    .await
                    .is_ok();
            }
            Moment::Resume => {
                victim.is_ready().await;
                // From the first one on, others are at it.
                let is_begun = |tally: &Tally| tally.resumed > before.resumed;
                before.resumed == 0 || crowd.reached(ANSWER_MAX, is_begun).await
            }
            Moment::Load => {
                victim.is_ready().await;
                crowd.reached(ANSWER_MAX, is_answered).await
            }
        };
        let life = if self.ends_by_itself.is_some() {
            Duration::ZERO..LINGER
        } else if let Moment::Resume = moment {
            Duration::ZERO..self.life.start
        } else {
            self.life.clone()
        };
        tokio::time::sleep(rng.random_range(life)).await;
        is_come
    }

    /// Waits until nothing is unanswered, then for a last frame in every room, and then looks at all rooms.
    async fn settle(
        &self,
        address: SocketAddr,
        crowd: &Crowd,
        rooms: &[RoomPlan],
        history: &mut History,
    ) -> Option<&'static str> {
        let all = self.clients;
        crowd.enter(Stage::Settle);
        if !crowd
            .reached(self.settle_max, |tally| tally.settled == all)
            .await
        {
            return Some("to rest");
        }
        // They stay until the others have seen them.
        let mut markers = crowd.beside();
        markers.watch(rooms, MARKER, address, self.seed);
        if !crowd
            .reached(self.settle_max, |tally| tally.finished >= all)
            .await
        {
            return Some("to see the end");
        }
        history.observed = observe(rooms, address).await;
        None
    }

    fn client(&self, number: usize, rooms: Vec<RoomPlan>, address: SocketAddr) -> Script {
        Script {
            name: format!("client-{number}"),
            address,
            rooms,
            pace: Some(self.pace.clone()),
            changes_subprotocol: true,
            // A killed server ends its connections; nothing has to be guessed from its silence.
            patience_max: self.settle_max,
            absence_max: Duration::ZERO,
            keeps_boards: number.is_multiple_of(BOARD_KEEPERS),
            keeps_states: true,
            seed: self.seed ^ ((number as u64 + 1) << 32),
        }
    }
}

/// What a server keeps that is killed on the way.
fn limits() -> Limits {
    Limits {
        is_killed: true,
        ..Limits::default()
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.under_load + self.resuming + self.starting + self.by_itself;
        write!(
            f,
            "{all} kills ({} under load, {} while clients came back, {} before it was ready, {} by itself)",
            self.under_load, self.resuming, self.starting, self.by_itself
        )
    }
}
