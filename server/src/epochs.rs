//! Epochs: numbers for the beginnings of rooms' histories, each greater than any this data directory ever issued.
//!
//! A block of numbers is reserved on disk before the first of it is given out, so that a crash only leaves a gap.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::data_dir::DataDir;

/// How many numbers one write to the disk reserves.
const BLOCK: u64 = 1 << 16;
const FILE: &str = "epoch";

/// Gives out epochs.
#[derive(Debug)]
pub(crate) struct Epochs {
    path: PathBuf,
    range: Mutex<Range>,
    /// Two servers would give out the same numbers.
    _data_dir: DataDir,
}

#[derive(Debug)]
struct Range {
    next: u64,
    reserved_until: u64,
}

impl Epochs {
    /// Opens the counter in `data_dir`, and reserves the first block.
    pub(crate) fn open(data_dir: DataDir) -> io::Result<Self> {
        let path = data_dir.path().join(FILE);
        let reserved = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let message = format!(
                    "{} holds no number; restore it from a backup",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        reserve(&path, reserved + BLOCK)?;
        Ok(Self {
            path,
            range: Mutex::new(Range {
                next: reserved + 1,
                reserved_until: reserved + BLOCK,
            }),
            _data_dir: data_dir,
        })
    }

    /// The next epoch.
    pub(crate) fn next(&self) -> u64 {
        let mut range = self.range.lock().unwrap_or_else(|lock| lock.into_inner());
        let epoch = range.next;
        range.next += 1;
        if range.next > range.reserved_until {
            range.reserved_until += BLOCK;
            if let Err(error) = reserve(&self.path, range.reserved_until) {
                tracing::error!(%error, "failed to reserve epochs; after a crash some may come twice");
            }
        }
        epoch
    }
}

/// Writes beside the file and renames, so that a crash leaves the old number or the new one.
fn reserve(path: &Path, until: u64) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    writeln!(file, "{until}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    // Without this the name may still lead to the old number after a power failure.
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> io::Result<Epochs> {
        Epochs::open(DataDir::open(dir)?)
    }

    #[test]
    fn epochs_rise_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap();
        let before = [first.next(), first.next()];
        drop(first);
        let after = open(dir.path()).unwrap().next();
        assert!(before[0] < before[1] && before[1] < after);
    }

    #[test]
    fn a_block_that_is_used_up_is_followed_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let epochs = open(dir.path()).unwrap();
        let last = (0..=BLOCK).map(|_| epochs.next()).last().unwrap();
        drop(epochs);
        assert!(open(dir.path()).unwrap().next() > last);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_fresh_start() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "what?").unwrap();
        assert!(open(dir.path()).is_err());
    }
}
