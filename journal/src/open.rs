//! From the files of a directory to the index: what counts, what was torn off at the end, what is damaged.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{Disk, DiskFile},
    format::{FrameHeader, Kind, SEGMENT_HEADER_BYTES, Salt, SegmentHeader},
    index::{Entry, Index, Location, Segment},
    scan::{Group, scan},
    stream::{FrameKind, StreamId},
};

/// What was found when the journal was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Bytes at the end that were being written when the process or the machine ended. Nothing of them was durable.
    pub torn_bytes: u64,
    /// What was durable and is not what was written.
    pub damages: Vec<Damage>,
}

/// One place that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The name of the file.
    pub segment: String,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// Whose frame it was, if that can still be read.
    pub stream: Option<StreamId>,
    /// What is wrong.
    pub what: String,
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("use journal {0}: another process does")]
    Locked(PathBuf),
    /// The disk did not do as asked.
    #[error("open journal: {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// What is on the disk.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) index: Index,
    pub(crate) report: OpenReport,
    /// The newest segment, if it can be written on.
    pub(crate) head: Option<FoundHead>,
    pub(crate) salt: Option<Salt>,
    /// Above all numbers of segments that are in use.
    pub(crate) next_number: u32,
    pub(crate) first_kept: u32,
    pub(crate) next_group: u64,
    /// No frame has a higher one.
    pub(crate) order: u64,
    /// Files that do not count.
    pub(crate) leftovers: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct FoundHead {
    pub(crate) number: u32,
    pub(crate) header: SegmentHeader,
    pub(crate) last_group: Option<std::ops::Range<usize>>,
    pub(crate) file_len: u64,
}

/// Numbers stay below this; at one a second that takes longer than any disk lasts.
const NUMBER_LIMIT: u32 = 1 << 31;
/// No segment is longer: what a file has beyond this is none of ours.
const SEGMENT_LEN_MAX: u64 = 2 << 30;

/// The name of a segment's file.
pub(crate) fn segment_name(number: u32) -> String {
    format!("{number:08}.log")
}

fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log")?;
    let is_ours = digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .parse()
        .ok()
        .filter(|number| is_ours && (1..NUMBER_LIMIT).contains(number))
}

/// A file that may be a segment.
#[derive(Debug)]
struct Candidate {
    file: Arc<dyn DiskFile>,
    len: u64,
    header: Option<(SegmentHeader, bool)>,
}

/// A frame that was found, before its stream is put in order.
#[derive(Clone, Copy, Debug)]
struct Seen {
    order: u64,
    entry: Entry,
}

/// Looks at all segments and changes nothing.
pub(crate) fn look(
    disk: &dyn Disk,
    dir: &Path,
    history_bytes_max: u64,
) -> Result<Found, OpenError> {
    let mut candidates = BTreeMap::new();
    for name in disk.list(dir).map_err(OpenError::io("list", dir))? {
        let Some(number) = segment_number(&name) else {
            continue;
        };
        let path = dir.join(name);
        let file = disk.open(&path).map_err(OpenError::io("open", &path))?;
        let len = file.len().map_err(OpenError::io("look at", &path))?;
        let mut bytes = vec![
            0;
            usize::try_from(len)
                .unwrap_or(usize::MAX)
                .min(SEGMENT_HEADER_BYTES)
        ];
        file.read_at(&mut bytes, 0)
            .map_err(OpenError::io("read", &path))?;
        let header = SegmentHeader::decode(&bytes).filter(|(header, _)| header.number == number);
        candidates.insert(
            number,
            Candidate {
                file: file.into(),
                len,
                header,
            },
        );
    }
    let mut looker = Looker::new(history_bytes_max, &candidates);
    looker.walk(dir, candidates)?;
    Ok(looker.finish())
}

struct Looker {
    found: Found,
    streams: HashMap<StreamId, Vec<Seen>>,
    segment_damages: BTreeMap<u32, Vec<Damage>>,
}

impl Looker {
    fn new(history_bytes_max: u64, candidates: &BTreeMap<u32, Candidate>) -> Self {
        let headers = || {
            candidates
                .values()
                .filter_map(|candidate| candidate.header.as_ref())
                .map(|(header, _)| header)
        };
        let found = Found {
            index: Index {
                history_bytes_max,
                ..Index::default()
            },
            report: OpenReport::default(),
            head: None,
            salt: headers().next_back().map(|header| header.salt),
            next_number: candidates.keys().next_back().map_or(1, |last| last + 1),
            first_kept: headers().map(|header| header.first_kept).max().unwrap_or(0),
            next_group: headers()
                .map(|header| header.first_group)
                .max()
                .unwrap_or(1),
            order: headers().map(|header| header.order).max().unwrap_or(0),
            leftovers: Vec::new(),
        };
        Self {
            found,
            streams: HashMap::new(),
            segment_damages: BTreeMap::new(),
        }
    }

