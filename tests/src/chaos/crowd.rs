//! Clients that run side by side, and how far they are.

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
/// How many share a game: as many as it has seats.
const PLAYERS: usize = 8;

/// Some clients of a run. Several crowds may share a run; dropping one ends its clients.
#[derive(Debug)]
pub struct Crowd {
    run: Arc<Run>,
    clients: JoinSet<Record>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            run: Arc::new(Run::new(MARKER)),
            clients: JoinSet::new(),
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
        }
    }

    /// Adds a client, which begins at once.
    pub fn add(&mut self, script: Script) {
        self.clients
            .spawn(client::run(script, Arc::clone(&self.run)));
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
        let mut records = Vec::new();
        while let Some(record) = self.clients.join_next().await {
            records.push(record.expect("a client does not panic"));
        }
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records
    }
}

/// Who is where: each client in a chat with others, and, where they play, in a game too.
#[must_use]
pub fn seating(client_count: usize, plays: bool) -> Vec<Vec<RoomPlan>> {
    let room = |plugin, number| RoomPlan {
        name: format!("{plugin}-{number}").into(),
        plugin,
        seat: Seat::Player,
    };
    let of = |client: usize| {
        let game = plays.then(|| room("grid", client / PLAYERS));
        let chat = room("chat", client / CHATTERS);
        [chat].into_iter().chain(game).collect()
    };
    (0..client_count).map(of).collect()
}
