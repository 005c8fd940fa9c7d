//! The commit thread: takes what was appended, writes it as one group, syncs it, and says so.
//!
//! What is appended while a sync is under way goes with the next group. A group that fails is tried again in a new
//! segment, since a failed sync says nothing about what is in the old one; the new one's header says how much of the
//! old one counts.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    compaction::{Compaction, Moves},
    format::{GroupEncoder, Head as FrameHead, Kind, Salt, branch_of},
    head::{Head, ready_head},
    index::{Entry, Location},
    journal::{Shared, State, queued_bytes},
    open::{OpenError, OpenReport, look, segment_name},
    options::{Options, SyncPolicy},
    pacing::{Moment, Pacer, process_cpu_time},
    stream::{Frame, FrameKind},
};

/// A group takes no more frames when it is as long as this.
const GROUP_BYTES_MAX: usize = 8 << 20;
const SEGMENT_BYTES_LIMIT: u64 = 1 << 30;

/// The commit thread and what it owns: the files.
pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    pub(crate) head: Head,
    /// The head's file is not to be written any more.
    must_roll: bool,
    pub(crate) next_number: u32,
    pub(crate) first_kept: u32,
    pub(crate) group: u64,
    /// Groups up to here are synced.
    pub(crate) synced_group: u64,
    /// The order of the frame before the first of this process.
    pub(crate) order: u64,
    pub(crate) unsynced_since: Option<Instant>,
    pacer: Pacer,
    /// A sync failed: what was not synced before is perhaps in memory only, and no further sync would write it.
    pub(crate) is_sync_broken: bool,
    pub(crate) encoder: GroupEncoder,
    pub(crate) compaction: Option<Compaction>,
    /// A segment that cannot be read, and so not be moved.
    pub(crate) unreadable: Option<u32>,
    _lock: Box<dyn Send>,
}

/// What the thread does next.
enum Work {
    Commit(Vec<Frame>),
    Sync,
    Stop,
}

