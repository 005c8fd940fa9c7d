//! `parlor dev`: from a saved file to the running rooms in a few seconds, with their state kept.

mod reports;
mod server;
mod turn;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use self::reports::Following;
use self::server::Site;
use self::turn::Turns;
use self::watch::Watch;
use crate::failure::Failure;
use crate::project::Project;

/// How often the server is asked what went wrong.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The data directory of the server [default: .parlor in the project]
    #[arg(long, env = "PARLOR_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A running server's admin address [default: what the server wrote into the data directory; where none answers, a
    /// server is started, and ended with this]
    #[arg(long, env = "PARLOR_ADMIN", value_name = "URL")]
    admin: Option<String>,
    /// Its admin token [default: the one in the data directory]
    #[arg(
        long,
        env = "PARLOR_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
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
    site.end().await;
    Ok(outcome?)
}

/// Builds and swaps at once, and then again whenever something changes.
async fn work(args: &Args, project: &Project, site: &Site) -> anyhow::Result<ExitCode> {
    // Watched from before the first build on: what is saved meanwhile counts.
    let mut watch = Watch::begin(project).context("watch the project")?;
    let mut turns = Turns::new(project, site);
    let mut following = Following::begin(&site.admin).await;
    let is_fine = turns.take(Instant::now()).await;
    if args.once {
        following.look(&site.admin, &turns).await;
        return Ok(ExitCode::from(u8::from(!is_fine)));
    }
    say("watching; ctrl-c ends it");
    let mut pace = tokio::time::interval(LOOK_EVERY);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed_at = watch.changed() => {
                turns.take(changed_at).await;
            }
            _ = pace.tick() => {
                site.check_alive()?;
                following.look(&site.admin, &turns).await;
            }
        }
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
