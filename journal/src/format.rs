//! The bytes on the disk. Nothing here does I/O or trusts a length.
//!
//! A segment begins with its header, twice. Groups follow: frames, and behind them a mark that makes the group count.
//! All numbers are little-endian.
//!
//! ```text
//! frame   magic u32 · header checksum u32 · kind u8 · stream kind u8 · name length u16 · payload length u32
//!         · branch u32 · order u64 · number u64 · name · payload · checksum u32 over all of it
//! mark    the same form without name and payload: order = number of the group, number = bytes of the group | lag << 32;
//!         its checksum goes over the checksums of the group's frames as well
//! ```
//!
//! Magic and checksums start from the journal's salt, which clients do not know: what looks like a frame inside a
//! payload is never taken for one, not even where damage makes the reader look for the next frame.

use std::hash::{BuildHasher, Hasher as _, RandomState};

use crc32fast::Hasher;

use crate::stream::{NAME_BYTES_MAX, StreamId, StreamKind};

/// The longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;
pub(crate) const SEGMENT_HEADER_BYTES: usize = 2 * COPY_BYTES;
pub(crate) const FRAME_HEADER_BYTES: usize = 36;
pub(crate) const CHECKSUM_BYTES: usize = 4;
pub(crate) const MARK_BYTES: usize = FRAME_HEADER_BYTES + CHECKSUM_BYTES;

const COPY_BYTES: usize = 64;
const SEGMENT_MAGIC: [u8; 8] = *b"PARLORJ1";
const RECORDING_FLAG: u32 = 1;

/// Where checksums of this journal start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) u64);

impl Salt {
    /// One that nobody can guess: the standard library's own source of random keys.
    pub(crate) fn random() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    pub(crate) fn magic(self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        [a, b, c, d]
    }

    pub(crate) fn hasher(self) -> Hasher {
        let [.., a, b, c, d] = self.0.to_le_bytes();
        Hasher::new_with_initial(u32::from_le_bytes([a, b, c, d]))
    }
}

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) salt: Salt,
    pub(crate) number: u32,
    /// The segment before this one that counts, 0 for none. Those between were tries that failed.
    pub(crate) previous: u32,
    /// How much of that one counts; of a recording, how long it is.
    pub(crate) previous_len: u64,
    /// The oldest segment that is still needed.
    pub(crate) first_kept: u32,
    pub(crate) first_group: u64,
    /// Frames in later groups are above this.
    pub(crate) order: u64,
    pub(crate) is_recording: bool,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut copy = Vec::with_capacity(COPY_BYTES);
        copy.extend_from_slice(&SEGMENT_MAGIC);
        copy.extend_from_slice(&[0; 4]);
        copy.extend_from_slice(&(if self.is_recording { RECORDING_FLAG } else { 0 }).to_le_bytes());
        copy.extend_from_slice(&self.salt.0.to_le_bytes());
        copy.extend_from_slice(&self.number.to_le_bytes());
        copy.extend_from_slice(&self.previous.to_le_bytes());
        copy.extend_from_slice(&self.previous_len.to_le_bytes());
        copy.extend_from_slice(&self.first_kept.to_le_bytes());
        copy.extend_from_slice(&[0; 4]);
        copy.extend_from_slice(&self.first_group.to_le_bytes());
        copy.extend_from_slice(&self.order.to_le_bytes());
        let checksum = crc32fast::hash(&copy[12..]);
        copy[8..12].copy_from_slice(&checksum.to_le_bytes());
        let mut both = [0; SEGMENT_HEADER_BYTES];
        both[..COPY_BYTES].copy_from_slice(&copy);
        both[COPY_BYTES..].copy_from_slice(&copy);
        both
    }

    /// From the first copy that is whole; and whether both are.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, bool)> {
        let first = bytes.get(..COPY_BYTES).and_then(Self::decode_copy);
        let second = bytes
            .get(COPY_BYTES..SEGMENT_HEADER_BYTES)
            .and_then(Self::decode_copy);
        first.or(second).map(|header| (header, first == second))
    }

    fn decode_copy(copy: &[u8]) -> Option<Self> {
        if copy[..8] != SEGMENT_MAGIC || u32_at(copy, 8) != crc32fast::hash(&copy[12..]) {
            return None;
        }
        Some(Self {
            salt: Salt(u64_at(copy, 16)),
            number: u32_at(copy, 24),
            previous: u32_at(copy, 28),
            previous_len: u64_at(copy, 32),
            first_kept: u32_at(copy, 40),
            first_group: u64_at(copy, 48),
            order: u64_at(copy, 56),
            is_recording: u32_at(copy, 12) & RECORDING_FLAG != 0,
        })
    }
}

