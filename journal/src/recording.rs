//! One stream in one file, to be carried away and looked at elsewhere.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    format::{FrameHeader, GroupEncoder, Head, Kind, SEGMENT_HEADER_BYTES, Salt, SegmentHeader},
    index::{Entry, Location, Stream},
    read::{StreamData, load},
    scan::scan,
    stream::{FrameKind, StreamId},
};

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The disk did not do as asked.
    #[error("use recording {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// It is not a recording, or not all of one.
    #[error("read recording {path}: {what}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

/// Writes a stream to a file of its own. The file is there when it is whole.
pub fn write_recording(
    path: impl AsRef<Path>,
    stream: &StreamId,
    data: &StreamData,
) -> Result<(), RecordingError> {
    let path = path.as_ref();
    let salt = Salt::random();
    let mut body = Vec::new();
    let mut group = GroupEncoder::new(salt);
    let (mut order, mut groups) = (0, 0);
    let mut put = |kind, seq, payload: &[u8]| {
        order += 1;
        group.frame(
            Head {
                kind,
                stream: Some(stream),
                branch: 1,
                order,
                seq,
            },
            payload,
        );
        groups += 1;
        body.extend_from_slice(group.finish(groups, 0));
        group.clear();
    };
    let mut snapshots = data.snapshots.iter().rev().peekable();
    for (seq, payload) in &data.records {
        while let Some((after, snapshot)) = snapshots.next_if(|(after, _)| after < seq) {
            put(Kind::Snapshot, *after, snapshot);
        }
        put(Kind::Record, *seq, payload);
    }
    for (after, snapshot) in snapshots {
        put(Kind::Snapshot, *after, snapshot);
    }
    let header = SegmentHeader {
        salt,
        number: 1,
        previous: 0,
        previous_len: body.len() as u64,
        first_kept: 1,
        first_group: 1,
        order: 0,
        is_recording: true,
    };
    write(path, &header.encode(), &body).map_err(|source| RecordingError::Io {
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, header: &[u8], body: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = fs::File::create(&part)?;
    file.write_all(header)?;
    file.write_all(body)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

/// Reads what [`write_recording`] wrote. One that is damaged anywhere is refused.
pub fn read_recording(path: impl AsRef<Path>) -> Result<(StreamId, StreamData), RecordingError> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| RecordingError::Io {
        path: path.to_owned(),
        source,
    })?;
    parse(&bytes).map_err(|what| RecordingError::Invalid {
        path: path.to_owned(),
        what,
    })
}

fn parse(bytes: &[u8]) -> Result<(StreamId, StreamData), &'static str> {
    let Some((header, true)) =
        SegmentHeader::decode(bytes).filter(|(header, _)| header.is_recording)
    else {
        return Err("it does not begin like one");
    };
    if bytes.len() as u64
        != header
            .previous_len
            .saturating_add(SEGMENT_HEADER_BYTES as u64)
    {
        return Err("a part is missing, or there is more than belongs to it");
    }
    let mut id: Option<StreamId> = None;
    let mut stream = Stream::default();
    for group in scan(bytes, header.salt) {
        if !group.is_whole() {
            return Err("it is damaged");
        }
        for frame in group.frames {
            let FrameHeader {
                stream: Some(name),
                seq,
                ..
            } = &frame.header
            else {
                return Err("a frame belongs to no stream");
            };
            if id.get_or_insert_with(|| name.clone()) != name {
                return Err("it has more than one stream");
            }
            let kind = match frame.header.kind {
                Kind::Record => FrameKind::Record,
                Kind::Snapshot => FrameKind::Snapshot,
                Kind::End | Kind::Mark | Kind::Floor => {
                    return Err("a frame is neither record nor snapshot");
                }
            };
            let offset = u32::try_from(frame.offset).map_err(|_| "it is too long")?;
            let len = u32::try_from(frame.header.total_len()).map_err(|_| "it is too long")?;
            let location = Some(Location {
                segment: 0,
                offset,
                len,
            });
            let (branch, is_start) = (frame.header.branch, frame.header.is_start());
            stream.apply(
                Entry {
                    kind,
                    seq: *seq,
                    branch,
                    is_start,
                    location,
                },
                u64::MAX,
                &mut |_| {},
            );
        }
    }
    let id = id.ok_or("it is empty")?;
    let head = crate::format::FRAME_HEADER_BYTES + id.name.len();
    let payload = |location: Location| {
        let start = usize::try_from(location.offset).ok()?;
        let frame = bytes.get(start..start.checked_add(usize::try_from(location.len).ok()?)?)?;
        frame
            .get(head..frame.len().checked_sub(crate::format::CHECKSUM_BYTES)?)
            .map(bytes::Bytes::copy_from_slice)
    };
    let data = load(&stream, &mut |_, _, location| Ok(payload(location)))
        .map_err(|_| "it cannot be read")?;
    Ok((id, data))
}
