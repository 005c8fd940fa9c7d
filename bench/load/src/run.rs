//! A run from its options to its report: clients join, warm up, are measured, wait for what is still to come, and are audited.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, timeout};

use crate::alarm::Alarm;
use crate::cpu::{CpuSeconds, Processes};
use crate::crew::{Bytes, Client, Ear, Stage, connect};
use crate::options::{Echo, Fanout, Game, Options, Plan, Work};
use crate::report::{Outcome, Report};
use crate::samples::Samples;
use crate::scene::{Count, EchoScene, FanoutScene, GameScene, Scene, Times};
use crate::{Error, files};

/// So many connections are opened at a time.
const RAMP: usize = 50;
/// How long all clients may take, once connected, to be where they should be.
const JOIN_MAX: Duration = Duration::from_secs(60);
/// How long is waited, after the last input, for what is still to come; and how long while nothing comes at all.
const DRAIN_MAX: Duration = Duration::from_secs(10);
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
        }
    }))
}

/// A run that is going on.
struct Run<S> {
    plan: Rc<Plan>,
    stage: Rc<Stage<S>>,
    clients: Vec<Rc<Client<S>>>,
    /// Each ends with what ended its connection.
    ears: JoinSet<Error>,
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
    async fn play(plan: Plan, scene: S) -> Result<Report, Error> {
        let address = resolve(&plan.authority).await?;
        let plan = Rc::new(plan);
        let mut run = Self {
            stage: Rc::new(Stage::new(&plan, scene)),
            plan,
            clients: Vec::new(),
            ears: JoinSet::new(),
            alarm: Alarm::new()?,
            slot: 0,
            measured_us: 0,
            lag: Samples::new(),
        };
        run.gather(address).await?;
        run.settle("in their rooms", [JOIN_MAX; 2], |scene, clients| {
            clients.saturating_sub(scene.ready())
        })
        .await?;

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
    async fn gather(&mut self, address: SocketAddr) -> Result<(), Error> {
        let mut connecting = JoinSet::new();
        for number in 0..self.plan.clients {
            let (plan, stage) = (Rc::clone(&self.plan), Rc::clone(&self.stage));
            connecting.spawn_local(connect(plan, number, address, stage));
            if connecting.len() >= RAMP {
                self.seat(connecting.join_next().await)?;
            }
        }
        while !connecting.is_empty() {
            self.seat(connecting.join_next().await)?;
        }
        self.clients.sort_by_key(|client| client.number());
        Ok(())
    }

    fn seat(&mut self, connected: Option<Connected<S>>) -> Result<(), Error> {
        let Some(connected) = connected else {
            return Ok(());
        };
        let (client, ear) = connected.expect("no client panics, nor is aborted")?;
        self.clients.push(client);
        self.ears.spawn_local(ear.listen());
        Ok(())
    }

    /// Waits until nothing is missing any more.
    async fn settle(
        &mut self,
        what: &'static str,
        [time, quiet]: [Duration; 2],
        missing: impl Fn(&S, usize) -> usize,
    ) -> Result<(), Error> {
        let (stage, clients) = (Rc::clone(&self.stage), self.clients.len());
        let missing = || missing(&stage.scene.borrow(), clients);
        stage.is_watched.set(true);
        let settling = async {
            while missing() > 0 {
                timeout(quiet, stage.moved.notified()).await?;
            }
            Ok(())
        };
        let waited = tokio::select! {
            waited = timeout(time, settling) => waited.flatten(),
            Some(ended) = self.ears.join_next() => return Err(ended.expect("no client panics")),
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
                Some(ended) = self.ears.join_next() => return Err(ended.expect("no client panics")),
            }
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
        let (number, input) = self.stage.scene.borrow_mut().on_due(self.slot, due_us);
        self.slot += 1;
        if due_us >= self.measured_us {
            self.lag.record(now_us - due_us);
        }
        self.clients[number].say(input)
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
        };
        Report::new(&self.plan, outcome)
    }
}

/// A client that is connected, or why not.
type Connected<S> = Result<Result<(Rc<Client<S>>, Ear<S>), Error>, tokio::task::JoinError>;

/// The address behind `host:port`.
async fn resolve(authority: &str) -> Result<SocketAddr, Error> {
    let failed = |source| Error::Resolve {
        host: authority.to_owned(),
        source,
    };
    let mut addresses = tokio::net::lookup_host(authority).await.map_err(failed)?;
    addresses
        .next()
        .ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}
