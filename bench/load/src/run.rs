//! A run from its options to its report: clients join, warm up, are measured, wait for what is still to come, and are audited.

mod churn;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout};

use crate::alarm::Alarm;
use crate::cpu::{CpuSeconds, Processes};
use crate::crew::{Bytes, Client, Ear, Ended, Stage, connect};
use crate::memory::Memory;
use crate::options::{Echo, Fanout, Game, Options, Plan, Work};
use crate::report::{Outcome, Report};
use crate::run::churn::Churn;
use crate::samples::Samples;
use crate::scene::{
    ArrivalScene, Count, EchoScene, FanoutScene, GameScene, ManyScene, Scene, Times,
};
use crate::{Error, files};

/// How long all clients may take, once connected, to be where they should be.
const JOIN_MAX: Duration = Duration::from_secs(60);
/// How long is waited, after the last input, for what is still to come; and how long while nothing comes at all.
const DRAIN_MAX: Duration = Duration::from_secs(60);
const QUIET_MAX: Duration = Duration::from_secs(5);
/// How long goodbyes may take.
const LEAVE_MAX: Duration = Duration::from_secs(1);
/// So many inputs that are due are sent before others get their turn.
const DUE_MAX: usize = 256;

/// Puts the load on a server, and says what came of it. What the server did wrong is in the report.
///
/// # Errors
///
/// Options that cannot be used, a server that cannot be reached, or a connection that does not last.
pub fn run(options: &Options) -> Result<Report, Error> {
    let plan = Plan::check(options)?;
    files::reserve(plan.clients)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        match &options.work {
            Work::Echo(Echo {
                window, replies, ..
            }) => {
                let scene = EchoScene::new(plan.clients, *window, plan.text_bytes, *replies);
                Run::play(plan, scene).await
            }
            Work::Fanout(Fanout { rate, .. }) => {
                let scene = FanoutScene::new(plan.clients, *rate, plan.text_bytes);
                Run::play(plan, scene).await
            }
            Work::Match(Game {
                rooms,
                players,
                rate,
                ..
            }) => {
                let scene = GameScene::new(*rooms, *players, *rate);
                Run::play(plan, scene).await
            }
            Work::Many(_) => {
                let scene = ManyScene::new(plan.clients);
                Run::play(plan, scene).await
            }
            Work::Idle(_) => {
                let scene = ArrivalScene::new(plan.clients);
                Run::stay(plan, scene).await
            }
            Work::Join(_) => {
                let scene = ArrivalScene::new(plan.clients);
                Run::arrive(plan, scene).await
            }
            Work::First(_) | Work::Rooms(_) | Work::Sit(_) | Work::Wakes(_) => {
                let problem = "it is not made of clients who do all the same";
                Err(Error::usage("other work", problem))
            }
        }
    }))
}

/// A run that is going on.
struct Run<S> {
    plan: Rc<Plan>,
    stage: Rc<Stage<S>>,
    clients: Vec<Rc<Client<S>>>,
    /// Each ends with what ended its connection.
    ears: JoinSet<Ended>,
    address: SocketAddr,
    connecting: JoinSet<Opened<S>>,
    churn: Churn,
    alarm: Alarm,
    /// The next slot of the schedule.
    slot: u64,
    /// When it begins to be measured, in microseconds of the run.
    measured_us: u64,
    /// How long after their time inputs were said that are measured: what the load itself adds to every latency.
    lag: Samples,
}

/// What had come to pass at one moment.
struct Mark {
    at: Instant,
    count: Count,
    bytes: Bytes,
    cpu: CpuSeconds,
}

