//! A run: somebody shows things in a room, one thing after the other, and clients of both libraries come and go
//! meanwhile, behind networks that stall and break. Again and again there is quiet, in which all must have what they may see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{Seat, Value};
use rand::Rng;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use super::director::{Director, map, text};
use super::history::{Audience, Deed, History, Library};
use super::node::{NodeClients, seat_name};
use super::recorder::{Recorder, Standing};
use super::values::{Shown, Values};
use super::{Command, member};
use crate::TestServer;
use crate::proxy::{FaultProxy, Weather};

/// The views: one for everybody in any case, one that also has other layers, one that is only ever for one member.
const OPEN: &str = "board";
const LAYERED: &str = "world";
const SECRET: &str = "hand";
/// Shown last before there is quiet. Its name is behind all others, as they are sent in the order of names.
const ROUND: &str = "zz-round";

/// How large a state is that is to fill the way to a client, and how many such there are in a row.
const LARGE_BYTES: usize = 40 << 10;
const LARGE_COUNT: usize = 24;
/// How long lies between two things that are done: clients are to see most of them come.
const PACE: Duration = Duration::from_millis(6);
/// How long there may be no quiet.
const QUIET_MAX: Duration = Duration::from_secs(40);

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Play {
    /// How many clients there are of each library.
    pub clients: usize,
    /// How often there is quiet.
    pub rounds: u64,
    /// How many things are done between.
    pub deeds: usize,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
}

impl Play {
    /// Plays on a server.
    ///
    /// # Panics
    ///
    /// When a client does not come to rest.
    pub async fn pass(&self, server: &TestServer) -> History {
        let mut stage = Stage::set(self, server).await;
        for round in 1..=self.rounds {
            for _ in 0..self.deeds {
                stage.do_something().await;
            }
            stage.quiet(round).await;
        }
        stage.history()
    }
}

/// A client, and the network between it and the server.
struct Actor {
    number: usize,
    proxy: FaultProxy,
    commands: Option<mpsc::Sender<Command>>,
    /// For how many more things to do its network is held.
    held: usize,
}

struct Stage {
    values: Values,
    director: Director,
    recorder: Arc<Recorder>,
    actors: Vec<Actor>,
    node: NodeClients,
    /// The clients of the other library.
    tasks: JoinSet<()>,
    shown: BTreeMap<(&'static str, Key), Shown>,
    deeds: Vec<Deed>,
    pace: Interval,
}

/// An audience in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Everyone,
    Players,
    Spectators,
    Member(u32),
}

impl From<Key> for Audience {
    fn from(key: Key) -> Self {
        match key {
            Key::Everyone => Self::Everyone,
            Key::Players => Self::Seat(Seat::Player),
            Key::Spectators => Self::Seat(Seat::Spectator),
            Key::Member(member) => Self::Member(member),
        }
    }
}

impl Stage {
    async fn set(play: &Play, server: &TestServer) -> Self {
        let recorder = Arc::new(Recorder::new());
        let mut stage = Self {
            values: Values::new(play.seed),
            director: Director::enter(server).await,
            node: NodeClients::start(&recorder, play.seed),
            recorder,
            actors: Vec::new(),
            tasks: JoinSet::new(),
            shown: BTreeMap::new(),
            deeds: Vec::new(),
            pace: tokio::time::interval(PACE),
        };
        stage
            .pace
            .set_missed_tick_behavior(MissedTickBehavior::Delay);
        for view in [OPEN, LAYERED] {
            stage.show(view, Key::Everyone).await;
        }
        let weather = Weather {
            ended_percent: 60,
            bytes_max: 256 << 10,
            stall_max: Duration::from_millis(300),
            ..Weather::storm()
        };
        for index in 0..2 * play.clients {
            let seed = play.seed ^ ((index as u64 + 1) << 32);
            let proxy = FaultProxy::narrow(server.address, seed, weather.clone()).await;
            let (number, commands) = if index % 2 == 0 {
                let number = stage.recorder.begin(format!("rust-{index}"), Library::Rust);
                let (sender, receiver) = mpsc::channel(64);
                let recorder = Arc::clone(&stage.recorder);
                stage
                    .tasks
                    .spawn(member::run(proxy.address, seed, number, recorder, receiver));
                (number, Some(sender))
            } else {
                let name = format!("typescript-{index}");
                let number = stage.node.add(&stage.recorder, name, proxy.address);
                (number, None)
            };
            stage.actors.push(Actor {
                number,
                proxy,
                commands,
                held: 0,
            });
        }
        stage
    }