/// What a frame on the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Record = 1,
    Snapshot = 2,
    End = 3,
    /// The end of a group.
    Mark = 4,
    /// Segments below this number are not needed any more.
    Floor = 5,
}

/// A frame's header, whose checksum was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    /// Marks and floors have none.
    pub(crate) stream: Option<StreamId>,
    pub(crate) payload_len: usize,
    /// The order of the first frame in this life of the stream, without its upper half.
    pub(crate) branch: u32,
    /// Rises with each appended frame, over all streams; stays when a frame is moved. Of a mark, the group's number.
    pub(crate) order: u64,
    pub(crate) seq: u64,
}

impl FrameHeader {
    /// The header at the beginning of `bytes`; `None` if there is no whole one.
    pub(crate) fn decode(bytes: &[u8], salt: Salt) -> Option<Self> {
        let fixed = bytes.get(..FRAME_HEADER_BYTES)?;
        if fixed[..4] != salt.magic() {
            return None;
        }
        let name_len = usize::from(u16::from_le_bytes([fixed[10], fixed[11]]));
        let payload_len = usize::try_from(u32_at(fixed, 12)).ok()?;
        if name_len > NAME_BYTES_MAX || payload_len > PAYLOAD_BYTES_MAX {
            return None;
        }
        let name = bytes.get(FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + name_len)?;
        if header_checksum(fixed, name, salt) != u32_at(fixed, 4) {
            return None;
        }
        let kind = [
            Kind::Record,
            Kind::Snapshot,
            Kind::End,
            Kind::Mark,
            Kind::Floor,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == fixed[8])?;
        let stream = StreamKind::ALL
            .into_iter()
            .find(|kind| *kind as u8 == fixed[9]);
        if stream.is_none() == matches!(kind, Kind::Record | Kind::Snapshot | Kind::End) {
            return None;
        }
        let stream = stream.map(|kind| StreamId {
            kind,
            name: name.into(),
        });
        Some(Self {
            kind,
            stream,
            payload_len,
            branch: u32_at(fixed, 16),
            order: u64_at(fixed, 20),
            seq: u64_at(fixed, 28),
        })
    }

    /// Bytes before the payload.
    pub(crate) fn head_len(&self) -> usize {
        FRAME_HEADER_BYTES + self.stream.as_ref().map_or(0, |stream| stream.name.len())
    }

    pub(crate) fn total_len(&self) -> usize {
        self.head_len() + self.payload_len + CHECKSUM_BYTES
    }

    /// Is it the first frame in this life of its stream?
    pub(crate) fn is_start(&self) -> bool {
        branch_of(self.order) == self.branch
    }

    /// For a mark: how many bytes its group has.
    pub(crate) fn group_bytes(&self) -> usize {
        usize::try_from(self.seq & u64::from(u32::MAX)).unwrap_or(usize::MAX)
    }

    /// For a mark: the last group that was synced before this one was written.
    pub(crate) fn synced_group(&self) -> u64 {
        self.order.saturating_sub(1).saturating_sub(self.seq >> 32)
    }
}

