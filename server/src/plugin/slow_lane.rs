//! Threads for rooms whose steps take long. Rooms run beside the sockets as long as they are quick; a slow one is sent
//! here, so that what it costs is paid by itself.

use std::sync::{Arc, Mutex, mpsc};

use tokio::sync::oneshot;

use super::runner::{BatchInput, Ran, Runner};

/// How many threads serve slow rooms.
const THREADS: usize = 2;
/// How much nicer than the rest of the server they are.
const NICENESS: i32 = 10;
/// Every slow room waits for its own step, so that the queue is as long as there are slow rooms; more than this many
/// wait before they queue.
const QUEUE_MAX: usize = 1024;

struct Job {
    runner: Box<Runner>,
    input: BatchInput,
    last_member: u32,
    done: oneshot::Sender<(Box<Runner>, Ran)>,
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

    /// Runs a batch on one of the lane's threads, or here if more wait than the queue holds. `None` if the thread died,
    /// and the runner with it.
    pub(crate) async fn run(
        &self,
        runner: Box<Runner>,
        input: BatchInput,
        last_member: u32,
    ) -> Option<(Box<Runner>, Ran)> {
        let (done, answer) = oneshot::channel();
        let job = Job {
            runner,
            input,
            last_member,
            done,
        };
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.ok(),
            Err(mpsc::TrySendError::Full(mut job) | mpsc::TrySendError::Disconnected(mut job)) => {
                let ran = job.runner.run(&job.input, job.last_member);
                Some((job.runner, ran))
            }
        }
    }
}

fn serve(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(|lock| lock.into_inner()).recv();
        let Ok(mut job) = job else { return };
        let ran = job.runner.run(&job.input, job.last_member);
        // The room may have gone away meanwhile; then nobody needs the answer.
        let _ = job.done.send((job.runner, ran));
    }
}