    async fn do_something(&mut self) {
        self.pace.tick().await;
        for actor in &mut self.actors {
            if actor.held > 0 {
                actor.held -= 1;
                actor.proxy.hold(actor.held > 0);
            }
        }
        match self.values.rng().random_range(0..100) {
            0..66 => {
                let (view, key) = self.layer();
                self.show(view, key).await;
            }
            66..70 => self.withdraw().await,
            70..74 => self.reseat().await,
            74..80 => self.actor().proxy.cut_all(),
            80..84 => self.command(|_| Command::Reconnect).await,
            84..86 => {
                self.command(|values| Command::Rejoin(super::seat_of(values.rng())))
                    .await
            }
            86..92 => {
                // Of the others, the next state is often a whole one.
                let view = self.recorder.name(OPEN);
                self.command(|_| Command::Spoil(view)).await;
            }
            92..95 => {
                let view = self.view();
                self.command(|_| Command::Request(view)).await;
            }
            95..99 => {
                let held = self.values.rng().random_range(5..60);
                self.hold(held);
            }
            _ => self.flood().await,
        }
    }

    fn actor(&mut self) -> &mut Actor {
        let index = self.values.rng().random_range(0..self.actors.len());
        &mut self.actors[index]
    }

    fn hold(&mut self, deeds: usize) {
        let actor = self.actor();
        actor.held = deeds;
        actor.proxy.hold(true);
    }

    fn view(&mut self) -> Arc<str> {
        let views = [OPEN, LAYERED, SECRET];
        let view = views[self.values.rng().random_range(0..views.len())];
        self.recorder.name(view)
    }

    async fn command(&mut self, command: impl FnOnce(&mut Values) -> Command) {
        let command = command(&mut self.values);
        let index = self.values.rng().random_range(0..self.actors.len());
        self.tell(&self.actors[index], command).await;
    }

    async fn tell(&self, actor: &Actor, command: Command) {
        match &actor.commands {
            Some(commands) => commands
                .send(command)
                .await
                .unwrap_or_else(|_| panic!("client {} is gone", actor.number)),
            None => self.node.command(actor.number, &command),
        }
    }

    /// Waits until all clients have done what they were told: what one spoils behind the last state, nothing would heal.
    async fn heeded(&mut self, round: u64) {
        self.director.settle().await;
        for actor in &self.actors {
            self.tell(actor, Command::Heed(round)).await;
        }
        tokio::select! {
            heeded = tokio::time::timeout(QUIET_MAX, self.recorder.all_heeded(round)) => {
                assert!(heeded.is_ok(), "a client does not do what it is told");
            }
            // Somebody who does not read would be sent away.
            () = self.director.listen() => {}
        }
    }

    /// Somebody's layer of some view.
    fn layer(&mut self) -> (&'static str, Key) {
        let members = self.recorder.members();
        let rng = self.values.rng();
        let member = match members.len() {
            0 => return (OPEN, Key::Everyone),
            count => Key::Member(members[rng.random_range(0..count)]),
        };
        match rng.random_range(0..10) {
            0..4 => (OPEN, Key::Everyone),
            4 | 5 => (LAYERED, Key::Everyone),
            6 => (LAYERED, Key::Players),
            7 => (LAYERED, Key::Spectators),
            8 => (LAYERED, member),
            _ => (SECRET, member),
        }
    }

    async fn show(&mut self, view: &'static str, key: Key) {
        let next = match self.shown.get(&(view, key)) {
            Some(present) => self.values.next(present),
            None => self.values.fresh(),
        };
        self.put(view, key, next).await;
    }

