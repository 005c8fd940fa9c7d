//! Clients of rooms that outlive what usually ends a room, so that a bench can time it: they stay in their rooms while the
//! server is killed and started again, they leave rooms behind that fall asleep, or they wake such rooms.
//!
//! Rooms are given a history first. Nothing is sent at a fixed pace here: what is timed is the way back.

mod client;
mod report;

use std::sync::Arc;

use clap::ValueEnum;
use rand::seq::index;
use serde::Serialize;
use tokio::sync::{Barrier, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, timeout};

use self::client::{Client, Way};
pub use self::report::LastingReport;
use self::report::{Seen, Tally};
use crate::options::{Options, Plan};
use crate::{Error, run};

/// How many clients connect at the same time.
const RAMP_MAX: usize = 200;
/// How many connections make rooms that are left.
const MAKERS: usize = 32;
/// How many sleeping rooms are woken, one after the other.
const WAKES: usize = 1_000;
/// How often the way back is tried while there is no server.
const KNOCK_EVERY: Duration = Duration::from_millis(5);
/// How long the way back may take.
const BACK_TIMEOUT: Duration = Duration::from_secs(120);

/// What to do with rooms that last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lasting {
    /// Has one client in each room come back after the server was killed.
    Return,
    /// Makes rooms, and leaves each.
    Leave,
    /// Joins rooms that were left, picked at random.
    Wake,
}

/// Stays in rooms, leaves them or wakes them. `ready` is called once all rooms have their history; from when `killed` is
/// ready, the time counts.
///
/// # Errors
///
/// Options that cannot be used, a server that cannot be reached, or a client that does not get into its room.
pub async fn last(
    kind: Lasting,
    mut options: Options,
    ready: impl FnOnce(),
    killed: impl Future<Output = ()>,
) -> Result<LastingReport, Error> {
    // One client to a room, whatever its plugin wants for a match.
    options.players = options.plugin.players_min();
    let history = options.history;
    let plan = Plan::check(options)?;
    // The others have a connection for many rooms.
    if kind == Lasting::Return {
        plan.reserve_files()?;
    }
    let address = run::resolve(&plan.authority).await?;
    let way = Arc::new(Way {
        address,
        plan,
        history,
    });
    let tally = match kind {
        Lasting::Return => stay(&way, ready, killed).await?,
        Lasting::Leave => leave(&way).await?,
        Lasting::Wake => wake(&way).await?,
    };
    Ok(LastingReport::new(kind, way.plan.rooms, tally))
}

/// Keeps a client in each room until all have come back.
async fn stay(
    way: &Arc<Way>,
    ready: impl FnOnce(),
    killed: impl Future<Output = ()>,
) -> Result<Tally, Error> {
    let run: u32 = rand::random();
    let ramp = Arc::new(Semaphore::new(RAMP_MAX));
    let gathered = Arc::new(Barrier::new(way.plan.rooms + 1));
    let (is_up, up) = watch::channel(false);
    let (is_down, mut down) = watch::channel(false);
    let is_down = Arc::new(is_down);
    let mut clients = JoinSet::new();
    for number in 0..way.plan.rooms {
        let (way, ramp, gathered) = (Arc::clone(way), Arc::clone(&ramp), Arc::clone(&gathered));
        let (is_down, mut up) = (Arc::clone(&is_down), up.clone());
        clients.spawn(async move {
            let mut client = {
                let _permit = ramp.acquire().await;
                let mut client = Client::connect(&way, number).await?;
                client.join(format!("stays-{run:08x}-{number}")).await?;
                client.say_all().await?;
                client
            };
            gathered.wait().await;
            client.outlast().await;
            is_down.send_replace(true);
            // It fails only when nobody looks for the server any more.
            let _ = up.wait_for(|is_up| *is_up).await;
            Ok(timeout(BACK_TIMEOUT, client.come_back(&ramp)).await.ok())
        });
    }
    tokio::select! {
        _ = gathered.wait() => {}
        Some(failed) = clients.join_next() => {
            let failed = failed.expect("no client panics, and none is cancelled");
            return Err(failed.err().unwrap_or(Error::Interrupted));
        }
    }
    ready();
    killed.await;
    let start = Instant::now();
    let _ = down.wait_for(|is_down| *is_down).await;
    while !way.is_open().await {
        sleep(KNOCK_EVERY).await;
    }
    is_up.send_replace(true);
    let mut tally = Tally::default();
    tally.open(start.elapsed());
    while let Some(seen) = clients.join_next().await {
        let seen = seen.expect("no client panics, and none is cancelled");
        tally.add(start, seen?.unwrap_or_else(Seen::nothing));
    }
    Ok(tally)
}

/// Makes rooms and leaves each.
async fn leave(way: &Arc<Way>) -> Result<Tally, Error> {
    let mut makers = JoinSet::new();
    for maker in 0..MAKERS.min(way.plan.rooms) {
        let way = Arc::clone(way);
        makers.spawn(async move {
            let mut client = Client::connect(&way, maker).await?;
            for number in (maker..way.plan.rooms).step_by(MAKERS) {
                client.join(left_room(number)).await?;
                client.say_all().await?;
                client.leave().await?;
            }
            Ok::<(), Error>(())
        });
    }
    while let Some(made) = makers.join_next().await {
        made.expect("no client panics, and none is cancelled")?;
    }
    Ok(Tally::default())
}

/// Joins rooms that were left, one after the other.
async fn wake(way: &Arc<Way>) -> Result<Tally, Error> {
    let rooms = way.plan.rooms;
    let mut tally = Tally::default();
    let mut client = Client::connect(way, 0).await?;
    let picked = index::sample(&mut rand::rng(), rooms, WAKES.min(rooms));
    for number in picked {
        let start = Instant::now();
        client.join(left_room(number)).await?;
        tally.woken(start.elapsed());
        client.leave().await?;
    }
    Ok(tally)
}

fn left_room(number: usize) -> String {
    format!("left-{number}")
}
