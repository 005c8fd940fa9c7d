//! Where on the disk the frames are that count. In memory, small: twelve bytes for a record.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    disk::DiskFile,
    read::Dropped,
    stream::{FrameKind, StreamId, StreamKind},
};

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// A frame on its way into the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: FrameKind,
    pub(crate) seq: u64,
    /// In which life of its stream it is.
    pub(crate) branch: u32,
    /// It is the first frame of that.
    pub(crate) is_start: bool,
    /// Where it is, if it is what was written.
    pub(crate) location: Option<Location>,
}

/// The frames of one stream that count.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// With the number of the record they come after, oldest first.
    pub(crate) snapshots: Vec<(u64, Location)>,
    /// The number of the first of `records`.
    pub(crate) first_seq: u64,
    /// Without holes.
    pub(crate) records: VecDeque<Location>,
    pub(crate) dropped: Option<Dropped>,
    /// Which life of the stream this is: an end may be followed by another one.
    pub(crate) branch: u32,
    /// What snapshots and records take on the disk.
    bytes: u64,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            snapshots: Vec::new(),
            first_seq: 1,
            records: VecDeque::new(),
            dropped: None,
            branch: 0,
            bytes: 0,
        }
    }
}

impl Stream {
    /// The number that the next record should have.
    pub(crate) fn next_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.records.len() as u64)
    }

    /// Takes a frame in; tells `gone` which frames count no more.
    pub(crate) fn apply(
        &mut self,
        entry: Entry,
        history_bytes_max: u64,
        gone: &mut impl FnMut(Location),
    ) {
        if self.is_fresh() {
            self.branch = entry.branch;
        } else if self.branch != entry.branch {
            // The stream ended, and the end is lost. With the beginning of what came then, all is well.
            if !entry.is_start && entry.kind == FrameKind::Record {
                entry.location.into_iter().for_each(gone);
                return self.drop_to(self.next_seq(), entry.seq);
            }
            if entry.location.is_some() {
                self.clear(gone);
                self.branch = entry.branch;
            }
        }
        match entry.kind {
            FrameKind::Record => self.record(entry, gone),
            FrameKind::Snapshot => {
                self.snapshot(entry.seq, entry.location, gone);
                self.trim(history_bytes_max, gone);
            }
            FrameKind::End => self.clear(gone),
        }
    }

    /// Nothing is known of it.
    fn is_fresh(&self) -> bool {
        self.snapshots.is_empty() && self.records.is_empty() && self.dropped.is_none()
    }

    fn record(&mut self, entry: Entry, gone: &mut impl FnMut(Location)) {
        let Entry { seq, location, .. } = entry;
        let next = self.next_seq();
        // Without a snapshot a stream begins with its first record, or else what it began with is lost.
        let is_beginning_lost =
            self.snapshots.is_empty() && self.records.is_empty() && !entry.is_start;
        let unusable_from = match self.dropped {
            Some(dropped) if dropped.first_missing < seq => Some(dropped.first_missing),
            _ if is_beginning_lost => Some(0),
            _ if seq > next => Some(next),
            _ => None,
        };
        if let Some(first_missing) = unusable_from {
            location.into_iter().for_each(gone);
            return self.drop_to(first_missing, seq);
        }
        if seq < next {
            // A number that was there already: one of the two is wrong.
            location.into_iter().for_each(&mut *gone);
            self.rewind(seq, gone);
            return self.drop_to(seq, next - 1);
        }
        match location {
            Some(location) => {
                self.dropped = None;
                self.bytes += u64::from(location.len);
                self.records.push_back(location);
            }
            None => self.drop_to(seq, seq),
        }
    }

    /// A record and what comes behind it count no more.
    fn rewind(&mut self, seq: u64, gone: &mut impl FnMut(Location)) {
        while self.next_seq() > seq {
            let Some(last) = self.records.pop_back() else {
                self.first_seq = seq;
                break;
            };
            self.bytes -= u64::from(last.len);
            gone(last);
        }
        while let Some(&(_, location)) = self.snapshots.last().filter(|(after, _)| *after >= seq) {
            self.snapshots.pop();
            self.bytes -= u64::from(location.len);
            gone(location);
        }
    }

    fn snapshot(&mut self, seq: u64, location: Option<Location>, gone: &mut impl FnMut(Location)) {
        let next = self.next_seq();
        let Some(location) = location else {
            if seq >= next {
                self.drop_to(next, seq);
            } else if self.snapshots.is_empty() && self.records.is_empty() {
                self.drop_to(seq, seq);
            }
            return;
        };
        if seq >= next {
            // What lies between is not known, and need not be.
            while let Some(record) = self.records.pop_front() {
                self.bytes -= u64::from(record.len);
                gone(record);
            }
            self.first_seq = seq.saturating_add(1);
        } else if seq.saturating_add(1) < self.first_seq && !self.records.is_empty() {
            return gone(location);
        }
        // What was missing before it is not missed any more; what is behind it still is.
        self.dropped = match self.dropped {
            Some(dropped) if seq < dropped.first_missing => Some(dropped),
            Some(dropped) if seq < dropped.last_seen => Some(Dropped {
                first_missing: seq.saturating_add(1),
                ..dropped
            }),
            _ => None,
        };
        self.bytes += u64::from(location.len);
        let at = self.snapshots.partition_point(|(after, _)| *after <= seq);
        if self.snapshots.capacity() < 2 {
            self.snapshots.reserve_exact(1);
        }
        self.snapshots.insert(at, (seq, location));
    }

    /// Lets go what is neither needed nor worth keeping: two snapshots stay, and the records since the older one.
    fn trim(&mut self, history_bytes_max: u64, gone: &mut impl FnMut(Location)) {
        while self.snapshots.len() > 2 && self.bytes > history_bytes_max {
            let (_, location) = self.snapshots.remove(0);
            self.bytes -= u64::from(location.len);
            gone(location);
            self.trim_records(gone);
        }
        if self.snapshots.len() == 2 {
            self.trim_records(gone);
        }
    }

    fn trim_records(&mut self, gone: &mut impl FnMut(Location)) {
        while self.first_seq <= self.snapshots[0].0 {
            let Some(record) = self.records.pop_front() else {
                break;
            };
            self.first_seq += 1;
            self.bytes -= u64::from(record.len);
            gone(record);
        }
        if self.records.len() < self.records.capacity() / 4 {
            self.records.shrink_to(self.records.len() * 2);
        }
    }

    fn clear(&mut self, gone: &mut impl FnMut(Location)) {
        self.snapshots
            .drain(..)
            .for_each(|(_, location)| gone(location));
        self.records.drain(..).for_each(&mut *gone);
        *self = Self::default();
    }

    fn drop_to(&mut self, first_missing: u64, seq: u64) {
        let last_seen = self
            .dropped
            .map_or(seq, |dropped| dropped.last_seen.max(seq));
        self.dropped = Some(Dropped {
            first_missing,
            last_seen,
        });
    }

    /// A record that was there cannot be read any more: what is before it and what is behind it are two things.
    fn lose_record(&mut self, seq: u64, gone: &mut impl FnMut(Location)) {
        let last = self.next_seq().saturating_sub(1);
        if self
            .snapshots
            .last()
            .is_some_and(|(after, _)| *after >= seq)
        {
            // Only history: all up to it goes.
            while self
                .snapshots
                .first()
                .is_some_and(|(after, _)| *after < seq)
            {
                let (_, location) = self.snapshots.remove(0);
                self.bytes -= u64::from(location.len);
                gone(location);
            }
            while self.first_seq <= seq {
                let Some(record) = self.records.pop_front() else {
                    break;
                };
                self.first_seq += 1;
                self.bytes -= u64::from(record.len);
                gone(record);
            }
            return;
        }
        self.rewind(seq, gone);
        self.drop_to(seq, last);
    }

    fn lose_snapshot(&mut self, is_it: impl Fn(Location) -> bool, gone: &mut impl FnMut(Location)) {
        let Some(place) = self
            .snapshots
            .iter()
            .position(|(_, location)| is_it(*location))
        else {
            return;
        };
        let (seq, location) = self.snapshots.remove(place);
        self.bytes -= u64::from(location.len);
        gone(location);
        if self
            .snapshots
            .last()
            .map_or(seq == 0 || self.first_seq > 1, |(after, _)| {
                after.saturating_add(1) < self.first_seq
            })
        {
            let first_missing = self
                .snapshots
                .last()
                .map_or(seq.min(1), |(after, _)| after.saturating_add(1));
            self.drop_to(first_missing, self.next_seq().saturating_sub(1));
        }
    }

    fn locations_mut(&mut self) -> impl Iterator<Item = &mut Location> {
        self.snapshots
            .iter_mut()
            .map(|(_, location)| location)
            .chain(self.records.iter_mut())
    }

    /// All frames that count.
    pub(crate) fn locations(&self) -> impl Iterator<Item = Location> {
        self.snapshots
            .iter()
            .map(|(_, location)| *location)
            .chain(self.records.iter().copied())
    }
}