    async fn put(&mut self, view: &'static str, key: Key, next: Shown) {
        let state = self.recorder.state(next.canonical().as_msgpack());
        self.deeds.push(Deed::Show {
            view: self.recorder.name(view),
            to: key.into(),
            state,
        });
        let deed = map(&[
            ("do", text("show")),
            ("view", text(view)),
            ("to", to(key)),
            ("value", next.value()),
        ]);
        self.shown.insert((view, key), next);
        self.director.say(deed).await;
    }

    /// Whoever saw what is withdrawn sees what everybody does.
    async fn withdraw(&mut self) {
        let layers = self
            .shown
            .keys()
            .filter(|(view, key)| *view == LAYERED && *key != Key::Everyone);
        let layers: Vec<_> = layers.copied().collect();
        if layers.is_empty() {
            return;
        }
        let (view, key) = layers[self.values.rng().random_range(0..layers.len())];
        self.shown.remove(&(view, key));
        self.deeds.push(Deed::Withdraw {
            view: self.recorder.name(view),
            to: key.into(),
        });
        let deed = [
            ("do", text("withdraw")),
            ("view", text(view)),
            ("to", to(key)),
        ];
        self.director.say(map(&deed)).await;
    }

    async fn reseat(&mut self) {
        let members = self.recorder.members();
        if members.is_empty() {
            return;
        }
        let member = members[self.values.rng().random_range(0..members.len())];
        let seat = super::seat_of(self.values.rng());
        self.deeds.push(Deed::Seat { member, seat });
        let deed = [
            ("do", text("seat")),
            ("member", Value::Int(member.into())),
            ("seat", text(seat_name(seat))),
        ];
        self.director.say(map(&deed)).await;
    }

    /// More than the way to a client that does not read can hold.
    async fn flood(&mut self) {
        self.hold(LARGE_COUNT);
        for _ in 0..LARGE_COUNT {
            let present = self.shown[&(OPEN, Key::Everyone)].clone();
            let large = self.values.large(&present, LARGE_BYTES);
            self.put(OPEN, Key::Everyone, large).await;
        }
        let fresh = self.values.fresh();
        self.put(OPEN, Key::Everyone, fresh).await;
    }

    /// Shows everything once more, so that what is wrong somewhere is noticed, and waits until all have it.
    async fn quiet(&mut self, round: u64) {
        for actor in &mut self.actors {
            actor.held = 0;
            actor.proxy.hold(false);
        }
        self.heeded(round).await;
        let members = self.recorder.members();
        self.shown.retain(|(_, key), _| match key {
            Key::Member(member) => members.contains(member),
            _ => true,
        });
        for (view, key) in self.shown.keys().copied().collect::<Vec<_>>() {
            self.show(view, key).await;
        }
        self.show(ROUND, Key::Everyone).await;
        let last = self.shown[&(ROUND, Key::Everyone)].canonical();
        let last = self.recorder.state(last.as_msgpack());
        let has_all = |standing: &Standing| {
            let is_well = standing.member.is_some() && standing.unhealed.is_empty();
            is_well && standing.has.get(ROUND) == Some(&last)
        };
        self.director.settle().await;
        let quiet = self.recorder.quiet(round, has_all);
        tokio::select! {
            quiet = tokio::time::timeout(QUIET_MAX, quiet) => {
                let others = || self.recorder.unlike(has_all);
                assert!(quiet.is_ok(), "no quiet: {}", others().join("\n"));
            }
            // Somebody who does not read would be sent away.
            () = self.director.listen() => {}
        }
        self.deeds.push(Deed::Quiet(round));
    }

    fn history(self) -> History {
        // Ends the clients: what they say from here on is of no interest.
        drop(self.node);
        History {
            deeds: self.deeds,
            records: self.recorder.records(),
        }
    }
}

fn to(key: Key) -> Value {
    match key {
        Key::Everyone => text("everyone"),
        Key::Players => map(&[("seat", text("player"))]),
        Key::Spectators => map(&[("seat", text("spectator"))]),
        Key::Member(member) => map(&[("member", Value::Int(member.into()))]),
    }
}