    /// From the newest segment to the oldest, since each says what counts of the one before.
    fn walk(&mut self, dir: &Path, candidates: BTreeMap<u32, Candidate>) -> Result<(), OpenError> {
        // What the segment after this one says about it.
        let mut after: Option<SegmentHeader> = None;
        let mut is_newest = true;
        let mut oldest = None;
        for (number, candidate) in candidates.into_iter().rev() {
            if number < self.found.first_kept || after.is_some_and(|after| number > after.previous)
            {
                self.found.leftovers.push(number);
                continue;
            }
            if let Some(after) = after.filter(|after| number < after.previous) {
                self.missing(after.previous);
            }
            let limit = after
                .filter(|after| after.previous == number)
                .map(|after| after.previous_len);
            if let Some(limit) = limit.filter(|limit| *limit > candidate.len) {
                self.damage(
                    number,
                    candidate.len,
                    limit - candidate.len,
                    "the end is missing",
                );
            }
            let is_header_whole = candidate.header.is_some_and(|(_, is_whole)| is_whole);
            let is_blank =
                is_newest && !is_header_whole && candidate.len <= SEGMENT_HEADER_BYTES as u64;
            if is_blank {
                // It was being made. Nothing is written to a segment before its header is durable.
                self.found.report.torn_bytes += candidate.len;
                self.found.leftovers.push(number);
                continue;
            }
            self.header_and_length(number, &candidate);
            after = candidate.header.map(|(header, _)| header);
            oldest = Some((number, after));
            let len = limit
                .unwrap_or(candidate.len)
                .min(candidate.len)
                .min(SEGMENT_LEN_MAX);
            self.segment(dir, number, candidate, len, is_newest)?;
            is_newest = false;
        }
        if let Some((number, Some(header))) = oldest
            && number > self.found.first_kept
            && header.previous >= self.found.first_kept.max(1)
        {
            // The chain ends with a segment that is needed and not there.
            self.missing(header.previous);
        }
        Ok(())
    }

    fn header_and_length(&mut self, number: u32, candidate: &Candidate) {
        let header_bytes = SEGMENT_HEADER_BYTES as u64;
        match candidate.header {
            Some((_, true)) => {}
            Some((_, false)) => {
                self.damage(number, 0, header_bytes, "one copy of the header is wrong")
            }
            None => self.damage(number, 0, header_bytes, "the header is wrong"),
        }
        if candidate.len > SEGMENT_LEN_MAX {
            self.damage(
                number,
                SEGMENT_LEN_MAX,
                candidate.len - SEGMENT_LEN_MAX,
                "longer than a segment can be",
            );
        }
    }

    fn segment(
        &mut self,
        dir: &Path,
        number: u32,
        candidate: Candidate,
        len: u64,
        is_newest: bool,
    ) -> Result<(), OpenError> {
        let Some(salt) = candidate
            .header
            .map(|(header, _)| header.salt)
            .or(self.found.salt)
        else {
            return Ok(());
        };
        let path = dir.join(segment_name(number));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        candidate
            .file
            .read_at(&mut bytes, 0)
            .map_err(OpenError::io("read", &path))?;
        let mut groups = scan(&bytes, salt);
        let mut end = len;
        if is_newest && let Some(torn) = torn_from(&groups) {
            end = groups[torn].range.start as u64;
            self.found.report.torn_bytes += len - end;
            groups.truncate(torn);
        }
        if is_newest && let Some((header, true)) = candidate.header {
            let last_group = groups.last().map(|group| group.range.clone());
            self.found.head = Some(FoundHead {
                number,
                header,
                last_group,
                file_len: candidate.len,
            });
        }
        let live = Segment {
            file: candidate.file,
            len: end,
            live: 0,
        };
        self.found.index.segments.insert(number, live);
        for group in groups {
            self.group(number, group);
        }
        Ok(())
    }

