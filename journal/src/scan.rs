//! Reads the groups of a segment, whatever its bytes are.

use std::ops::Range;

use crate::{
    format::{
        CHECKSUM_BYTES, FrameHeader, Kind, MARK_BYTES, SEGMENT_HEADER_BYTES, Salt, is_intact,
        mark_checksum, u32_at,
    },
    stream::StreamId,
};

/// A frame as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) header: FrameHeader,
    pub(crate) offset: usize,
    /// Its header is right, and its payload may not be.
    pub(crate) is_intact: bool,
}

/// Bytes that are not what was written.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) range: Range<usize>,
    pub(crate) stream: Option<StreamId>,
    pub(crate) what: &'static str,
}

/// What was written together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) range: Range<usize>,
    /// Its mark, if that was found.
    pub(crate) mark: Option<FrameHeader>,
    pub(crate) frames: Vec<Found>,
    pub(crate) bads: Vec<Bad>,
}

impl Group {
    fn new(start: usize) -> Self {
        Self {
            range: start..start,
            mark: None,
            frames: Vec::new(),
            bads: Vec::new(),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.mark.is_some() && self.bads.is_empty()
    }
}

/// All groups in `bytes`, which are a segment from its beginning as far as it counts.
pub(crate) fn scan(bytes: &[u8], salt: Salt) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = SEGMENT_HEADER_BYTES.min(bytes.len());
    let mut group = Group::new(at);
    let mut chain = salt.hasher();
    while at < bytes.len() {
        let Some(header) = FrameHeader::decode(&bytes[at..], salt) else {
            let next = find_header(bytes, at + 1, salt);
            group.bads.push(Bad {
                range: at..next,
                stream: None,
                what: "no frame",
            });
            at = next;
            continue;
        };
        let end = at.saturating_add(header.total_len());
        if end > bytes.len() {
            group.bads.push(Bad {
                range: at..bytes.len(),
                stream: header.stream,
                what: "cut",
            });
            at = bytes.len();
        } else if header.kind == Kind::Mark {
            let is_right = mark_checksum(&bytes[at..end - CHECKSUM_BYTES], &chain)
                == u32_at(bytes, end - CHECKSUM_BYTES);
            if let Some(earlier) = close(&mut group, header, at, is_right) {
                groups.push(earlier);
            }
            groups.push(std::mem::replace(&mut group, Group::new(end)));
            chain = salt.hasher();
            at = end;
        } else {
            chain.update(&bytes[end - CHECKSUM_BYTES..end]);
            let is_intact = is_intact(&bytes[at..end], salt);
            if !is_intact {
                group.bads.push(Bad {
                    range: at..end,
                    stream: header.stream.clone(),
                    what: "wrong checksum",
                });
            }
            group.frames.push(Found {
                header,
                offset: at,
                is_intact,
            });
            at = end;
        }
    }
    if at > group.range.start {
        group.range.end = at;
        groups.push(group);
    }
    groups
}

/// Ends a group with the mark at `at`. What does not belong to it, since the mark before it was not found, is returned.
fn close(group: &mut Group, mark: FrameHeader, at: usize, is_right: bool) -> Option<Group> {
    let start = at
        .checked_sub(mark.group_bytes())
        .filter(|start| *start >= group.range.start);
    let mut earlier = None;
    if let Some(start) = start.filter(|start| *start > group.range.start) {
        let mut before = Group::new(group.range.start);
        before.range.end = start;
        let frames = group.frames.partition_point(|frame| frame.offset < start);
        let bads = group.bads.partition_point(|bad| bad.range.start < start);
        let frames = group.frames.split_off(frames);
        let bads = group.bads.split_off(bads);
        before.frames = std::mem::replace(&mut group.frames, frames);
        before.bads = std::mem::replace(&mut group.bads, bads);
        group.range.start = start;
        earlier = Some(before);
    } else if group.bads.is_empty() && (start.is_none() || !is_right) {
        group.bads.push(Bad {
            range: at..at + MARK_BYTES,
            stream: None,
            what: "a mark that does not fit its group",
        });
    }
    group.range.end = at + MARK_BYTES;
    group.mark = Some(mark);
    earlier
}

/// Where the next header begins, or the end.
fn find_header(bytes: &[u8], from: usize, salt: Salt) -> usize {
    let magic = salt.magic();
    let mut at = from;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.windows(4).position(|window| *window == magic))
    {
        at += found;
        if FrameHeader::decode(&bytes[at..], salt).is_some() {
            return at;
        }
        at += 1;
    }
    bytes.len()
}
