//! The journal as its users see it: frames go in, and what is durable is said.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    commit::Committer,
    disk::DiskFile,
    format::{FrameHeader, Kind, PAYLOAD_BYTES_MAX, Salt, is_intact},
    index::{Entry, Index, Location, Stream, history_bytes_max},
    open::{OpenError, OpenReport},
    options::Options,
    read::{ReadError, StreamData, load},
    stats::{Stats, SyncTimes},
    stream::{Frame, FrameKind, StreamId, StreamKind},
};

/// The number of an appended frame; rises by one with each, from 1 when the journal is opened.
pub type Lsn = u64;

/// How long a journal that is dropped waits for the disk.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);
/// In place of a segment: the frame is still on its way, and the offset is its place in the queue.
const PENDING: u32 = u32::MAX;

/// Does the disk take what it is given?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Good,
    /// It does not, and is tried again and again. Nothing becomes durable, nothing is lost.
    Failing,
}

/// An open journal. Clones are the same journal; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Open>);

#[derive(Debug)]
struct Open {
    shared: Arc<Shared>,
}

/// What the users of a journal share with its commit thread.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// There is work for the commit thread.
    pub(crate) work: Condvar,
    /// The thread has ended.
    pub(crate) ended: Condvar,
    pub(crate) durable: AtomicU64,
    pub(crate) is_failing: AtomicBool,
    pub(crate) queued_bytes: AtomicUsize,
    pub(crate) salt: Salt,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) index: Index,
    /// Frames that are not durable, in order: the first has the number `durable + 1`.
    pub(crate) pending: VecDeque<Pending>,
    pub(crate) last: Lsn,
    /// The commit thread waits for work, and is to be woken for it.
    pub(crate) is_idle: bool,
    /// Commit what there is, then end.
    pub(crate) is_closing: bool,
    /// End as soon as can be.
    pub(crate) is_given_up: bool,
    pub(crate) has_ended: bool,
    pub(crate) failure: Option<String>,
    pub(crate) stats: Stats,
    pub(crate) sync_times: SyncTimes,
}

/// A frame that is not durable.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) frame: Frame,
    pub(crate) notify: Option<Arc<Notify>>,
}

impl Journal {
    /// Opens a journal, and says what its files were like.
    pub fn open(options: Options) -> Result<(Self, OpenReport), OpenError> {
        let (committer, report) = Committer::open(options)?;
        let shared = committer.shared();
        committer.spawn()?;
        Ok((Self(Arc::new(Open { shared })), report))
    }

    /// Queues a frame and never waits for the disk. `notify` is told (by one permit) when the frame is durable,
    /// which after [`Self::close`] is never.
    ///
    /// # Panics
    /// If the payload or the stream's name is too long.
    pub fn append(&self, frame: Frame, notify: Option<&Arc<Notify>>) -> Lsn {
        assert!(
            frame.payload.len() <= PAYLOAD_BYTES_MAX,
            "a payload has at most {PAYLOAD_BYTES_MAX} bytes"
        );
        assert!(
            frame.stream.name.len() <= crate::NAME_BYTES_MAX,
            "a stream's name is too long"
        );
        let shared = self.shared();
        shared
            .queued_bytes
            .fetch_add(queued_bytes(&frame), Ordering::Relaxed);
        let mut state = shared.lock();
        state.last += 1;
        state.pending.push_back(Pending {
            frame,
            notify: notify.cloned(),
        });
        let (last, is_idle) = (state.last, state.is_idle);
        drop(state);
        if is_idle {
            shared.work.notify_one();
        }
        last
    }

    /// Everything up to here is durable, as the policy promises.
    pub fn durable(&self) -> Lsn {
        self.shared().durable.load(Ordering::Acquire)
    }

    /// Does the disk take what it is given? Costs next to nothing.
    pub fn health(&self) -> Health {
        if self.shared().is_failing.load(Ordering::Acquire) {
            Health::Failing
        } else {
            Health::Good
        }
    }

    /// Why the journal is failing.
    pub fn failure(&self) -> Option<String> {
        self.shared().lock().failure.clone()
    }

    /// What all frames take that are not durable.
    pub fn queued_bytes(&self) -> usize {
        self.shared().queued_bytes.load(Ordering::Relaxed)
    }