    fn group(&mut self, number: u32, group: Group) {
        if let Some(mark) = &group.mark {
            self.found.next_group = self.found.next_group.max(mark.order.saturating_add(1));
        } else if group.bads.is_empty() {
            self.damage(
                number,
                group.range.start as u64,
                group.range.len() as u64,
                "a group without its mark",
            );
        }
        for bad in group.bads {
            let (offset, bytes) = (bad.range.start as u64, bad.range.len() as u64);
            let damage = Damage {
                segment: segment_name(number),
                offset,
                bytes,
                stream: bad.stream,
                what: bad.what.to_owned(),
            };
            self.segment_damages.entry(number).or_default().push(damage);
        }
        for frame in group.frames {
            let location = frame
                .is_intact
                .then(|| location(number, frame.offset, &frame.header))
                .flatten();
            self.frame(&frame.header, location);
        }
    }

    fn frame(&mut self, header: &FrameHeader, location: Option<Location>) {
        self.found.order = self.found.order.max(header.order);
        let kind = match header.kind {
            Kind::Record => FrameKind::Record,
            Kind::Snapshot => FrameKind::Snapshot,
            Kind::End => FrameKind::End,
            Kind::Floor => {
                if location.is_some() {
                    let floor = u32::try_from(header.seq).unwrap_or(0);
                    self.found.first_kept = self.found.first_kept.max(floor);
                }
                return;
            }
            Kind::Mark => return,
        };
        let Some(stream) = &header.stream else {
            return;
        };
        // A damaged end still ends: its header, which was right, says all there is to say.
        let entry = Entry {
            kind,
            seq: header.seq,
            branch: header.branch,
            is_start: header.is_start(),
            location,
        };
        let seen = Seen {
            order: header.order,
            entry,
        };
        match self.streams.get_mut(stream) {
            Some(frames) => frames.push(seen),
            None => drop(self.streams.insert(stream.clone(), vec![seen])),
        }
    }

    fn missing(&mut self, number: u32) {
        self.damage(number, 0, 0, "the segment is missing");
    }

    fn damage(&mut self, number: u32, offset: u64, bytes: u64, what: &str) {
        let damage = Damage {
            segment: segment_name(number),
            offset,
            bytes,
            stream: None,
            what: what.to_owned(),
        };
        self.segment_damages.entry(number).or_default().push(damage);
    }

    fn finish(mut self) -> Found {
        self.found.report.damages = self.segment_damages.into_values().flatten().collect();
        for (stream, mut frames) in self.streams.drain() {
            // Compaction moved frames to the front, and perhaps there are two copies: of these a whole one counts.
            frames.sort_by_key(|seen| (seen.order, seen.entry.location.is_none()));
            frames.dedup_by_key(|seen| seen.order);
            early_snapshots(&mut frames);
            for seen in frames {
                self.found.index.apply(&stream, seen.entry);
            }
        }
        for stream in self.found.index.streams.values_mut() {
            stream.records.shrink_to_fit();
            stream.snapshots.shrink_to_fit();
        }
        self.found
    }
}

/// A snapshot may be appended late, with records behind it that are there already. It is put before them: of what came
/// before it, parts may be gone, and it is where the stream begins again.
fn early_snapshots(frames: &mut [Seen]) {
    for at in 1..frames.len() {
        let Entry {
            kind: FrameKind::Snapshot,
            seq,
            branch,
            ..
        } = frames[at].entry
        else {
            continue;
        };
        let is_behind = |seen: &Seen| {
            seen.entry.kind == FrameKind::Record
                && seen.entry.seq > seq
                && seen.entry.branch == branch
        };
        let behind = frames[..at]
            .iter()
            .rev()
            .take_while(|seen| is_behind(seen))
            .count();
        frames[at - behind..=at].rotate_right(1);
    }
}

/// The first group of the newest segment that was being written when all ended: it is not whole, and no later group says
/// that it was synced.
fn torn_from(groups: &[Group]) -> Option<usize> {
    let synced = groups
        .iter()
        .filter_map(|group| group.mark.as_ref())
        .map(FrameHeader::synced_group)
        .max()
        .unwrap_or(0);
    let mut next_number = None;
    let mut torn = None;
    for (at, group) in groups.iter().enumerate().rev() {
        // Where the mark is lost, the group's number is one less than that of the next.
        let number = group.mark.as_ref().map(|mark| mark.order).or(next_number);
        if !group.is_whole() && number.is_none_or(|number| number > synced) {
            torn = Some(at);
        }
        next_number = number.map(|number| number.saturating_sub(1));
    }
    torn
}

fn location(segment: u32, offset: usize, header: &FrameHeader) -> Option<Location> {
    Some(Location {
        segment,
        offset: u32::try_from(offset).ok()?,
        len: u32::try_from(header.total_len()).ok()?,
    })
}