/// Is this whole frame (no mark) as it was written?
pub(crate) fn is_intact(frame: &[u8], salt: Salt) -> bool {
    let Some((body, checksum)) = frame.split_last_chunk::<CHECKSUM_BYTES>() else {
        return false;
    };
    let mut hasher = salt.hasher();
    hasher.update(body);
    hasher.finalize() == u32::from_le_bytes(*checksum)
}

/// What is said of a frame that is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) kind: Kind,
    pub(crate) stream: Option<&'a StreamId>,
    pub(crate) branch: u32,
    pub(crate) order: u64,
    pub(crate) seq: u64,
}

/// Without its upper half: two lives of a stream are never as far apart.
pub(crate) fn branch_of(order: u64) -> u32 {
    u32::try_from(order & u64::from(u32::MAX)).unwrap_or(0)
}

/// A group while it is put together.
#[derive(Debug)]
pub(crate) struct GroupEncoder {
    salt: Salt,
    bytes: Vec<u8>,
    chain: Hasher,
}

impl GroupEncoder {
    pub(crate) fn new(salt: Salt) -> Self {
        Self {
            salt,
            bytes: Vec::new(),
            chain: salt.hasher(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Begins the next group, with the memory of this one unless that was a giant.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.chain = self.salt.hasher();
    }

    /// Adds a frame; where in the group it begins, and how long it is.
    pub(crate) fn frame(&mut self, head: Head<'_>, payload: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        let payload_len = u32::try_from(payload.len()).expect("payloads were checked");
        self.head(head, payload_len);
        self.bytes.extend_from_slice(payload);
        let mut hasher = self.salt.hasher();
        hasher.update(&self.bytes[start..]);
        let checksum = hasher.finalize().to_le_bytes();
        self.bytes.extend_from_slice(&checksum);
        self.chain.update(&checksum);
        (start, self.bytes.len() - start)
    }

    /// Adds a whole frame as it was read; where in the group it begins.
    pub(crate) fn copy(&mut self, frame: &[u8]) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame);
        self.chain.update(&frame[frame.len() - CHECKSUM_BYTES..]);
        start
    }

    /// Ends the group with its mark. `lag` is how many groups before it were written and not yet synced.
    pub(crate) fn finish(&mut self, group: u64, lag: u32) -> &[u8] {
        let group_bytes = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        let start = self.bytes.len();
        let seq = group_bytes | u64::from(lag) << 32;
        self.head(
            Head {
                kind: Kind::Mark,
                stream: None,
                branch: 0,
                order: group,
                seq,
            },
            0,
        );
        let checksum = mark_checksum(&self.bytes[start..], &self.chain);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }

    fn head(&mut self, head: Head<'_>, payload_len: u32) {
        let Head {
            kind,
            stream,
            branch,
            order,
            seq,
        } = head;
        let name = stream.map_or(&[][..], |stream| &stream.name);
        let name_len = u16::try_from(name.len()).expect("names were checked");
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&self.salt.magic());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes
            .extend_from_slice(&[kind as u8, stream.map_or(0, |stream| stream.kind as u8)]);
        self.bytes.extend_from_slice(&name_len.to_le_bytes());
        self.bytes.extend_from_slice(&payload_len.to_le_bytes());
        self.bytes.extend_from_slice(&branch.to_le_bytes());
        self.bytes.extend_from_slice(&order.to_le_bytes());
        self.bytes.extend_from_slice(&seq.to_le_bytes());
        let checksum = header_checksum(&self.bytes[start..], name, self.salt);
        self.bytes[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
        self.bytes.extend_from_slice(name);
    }
}

/// The checksum of a mark, which goes over the checksums of its group's frames and the mark's own header.
pub(crate) fn mark_checksum(head: &[u8], chain: &Hasher) -> u32 {
    let mut hasher = chain.clone();
    hasher.update(head);
    hasher.finalize()
}

fn header_checksum(fixed: &[u8], name: &[u8], salt: Salt) -> u32 {
    let mut hasher = salt.hasher();
    hasher.update(&fixed[8..FRAME_HEADER_BYTES]);
    hasher.update(name);
    hasher.finalize()
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
