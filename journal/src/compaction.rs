//! Gives space back: moves what still counts of the oldest segment to the head, and removes it.
//!
//! Segments go from the oldest on only. So an end, or whatever else takes the place of older frames, is never gone before
//! what it took the place of: that is in the same segment or in an older one.

use std::{
    io,
    ops::Bound::{Excluded, Unbounded},
};

use crate::{
    commit::Committer,
    disk::DiskFile,
    format::{FrameHeader, Head, Kind, Salt, is_intact},
    index::{Index, Location},
    journal::State,
    open::segment_name,
    stream::{FrameKind, StreamId},
};

/// A step is this part of a segment (of 64 MiB, 256 KiB), so that nobody waits for long; or as much as the group has
/// anyway, so that more is never written than can be given back.
const STEPS: u64 = 256;

/// A segment whose frames are being moved.
#[derive(Debug)]
pub(crate) struct Compaction {
    segment: u32,
    /// Where the frames are that counted when it began; those before `done` are moved.
    places: Vec<Location>,
    done: usize,
}

/// What goes with a group besides what was appended.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    moved: Vec<Moved>,
    /// Frames that are not what was written.
    lost: Vec<Location>,
    /// How far the compaction is with this group.
    done: usize,
    /// Segments before this one are not needed any more.
    floor: Option<u32>,
}

#[derive(Debug)]
struct Moved {
    stream: StreamId,
    kind: FrameKind,
    seq: u64,
    from: Location,
    to: Location,
}

impl Committer {
    /// Is there something to move? Begins with it if there is.
    pub(crate) fn compaction_is_due(&mut self, state: &State) -> bool {
        if self.compaction.is_some() {
            return true;
        }
        let index = &state.index;
        let Some(&oldest) = index
            .segments
            .keys()
            .next()
            .filter(|_| index.segments.len() > 2)
        else {
            return false;
        };
        let (bytes, live) = index
            .segments
            .values()
            .fold((0, 0), |sum, it| (sum.0 + it.len, sum.1 + it.live));
        if live * 2 >= bytes || self.unreadable == Some(oldest) {
            return false;
        }
        let all = index.streams.values().flat_map(|stream| stream.locations());
        let mut places: Vec<Location> = all.filter(|location| location.segment == oldest).collect();
        places.sort_unstable();
        self.compaction = Some(Compaction {
            segment: oldest,
            places,
            done: 0,
        });
        true
    }

    /// Adds to the group what has to be moved.
    pub(crate) fn move_frames(&mut self, base: u32) -> Moves {
        let mut moves = Moves::default();
        if let Some(compaction) = self.compaction.take() {
            match self.step(&compaction, base, &mut moves) {
                Ok(()) => self.compaction = Some(compaction),
                // The segment stays, with all that counts in it.
                Err(_) => self.unreadable = Some(compaction.segment),
            }
        } else if self.encoder.len() > 0 {
            // What nobody needs goes along with a group, and is not worth one of its own.
            let shared = self.shared.clone();
            let state = shared.lock();
            let mut segments = state.index.segments.iter();
            let needed = segments
                .find(|(number, segment)| segment.live > 0 || **number == self.head.header.number);
            moves.floor = needed.map(|(number, _)| *number);
        }
        moves.floor = moves.floor.filter(|floor| *floor > self.first_kept);
        if let Some(floor) = moves.floor {
            let head = Head {
                kind: Kind::Floor,
                stream: None,
                branch: 0,
                order: 0,
                seq: u64::from(floor),
            };
            self.encoder.frame(head, &[]);
        }
        moves
    }

    fn step(&mut self, compaction: &Compaction, base: u32, moves: &mut Moves) -> io::Result<()> {
        let shared = self.shared.clone();
        let segments = &shared.lock().index.segments.clone();
        let file = segments
            .get(&compaction.segment)
            .map(|segment| segment.file.clone());
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        moves.done = compaction.done;
        let step_bytes = (self.options.segment_bytes_max / STEPS).max(self.encoder.len() as u64);
        let mut taken = 0;
        for from in &compaction.places[compaction.done..] {
            if taken >= step_bytes && taken > 0 {
                return Ok(());
            }
            moves.done += 1;
            let Some((header, frame)) = read_frame(&*file, *from, shared.salt)? else {
                moves.lost.push(*from);
                continue;
            };
            let kind = if header.kind == Kind::Snapshot {
                FrameKind::Snapshot
            } else {
                FrameKind::Record
            };
            let Some(stream) = header.stream else {
                continue;
            };
            // It may have come to its end since.
            if shared
                .lock()
                .index
                .find(&stream, kind, header.seq, *from)
                .is_none()
            {
                continue;
            }
            taken += u64::from(from.len);
            let start = u32::try_from(self.encoder.copy(&frame)).unwrap_or(u32::MAX);
            let to = Location {
                segment: self.head.header.number,
                offset: base.saturating_add(start),
                len: from.len,
            };
            moves.moved.push(Moved {
                stream,
                kind,
                seq: header.seq,
                from: *from,
                to,
            });
        }
        moves.floor = segments
            .range((Excluded(compaction.segment), Unbounded))
            .next()
            .map(|(number, _)| *number);
        Ok(())
    }

    /// The group with these moves counts: goes on from there, and removes what is not needed any more.
    pub(crate) fn after_moves(&mut self, moves: &Moves) {
        if let Some(compaction) = &mut self.compaction {
            compaction.done = moves.done;
            self.options.hooks.reached("compaction-copied");
        }
        let Some(floor) = moves.floor else {
            return;
        };
        // Whatever "durable" promises: a file must not be gone before what took its place is there for sure.
        if let Err(error) = self.sync_unsynced() {
            self.note_failure(&error);
            return;
        }
        self.first_kept = floor;
        let mut state = self.shared.lock();
        let kept = state.index.segments.split_off(&floor);
        let gone = std::mem::replace(&mut state.index.segments, kept);
        state.stats.compactions += u64::from(self.compaction.take().is_some());
        drop(state);
        for number in gone.keys() {
            // One that stays is below the floor, and is removed when the journal is opened again.
            let _ = self
                .options
                .disk
                .remove(&self.options.dir.join(segment_name(*number)));
        }
        self.options.hooks.reached("compaction-removed");
    }
}

/// A frame as it was written, or `None`.
fn read_frame(
    file: &dyn DiskFile,
    at: Location,
    salt: Salt,
) -> io::Result<Option<(FrameHeader, Vec<u8>)>> {
    let mut frame = vec![0; usize::try_from(at.len).unwrap_or(usize::MAX)];
    match file.read_at(&mut frame, u64::from(at.offset)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let header =
        FrameHeader::decode(&frame, salt).filter(|header| header.total_len() == frame.len());
    Ok(header
        .filter(|_| is_intact(&frame, salt))
        .map(|header| (header, frame)))
}

impl Moves {
    /// The moved frames count where they are now.
    pub(crate) fn settle(&self, index: &mut Index) {
        for Moved {
            stream,
            kind,
            seq,
            from,
            to,
        } in &self.moved
        {
            if let Some(location) = index.find(stream, *kind, *seq, *from) {
                *location = *to;
                if let Some(segment) = index.segments.get_mut(&from.segment) {
                    segment.live -= u64::from(from.len);
                }
                if let Some(segment) = index.segments.get_mut(&to.segment) {
                    segment.live += u64::from(to.len);
                }
            }
        }
        for location in &self.lost {
            index.lose(*location);
        }
    }
}
