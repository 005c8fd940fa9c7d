//! `parlor replay`: runs a room's history again, from the journal of a data directory or from a file.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use parlor_journal::{StreamData, StreamId, StreamKind, inspect, write_recording};
use parlor_server::replay::{Difference, Outcome, Recording, ShownStep, Versions, export};
use parlor_server::{Catalog, Version};

use crate::bundle;

/// Runs the history of a room again, compares what comes of it with what came of it then, and shows it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file that was written by --save or by a server that set a room aside, or the name of a room in the data
    /// directory; without it, the rooms there are listed
    what: Option<String>,
    /// The data directory with the journal; a server may be using it
    #[arg(
        long,
        env = "PARLOR_DATA_DIR",
        value_name = "DIR",
        default_value = "./.parlor"
    )]
    data_dir: PathBuf,
    /// End after this step [default: the last]
    #[arg(long, value_name = "STEP")]
    to: Option<u64>,
    /// Run it with this component instead of the one that ran it then
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Show what happened in each step, what came of it, and the views after it; on a terminal, one at a time
    #[arg(long)]
    step: bool,
    /// Write what everybody could see into a file that the page /replay/ plays
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Write the history itself into a file, to run it again elsewhere
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What came of it, for people, and whether all came out as it did.
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) is_same: bool,
}

/// Does what was asked for.
pub(crate) fn replay(args: &Args) -> anyhow::Result<Report> {
    let Some(what) = &args.what else {
        return list(&args.data_dir);
    };
    let (stream, data) = find(what, &args.data_dir)?;
    let recording = Recording::new(&data).with_context(|| format!("read the history of {what}"))?;
    let mut text = String::new();
    if let Some(dropped) = &data.dropped {
        writeln!(
            text,
            "damaged: record {} is missing; those behind it, up to {}, are left out",
            dropped.first_missing, dropped.last_seen
        )?;
    }
    if let Some(path) = &args.save {
        write_recording(path, &stream, &data)
            .with_context(|| format!("write {}", path.display()))?;
        writeln!(text, "history written to {}", path.display())?;
    }
    let catalog = Catalog::new(std::collections::HashMap::new())?;
    let find = |digest: &str| version_of(digest, args, &catalog);
    let versions = match &args.plugin {
        Some(path) => Versions::One(load(path, &catalog)?),
        None => Versions::Then(&find),
    };
    let outcome = match &args.export {
        Some(path) => {
            let (replay, outcome) = export(&recording, &versions, args.to)?;
            std::fs::write(path, serde_json::to_vec(&replay)?)
                .with_context(|| format!("write {}", path.display()))?;
            writeln!(
                text,
                "replay written to {}; open it at /replay/",
                path.display()
            )?;
            outcome
        }
        None => recording.run(&versions, &mut |step| look(step, args))?,
    };
    let (first, end) = recording.steps();
    writeln!(
        text,
        "room {} of {}: steps {first} to {} are kept",
        recording.room,
        recording.plugin,
        end.saturating_sub(1)
    )?;
    summarise(&outcome, &mut text)?;
    Ok(Report {
        text: text.trim_end().to_owned(),
        is_same: outcome.difference.is_none(),
    })
}

fn summarise(outcome: &Outcome, text: &mut String) -> std::fmt::Result {
    let Outcome {
        steps, snapshots, ..
    } = outcome;
    match &outcome.difference {
        None => writeln!(
            text,
            "{steps} steps run again, {snapshots} snapshots compared: all the same"
        ),
        Some(Difference::Effects(step)) => writeln!(
            text,
            "step {step} is the first that differs: it asks for something else than it did"
        ),
        Some(Difference::Failed(step, message)) => writeln!(
            text,
            "step {step} is the first that differs: it fails, which it did not: {message}"
        ),
        Some(Difference::Saved(step)) => writeln!(
            text,
            "step {step} is the first that differs: what the plugin saves after it is not what it saved"
        ),
    }
}

/// The stream of a file, or of a room.
fn find(what: &str, data_dir: &Path) -> anyhow::Result<(StreamId, StreamData)> {
    let path = Path::new(what);
    if path.is_file() {
        let reader = inspect(path)?;
        let Some(stream) = reader.streams().into_iter().next() else {
            bail!("find a history in {what}: it is empty");
        };
        let data = reader.read(&stream)?;
        return Ok((stream, data));
    }
    let mut found = None;
    for (room, stream, data) in rooms(data_dir)? {
        if room.room == what {
            found = Some((stream, data));
        }
    }
    found.with_context(|| {
        format!("find {what:?}: it is no file, and no room of this name is in {}; `parlor replay` lists those that are", data_dir.display())
    })
}

fn rooms(data_dir: &Path) -> anyhow::Result<Vec<(Recording, StreamId, StreamData)>> {
    let journal = data_dir.join("journal");
    let reader =
        inspect(&journal).with_context(|| format!("read the journal in {}", journal.display()))?;
    let mut rooms = Vec::new();
    for stream in reader.streams() {
        if stream.kind != StreamKind::Room {
            continue;
        }
        let data = reader.read(&stream)?;
        if let Ok(recording) = Recording::new(&data) {
            rooms.push((recording, stream, data));
        }
    }
    Ok(rooms)
}

fn list(data_dir: &Path) -> anyhow::Result<Report> {
    let rooms = rooms(data_dir)?;
    let mut text = format!("{} rooms in {}", rooms.len(), data_dir.display());
    for (room, ..) in &rooms {
        let (first, end) = room.steps();
        write!(
            text,
            "\n{}  {}  steps {first} to {}",
            room.room,
            room.plugin,
            end.saturating_sub(1)
        )?;
    }
    Ok(Report {
        text,
        is_same: true,
    })
}

fn load(path: &Path, catalog: &Catalog) -> anyhow::Result<Arc<Version>> {
    let component = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let loaded = catalog.load(&component);
    loaded.with_context(|| format!("load {}", path.display()))
}

/// A version that ran the room then: kept beside the journal, or come with this command.
fn version_of(digest: &str, args: &Args, catalog: &Catalog) -> Option<Arc<Version>> {
    let kept = args
        .data_dir
        .join("components")
        .join(format!("{digest}.wasm"));
    let bundled = bundle::components().map(|(_, component)| component.to_vec());
    let mut components = std::fs::read(kept).into_iter().chain(bundled);
    components.find_map(|component| {
        let version = catalog.load(&component).ok()?;
        (version.digest() == digest).then_some(version)
    })
}

/// Shows a step, if that was asked for.
fn look(step: &ShownStep<'_>, args: &Args) -> ControlFlow<()> {
    if args.to.is_some_and(|to| step.number > to) {
        return ControlFlow::Break(());
    }
    if !args.step {
        return ControlFlow::Continue(());
    }
    let mut text = format!("step {} at {} ms", step.number, step.at_ms);
    for event in step.events() {
        text.push_str("\n  > ");
        text.push_str(&event);
    }
    for effect in step.effects() {
        text.push_str("\n  < ");
        text.push_str(&effect);
    }
    for (view, value) in &step.views {
        let audience = if view.audience.is_empty() {
            String::new()
        } else {
            format!(" for {}", view.audience)
        };
        text.push_str(&format!(
            "\n  = {}{audience}: {}",
            view.name,
            value.to_json()
        ));
    }
    crate::print(&text);
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return ControlFlow::Continue(());
    }
    crate::print("  (enter: the next step; q: the end)");
    let mut answer = String::new();
    match std::io::stdin().lock().read_line(&mut answer) {
        Ok(1..) if answer.trim() != "q" => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}
