//! Clients that run side by side, and how far they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::Seat;
use tokio::task::JoinSet;

use super::client::{self, RoomPlan, Run, Script, Stage, Tally};
use super::history::Record;

/// The name of the member whose coming is the last frame of every room.
pub const MARKER: &str = "the end";
/// How many clients share a chat.
const CHATTERS: usize = 25;
/// How many rooms one that looks on is in: fewer than a session may make in a minute, for it may be the first one there.
const WATCHED_ROOMS: usize = 8;
/// How long clients that nothing is in the way of may take to get into their rooms.
pub(super) const ARRIVE_MAX: Duration = Duration::from_secs(40);
/// How many share a game: as many as it has seats.
const PLAYERS: usize = 8;

/// Some clients of a run. Several crowds may share a run; dropping one ends its clients.
#[derive(Debug)]
pub struct Crowd {
    run: Arc<Run>,
    clients: JoinSet<()>,
    /// Which of the run's records are theirs.
    numbers: Vec<usize>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            run: Arc::new(Run::new(MARKER)),
            clients: JoinSet::new(),
            numbers: Vec::new(),
        }
    }
}

impl Crowd {
    /// Other clients of the same run.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            run: Arc::clone(&self.run),
            clients: JoinSet::new(),
            numbers: Vec::new(),
        }
    }

    /// Adds a client, which begins at once.
    pub fn add(&mut self, script: Script) {
        let number = self.run.begin_record(&script.name);
        self.numbers.push(number);
        self.clients
            .spawn(client::run(script, number, Arc::clone(&self.run)));
    }

    /// Adds clients that only look on, each at some of the rooms.
    pub(super) fn watch(&mut self, rooms: &[RoomPlan], name: &str, address: SocketAddr, seed: u64) {
        for rooms in rooms.chunks(WATCHED_ROOMS) {
            let watched = |plan: &RoomPlan| RoomPlan {
                seat: Seat::Spectator,
                ..plan.clone()
            };
            self.add(Script {
                name: name.to_owned(),
                address,
                rooms: rooms.iter().map(watched).collect(),
                pace: None,
                changes_subprotocol: false,
                patience_max: ARRIVE_MAX,
                absence_max: Duration::ZERO,
                keeps_boards: true,
                keeps_states: false,
                seed,
            });
        }
    }

    /// How many clients there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// How far the clients of the run are.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.run.tally.borrow().clone()
    }

    /// Tells all clients of the run what is on.
    pub fn enter(&self, stage: Stage) {
        self.run.stage.send_replace(stage);
    }

    /// Waits until the clients of the run are so far. Whether they are, for after `longest` it waits no more.
    pub async fn reached(&self, longest: Duration, is_far: impl Fn(&Tally) -> bool) -> bool {
        let mut tally = self.run.tally.subscribe();
        let waiting = tally.wait_for(|tally| is_far(tally));
        matches!(tokio::time::timeout(longest, waiting).await, Ok(Ok(_)))
    }

    /// Stops the run, and gathers the records of these clients.
    ///
    /// # Panics
    ///
    /// When a client did.
    pub async fn records(mut self) -> Vec<Record> {
        self.enter(Stage::Stop);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        self.records_so_far()
    }

    /// The records of these clients as they are now: whatever one of them shows the cause of is in the others.
    #[must_use]
    pub fn records_so_far(&self) -> Vec<Record> {
        let all = self.run.records();
        let theirs = self.numbers.iter().map(|number| all[*number].clone());
        let mut records: Vec<_> = theirs.collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records
    }
}

/// Who is where: each client in a chat with others, and, where they play, in a game too.
#[must_use]
pub fn seating(client_count: usize, plays: bool) -> Vec<Vec<RoomPlan>> {
    seating_by(client_count, plays, CHATTERS)
}

/// The same, with so many to a chat.
#[must_use]
pub fn seating_by(client_count: usize, plays: bool, chatters: usize) -> Vec<Vec<RoomPlan>> {
    let room = |plugin, number| RoomPlan {
        name: format!("{plugin}-{number}").into(),
        plugin,
        seat: Seat::Player,
    };
    let of = |client: usize| {
        let game = plays.then(|| room("grid", client / PLAYERS));
        let chat = room("chat", client / chatters);
        [chat].into_iter().chain(game).collect()
    };
    (0..client_count).map(of).collect()
}

/// All rooms of a seating, each once.
pub(super) fn rooms_of(seating: &[Vec<RoomPlan>]) -> Vec<RoomPlan> {
    let mut rooms = seating.concat();
    rooms.sort_by(|a, b| a.name.cmp(&b.name));
    rooms.dedup_by(|a, b| a.name == b.name);
    rooms
}