/// A segment that counts.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) file: Arc<dyn DiskFile>,
    /// How much of the file counts.
    pub(crate) len: u64,
    /// Bytes of frames that count.
    pub(crate) live: u64,
}

/// All streams and segments.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) streams: HashMap<StreamId, Stream>,
    pub(crate) segments: BTreeMap<u32, Segment>,
    pub(crate) history_bytes_max: u64,
}

impl Index {
    /// Takes in a frame that is on the disk.
    pub(crate) fn apply(&mut self, id: &StreamId, entry: Entry) {
        let Entry { kind, location, .. } = entry;
        let history = history_bytes_max(id, self.history_bytes_max);
        let segments = &mut self.segments;
        if let Some(location) = location.filter(|_| kind != FrameKind::End)
            && let Some(segment) = segments.get_mut(&location.segment)
        {
            segment.live += u64::from(location.len);
        }
        let mut gone = |location: Location| {
            if let Some(segment) = segments.get_mut(&location.segment) {
                segment.live -= u64::from(location.len);
            }
        };
        if kind == FrameKind::End {
            if let Some(mut stream) = self.streams.remove(id) {
                stream.clear(&mut gone);
            }
            return;
        }
        let stream = match self.streams.get_mut(id) {
            Some(stream) => stream,
            None => self.streams.entry(id.clone()).or_default(),
        };
        stream.apply(entry, history, &mut gone);
    }
}

