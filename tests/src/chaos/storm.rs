//! A run: witnesses, a proxy, many clients, traffic for a while, and then quiet until everything has arrived.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::Seat;
use tokio::task::JoinSet;

use super::client::{self, Pace, RoomPlan, Run, Script, Stage, Tally};
use super::history::{History, Limits, Record};
use crate::proxy::{FaultProxy, ProxyTally, Weather};

/// The name of the member whose coming is the last frame of every room.
pub const MARKER: &str = "the end";
/// How many clients share a chat.
const CHATTERS: usize = 25;
/// How many share a game: as many as it has seats.
const PLAYERS: usize = 8;
/// How many rooms a witness looks at: fewer than a session may join in a minute.
const WITNESSED_ROOMS: usize = 16;
/// How long clients may take to come to rest. Nothing is in their way any more.
const SETTLE_MAX: Duration = Duration::from_secs(40);

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Storm {
    /// How many clients go through the proxy.
    pub clients: usize,
    /// Whether they play as well as chat.
    pub plays: bool,
    /// How long there is traffic.
    pub until: Until,
    /// What the network does.
    pub weather: Weather,
    /// How much each client says.
    pub pace: Pace,
    /// How long a client waits at most for something to come.
    pub patience_max: Duration,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
    /// What the server keeps.
    pub limits: Limits,
}

/// When the traffic is over.
#[derive(Debug, Clone)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// When the clients are so far, or after this time at most.
    Reached(fn(&Tally) -> bool, Duration),
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// All records.
    pub history: History,
    /// What the proxy did.
    pub proxy: ProxyTally,
    /// Whether every client came to rest and saw the last frame of each of its rooms.
    pub is_settled: bool,
    /// How far the clients came.
    pub tally: Tally,
}

impl Storm {
    /// Lets it pass over a server.
    pub async fn pass(&self, server: SocketAddr) -> Outcome {
        let run = Arc::new(Run::new(MARKER));
        let rooms = self.rooms();
        let mut witnesses = self.watch(&rooms, "witness", server, &run, true);
        let witness_count = witnesses.len();
        // Before anybody else comes, so that the witnesses miss nothing.
        reached(&run, SETTLE_MAX, |tally| tally.arrived == witness_count).await;
        let proxy = FaultProxy::start(server, self.seed, self.weather.clone()).await;
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let script = self.client(number, &rooms, proxy.address);
            clients.spawn(client::run(script, Arc::clone(&run)));
        }
        match self.until {
            Until::Time(time) => tokio::time::sleep(time).await,
            Until::Reached(is_far, longest) => {
                reached(&run, longest, is_far).await;
            }
        }
        let is_settled = self
            .settle(&run, &proxy, &rooms, server, witness_count)
            .await;
        run.stage.send_replace(Stage::Stop);
        Outcome {
            history: History {
                limits: self.limits.clone(),
                witnesses: records(&mut witnesses).await,
                clients: records(&mut clients).await,
            },
            proxy: proxy.tally(),
            is_settled,
            tally: run.tally.borrow().clone(),
        }
    }

    /// Ends all faults, waits until nothing is unanswered, and then for a last frame in every room.
    async fn settle(
        &self,
        run: &Arc<Run>,
        proxy: &FaultProxy,
        rooms: &[RoomPlan],
        server: SocketAddr,
        witness_count: usize,
    ) -> bool {
        proxy.calm();
        run.stage.send_replace(Stage::Settle);
        let all = self.clients + witness_count;
        if !reached(run, SETTLE_MAX, |tally| tally.settled == all).await {
            return false;
        }
        // They live on until the others have seen them.
        let _markers = self.watch(rooms, MARKER, server, run, false);
        reached(run, SETTLE_MAX, |tally| tally.finished >= all).await
    }

    /// Clients that only look on, each at some of the rooms.
    fn watch(
        &self,
        rooms: &[RoomPlan],
        name: &str,
        server: SocketAddr,
        run: &Arc<Run>,
        keeps_boards: bool,
    ) -> JoinSet<Record> {
        let mut watching = JoinSet::new();
        for rooms in rooms.chunks(WITNESSED_ROOMS) {
            let watched = |plan: &RoomPlan| RoomPlan {
                seat: Seat::Spectator,
                ..plan.clone()
            };
            let script = Script {
                name: name.to_owned(),
                address: server,
                rooms: rooms.iter().map(watched).collect(),
                pace: None,
                changes_subprotocol: false,
                patience_max: SETTLE_MAX,
                keeps_boards,
                seed: self.seed,
            };
            watching.spawn(client::run(script, Arc::clone(run)));
        }
        watching
    }

    fn client(&self, number: usize, rooms: &[RoomPlan], address: SocketAddr) -> Script {
        let (chats, games) = rooms.split_at(self.clients.div_ceil(CHATTERS));
        let mut rooms = vec![chats[number / CHATTERS].clone()];
        rooms.extend(games.get(number / PLAYERS).cloned());
        Script {
            name: format!("client-{number}"),
            address,
            rooms,
            pace: Some(self.pace.clone()),
            changes_subprotocol: true,
            patience_max: self.patience_max,
            keeps_boards: false,
            seed: self.seed ^ ((number as u64 + 1) << 32),
        }
    }

    /// The chats, and behind them the games.
    fn rooms(&self) -> Vec<RoomPlan> {
        let room = |plugin, number| RoomPlan {
            name: format!("{plugin}-{number}").into(),
            plugin,
            seat: Seat::Player,
        };
        let chats = (0..self.clients.div_ceil(CHATTERS)).map(|number| room("chat", number));
        let game_count = if self.plays {
            self.clients.div_ceil(PLAYERS)
        } else {
            0
        };
        chats
            .chain((0..game_count).map(|number| room("grid", number)))
            .collect()
    }
}

/// Waits until the clients are so far. Whether they are.
async fn reached(run: &Run, longest: Duration, is_far: impl Fn(&Tally) -> bool) -> bool {
    let mut tally = run.tally.subscribe();
    let waiting = tally.wait_for(|tally| is_far(tally));
    matches!(tokio::time::timeout(longest, waiting).await, Ok(Ok(_)))
}

async fn records(clients: &mut JoinSet<Record>) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(record) = clients.join_next().await {
        records.push(record.expect("a client does not panic"));
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    records
}
