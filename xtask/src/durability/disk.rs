//! How long the disk takes by itself to keep something, with nothing of ours between.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::exec;

/// What is appended each time.
const BLOCK: [u8; 4 << 10] = [0x5a; 4 << 10];

/// How long it took to append 4 KiB and have them kept, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct SyncTimes {
    count: usize,
    pub(super) p50: f64,
    pub(super) p99: f64,
    max: f64,
}

/// Appends and syncs for a while, in a file of its own beside the servers' folders.
pub(super) fn measure(folder: &Path, time: Duration) -> Result<SyncTimes> {
    let path = folder.join("sync-times");
    let mut file = File::create(&path).context("failed to make a file")?;
    let (start, mut times) = (exec::now(), Vec::new());
    while start.elapsed() < time {
        let before = exec::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        times.push(before.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(&path)?;
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[times.len() * percent / 100];
    Ok(SyncTimes {
        count: times.len(),
        p50: at(50),
        p99: at(99),
        max: times[times.len() - 1],
    })
}

impl fmt::Display for SyncTimes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms of {}",
            self.p50, self.p99, self.max, self.count
        )
    }
}
