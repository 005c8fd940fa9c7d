//! A disk whose power can be cut: what was not synced by then is lost, in parts and in any order.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlor_journal::testing::LossyDisk;
use parlor_journal::{Disk, DiskFile};

/// How long a sync takes: long enough for what must wait for it to be seen not to.
const SYNC_TIME: Duration = Duration::from_millis(2);

/// How long what needs power waits for it before it fails. A server that is cut off is silent long before, and does not
/// come to tell its clients of a broken disk.
const PATIENCE: Duration = Duration::from_millis(500);

/// A disk with power, until that is cut.
#[derive(Debug, Clone)]
pub(crate) struct PoweredDisk {
    disk: LossyDisk,
    power: Power,
}

/// Whether there is power. Whatever changes the disk is done before it is cut, or not at all.
#[derive(Debug, Clone)]
struct Power(Arc<(Mutex<bool>, Condvar)>);

impl PoweredDisk {
    /// Gives a disk power.
    #[must_use]
    pub(crate) fn new(disk: LossyDisk) -> Self {
        Self {
            disk,
            power: Power(Arc::new((Mutex::new(true), Condvar::new()))),
        }
    }

    /// Cuts the power, and returns what is left. From here on nothing changes on this disk.
    #[must_use]
    pub(crate) fn cut(&self, seed: u64) -> LossyDisk {
        let mut power = self.power.lock();
        *power = false;
        self.disk.crash(seed)
    }

    /// Lets a server end that waits for its disk. Nothing of what it writes is in what was left.
    pub(crate) fn restore(&self) {
        *self.power.lock() = true;
        self.power.0.1.notify_all();
    }
}

impl Power {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the power, and keeps it on while something is done.
    fn hold(&self) -> io::Result<MutexGuard<'_, bool>> {
        let waiting = self
            .0
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |power| !*power);
        let (power, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        if *power {
            Ok(power)
        } else {
            Err(io::Error::other("there is no power"))
        }
    }
}

impl Disk for PoweredDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let _power = self.power.hold()?;
        self.disk.create_dir(dir)
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Send>> {
        self.disk.lock(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        self.disk.exists(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let _power = self.power.hold()?;
        Ok(self.file(self.disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.disk.open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let _power = self.power.hold()?;
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let _power = self.power.hold()?;
        self.disk.sync_dir(dir)
    }
}

impl PoweredDisk {
    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(PoweredFile {
            file,
            power: self.power.clone(),
        })
    }
}

/// A file of such a disk.
#[derive(Debug)]
struct PoweredFile {
    file: Box<dyn DiskFile>,
    power: Power,
}

impl DiskFile for PoweredFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let _power = self.power.hold()?;
        self.file.write_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let _power = self.power.hold()?;
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    #[expect(clippy::disallowed_methods, reason = "a disk keeps its thread waiting")]
    fn sync_data(&self) -> io::Result<()> {
        std::thread::sleep(SYNC_TIME);
        let _power = self.power.hold()?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_and_nothing_is_synced_without_power() {
        let disk = PoweredDisk::new(LossyDisk::new());
        let path = Path::new("dir/file");
        let file = disk.create(path).unwrap();
        disk.sync_dir(Path::new("dir")).unwrap();
        file.write_at(b"kept", 0).unwrap();
        file.sync_data().unwrap();
        file.write_at(b"lost", 0).unwrap();
        let left: Vec<_> = (0..64).map(|seed| disk.cut(seed)).collect();
        assert!(file.sync_data().is_err() && file.write_at(b"more", 4).is_err());
        let read = |disk: &LossyDisk| {
            let mut bytes = [0; 4];
            let file = disk.open(path).unwrap();
            file.read_at(&mut bytes, 0).unwrap();
            bytes
        };
        assert!(left.iter().any(|disk| &read(disk) == b"kept"));
        assert!(left.iter().any(|disk| &read(disk) != b"kept"));
    }
}