impl Committer {
    pub(crate) fn open(mut options: Options) -> Result<(Self, OpenReport), OpenError> {
        options.segment_bytes_max = options.segment_bytes_max.min(SEGMENT_BYTES_LIMIT);
        let (disk, dir) = (options.disk.clone(), options.dir.clone());
        disk.create_dir(&dir)
            .map_err(OpenError::io("create", &dir))?;
        let lock = disk.lock(&dir).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked(dir.clone()),
            _ => OpenError::io("lock", &dir)(source),
        })?;
        let mut found = look(&*disk, &dir, options.history_bytes_max)?;
        for number in &found.leftovers {
            // One that stays does no harm: it does not count.
            let _ = disk.remove(&dir.join(segment_name(*number)));
        }
        let head = ready_head(&found, &options)?;
        let salt = found.salt.unwrap_or_else(Salt::random);
        let report = std::mem::take(&mut found.report);
        let state = State {
            index: found.index,
            ..State::default()
        };
        let shared = Shared {
            state: Mutex::new(state),
            work: Default::default(),
            ended: Default::default(),
            durable: Default::default(),
            is_failing: Default::default(),
            queued_bytes: Default::default(),
            salt,
        };
        let mut committer = Self {
            shared: Arc::new(shared),
            must_roll: false,
            next_number: found.next_number,
            first_kept: found.first_kept.max(1),
            group: found.next_group,
            synced_group: found.next_group - 1,
            order: found.order,
            unsynced_since: None,
            pacer: Pacer::new(options.pacing),
            is_sync_broken: false,
            encoder: GroupEncoder::new(salt),
            compaction: None,
            unreadable: None,
            head: Head::none(salt),
            options,
            _lock: lock,
        };
        match head {
            Some(head) => committer.head = head,
            None => {
                committer.head.continue_after(&committer.shared.lock());
                committer.roll().map_err(OpenError::io("write to", &dir))?;
            }
        }
        Ok((committer, report))
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(crate) fn spawn(self) -> Result<(), OpenError> {
        let dir = self.options.dir.clone();
        let thread = thread::Builder::new().name("parlor-journal".to_owned());
        thread
            .spawn(move || self.run())
            .map(drop)
            .map_err(OpenError::io("start a thread for", &dir))
    }

    fn run(mut self) {
        loop {
            let result = match self.next_work() {
                Work::Commit(frames) => self.commit(&frames),
                Work::Sync => self.sync_head(),
                Work::Stop => break,
            };
            match result {
                Ok(()) => self.recovered(),
                Err(error) => self.failed(&error),
            }
        }
        if self.unsynced_since.is_some() && !self.is_sync_broken && self.sync_head().is_ok() {
            self.recovered();
        }
        let shared = self.shared();
        // The lock on the directory goes first: who waits for the end may open the journal again.
        drop(self);
        shared.lock().has_ended = true;
        shared.ended.notify_all();
    }

    /// Waits for something to do.
    fn next_work(&mut self) -> Work {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        loop {
            let is_done = state.pending.is_empty() && !self.must_roll;
            if state.is_given_up || state.is_closing && is_done {
                return Work::Stop;
            }
            if !state.pending.is_empty() || self.must_roll || self.compaction_is_due(&state) {
                drop(state);
                self.pace();
                return Work::Commit(first_frames(&shared.lock()));
            }
            let timeout = match (self.options.sync, self.unsynced_since) {
                (SyncPolicy::Every(period), Some(since)) => {
                    Some(period.saturating_sub(since.elapsed()))
                }
                _ => None,
            };
            if timeout == Some(Duration::ZERO) {
                return Work::Sync;
            }
            state.is_idle = true;
            let work = &shared.work;
            state = match timeout {
                Some(timeout) => {
                    let waited = work.wait_timeout(state, timeout);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.is_idle = false;
        }
    }

    /// Waits until the next commit may begin.
    fn pace(&mut self) {
        let wait = self.pacer.wait(now()) + self.options.hooks.commit_delay;
        if !wait.is_zero() {
            delay(wait);
        }
        self.pacer.begins(Moment {
            at: now(),
            cpu: process_cpu_time(),
        });
    }

    /// Makes the frames durable, and with them whatever compaction has to move.
    fn commit(&mut self, frames: &[Frame]) -> io::Result<()> {
        self.must_roll |= self.head.len >= self.options.segment_bytes_max;
        if self.must_roll {
            self.roll()?;
            self.must_roll = false;
        }
        self.encoder.clear();
        let base = u32::try_from(self.head.len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let segment = self.head.header.number;
        let place = |(start, len): (usize, usize)| Location {
            segment,
            offset: base + u32::try_from(start).unwrap_or(u32::MAX),
            len: u32::try_from(len).unwrap_or(u32::MAX),
        };
        let first_order = self.order + self.shared.durable.load(Ordering::Acquire) + 1;
        let branches = self.branches(frames, first_order);
        let mut entries = Vec::with_capacity(frames.len());
        for ((order, frame), branch) in (first_order..).zip(frames).zip(branches) {
            let kind = match frame.kind {
                FrameKind::Record => Kind::Record,
                FrameKind::Snapshot => Kind::Snapshot,
                FrameKind::End => Kind::End,
            };
            let seq = frame.seq;
            let head = FrameHead {
                kind,
                stream: Some(&frame.stream),
                branch,
                order,
                seq,
            };
            let location = Some(place(self.encoder.frame(head, &frame.payload)));
            let is_start = branch_of(order) == branch;
            entries.push(Entry {
                kind: frame.kind,
                seq,
                branch,
                is_start,
                location,
            });
        }
        let moves = self.move_frames(base);
        if self.encoder.len() == 0 {
            return Ok(());
        }
        self.write_group().inspect_err(|_| self.must_roll = true)?;
        // Before anybody hears of it: who goes on because of that must not find the journal failing.
        self.recovered();
        self.settle(frames, &entries, &moves);
        self.after_moves(&moves);
        Ok(())
    }

    /// In which life of its stream each frame is.
    fn branches(&self, frames: &[Frame], first_order: u64) -> Vec<u32> {
        let state = self.shared.lock();
        let mut latest = HashMap::new();
        let branch = |(order, frame): (u64, &Frame)| {
            let known = || {
                state
                    .index
                    .streams
                    .get(&frame.stream)
                    .map(|stream| stream.branch)
            };
            let latest = latest.entry(frame.stream.clone()).or_insert_with(known);
            let branch = *latest.get_or_insert(branch_of(order));
            if frame.kind == FrameKind::End {
                *latest = None;
            }
            branch
        };
        (first_order..).zip(frames).map(branch).collect()
    }

    fn write_group(&mut self) -> io::Result<()> {
        let lag = self.group - 1 - self.synced_group;
        let bytes = self
            .encoder
            .finish(self.group, u32::try_from(lag).unwrap_or(u32::MAX));
        self.head.file.write_at(bytes, self.head.len)?;
        let len = bytes.len() as u64;
        self.options.hooks.reached("group-written");
        match self.options.sync {
            SyncPolicy::Always => {
                self.sync_file()?;
                self.synced_group = self.group;
                self.head.synced_len = self.head.len + len;
            }
            SyncPolicy::Every(_) => {
                self.unsynced_since.get_or_insert_with(now);
            }
            SyncPolicy::Never => {}
        }
        self.head.len += len;
        self.group += 1;
        self.shared.lock().stats.written_bytes += len;
        if let (SyncPolicy::Every(period), Some(since)) = (self.options.sync, self.unsynced_since)
            && since.elapsed() >= period
        {
            // The group counts already; that the sync failed shows in the journal's health.
            if let Err(error) = self.sync_head() {
                self.note_failure(&error);
            }
        }
        Ok(())
    }

    /// The frames are durable: they count, and who waits is told.
    fn settle(&mut self, frames: &[Frame], entries: &[Entry], moves: &Moves) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        if let Some(segment) = state.index.segments.get_mut(&self.head.header.number) {
            segment.len = self.head.len;
        }
        for (frame, entry) in frames.iter().zip(entries) {
            state.index.apply(&frame.stream, *entry);
        }
        moves.settle(&mut state.index);
        let bytes = frames.iter().map(queued_bytes).sum();
        self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        state.stats.commits += 1;
        state.stats.frames += frames.len() as u64;
        let settled = state.pending.drain(..frames.len());
        let told: Vec<_> = settled.filter_map(|pending| pending.notify).collect();
        self.shared
            .durable
            .fetch_add(frames.len() as u64, Ordering::Release);
        // Who is told runs at once, maybe on this core, and appends: it must not find the lock taken.
        drop(guard);
        told.iter().for_each(|notify| notify.notify_one());
    }

    fn sync_head(&mut self) -> io::Result<()> {
        self.sync_file()
            .inspect_err(|_| (self.must_roll, self.is_sync_broken) = (true, true))?;
        self.synced_group = self.group - 1;
        self.head.synced_len = self.head.len;
        self.unsynced_since = None;
        Ok(())
    }

    /// Syncs the head if groups in it are not.
    pub(crate) fn sync_unsynced(&mut self) -> io::Result<()> {
        if self.synced_group + 1 < self.group {
            self.sync_head()
        } else {
            Ok(())
        }
    }

    fn sync_file(&self) -> io::Result<()> {
        if self.options.hooks.is_fsync_skipped {
            return Ok(());
        }
        let start = now();
        self.head.file.sync_data()?;
        self.shared.lock().sync_times.add(start.elapsed());
        Ok(())
    }

    fn recovered(&mut self) {
        if !self.must_roll && self.shared.is_failing.swap(false, Ordering::AcqRel) {
            self.shared.lock().failure = None;
        }
    }

    /// Says what failed, and waits until the disk is tried again.
    fn failed(&mut self, error: &io::Error) {
        self.note_failure(error);
        let shared = self.shared.clone();
        let state = shared.lock();
        // Who appends does not shorten the wait; who gives up does.
        let is_open = |state: &mut State| !state.is_given_up;
        drop(
            shared
                .work
                .wait_timeout_while(state, self.options.hooks.retry_after, is_open),
        );
        self.options.hooks.reached("retry");
    }

    pub(crate) fn note_failure(&self, error: &io::Error) {
        let mut state = self.shared.lock();
        state.failure = Some(error.to_string());
        state.stats.failures += 1;
        self.shared.is_failing.store(true, Ordering::Release);
    }
}

/// As many of the first frames as fit in a group, and at least one.
fn first_frames(state: &State) -> Vec<Frame> {
    let mut bytes = 0;
    let fits = |frame: &&Frame| {
        bytes += queued_bytes(frame);
        bytes <= GROUP_BYTES_MAX || bytes == queued_bytes(frame)
    };
    state
        .pending
        .iter()
        .map(|pending| &pending.frame)
        .take_while(fits)
        .cloned()
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a disk takes, on a thread of its own"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the commit thread has nothing else to do"
)]
fn delay(time: Duration) {
    thread::sleep(time);
}
