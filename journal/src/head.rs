//! The head: the segment that is written, how it begins, and what comes after it.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    commit::Committer,
    disk::{Disk, DiskFile},
    format::{SEGMENT_HEADER_BYTES, Salt, SegmentHeader},
    index::Segment,
    journal::State,
    open::{Found, OpenError, segment_name},
    options::Options,
};

/// The segment that is written.
pub(crate) struct Head {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn DiskFile>,
    /// How much of it counts.
    pub(crate) len: u64,
    /// How much of it is synced.
    pub(crate) synced_len: u64,
}

impl Committer {
    /// Begins a new segment. What was written to the old one and is not known to be on the disk is written again.
    pub(crate) fn roll(&mut self) -> io::Result<()> {
        if !self.is_sync_broken {
            self.sync_unsynced()?;
        }
        let rescued = self.unsynced_bytes()?;
        let number = self.next_number;
        self.next_number += 1;
        let path = self.options.dir.join(segment_name(number));
        // A segment without a synced group was a try that failed.
        let old = self.head.header;
        let is_old_used = self.head.synced_len > SEGMENT_HEADER_BYTES as u64;
        let (previous, previous_len) = if is_old_used {
            (old.number, self.head.synced_len)
        } else {
            (old.previous, old.previous_len)
        };
        let header = SegmentHeader {
            salt: self.shared.salt,
            number,
            previous,
            previous_len,
            first_kept: self.first_kept,
            first_group: self.synced_group + 1,
            order: self.order + self.shared.durable.load(Ordering::Acquire),
            is_recording: false,
        };
        let bytes = [&header.encode()[..], &rescued].concat();
        let disk = self.options.disk.clone();
        let file = self.create(&*disk, &path, &bytes).inspect_err(|_| {
            let _ = disk.remove(&path);
        })?;
        let len = bytes.len() as u64;
        let mut state = self.shared.lock();
        state.index.segments.insert(
            number,
            Segment {
                file: file.clone(),
                len,
                live: 0,
            },
        );
        if !rescued.is_empty() {
            state.index.shift(
                old.number,
                self.head.synced_len,
                number,
                SEGMENT_HEADER_BYTES as u64,
            );
        }
        if !is_old_used && old.number > 0 {
            state.index.segments.remove(&old.number);
            let _ = disk.remove(&self.options.dir.join(segment_name(old.number)));
        }
        drop(state);
        self.synced_group = self.group - 1;
        (self.unsynced_since, self.is_sync_broken) = (None, false);
        self.head = Head {
            header,
            file,
            len,
            synced_len: len,
        };
        self.options.hooks.reached("segment-created");
        Ok(())
    }

    /// The groups of the head that no sync was told to write, or that it failed to write.
    fn unsynced_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes =
            vec![0; usize::try_from(self.head.len - self.head.synced_len).unwrap_or(usize::MAX)];
        if !bytes.is_empty() {
            self.head.file.read_at(&mut bytes, self.head.synced_len)?;
        }
        Ok(bytes)
    }

    fn create(&self, disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn DiskFile>> {
        let file: Arc<dyn DiskFile> = disk.create(path)?.into();
        file.write_at(bytes, 0)?;
        if !self.options.hooks.is_fsync_skipped {
            file.sync_data()?;
            disk.sync_dir(&self.options.dir)?;
        }
        Ok(file)
    }
}

impl Head {
    /// Before there is one.
    pub(crate) fn none(salt: Salt) -> Self {
        let header = SegmentHeader {
            salt,
            number: 0,
            previous: 0,
            previous_len: 0,
            first_kept: 1,
            first_group: 1,
            order: 0,
            is_recording: false,
        };
        Self {
            header,
            file: Arc::new(NoFile),
            len: 0,
            synced_len: 0,
        }
    }

    /// The next segment comes after the newest that is there, which cannot be written on.
    pub(crate) fn continue_after(&mut self, state: &State) {
        if let Some((number, segment)) = state.index.segments.last_key_value() {
            self.header.previous = *number;
            self.header.previous_len = segment.len;
        }
    }
}

/// Makes the newest segment ready to be written on: what was torn is cut off, and what counts is durable for sure.
pub(crate) fn ready_head(found: &Found, options: &Options) -> Result<Option<Head>, OpenError> {
    let Some(head) = &found.head else {
        return Ok(None);
    };
    let Some(segment) = found.index.segments.get(&head.number) else {
        return Ok(None);
    };
    let path = options.dir.join(segment_name(head.number));
    let io = |what| OpenError::io(what, &path);
    let file = segment.file.clone();
    if head.file_len > segment.len {
        file.set_len(segment.len).map_err(io("cut"))?;
    }
    if let Some(group) = &head.last_group {
        // Its sync may have failed, so that it is in the page cache only and no sync would write it. It is written again.
        let mut bytes = vec![0; group.len()];
        file.read_at(&mut bytes, group.start as u64)
            .map_err(io("read"))?;
        file.write_at(&bytes, group.start as u64)
            .map_err(io("write"))?;
    }
    if !options.hooks.is_fsync_skipped {
        file.sync_data().map_err(io("sync"))?;
        options
            .disk
            .sync_dir(&options.dir)
            .map_err(OpenError::io("sync", &options.dir))?;
    }
    Ok(Some(Head {
        header: head.header,
        file,
        len: segment.len,
        synced_len: segment.len,
    }))
}

/// What the head has before it has a file.
#[derive(Debug)]
struct NoFile;

impl DiskFile for NoFile {
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}
