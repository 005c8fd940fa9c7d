//! What a journal must have: every stream as it was after some of its frames, and at least after those that were durable.

use std::collections::BTreeMap;

use bytes::Bytes;
use parlor_journal::{
    Frame, FrameKind, Journal, Lsn, ReadError, StreamData, StreamId, StreamKind, testing::Random,
};

/// Frames of one stream in the order of their appending.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    frames: Vec<(Lsn, FrameKind, u64, Bytes)>,
}

/// All of a stream after some of its frames, with nothing let go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    is_there: bool,
    /// The first thing in it is a record, and no snapshot before that.
    begins_with_record: bool,
    snapshots: Vec<(u64, Bytes)>,
    records: BTreeMap<u64, Bytes>,
}

/// What was appended to a journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) streams: BTreeMap<StreamId, Written>,
    payloads: u64,
}

/// How much may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Everything is there.
    All,
    /// What came behind this may be gone.
    Durable(Lsn),
    /// Anything may be gone, if `is_said`.
    Damaged { is_said: bool },
}

impl Model {
    /// The next frame of one of a few streams: mostly records, now and then a snapshot, seldom an end.
    pub(crate) fn next_frame(&mut self, random: &mut Random) -> Frame {
        let number = random.below(12);
        let kind = match number {
            0..6 => StreamKind::Room,
            6..10 => StreamKind::Session,
            _ => StreamKind::Storage,
        };
        let stream = StreamId::new(
            kind,
            vec![u8::try_from(number).unwrap(); 1 + usize::try_from(number).unwrap()],
        );
        let view = self
            .streams
            .get(&stream)
            .map(|written| written.view(written.frames.len()))
            .unwrap_or_default();
        let last_record = view.records.last_key_value().map_or(0, |(seq, _)| *seq);
        let last = view
            .snapshots
            .last()
            .map_or(last_record, |(seq, _)| last_record.max(*seq));
        let (kind, seq) = match random.below(60) {
            0 if view.is_there => (FrameKind::End, 0),
            1..8 => (FrameKind::Snapshot, last),
            // One that took its time: records after it are there already.
            8..10 if kind == StreamKind::Room => {
                let newest = view.snapshots.last().map_or(0, |(seq, _)| *seq);
                (
                    FrameKind::Snapshot,
                    last.saturating_sub(random.below(4)).max(newest),
                )
            }
            // Sessions have snapshots with rising numbers and no records.
            10..40 if kind == StreamKind::Session => (FrameKind::Snapshot, last + 1),
            _ if kind == StreamKind::Session => (FrameKind::Snapshot, last),
            _ => (FrameKind::Record, last + 1),
        };
        let len = match random.below(20) {
            0 => 0,
            1 => random.below(3000),
            _ => random.below(120),
        };
        self.payloads += 1;
        let mut payload = format!("{} ", self.payloads).into_bytes();
        payload.extend((0..len).map(|_| u8::try_from(random.below(256)).unwrap()));
        Frame {
            stream,
            kind,
            seq,
            payload: payload.into(),
        }
    }

    pub(crate) fn appended(&mut self, lsn: Lsn, frame: &Frame) {
        let written = self.streams.entry(frame.stream.clone()).or_default();
        written
            .frames
            .push((lsn, frame.kind, frame.seq, frame.payload.clone()));
    }

    /// Is the journal what was appended, as far as can be asked?
    pub(crate) fn check(&self, journal: &Journal, expect: Expect) -> Result<(), String> {
        self.counts(journal, expect).map(drop)
    }

    /// The same; then goes on from what the journal has.
    pub(crate) fn restart(&mut self, journal: &Journal, expect: Expect) -> Result<(), String> {
        let counts = self.counts(journal, expect)?;
        for (stream, count) in counts {
            let frames = &mut self.streams.get_mut(&stream).unwrap().frames;
            frames.truncate(count);
            frames.iter_mut().for_each(|frame| frame.0 = 0);
        }
        Ok(())
    }

    /// For each stream, after how many of its frames the journal is.
    fn counts(
        &self,
        journal: &Journal,
        expect: Expect,
    ) -> Result<BTreeMap<StreamId, usize>, String> {
        let mut counts = BTreeMap::new();
        for kind in [StreamKind::Room, StreamKind::Session, StreamKind::Storage] {
            let streams = journal.streams(kind);
            if let Some(stream) = streams
                .iter()
                .find(|stream| !self.streams.contains_key(stream))
            {
                return Err(format!("{stream} was never written"));
            }
            for (stream, written) in self
                .streams
                .iter()
                .filter(|(stream, _)| stream.kind == kind)
            {
                let data = match journal.read(stream) {
                    Ok(data) => Some(data),
                    Err(ReadError::Missing(_)) => None,
                    Err(error) => return Err(error.to_string()),
                };
                if data.is_some() != streams.contains(stream) {
                    return Err(format!("{stream} is listed, or read, and not both"));
                }
                let count = written
                    .count(data.as_ref(), expect)
                    .map_err(|what| format!("{stream}: {what}"))?;
                counts.insert(stream.clone(), count);
            }
        }
        Ok(counts)
    }
}