impl Index {
    /// The place of a frame, if it is this one that counts.
    pub(crate) fn find(
        &mut self,
        id: &StreamId,
        kind: FrameKind,
        seq: u64,
        at: Location,
    ) -> Option<&mut Location> {
        let stream = self.streams.get_mut(id)?;
        let same = |location: &&mut Location| **location == at;
        match kind {
            FrameKind::Record => {
                let place = usize::try_from(seq.checked_sub(stream.first_seq)?).ok()?;
                stream.records.get_mut(place).filter(same)
            }
            FrameKind::Snapshot => stream
                .snapshots
                .iter_mut()
                .map(|(_, location)| location)
                .find(same),
            FrameKind::End => None,
        }
    }

    /// A frame of which only the place is known cannot be read any more.
    pub(crate) fn lose(&mut self, at: Location) {
        let is_it =
            |location: Location| (location.segment, location.offset) == (at.segment, at.offset);
        for (id, stream) in &self.streams {
            let snapshot = stream
                .snapshots
                .iter()
                .find(|(_, location)| is_it(*location));
            let record = stream.records.iter().position(|location| is_it(*location));
            let (id, kind, seq) = match (snapshot, record) {
                (Some((seq, _)), _) => (id.clone(), FrameKind::Snapshot, *seq),
                (None, Some(place)) => (
                    id.clone(),
                    FrameKind::Record,
                    stream.first_seq + place as u64,
                ),
                (None, None) => continue,
            };
            return self.lose_frame(&id, kind, seq, is_it);
        }
    }

    fn lose_frame(
        &mut self,
        id: &StreamId,
        kind: FrameKind,
        seq: u64,
        is_it: impl Fn(Location) -> bool,
    ) {
        let segments = &mut self.segments;
        let mut gone = |location: Location| {
            if let Some(segment) = segments.get_mut(&location.segment) {
                segment.live -= u64::from(location.len);
            }
        };
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        match kind {
            FrameKind::Record => stream.lose_record(seq, &mut gone),
            FrameKind::Snapshot | FrameKind::End => stream.lose_snapshot(is_it, &mut gone),
        }
    }

    /// Frames from an offset on are in another segment now.
    pub(crate) fn shift(&mut self, segment: u32, offset: u64, to_segment: u32, to_offset: u64) {
        let mut live = 0;
        for location in self.streams.values_mut().flat_map(Stream::locations_mut) {
            if location.segment == segment && u64::from(location.offset) >= offset {
                live += u64::from(location.len);
                let place = u64::from(location.offset) - offset + to_offset;
                *location = Location {
                    segment: to_segment,
                    offset: u32::try_from(place).unwrap_or(u32::MAX),
                    ..*location
                };
            }
        }
        if let Some(old) = self.segments.get_mut(&segment) {
            old.live -= live;
            old.len = offset;
        }
        if let Some(new) = self.segments.get_mut(&to_segment) {
            new.live += live;
        }
    }
}

/// History is of use for rooms only; the others are asked for their newest state.
pub(crate) fn history_bytes_max(id: &StreamId, rooms: u64) -> u64 {
    if id.kind == StreamKind::Room {
        rooms
    } else {
        0
    }
}
