//! A disk in memory that behaves as badly as disks may: what was not synced is lost in parts and in any order when the
//! power goes, and it can be full, read-only, or fail to sync.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Random;
use crate::disk::{Disk, DiskFile};

/// A disk in memory; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct LossyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// As programs see it.
    names: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    /// What a loss of power leaves for sure, apart from what is in `renames`.
    durable_names: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    /// Files that came or went since the directory was synced.
    changes: Vec<(PathBuf, Option<Arc<Mutex<Content>>>)>,
    locks: Vec<(PathBuf, Arc<AtomicBool>)>,
    faults: Faults,
}

#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    /// How many bytes may still be written.
    room: Option<u64>,
    is_read_only: bool,
    is_sync_failing: bool,
    are_reads_failing: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    /// As programs see it.
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// What the disk may have done of this, in any order, or may not.
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                to.resize(to.len().max(offset + bytes.len()), 0);
                to[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::SetLen(len) => to.resize(*len, 0),
        }
    }
}

impl LossyDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a loss of power would leave now, as a disk of its own without faults: all that was synced, and of the rest
    /// any parts, in any order. This disk stays as it is.
    pub fn crash(&self, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let state = self.lock();
        let mut names = state.durable_names.clone();
        for (path, content) in &state.changes {
            if random.one_in(2) {
                match content {
                    Some(content) => drop(names.insert(path.clone(), content.clone())),
                    None => drop(names.remove(path)),
                }
            }
        }
        let after = names
            .into_iter()
            .map(|(path, content)| (path, Content::lose(&lock(&content), &mut random)));
        Self::with(after.collect())
    }

    /// What the end of the process alone would leave: all that was written, with no trace of what was synced and what
    /// was not. A disk of its own without faults, and a sync of it writes what was written after this.
    pub fn kill(&self) -> Self {
        let state = self.lock();
        let copies = state
            .names
            .iter()
            .map(|(path, content)| (path.clone(), lock(content).clone()))
            .collect();
        let copy = Self::with(copies);
        {
            let mut other = copy.lock();
            let names = other.names.clone();
            other
                .durable_names
                .retain(|path, _| state.durable_names.contains_key(path));
            for (path, content) in &state.changes {
                other.changes.push((
                    path.clone(),
                    content.as_ref().and_then(|_| names.get(path).cloned()),
                ));
            }
        }
        copy
    }

    /// After this many more bytes the disk is full; `None` is a disk without end.
    pub fn set_room(&self, room: Option<u64>) {
        self.lock().faults.room = room;
    }

    /// Refuses every change.
    pub fn set_read_only(&self, is_read_only: bool) {
        self.lock().faults.is_read_only = is_read_only;
    }

    /// Fails every sync. What was to be synced is in memory only from then on: a later sync that works does not write
    /// it, as with a page cache that calls its pages clean.
    pub fn set_sync_failing(&self, is_failing: bool) {
        self.lock().faults.is_sync_failing = is_failing;
    }

    /// Fails every read.
    pub fn set_reads_failing(&self, are_failing: bool) {
        self.lock().faults.are_reads_failing = are_failing;
    }

    /// All files, as programs see them.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.lock()
            .names
            .iter()
            .map(|(path, content)| (path.clone(), lock(content).bytes.clone()))
            .collect()
    }

    /// Puts a file there, durable, as if from outside.
    pub fn put(&self, path: impl Into<PathBuf>, bytes: Vec<u8>) {
        let path = path.into();
        let content = Arc::new(Mutex::new(Content {
            durable: bytes.clone(),
            bytes,
            unsynced: Vec::new(),
        }));
        let mut state = self.lock();
        state.names.insert(path.clone(), content.clone());
        state.durable_names.insert(path, content);
    }

    /// Changes a file's bytes, as decay would: on the disk and for whoever has it open.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(content) = self.lock().names.get(path) {
            let mut content = lock(content);
            change(&mut content.bytes);
            content.durable = content.bytes.clone();
        }
    }

    fn with(contents: BTreeMap<PathBuf, Content>) -> Self {
        let names: BTreeMap<_, _> = contents
            .into_iter()
            .map(|(path, content)| (path, Arc::new(Mutex::new(content))))
            .collect();
        let state = State {
            durable_names: names.clone(),
            names,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl Content {
    fn lose(&self, random: &mut Random) -> Self {
        let mut bytes = self.durable.clone();
        let mut changes = self.unsynced.clone();
        // Now and then nothing is lost, or all; else each change may be lost, come in parts, and in any order.
        match random.below(8) {
            0 => {}
            1 => changes.clear(),
            _ => {
                for at in (1..changes.len()).rev() {
                    let other = usize::try_from(random.below(at as u64 + 1)).unwrap_or(0);
                    changes.swap(at, other);
                }
                changes = changes
                    .iter()
                    .flat_map(|change| change.parts(random))
                    .collect();
            }
        }
        changes.iter().for_each(|change| change.apply(&mut bytes));
        Self {
            durable: bytes.clone(),
            bytes,
            unsynced: Vec::new(),
        }
    }
}

impl Change {
    /// What the disk did of it.
    fn parts(&self, random: &mut Random) -> Vec<Self> {
        if random.one_in(4) {
            return Vec::new();
        }
        let Self::Write { offset, bytes } = self else {
            return vec![self.clone()];
        };
        let mut parts = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let longest = if random.one_in(2) {
                bytes.len() as u64
            } else {
                64
            };
            let len = usize::try_from(1 + random.below(longest))
                .unwrap_or(1)
                .min(bytes.len() - at);
            if !random.one_in(4) {
                parts.push(Self::Write {
                    offset: offset + at,
                    bytes: bytes[at..at + len].to_vec(),
                });
            }
            at += len;
        }
        parts
    }
}

impl Disk for LossyDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Send>> {
        let mut state = self.lock();
        if state
            .locks
            .iter()
            .any(|(locked, is_held)| locked == dir && is_held.load(Ordering::Acquire))
        {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let is_held = Arc::new(AtomicBool::new(true));
        state.locks.push((dir.to_owned(), is_held.clone()));
        Ok(Box::new(Guard(is_held)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.lock();
        let names = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(names
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
            .collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.lock().names.contains_key(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.faults.check(0)?;
        let content = Arc::new(Mutex::new(Content::default()));
        state.names.insert(path.to_owned(), content.clone());
        state.changes.push((path.to_owned(), Some(content.clone())));
        Ok(Box::new(LossyFile {
            disk: self.0.clone(),
            content,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let content = self
            .lock()
            .names
            .get(path)
            .cloned()
            .ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(LossyFile {
            disk: self.0.clone(),
            content,
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.faults.check(0)?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.changes.push((path.to_owned(), None));
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if state.faults.is_sync_failing {
            return Err(io::Error::other("the sync of a directory failed"));
        }
        state.changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}

impl Faults {
    fn check(&mut self, bytes: u64) -> io::Result<()> {
        if self.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if let Some(room) = &mut self.room {
            // What does not fit takes the rest: a full disk stays full.
            let is_enough = *room >= bytes;
            *room = room.saturating_sub(bytes);
            if !is_enough {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct LossyFile {
    disk: Arc<Mutex<State>>,
    content: Arc<Mutex<Content>>,
}

impl LossyFile {
    fn change(&self, change: Change) {
        let mut content = lock(&self.content);
        change.apply(&mut content.bytes);
        content.unsynced.push(change);
    }
}

impl DiskFile for LossyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut state = lock(&self.disk);
        let room = state.faults.room.unwrap_or(u64::MAX);
        let result = state.faults.check(bytes.len() as u64);
        drop(state);
        // A full disk takes what it can.
        let taken = match &result {
            Ok(()) => bytes.len(),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                usize::try_from(room).unwrap_or(0).min(bytes.len())
            }
            Err(_) => 0,
        };
        if taken > 0 {
            self.change(Change::Write {
                offset,
                bytes: bytes[..taken].to_vec(),
            });
        }
        result
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        if lock(&self.disk).faults.are_reads_failing {
            return Err(io::Error::other("the read failed"));
        }
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let content = lock(&self.content);
        let end = offset.checked_add(bytes.len());
        let there = end
            .and_then(|end| content.bytes.get(offset..end))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(there);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.disk).faults.check(0)?;
        self.change(Change::SetLen(
            usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?,
        ));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.content).bytes.len() as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        let is_failing = lock(&self.disk).faults.is_sync_failing;
        let mut content = lock(&self.content);
        let Content {
            durable, unsynced, ..
        } = &mut *content;
        let changes = std::mem::take(unsynced);
        if is_failing {
            // Every other change got there.
            changes
                .iter()
                .step_by(2)
                .skip(1)
                .for_each(|change| change.apply(durable));
            return Err(io::Error::other("the sync failed"));
        }
        changes.iter().for_each(|change| change.apply(durable));
        Ok(())
    }
}

#[derive(Debug)]
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