impl Written {
    fn view(&self, count: usize) -> View {
        let mut view = View::default();
        for (_, kind, seq, payload) in &self.frames[..count] {
            view.begins_with_record |= !view.is_there && *kind == FrameKind::Record;
            match kind {
                FrameKind::Record => drop(view.records.insert(*seq, payload.clone())),
                FrameKind::Snapshot => view.snapshots.push((*seq, payload.clone())),
                FrameKind::End => view = View::default(),
            }
            view.is_there = *kind != FrameKind::End;
        }
        view
    }

    /// With snapshots that came late: records behind them may be damaged, and they are not.
    fn damaged_view(&self, count: usize) -> View {
        let mut view = self.view(count);
        for (_, kind, seq, payload) in &self.frames[count..] {
            match kind {
                FrameKind::Snapshot if *seq <= view.last() => {
                    view.is_there = true;
                    view.snapshots.push((*seq, payload.clone()))
                }
                FrameKind::End => break,
                FrameKind::Snapshot | FrameKind::Record => {}
            }
        }
        view
    }

    /// After how many frames the stream was like this.
    fn count(&self, data: Option<&StreamData>, expect: Expect) -> Result<usize, String> {
        let least = match expect {
            Expect::All => self.frames.len(),
            Expect::Durable(durable) => self.frames.partition_point(|(lsn, ..)| *lsn <= durable),
            Expect::Damaged { is_said }
                if is_said || data.is_some_and(|data| data.dropped.is_some()) =>
            {
                0
            }
            Expect::Damaged { .. } => self.frames.len(),
        };
        if !matches!(expect, Expect::Damaged { .. })
            && data.is_some_and(|data| data.dropped.is_some())
        {
            return Err(format!("{:?}", data.unwrap().dropped));
        }
        let is_damaged = matches!(expect, Expect::Damaged { .. });
        let is_like = |count: &usize| {
            self.view(*count).shows(data, is_damaged)
                || is_damaged && self.damaged_view(*count).shows(data, true)
        };
        if let Some(count) = (least..=self.frames.len()).rev().find(is_like) {
            return Ok(count);
        }
        let view = self.view(self.frames.len());
        let written = StreamData {
            snapshots: view.snapshots.into_iter().rev().collect(),
            records: view.records.into_iter().collect(),
            dropped: None,
        };
        let counts = least..=self.frames.len();
        Err(format!(
            "after {counts:?} frames, all of them {}; is {}",
            summary(Some(&written)),
            summary(data)
        ))
    }
}

impl View {
    /// Is `data` this, apart from old history (and, where there is damage, apart from some snapshots)?
    fn shows(&self, data: Option<&StreamData>, is_damaged: bool) -> bool {
        let Some(data) = data else {
            return !self.is_there;
        };
        // Damage may leave no more than the word that something was there.
        let is_empty = data.snapshots.is_empty() && data.records.is_empty();
        if is_damaged && is_empty && data.dropped.is_some() {
            return true;
        }
        // Of the newest two none may be missing. Of those before, which are history, any.
        let is_usable = |first: &(u64, Bytes)| {
            (first.0 + 1..=self.last()).all(|seq| self.records.contains_key(&seq))
        };
        let usable = self
            .snapshots
            .iter()
            .rev()
            .take_while(|first| is_usable(first))
            .count();
        let needed = if is_damaged { 0 } else { usable.min(2) };
        let mut all = self.snapshots.iter();
        let is_part = data
            .snapshots
            .iter()
            .rev()
            .all(|snapshot| all.any(|other| other == snapshot))
            && data
                .snapshots
                .iter()
                .take(needed)
                .eq(self.snapshots.iter().rev().take(needed));
        let first = data.snapshots.last().map_or(1, |(seq, _)| seq + 1);
        let is_beginning =
            !data.snapshots.is_empty() || data.records.is_empty() || self.begins_with_record;
        let numbers_fit = (first..)
            .zip(&data.records)
            .all(|(expected, (seq, _))| expected == *seq);
        let end = first + data.records.len() as u64;
        let is_whole = if is_damaged && data.dropped.is_some() {
            true
        } else {
            end > self.last()
        };
        let bytes_fit = data
            .records
            .iter()
            .all(|(seq, payload)| self.records.get(seq) == Some(payload));
        self.is_there && is_part && is_beginning && numbers_fit && bytes_fit && is_whole
    }

    /// The last number there is.
    fn last(&self) -> u64 {
        let newest = self
            .snapshots
            .iter()
            .map(|(seq, _)| *seq)
            .max()
            .unwrap_or(0);
        self.records
            .last_key_value()
            .map_or(newest, |(seq, _)| newest.max(*seq))
    }
}

fn summary(data: Option<&StreamData>) -> String {
    let Some(data) = data else {
        return "not there".to_owned();
    };
    let text = |(seq, payload): &(u64, Bytes)| {
        let number = String::from_utf8_lossy(payload)
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        format!("{seq}:#{number}")
    };
    let snapshots: Vec<_> = data.snapshots.iter().map(text).collect();
    let records: Vec<_> = data.records.iter().map(text).collect();
    format!(
        "snapshots {snapshots:?} records {records:?} {:?}",
        data.dropped
    )
}
