//! Threads for rooms whose steps take long. Rooms run beside the sockets as long as they are quick; a slow one is sent
//! here, so that what it costs is paid by itself.

use std::sync::{Arc, Mutex, mpsc};

use tokio::sync::oneshot;

use super::audit::Audit;
use super::catalog::Version;
use super::effect::Effect;
use super::fault::{Fault, FaultReport};
use super::instance::OpenError;
use super::runner::{BatchInput, Ran, Runner};
use super::shadow::{Shadow, Shadowed};
use super::trial::{HandOver, HandOverError};
use super::wit;

/// How many threads serve slow rooms.
const THREADS: usize = 2;
/// How much nicer than the rest of the server they are.
const NICENESS: i32 = 10;
/// Every slow room waits for its own step, so that the queue is as long as there are slow rooms; more than this many
/// wait before they queue.
const QUEUE_MAX: usize = 1024;

/// What the lane does.
enum Work {
    /// Opens a room of a version that is known to take long.
    Open {
        version: Arc<Version>,
        config: wit::Config,
    },
    /// Runs a batch of a slow room.
    Run {
        runner: Box<Runner>,
        input: BatchInput,
    },
    /// Looks whether a plugin is deterministic.
    Audit(Box<Audit>),
    /// Mends a room whose batch failed, which may take many steps.
    Recover {
        runner: Box<Runner>,
        input: BatchInput,
        fault: Fault,
    },
    /// Tries another version beside a room.
    Shadow(Box<Shadow>),
    /// Looks whether what a version on trial saves is what it is.
    Probe(Box<Audit>),
    /// Has another version take up a room that takes long to save or to load.
    HandOver {
        runner: Box<Runner>,
        version: Arc<Version>,
    },
}

/// A batch that was run, here or there: the room has its runner back, and its batch.
pub(crate) struct RanBatch {
    pub(crate) runner: Box<Runner>,
    pub(crate) input: BatchInput,
    pub(crate) ran: Ran,
}

/// What came of it.
enum Done {
    Opened(Result<(Box<Runner>, Vec<Effect>), OpenError>),
    Ran(Box<RanBatch>),
    Audited(Option<Box<FaultReport>>),
    Shadowed(Box<Result<Shadowed, Fault>>),
    Probed(Option<Fault>),
    HandedOver(Box<Runner>, Result<Box<HandOver>, HandOverError>),
}

impl Work {
    fn perform(self) -> Done {
        match self {
            Self::Open { version, config } => {
                let opened = Runner::open(version, &config);
                Done::Opened(opened.map(|(runner, effects)| (Box::new(runner), effects)))
            }
            Self::Run {
                mut runner,
                mut input,
            } => {
                let ran = runner
                    .run(&mut input)
                    .unwrap_or_else(|fault| runner.recover(&input, &fault));
                Done::Ran(Box::new(RanBatch { runner, input, ran }))
            }
            Self::Audit(audit) => Done::Audited(audit.perform().map(Box::new)),
            Self::Recover {
                mut runner,
                input,
                fault,
            } => {
                let ran = runner.recover(&input, &fault);
                Done::Ran(Box::new(RanBatch { runner, input, ran }))
            }
            Self::Shadow(shadow) => Done::Shadowed(Box::new(shadow.run())),
            Self::Probe(probe) => Done::Probed(probe.probe()),
            Self::HandOver {
                mut runner,
                version,
            } => {
                let handed = runner.hand_over(&version);
                Done::HandedOver(runner, handed.map(Box::new))
            }
        }
    }
}

struct Job {
    work: Work,
    done: oneshot::Sender<Done>,
}

/// The pool.
#[derive(Debug, Clone)]
pub(crate) struct SlowLane {
    jobs: mpsc::SyncSender<Job>,
}

impl SlowLane {
    /// Starts the threads; they end when the last handle is gone.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE_MAX);
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..THREADS {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("parlor-slow-{index}"))
                .spawn(move || {
                    // Best effort: without the right to be nicer the lane works all the same.
                    let _ = rustix::process::setpriority_process(
                        Some(rustix::thread::gettid()),
                        NICENESS,
                    );
                    serve(&queue);
                })?;
        }
        Ok(Self { jobs })
    }

    /// Opens a room. `None` if the thread died at it.
    pub(crate) async fn open(
        &self,
        version: Arc<Version>,
        config: wit::Config,
    ) -> Option<Result<(Box<Runner>, Vec<Effect>), OpenError>> {
        match self.perform(Work::Open { version, config }).await {
            Some(Done::Opened(opened)) => Some(opened),
            _ => None,
        }
    }

    /// Runs a batch. `None` if the thread died at it, and the runner with it.
    pub(crate) async fn run(&self, runner: Box<Runner>, input: BatchInput) -> Option<RanBatch> {
        let work = Work::Run { runner, input };
        self.perform(work).await.and_then(Done::into_ran)
    }

    /// Mends a room after its batch failed. `None` as with [`Self::run`].
    pub(crate) async fn recover(
        &self,
        runner: Box<Runner>,
        input: BatchInput,
        fault: Fault,
    ) -> Option<RanBatch> {
        let work = Work::Recover {
            runner,
            input,
            fault,
        };
        self.perform(work).await.and_then(Done::into_ran)
    }

    /// Lives through some steps of a room again. `None` if the same came of them.
    pub(crate) async fn audit(&self, audit: Audit) -> Option<FaultReport> {
        match self.perform(Work::Audit(Box::new(audit))).await {
            Some(Done::Audited(report)) => report.map(|it| *it),
            _ => None,
        }
    }

    /// Tries another version beside a room.
    pub(crate) async fn shadow(&self, shadow: Shadow) -> Result<Shadowed, Fault> {
        match self.perform(Work::Shadow(Box::new(shadow))).await {
            Some(Done::Shadowed(shadowed)) => *shadowed,
            _ => Err(Fault::lost()),
        }
    }

    /// Looks whether what a version on trial saves is what it is. `Some` says where it is not.
    pub(crate) async fn probe(&self, probe: Audit) -> Option<Fault> {
        match self.perform(Work::Probe(Box::new(probe))).await {
            Some(Done::Probed(fault)) => fault,
            _ => Some(Fault::lost()),
        }
    }

    /// Has another version take up a room. `None` as with [`Self::run`].
    pub(crate) async fn hand_over(
        &self,
        runner: Box<Runner>,
        version: Arc<Version>,
    ) -> Option<(Box<Runner>, Result<Box<HandOver>, HandOverError>)> {
        match self.perform(Work::HandOver { runner, version }).await {
            Some(Done::HandedOver(runner, handed)) => Some((runner, handed)),
            _ => None,
        }
    }

    /// Has one of the threads do it, or does it here if more wait than the queue holds.
    async fn perform(&self, work: Work) -> Option<Done> {
        let (done, answer) = oneshot::channel();
        match self.jobs.try_send(Job { work, done }) {
            Ok(()) => answer.await.ok(),
            Err(mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job)) => {
                Some(job.work.perform())
            }
        }
    }
}

impl Done {
    fn into_ran(self) -> Option<RanBatch> {
        match self {
            Self::Ran(ran) => Some(*ran),
            _ => None,
        }
    }
}

fn serve(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(|lock| lock.into_inner()).recv();
        let Ok(job) = job else { return };
        // The room may have gone away meanwhile; then nobody needs the answer.
        let _ = job.done.send(job.work.perform());
    }
}
