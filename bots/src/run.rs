//! A run from its options to its summary: bots join, play, drain, and are audited.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use crate::Error;
use crate::account::{Ledger, Totals, audit};
use crate::bot::{self, Phase, Report, Seed, Shared};
use crate::cpu::CpuSeconds;
use crate::metrics::fetch;
use crate::options::{Options, Plan};
use crate::room::Room;
use crate::samples::Samples;
use crate::script::Script;
use crate::server_report::ServerCounters;
use crate::summary::{Latencies, Outcome, Summary};
use crate::traffic::Counters;

/// How many bots connect and join at the same time.
const RAMP_MAX: usize = 200;
/// How long to wait for what is still to come after the last input.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the progress bar moves.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Runs bots against a server.
///
/// Ctrl-C ends the sending early; the accounting is the same. A progress bar is shown where standard error is a
/// terminal. What goes wrong once the bots are playing is no error but part of the summary.
///
/// # Errors
///
/// Options that cannot be used, a server that cannot be reached, or a bot that does not get into its room.
pub async fn run(options: Options) -> Result<Summary, Error> {
    let plan = Plan::check(options)?;
    plan.reserve_files()?;
    let shared = Arc::new(Shared {
        address: resolve(&plan.authority).await?,
        plan,
        origin: Instant::now(),
        samples: Samples::new(),
        counters: Counters::default(),
    });
    let mut interrupt = pin!(interrupt());
    let phase = watch::Sender::new(Phase::Joining);
    let mut bots = gather(&shared, &phase, interrupt.as_mut()).await?;
    let parse = |text: &str| ServerCounters::parse(shared.plan.plugin.name(), text);
    let plan = &shared.plan;
    let begun = Instant::now();
    let start = begun + plan.warm_up;
    let end = start + plan.duration;
    phase.send_replace(Phase::Playing { start: begun, end });
    let is_interrupted = play(&shared, begun, start, interrupt.as_mut()).await;
    let server_before = match &plan.admin {
        Some(admin) => Some(fetch(admin, parse).await?),
        None => None,
    };
    shared.samples.clear();
    let counters = &shared.counters;
    let (start, before, cpu_before) = (Instant::now(), counters.read(), CpuSeconds::read(plan)?);
    if !is_interrupted {
        play(&shared, start, end, interrupt).await;
    }
    let (elapsed, traffic) = (start.elapsed(), counters.read().since(before));
    let cpu = CpuSeconds::read(plan)?.since(&cpu_before).over(elapsed);

    phase.send_replace(Phase::Draining);
    let server = match (&shared.plan.admin, server_before) {
        (Some(admin), Some(before)) => {
            Some(fetch(admin, parse).await.map(|after| after.since(&before)))
        }
        _ => None,
    };
    let reports = drain(&mut bots, &phase).await;
    let (totals, disconnects) = account(&shared.plan, reports);
    let outcome = Outcome {
        elapsed,
        traffic,
        cpu,
        unsent: counters.read().unsent,
        totals,
        disconnects,
        server,
    };
    Ok(Summary::new(
        &shared.plan,
        outcome,
        Latencies::of(&shared.samples),
    ))
}

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

/// Ends at Ctrl-C; never where that cannot be waited for.
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Brings all bots into their rooms.
async fn gather(
    shared: &Arc<Shared>,
    phase: &watch::Sender<Phase>,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
) -> Result<JoinSet<Option<Report>>, Error> {
    let plan = &shared.plan;
    let run: u32 = rand::random();
    let audience = Script::audience(plan.plugin);
    let ramp = Arc::new(Semaphore::new(RAMP_MAX));
    let (joined, mut outcomes) = mpsc::channel(RAMP_MAX);
    let mut bots = JoinSet::new();
    for room in 0..plan.rooms {
        let name = format!("bots-{run:08x}-{room}");
        let shared_room = Arc::new(Room::new(name, plan.players, audience));
        for (place, number) in (0..).zip(room * plan.players..(room + 1) * plan.players) {
            let seed = Seed {
                number,
                place,
                room: Arc::clone(&shared_room),
                shared: Arc::clone(shared),
            };
            bots.spawn(bot::run(
                seed,
                Arc::clone(&ramp),
                joined.clone(),
                phase.subscribe(),
            ));
        }
    }
    drop(joined);
    let bar = progress_bar(plan.bots() as u64, "joining [{bar:40}] {pos}/{len} bots");
    for _ in 0..plan.bots() {
        tokio::select! {
            // A bot that is gone without a word panicked, and that is shown already.
            outcome = outcomes.recv() => outcome.unwrap_or(Err(Error::Interrupted))?,
            () = &mut interrupt => return Err(Error::Interrupted),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(bots)
}

/// Waits until the bots have sent for long enough. Whether that was ended early.
async fn play(
    shared: &Shared,
    start: Instant,
    end: Instant,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
) -> bool {
    let seconds = end.duration_since(start).as_secs().max(1);
    let bar = progress_bar(seconds, "playing [{bar:16}] {pos}/{len} s  {msg}");
    let mut moves = interval(PROGRESS_INTERVAL);
    moves.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut over = pin!(sleep_until(end));
    let is_interrupted = loop {
        tokio::select! {
            () = &mut over => break false,
            () = &mut interrupt => break true,
            _ = moves.tick() => {
                let count = shared.counters.read();
                let wire = count.total();
                let [sent, answered, received] =
                    [wire.frames_out, count.answered, wire.frames_in].map(HumanCount);
                bar.set_position(start.elapsed().as_secs());
                bar.set_message(format!("{sent} sent, {answered} answered, {received} received"));
            }
        }
    };
    bar.finish_and_clear();
    is_interrupted
}

/// Waits for what is still to come, but not for ever, and for the bots' reports.
async fn drain(bots: &mut JoinSet<Option<Report>>, phase: &watch::Sender<Phase>) -> Vec<Report> {
    let mut reports = Vec::with_capacity(bots.len());
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    loop {
        match timeout_at(deadline, bots.join_next()).await {
            Ok(Some(report)) => reports.extend(finished(report)),
            Ok(None) => return reports,
            Err(_) => break,
        }
    }
    phase.send_replace(Phase::Over);
    while let Some(report) = bots.join_next().await {
        reports.extend(finished(report));
    }
    reports
}

fn finished(report: Result<Option<Report>, tokio::task::JoinError>) -> Option<Report> {
    report.expect("no bot panics, and none is cancelled")
}

/// Compares what the bots of each room sent and got.
fn account(plan: &Plan, mut reports: Vec<Report>) -> (Totals, BTreeMap<String, u64>) {
    reports.sort_unstable_by_key(|report| report.number);
    let mut disconnects = BTreeMap::new();
    let mut totals = Totals::default();
    let mut ledgers: Vec<Ledger> = Vec::with_capacity(reports.len());
    for report in reports {
        ledgers.push(report.ledger);
        if let Some(reason) = report.ended {
            *disconnects.entry(reason).or_default() += 1;
        }
    }
    let audience = Script::audience(plan.plugin);
    for room in ledgers.chunks(plan.players) {
        audit(room, audience, &mut totals);
    }
    (totals, disconnects)
}

/// A bar on standard error; nothing where that is no terminal.
fn progress_bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::new(length).with_style(style)
}
