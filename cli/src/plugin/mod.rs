//! `parlor plugin`: components, from their sources to the rooms that run them.

mod list;
mod minisign;
mod push;
mod sign;
mod swap;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

pub(crate) use self::push::push_component;
pub(crate) use self::swap::rolled_out;
use crate::admin::How;
use crate::failure::Failure;
use crate::project::Project;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Builds the component of a project, and prints its path and size
    Build(BuildArgs),
    /// Hands a component to a server: new rooms of its name are made of it, and running ones stay as they are
    Push(push::Args),
    /// Lists the plugins of a server, with their versions and how many rooms run them
    List(How),
    /// Has rooms go over to another version, with their members, state and history kept
    Swap(swap::Args),
    /// Has rooms go back to the version they ran before
    Rollback(swap::RollbackArgs),
    /// Ends a canary: all rooms go over to its version
    Promote(swap::NamedArgs),
    /// Ends a rollout: the rooms that went over go back
    Abort(swap::NamedArgs),
    /// Signs a component with a key of `keygen` or of minisign, into FILE.wasm.minisig
    Sign(sign::Args),
    /// Makes a pair of keys to sign components with
    Keygen(sign::KeygenArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// The folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Copy the component there, too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object: path, bytes
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Build(args) => build(&args).map_err(Failure::from)?,
        Verb::Push(args) => push::push(&args).await?,
        Verb::List(how) => list::list(&how).await?,
        Verb::Swap(args) => return swap::swap(&args).await,
        Verb::Rollback(args) => return swap::rollback(&args).await,
        Verb::Promote(args) => swap::end_rollout(&args, "promote").await?,
        Verb::Abort(args) => swap::end_rollout(&args, "abort").await?,
        Verb::Sign(args) => sign::sign(&args)?,
        Verb::Keygen(args) => sign::keygen(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn build(args: &BuildArgs) -> anyhow::Result<()> {
    let built = Project::find(&args.dir)?.build()?;
    if let Some(out) = &args.out {
        std::fs::copy(&built.path, out).with_context(|| format!("write {}", out.display()))?;
    }
    if args.json {
        let path = built.path.to_string_lossy();
        crate::print(&serde_json::json!({ "path": path, "bytes": built.bytes }).to_string());
    } else {
        let size = size(built.bytes);
        crate::print(&format!("{} ({size})", built.path.display()));
    }
    Ok(())
}

/// A size as people read it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}
