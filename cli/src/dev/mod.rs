//! `parlor dev`: from a saved file to the running rooms in a few seconds, with their state kept.

mod reports;
mod server;
mod turn;
mod watch;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::reports::Following;
use self::server::Site;
use self::turn::Turns;
use self::watch::Watch;
use crate::admin::AdminArgs;
use crate::failure::Failure;
use crate::project::Project;

/// How often the server is asked what went wrong.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The server to try it on; where none runs, one is started, and ended with this
    #[command(flatten)]
    admin: AdminArgs,
    /// Where a server that is started listens [default: 127.0.0.1:8080, or any free port where that is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where a server that is started listens for its operator [default: 127.0.0.1:8081, or any free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// Build and swap once, without watching; the server that was started for that ends
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let project = Project::find(&args.dir).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut stop = Box::pin(stop_signal());
    let starting = server::find_or_start(&args, &project);
    let site = tokio::select! {
        site = starting => site?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let outcome = tokio::select! {
        outcome = work(&args, &project, &site) => outcome,
        () = stop => Ok(ExitCode::SUCCESS),
    };
    tokio::select! {
        () = site.end() => {}
        // Whoever asks twice does not want to wait; the server is told twice, too, as it is dropped.
        () = stop_signal() => {}
    }
    Ok(outcome?)
}

/// Builds and swaps at once, and then again whenever something changes.
async fn work(args: &Args, project: &Project, site: &Site) -> anyhow::Result<ExitCode> {
    // Watched from before the first build on: what is saved meanwhile counts.
    let mut watch = Watch::begin(project).context("watch the project")?;
    let turns = Turns::new(project, site);
    let mut looking = Looking::begin(site, &turns).await;
    let is_fine = looking
        .while_waiting_for(turns.take(Instant::now(), &mut watch))
        .await?;
    if args.once {
        looking.look().await;
        return Ok(ExitCode::from(u8::from(!is_fine)));
    }
    say("watching; ctrl-c ends it");
    loop {
        let changed_at = looking.while_waiting_for(watch.changed()).await?;
        looking
            .while_waiting_for(turns.take(changed_at, &mut watch))
            .await?;
    }
}

/// Looks after the server, beside everything else.
struct Looking<'a> {
    site: &'a Site,
    turns: &'a Turns<'a>,
    following: Following,
    pace: Interval,
}

impl<'a> Looking<'a> {
    async fn begin(site: &'a Site, turns: &'a Turns<'a>) -> Self {
        let mut pace = tokio::time::interval(LOOK_EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            site,
            turns,
            following: Following::begin(&site.admin).await,
            pace,
        }
    }

    /// Tells what goes wrong on the server until something has come. Fails once the server is gone.
    async fn while_waiting_for<T>(
        &mut self,
        awaited: impl Future<Output = T>,
    ) -> anyhow::Result<T> {
        tokio::pin!(awaited);
        loop {
            tokio::select! {
                come = &mut awaited => return Ok(come),
                _ = self.pace.tick() => {}
            }
            self.site.check_alive()?;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        self.following.look(&self.site.admin, self.turns).await;
    }
}

/// A line among those of compilers.
fn say(text: &str) {
    crate::print(&format!("==> {text}"));
}

/// Something that went wrong, indented below what it is.
fn complain(what: &str, details: &str) {
    let mut text = format!("!!! {what}");
    for line in details.lines() {
        text.push_str("\n    ");
        text.push_str(line);
    }
    crate::print(&text);
}

async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
