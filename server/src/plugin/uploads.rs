//! The thread that takes components while the server runs: one at a time, nicer than everything that serves rooms.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use parlor_proto::Durability;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::catalog::{Catalog, LoadError, Offer, Taken};
use crate::persistence::Persistence;

/// Components that are on their way in or wait to be compiled; each may be as large as a component may be.
const PLACES: usize = 8;
/// How much nicer than the rest of the server it is. It has plugins describe themselves, which has a deadline: it is not
/// to be starved as the process that compiles may be.
const NICENESS: i32 = 10;

struct Job {
    offer: Offer,
    done: oneshot::Sender<Result<Taken, LoadError>>,
    /// Held until it is done.
    _place: Place,
}

/// A component may come in.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The way to the thread.
#[derive(Debug, Clone)]
pub(crate) struct Uploads {
    jobs: mpsc::SyncSender<Job>,
    places: Arc<Semaphore>,
}

impl Uploads {
    /// Starts the thread; it ends when the last handle is gone.
    pub(crate) fn start(
        catalog: Arc<Catalog>,
        persistence: Arc<Persistence>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(PLACES);
        std::thread::Builder::new()
            .name("parlor-uploads".to_owned())
            .spawn(move || {
                // Best effort, as in the slow lane.
                let _ =
                    rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
                for job in queue {
                    let taken = take(&catalog, &persistence, &job.offer);
                    // Who brought it may have gone; it is there all the same.
                    let _ = job.done.send(taken);
                }
            })?;
        let places = Arc::new(Semaphore::new(PLACES));
        Ok(Self { jobs, places })
    }

    /// A place for a component, if there is one.
    pub(crate) fn place(&self) -> Result<Place, LoadError> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| LoadError::Busy)?;
        Ok(Place {
            _permit: Some(permit),
        })
    }

    /// A place for a component, as soon as there is one.
    pub(crate) async fn wait_for_place(&self) -> Place {
        // Nobody closes the semaphore.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        Place { _permit: permit }
    }

    /// Has the catalog take a component.
    pub(crate) async fn take(&self, place: Place, offer: Offer) -> Result<Taken, LoadError> {
        let (done, answer) = oneshot::channel();
        let job = Job {
            offer,
            done,
            _place: place,
        };
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.unwrap_or(Err(LoadError::Stopping)),
            // There are as many places in the queue as there are places.
            Err(mpsc::TrySendError::Full(_)) => Err(LoadError::Busy),
            Err(mpsc::TrySendError::Disconnected(_)) => Err(LoadError::Stopping),
        }
    }
}

fn take(catalog: &Catalog, persistence: &Persistence, offer: &Offer) -> Result<Taken, LoadError> {
    // The catalog changes only after everything that could panic.
    let taken = catch_unwind(AssertUnwindSafe(|| catalog.take(offer)));
    let taken = taken.unwrap_or_else(|_| {
        let text = "the compiler panicked; the server's log says where";
        Err(LoadError::Compile(text.to_owned()))
    })?;
    let version = &taken.version;
    if persistence.durability_of(version) != Durability::None {
        let kept = persistence.keep_component(version);
        kept.map_err(LoadError::Keep)?;
    }
    Ok(taken)
}