    /// All streams of a kind that have not ended, in order. Frames that are not durable count, as in [`Self::read`].
    pub fn streams(&self, kind: StreamKind) -> Vec<StreamId> {
        let state = self.shared().lock();
        let mut is_there: BTreeMap<&StreamId, bool> = BTreeMap::new();
        is_there.extend(
            state
                .index
                .streams
                .keys()
                .filter(|id| id.kind == kind)
                .map(|id| (id, true)),
        );
        for Pending { frame, .. } in state
            .pending
            .iter()
            .filter(|pending| pending.frame.stream.kind == kind)
        {
            is_there.insert(&frame.stream, frame.kind != FrameKind::End);
        }
        is_there
            .into_iter()
            .filter(|(_, is_there)| *is_there)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// All of a stream that can be used: everything that was appended, also what is not durable yet. Waits for the disk.
    pub fn read(&self, stream: &StreamId) -> Result<StreamData, ReadError> {
        let shared = self.shared();
        let state = shared.lock();
        let mut entry = state.index.streams.get(stream).cloned();
        let history = history_bytes_max(stream, state.index.history_bytes_max);
        let mut payloads = Vec::new();
        for Pending { frame, .. } in state
            .pending
            .iter()
            .filter(|pending| pending.frame.stream == *stream)
        {
            if frame.kind == FrameKind::End {
                entry = None;
                continue;
            }
            let offset = u32::try_from(payloads.len()).unwrap_or(u32::MAX);
            let len = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
            let location = Location {
                segment: PENDING,
                offset,
                len,
            };
            let (is_start, branch) = entry
                .as_ref()
                .map_or((true, 0), |entry| (false, entry.branch));
            let (kind, seq) = (frame.kind, frame.seq);
            let change = Entry {
                kind,
                seq,
                branch,
                is_start,
                location: Some(location),
            };
            entry
                .get_or_insert_default()
                .apply(change, history, &mut |_| {});
            payloads.push(frame.payload.clone());
        }
        let entry = entry.ok_or_else(|| ReadError::Missing(stream.clone()))?;
        let files = files_of(&entry, &state.index);
        drop(state);
        load(&entry, &mut |kind, seq, location| {
            if location.segment == PENDING {
                return Ok(usize::try_from(location.offset)
                    .ok()
                    .and_then(|at| payloads.get(at))
                    .cloned());
            }
            match files.get(&location.segment) {
                Some(file) => fetch_frame(&**file, shared.salt, stream, kind, seq, location),
                None => Ok(None),
            }
        })
        .map_err(|source| ReadError::Io {
            stream: stream.clone(),
            source,
        })
    }

    /// What the journal has done and holds.
    pub fn stats(&self) -> Stats {
        let state = self.shared().lock();
        let mut stats = state.stats.clone();
        stats.streams = state.index.streams.len();
        stats.segments = state.index.segments.len();
        stats.bytes = state
            .index
            .segments
            .values()
            .map(|segment| segment.len)
            .sum();
        stats.live_bytes = state
            .index
            .segments
            .values()
            .map(|segment| segment.live)
            .sum();
        state.sync_times.fill(&mut stats);
        stats
    }

    /// Waits until all that was appended is durable, or the time is up; then closes. Was all durable?
    pub fn close(&self, timeout: Duration) -> bool {
        self.0.close(timeout)
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Open {
    fn close(&self, timeout: Duration) -> bool {
        let mut state = self.shared.lock();
        state.is_closing = true;
        self.shared.work.notify_one();
        let goes_on = |state: &mut State| !state.has_ended;
        let (mut state, _) = self
            .shared
            .ended
            .wait_timeout_while(state, timeout, goes_on)
            .unwrap_or_else(PoisonError::into_inner);
        let is_all_durable =
            state.pending.is_empty() && (state.has_ended || state.failure.is_none());
        state.is_given_up = true;
        drop(state);
        self.shared.work.notify_one();
        is_all_durable
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close(DROP_TIMEOUT);
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a frame takes in the queue.
pub(crate) fn queued_bytes(frame: &Frame) -> usize {
    frame.payload.len() + size_of::<Pending>()
}

fn files_of(entry: &Stream, index: &Index) -> BTreeMap<u32, Arc<dyn DiskFile>> {
    let mut files = BTreeMap::new();
    for location in entry.locations() {
        if let Some(segment) = index.segments.get(&location.segment) {
            files
                .entry(location.segment)
                .or_insert_with(|| segment.file.clone());
        }
    }
    files
}

/// Reads a frame and checks it. `None`: it is not the frame that was written there.
pub(crate) fn fetch_frame(
    file: &dyn DiskFile,
    salt: Salt,
    stream: &StreamId,
    kind: FrameKind,
    seq: u64,
    location: Location,
) -> io::Result<Option<Bytes>> {
    let mut frame = vec![0; usize::try_from(location.len).unwrap_or(usize::MAX)];
    match file.read_at(&mut frame, u64::from(location.offset)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let Some(header) = FrameHeader::decode(&frame, salt).filter(|_| is_intact(&frame, salt)) else {
        return Ok(None);
    };
    let kind = match kind {
        FrameKind::Record => Kind::Record,
        FrameKind::Snapshot => Kind::Snapshot,
        FrameKind::End => Kind::End,
    };
    if header.kind != kind
        || header.seq != seq
        || header.stream.as_ref() != Some(stream)
        || header.total_len() != frame.len()
    {
        return Ok(None);
    }
    let payload = header.head_len()..header.head_len() + header.payload_len;
    Ok(Some(Bytes::from(frame).slice(payload)))
}
