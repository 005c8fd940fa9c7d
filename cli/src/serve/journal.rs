//! The flags about what outlives the server.

use std::str::FromStr;

use clap::ValueEnum;
use parlor_server::{Durable, FileConfig, Fsync};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What outlives the server")]
pub(super) struct JournalArgs {
    /// What of a plugin's rooms survives, where that is to be more than the plugin declares: NAME=snapshot, the state of
    /// the last save, or NAME=journal, everything that was acknowledged; may be given several times
    #[arg(
        long,
        env = "PARLOR_DURABILITY",
        value_name = "NAME=MODE",
        value_delimiter = ','
    )]
    durability: Vec<Raised>,
    /// When what was written counts as durable, and what was acknowledged is lost by nothing but: `always`, the loss of
    /// the disk; `interval`, also a power failure, for the last 100 ms; `never`, also a power failure, for whatever the
    /// system had not written. Nothing is lost when the process is killed [default: always]
    #[arg(long, env = "PARLOR_FSYNC", value_name = "WHEN")]
    fsync: Option<When>,
    /// How often the disk is told to keep what was written, with `--fsync interval`, in milliseconds [default: 100]
    #[arg(long, env = "PARLOR_FSYNC_INTERVAL_MS", value_name = "MILLISECONDS")]
    fsync_interval_ms: Option<u64>,
    /// How often a room of durability `snapshot` is saved, in seconds [default: 10]
    #[arg(long, env = "PARLOR_SNAPSHOT_SECONDS", value_name = "SECONDS")]
    snapshot_seconds: Option<u64>,
    /// How long a room that survives is kept when nobody is in it, in days [default: 7]
    #[arg(
        long,
        visible_alias = "keep-rooms",
        env = "PARLOR_KEEP_ROOMS_DAYS",
        value_name = "DAYS"
    )]
    keep_rooms_days: Option<u64>,
}

impl JournalArgs {
    /// Puts what was typed over what the file says.
    pub(super) fn overlay(self, file: &mut FileConfig) {
        for Raised { plugin, durable } in self.durability {
            file.durability.insert(plugin, durable);
        }
        let journal = &mut file.journal;
        journal.fsync = self.fsync.map(Fsync::from).or(journal.fsync);
        journal.fsync_interval_ms = self.fsync_interval_ms.or(journal.fsync_interval_ms);
        journal.snapshot_seconds = self.snapshot_seconds.or(journal.snapshot_seconds);
        file.keep_rooms_days = self.keep_rooms_days.or(file.keep_rooms_days);
    }
}

/// `NAME=MODE`.
#[derive(Debug, Clone)]
struct Raised {
    plugin: String,
    durable: Durable,
}

impl FromStr for Raised {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=');
        let durable = parts.and_then(|(_, mode)| match mode {
            "snapshot" => Some(Durable::Snapshot),
            "journal" => Some(Durable::Journal),
            _ => None,
        });
        match (parts, durable) {
            (Some((plugin, _)), Some(durable)) if !plugin.is_empty() => Ok(Self {
                plugin: plugin.to_owned(),
                durable,
            }),
            _ => Err("write it as NAME=snapshot or NAME=journal, such as chat=journal".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Always,
    Interval,
    Never,
}

impl From<When> for Fsync {
    fn from(when: When) -> Self {
        match when {
            When::Always => Self::Always,
            When::Interval => Self::Interval,
            When::Never => Self::Never,
        }
    }
}
