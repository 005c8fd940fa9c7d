//! A run: witnesses, a proxy where the network does harm, many clients, traffic for a while, and then quiet until everything has arrived.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Pace, RoomPlan, Script, Stage, Tally};
use super::crowd::{ARRIVE_MAX, Crowd, MARKER, rooms_of, seating};
use super::history::{History, Limits};
use crate::proxy::{FaultProxy, ProxyTally, Weather};

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Storm {
    /// How many clients there are, beside the witnesses.
    pub clients: usize,
    /// Whether they play as well as chat.
    pub plays: bool,
    /// How long there is traffic.
    pub until: Until,
    /// What the network does; nothing, if this is not set: then there is no proxy in between either.
    pub weather: Option<Weather>,
    /// How much each client says.
    pub pace: Pace,
    /// How long a client waits at most for something to come.
    pub patience_max: Duration,
    /// How long a client stays away at most, one in four times that it lost its connection.
    pub absence_max: Duration,
    /// How long clients may take to come to rest, with nothing in their way any more.
    pub settle_max: Duration,
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
    /// What the proxy did, if there was one.
    pub proxy: ProxyTally,
    /// Whether every client came to rest and saw the last frame of each of its rooms.
    pub is_settled: bool,
    /// How far the clients came.
    pub tally: Tally,
}

impl Storm {
    /// Lets it pass over a server.
    pub async fn pass(&self, server: SocketAddr) -> Outcome {
        let seating = seating(self.clients, self.plays);
        let rooms = rooms_of(&seating);
        let mut witnesses = Crowd::default();
        witnesses.watch(&rooms, "witness", server, self.seed);
        let count = witnesses.count();
        // Before anybody else comes, so that the witnesses miss nothing.
        witnesses
            .reached(ARRIVE_MAX, |tally| tally.arrived == count)
            .await;
        let proxy = match self.weather.clone() {
            Some(weather) => Some(FaultProxy::start(server, self.seed, weather).await),
            None => None,
        };
        let address = proxy.as_ref().map_or(server, |proxy| proxy.address);
        let mut clients = witnesses.beside();
        for (number, rooms) in seating.into_iter().enumerate() {
            clients.add(self.client(number, rooms, address));
        }
        match self.until {
            Until::Time(time) => tokio::time::sleep(time).await,
            Until::Reached(is_far, longest) => {
                clients.reached(longest, is_far).await;
            }
        }
        if let Some(proxy) = &proxy {
            proxy.calm();
        }
        let is_settled = self.settle(&clients, count, &rooms, server).await;
        Outcome {
            proxy: proxy.map(|proxy| proxy.tally()).unwrap_or_default(),
            is_settled,
            tally: clients.tally(),
            history: History {
                limits: self.limits.clone(),
                witnesses: witnesses.records().await,
                clients: clients.records().await,
                observed: Vec::new(),
            },
        }
    }

    /// Waits until nothing is unanswered, and then for a last frame in every room.
    async fn settle(
        &self,
        clients: &Crowd,
        witness_count: usize,
        rooms: &[RoomPlan],
        server: SocketAddr,
    ) -> bool {
        clients.enter(Stage::Settle);
        let all = clients.count() + witness_count;
        if !clients
            .reached(self.settle_max, |tally| tally.settled == all)
            .await
        {
            return false;
        }
        // They stay until the others have seen them.
        let mut markers = clients.beside();
        markers.watch(rooms, MARKER, server, self.seed);
        clients
            .reached(self.settle_max, |tally| tally.finished >= all)
            .await
    }

    fn client(&self, number: usize, rooms: Vec<RoomPlan>, address: SocketAddr) -> Script {
        Script {
            name: format!("client-{number}"),
            address,
            rooms,
            pace: Some(self.pace.clone()),
            changes_subprotocol: true,
            patience_max: self.patience_max,
            absence_max: self.absence_max,
            keeps_boards: false,
            keeps_states: false,
            seed: self.seed ^ ((number as u64 + 1) << 32),
        }
    }
}
