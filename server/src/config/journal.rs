//! Settings of what outlives the server.

use std::time::Duration;

use parlor_journal::SyncPolicy;
use parlor_proto::Durability;
use serde::Deserialize;

use super::{ConfigError, Durable, FileConfig, within};
use crate::persistence::PersistenceSettings;

/// The table `[journal]` of the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileJournal {
    /// When what was written counts as durable. Default `always`.
    pub fsync: Option<Fsync>,
    /// How often the disk is told to keep what was written, with `fsync = "interval"`, in milliseconds. Default 100.
    pub fsync_interval_ms: Option<u64>,
    /// How often a room whose durability is `snapshot` is saved, in seconds. Default 10.
    pub snapshot_seconds: Option<u64>,
    /// After so many steps a room whose durability is `journal` is saved. Default 256.
    pub snapshot_steps: Option<usize>,
    /// The size of a file of the journal, in bytes. Default 64 MiB.
    pub segment_bytes: Option<u64>,
    /// How much of each room's history is kept for replays, in bytes. Default 256 KiB, some minutes of a
    /// busy game; all of it is read when the room comes back.
    pub history_bytes: Option<u64>,
}

/// When what was written counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// When the disk said that it has it: nothing that was acknowledged is lost, also when the power fails.
    Always,
    /// When the system has it: nothing is lost when the process is killed; when the power fails, the last interval may be.
    Interval,
    /// When the system has it, which writes it whenever it likes: nothing is lost when the process is killed.
    Never,
}

pub(super) fn check(file: &mut FileConfig) -> Result<PersistenceSettings, ConfigError> {
    let journal = &file.journal;
    let defaults = PersistenceSettings::default();
    let days = file.keep_rooms_days.unwrap_or(7);
    let interval_ms = journal.fsync_interval_ms.unwrap_or(100);
    let snapshot_seconds = journal.snapshot_seconds.unwrap_or(10);
    let steps = journal.snapshot_steps.unwrap_or(defaults.snapshot_steps);
    let segment_bytes_max = journal.segment_bytes.unwrap_or(defaults.segment_bytes_max);
    let history_bytes_max = journal.history_bytes.unwrap_or(defaults.history_bytes_max);
    within("keep_rooms_days", days, 0, 3650)?;
    within("journal.fsync_interval_ms", interval_ms, 1, 60_000)?;
    within("journal.snapshot_seconds", snapshot_seconds, 1, 86_400)?;
    within("journal.snapshot_steps", steps as u64, 1, 100_000)?;
    within(
        "journal.segment_bytes",
        segment_bytes_max,
        64 << 10,
        1 << 30,
    )?;
    within("journal.history_bytes", history_bytes_max, 0, 1 << 30)?;
    Ok(PersistenceSettings {
        raised: std::mem::take(&mut file.durability)
            .into_iter()
            .map(|(plugin, durable)| (plugin, durable.into()))
            .collect(),
        sync: match journal.fsync.unwrap_or(Fsync::Always) {
            Fsync::Always => SyncPolicy::Always,
            Fsync::Interval => SyncPolicy::Every(Duration::from_millis(interval_ms)),
            Fsync::Never => SyncPolicy::Never,
        },
        snapshot_every: Duration::from_secs(snapshot_seconds),
        snapshot_steps: steps,
        segment_bytes_max,
        history_bytes_max,
        keep_rooms: Duration::from_hours(24 * days),
        disk: None,
    })
}

impl From<Durable> for Durability {
    fn from(durable: Durable) -> Self {
        match durable {
            Durable::Snapshot => Self::Snapshot,
            Durable::Journal => Self::Journal,
        }
    }
}