impl<S: Scene + 'static> Run<S> {
    async fn new(plan: Plan, scene: S) -> Result<Self, Error> {
        Ok(Self {
            address: resolve(&plan.authority).await?,
            stage: Rc::new(Stage::new(&plan, scene)),
            plan: Rc::new(plan),
            clients: Vec::new(),
            ears: JoinSet::new(),
            connecting: JoinSet::new(),
            churn: Churn::default(),
            alarm: Alarm::new()?,
            slot: 0,
            measured_us: 0,
            lag: Samples::new(),
        })
    }

    /// Clients join, and nothing is said for as long as it is measured: what that takes of memory.
    async fn stay(plan: Plan, scene: S) -> Result<Report, Error> {
        let mut run = Self::new(plan, scene).await?;
        let before = Memory::now(run.plan.server_pid)?;
        run.gather().await?;
        run.settle_in().await?;
        run.send_until(Instant::now() + run.plan.warm_up).await?;
        let processes = Processes::find(run.plan.server_pid)?;
        let silence = run.mark(&processes)?;
        run.send_until(Instant::now() + run.plan.measured).await?;
        let end = run.mark(&processes)?;
        let after = Memory::now(run.plan.server_pid)?;
        run.leave().await;
        Ok(Report {
            memory: Some([before, after]),
            // It is not of what is said that there is any.
            messages: end.count.messages,
            ..run.report(&silence, &end)
        })
    }

    /// Clients join as fast as they can, and that is what is measured.
    async fn arrive(plan: Plan, scene: S) -> Result<Report, Error> {
        let mut run = Self::new(plan, scene).await?;
        let before = run.mark(&Processes::find(run.plan.server_pid)?)?;
        run.storm().await?;
        run.settle_in().await?;
        let after = run.mark(&Processes::find(run.plan.server_pid)?)?;
        run.leave().await;
        Ok(run.report(&before, &after))
    }

    /// Clients do what they do for as long as it is measured.
    async fn play(plan: Plan, scene: S) -> Result<Report, Error> {
        let mut run = Self::new(plan, scene).await?;
        run.gather().await?;
        run.settle_in().await?;

        let processes = Processes::find(run.plan.server_pid)?;
        let start = Instant::now();
        let measured = start + run.plan.warm_up;
        let end = measured + run.plan.measured;
        run.start([start, measured, end])?;
        run.send_until(measured).await?;
        let before = run.mark(&processes)?;
        run.send_until(end).await?;
        // Once more, for what was started meanwhile.
        let after = run.mark(&Processes::find(run.plan.server_pid)?)?;

        let drained = run
            .settle("answered", [DRAIN_MAX, QUIET_MAX], |scene, _| {
                usize::from(!scene.is_settled())
            })
            .await;
        match drained {
            // What has not come by now is a matter of the report.
            Ok(()) | Err(Error::Waited { .. }) => {}
            Err(error) => return Err(error),
        }
        run.leave().await;
        Ok(run.report(&before, &after))
    }

    /// Connects all clients.
    async fn gather(&mut self) -> Result<(), Error> {
        for number in 0..self.plan.clients {
            self.connect(number, 0);
            if self.connecting.len() >= self.plan.under_way {
                let connected = self.connecting.join_next().await;
                self.seat(connected)?;
            }
        }
        while !self.connecting.is_empty() {
            let connected = self.connecting.join_next().await;
            self.seat(connected)?;
        }
        self.clients.sort_by_key(|client| client.number());
        Ok(())
    }

    /// Connects all clients, the next as soon as one more is in its room.
    async fn storm(&mut self) -> Result<(), Error> {
        let (stage, plan) = (Rc::clone(&self.stage), Rc::clone(&self.plan));
        let under_way = |begun: usize| begun - stage.scene.borrow().ready();
        stage.is_watched.set(true);
        let mut begun = 0;
        while begun < plan.clients || !self.connecting.is_empty() {
            while begun < plan.clients && under_way(begun) < plan.under_way {
                self.connect(begun, 0);
                begun += 1;
            }
            tokio::select! {
                connected = self.connecting.join_next(), if !self.connecting.is_empty() => self.seat(connected)?,
                Some(ended) = self.ears.join_next() => self.on_ended(ended)?,
                () = stage.moved.notified() => {}
                () = sleep(JOIN_MAX) => break,
            }
        }
        stage.is_watched.set(false);
        Ok(())
    }

    fn connect(&mut self, number: usize, turn: u32) {
        let (plan, stage) = (Rc::clone(&self.plan), Rc::clone(&self.stage));
        let connecting = connect(plan, (number, turn), self.address, stage);
        self.connecting.spawn_local(connecting);
    }

    fn seat(&mut self, connected: Option<Connected<S>>) -> Result<(), Error> {
        let Some(connected) = connected else {
            return Ok(());
        };
        let (client, ear) = connected.expect("no client panics, nor is aborted")?;
        let number = client.number();
        match self.clients.get_mut(number).filter(|_| client.turn() > 0) {
            Some(place) => *place = client,
            None => self.clients.push(client),
        }
        self.ears.spawn_local(ear.listen());
        Ok(())
    }

    /// A connection has ended, which only those may that are not needed any more.
    fn on_ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) -> Result<(), Error> {
        match ended.expect("no client panics") {
            Ended::Left { client, turn } => {
                self.connect(client, turn + 1);
                Ok(())
            }
            Ended::Broken(error) => Err(error),
        }
    }

    async fn settle_in(&mut self) -> Result<(), Error> {
        self.settle("in their rooms", [JOIN_MAX; 2], |scene, clients| {
            clients.saturating_sub(scene.ready())
        })
        .await
    }

    /// Waits until nothing is missing any more.
    async fn settle(
        &mut self,
        what: &'static str,
        [time, quiet]: [Duration; 2],
        missing: impl Fn(&S, usize) -> usize,
    ) -> Result<(), Error> {
        let (stage, clients) = (Rc::clone(&self.stage), self.plan.clients);
        let missing = || missing(&stage.scene.borrow(), clients);
        stage.is_watched.set(true);
        let settling = async {
            while missing() > 0 {
                timeout(quiet, stage.moved.notified()).await?;
            }
            Ok(())
        };
        let ears = &mut self.ears;
        let breaking = async {
            while let Some(ended) = ears.join_next().await {
                if let Ended::Broken(error) = ended.expect("no client panics") {
                    return error;
                }
            }
            std::future::pending().await
        };
        let waited = tokio::select! {
            waited = timeout(time, settling) => waited.flatten(),
            error = breaking => return Err(error),
        };
        stage.is_watched.set(false);
        waited.map_err(|_| Error::Waited {
            what,
            missing: missing(),
            seconds: time.as_secs(),
        })
    }

    /// Has every client say what it says first.
    fn start(&mut self, times: [Instant; 3]) -> Result<(), Error> {
        let origin = self.stage.origin;
        let micros = |at: Instant| u64::try_from((at - origin).as_micros()).unwrap_or(u64::MAX);
        let [start_us, measured_us, end_us] = times.map(micros);
        self.measured_us = measured_us;
        self.churn = Churn::new(start_us, end_us, self.plan.churn);
        let scene = &self.stage.scene;
        scene.borrow_mut().start(Times {
            start_us,
            measured_us,
            end_us,
        });
        for (number, client) in self.clients.iter().enumerate() {
            let now_us = self.stage.now_us();
            while let Some(input) = { scene.borrow_mut().opening(number, now_us) } {
                client.prepare(input);
            }
            client.write()?;
        }
        Ok(())
    }

    /// Says what is due, until then.
    async fn send_until(&mut self, end: Instant) -> Result<(), Error> {
        let schedule = self.stage.scene.borrow().schedule();
        let origin = self.stage.origin;
        loop {
            let next = schedule
                .filter(|schedule| self.slot < schedule.slots())
                .map(|schedule| origin + Duration::from_micros(schedule.at_us(self.slot)))
                .filter(|next| *next < end);
            tokio::select! {
                biased;
                rung = self.alarm.sleep_until(next.unwrap_or(end)) => rung?,
                Some(ended) = self.ears.join_next() => self.on_ended(ended)?,
                Some(connected) = self.connecting.join_next() => self.seat(Some(connected))?,
            }
            self.come_and_go();
            if next.is_none() && Instant::now() >= end {
                return Ok(());
            }
            for _ in 0..DUE_MAX {
                let Some(schedule) = schedule.filter(|it| self.slot < it.slots()) else {
                    break;
                };
                let due_us = schedule.at_us(self.slot);
                if origin + Duration::from_micros(due_us) >= end {
                    break;
                }
                let now_us = self.stage.now_us();
                if due_us > now_us {
                    break;
                }
                self.send_due(due_us, now_us)?;
            }
        }
    }

    fn send_due(&mut self, due_us: u64, now_us: u64) -> Result<(), Error> {
        let due = self.stage.scene.borrow_mut().on_due(self.slot, due_us);
        self.slot += 1;
        let Some((number, input)) = due else {
            return Ok(());
        };
        if due_us >= self.measured_us {
            self.lag.record(now_us - due_us);
        }
        self.clients[number].say(input)
    }

    /// Has those leave whose time has come; each is followed by somebody else when its connection has ended.
    fn come_and_go(&mut self) {
        let now_us = self.stage.now_us();
        let scene = &mut *self.stage.scene.borrow_mut();
        for client in self.churn.leavers(now_us, scene) {
            scene.on_left(client);
            self.clients[client].leave();
        }
    }

    fn mark(&self, processes: &Processes) -> Result<Mark, Error> {
        Ok(Mark {
            at: Instant::now(),
            count: self.stage.scene.borrow().count(),
            bytes: self.stage.bytes.get(),
            cpu: processes.seconds()?,
        })
    }

    /// Has every client say goodbye, and waits a little for the server to do so.
    async fn leave(&mut self) {
        for client in &self.clients {
            client.leave();
        }
        let ears = &mut self.ears;
        let leaving = async { while ears.join_next().await.is_some() {} };
        // Whoever does not is left without.
        drop(timeout(LEAVE_MAX, leaving).await);
    }

    fn report(&self, before: &Mark, after: &Mark) -> Report {
        let scene = self.stage.scene.borrow();
        let outcome = Outcome {
            seconds: (after.at - before.at).as_secs_f64(),
            messages: after.count.messages - before.count.messages,
            bytes_read: after.bytes.read - before.bytes.read,
            bytes_written: after.bytes.written - before.bytes.written,
            cpu: after.cpu.since(&before.cpu),
            latencies: scene.latencies(),
            send_lag: self.lag.percentiles(),
            total: scene.count(),
            faults: scene.audit(),
            replaced: self.churn.gone(),
        };
        Report::new(&self.plan, outcome)
    }
}

/// A client that is connected, or why not.
type Opened<S> = Result<(Rc<Client<S>>, Ear<S>), Error>;
/// The same as the end of a task.
type Connected<S> = Result<Opened<S>, tokio::task::JoinError>;

/// The address behind `host:port`.
pub(crate) async fn resolve(authority: &str) -> Result<SocketAddr, Error> {
    let failed = |source| Error::Resolve {
        host: authority.to_owned(),
        source,
    };
    let mut addresses = tokio::net::lookup_host(authority).await.map_err(failed)?;
    addresses
        .next()
        .ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}
