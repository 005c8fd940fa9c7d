//! A look at a journal that changes nothing.

use std::{io, path::Path};

use crate::{
    disk::{Disk, DiskFile},
    format::Salt,
    index::Index,
    journal::fetch_frame,
    open::{OpenError, OpenReport, look},
    read::{ReadError, StreamData, load},
    recording::{self, RecordingError},
    stream::StreamId,
};

/// Why a journal or a recording cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A journal's directory.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// A recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

/// What a journal's directory or a recording held at the time.
#[derive(Debug)]
pub struct Reader(Content);

#[derive(Debug)]
enum Content {
    Journal {
        index: Index,
        salt: Salt,
        report: OpenReport,
    },
    Recording {
        stream: StreamId,
        data: StreamData,
        report: OpenReport,
    },
}

/// Looks at a journal's directory, also while a server uses it, or at a recording. Changes nothing.
pub fn inspect(path: &Path) -> Result<Reader, InspectError> {
    if path.is_file() {
        let (stream, data) = recording::read_recording(path)?;
        return Ok(Reader(Content::Recording {
            stream,
            data,
            report: OpenReport::default(),
        }));
    }
    let mut tries = 0;
    let found = loop {
        match look(&ReadOnlyDisk, path, u64::MAX) {
            // A server may remove a segment between two looks.
            Err(OpenError::Io { source, .. })
                if is_passing(&source) && path.is_dir() && tries < 5 =>
            {
                tries += 1
            }
            result => break result?,
        }
    };
    let salt = found.salt.unwrap_or(Salt(0));
    Ok(Reader(Content::Journal {
        index: found.index,
        salt,
        report: found.report,
    }))
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    )
}

impl Reader {
    /// All streams, in order.
    pub fn streams(&self) -> Vec<StreamId> {
        match &self.0 {
            Content::Journal { index, .. } => {
                let mut streams: Vec<_> = index.streams.keys().cloned().collect();
                streams.sort_unstable();
                streams
            }
            Content::Recording { stream, .. } => vec![stream.clone()],
        }
    }

    /// All of a stream that can be used.
    pub fn read(&self, stream: &StreamId) -> Result<StreamData, ReadError> {
        match &self.0 {
            Content::Journal { index, salt, .. } => {
                let entry = index
                    .streams
                    .get(stream)
                    .ok_or_else(|| ReadError::Missing(stream.clone()))?;
                load(
                    entry,
                    &mut |kind, seq, location| match index.segments.get(&location.segment) {
                        Some(segment) => {
                            fetch_frame(&*segment.file, *salt, stream, kind, seq, location)
                        }
                        None => Ok(None),
                    },
                )
                .map_err(|source| ReadError::Io {
                    stream: stream.clone(),
                    source,
                })
            }
            Content::Recording {
                stream: only, data, ..
            } if only == stream => Ok(data.clone()),
            Content::Recording { .. } => Err(ReadError::Missing(stream.clone())),
        }
    }

    /// What is not as it should be. A server that writes meanwhile looks like a torn end.
    pub fn report(&self) -> &OpenReport {
        match &self.0 {
            Content::Journal { report, .. } | Content::Recording { report, .. } => report,
        }
    }
}

/// Opens files for reading only, and refuses the rest.
#[derive(Debug)]
struct ReadOnlyDisk;

impl Disk for ReadOnlyDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Send>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        crate::RealDisk.list(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        crate::disk::open_read_only(path)
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
