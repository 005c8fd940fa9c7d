//! The components that are kept on the disk: those that came in while the server ran, and those that rooms run which
//! outlive it. Each is a file named by its digest, which is checked whenever it is read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::crash_point::CrashPoints;
use crate::whole_file::{self, Draft};

/// The folder in the data directory.
const FOLDER: &str = "components";

/// The SHA-256 of a component, in hex.
pub(crate) fn digest_of(bytes: &[u8]) -> Arc<str> {
    hex(&Sha256::digest(bytes)).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The folder of components.
#[derive(Debug)]
pub(crate) struct Components {
    folder: PathBuf,
    crash_points: CrashPoints,
}

impl Components {
    /// Opens the folder, and removes what was not written to its end.
    pub(crate) fn open(data_dir: &Path, crash_points: CrashPoints) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        fs::create_dir_all(&folder)?;
        whole_file::remove_drafts(&folder)?;
        Ok(Self {
            folder,
            crash_points,
        })
    }

    /// Keeps a component, if it is not kept already.
    pub(crate) fn keep(&self, digest: &str, component: &[u8]) -> io::Result<()> {
        if self.read(digest).is_ok() {
            return Ok(());
        }
        let draft = Draft::write(&self.path(digest), component)?;
        self.crash_points.pass("upload-component-written");
        draft.put()?;
        self.crash_points.pass("upload-renamed");
        Ok(())
    }

    /// A component that was kept. What is not what its name says counts as damage.
    pub(crate) fn read(&self, digest: &str) -> io::Result<Bytes> {
        let component = fs::read(self.path(digest))?;
        if *digest_of(&component) == *digest {
            return Ok(component.into());
        }
        let message = format!(
            "the component {digest} is damaged: its bytes have another digest; upload it again"
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }

    /// Keeps the signature of a component beside it.
    pub(crate) fn keep_signature(&self, digest: &str, signature: &str) -> io::Result<()> {
        whole_file::write(&self.signature_path(digest), signature.as_bytes())
    }

    /// The signature of a component, if it has one.
    pub(crate) fn signature(&self, digest: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.signature_path(digest)) {
            Ok(signature) => Ok(Some(signature)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets go of a component that nobody needs.
    pub(crate) fn remove(&self, digest: &str) -> io::Result<()> {
        for path in [self.signature_path(digest), self.path(digest)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    fn signature_path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm.minisig"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_comes_back_as_it_was_and_a_damaged_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let components = Components::open(dir.path(), CrashPoints::default()).unwrap();
        let digest = digest_of(b"component");
        components.keep(&digest, b"component").unwrap();
        assert_eq!(components.read(&digest).unwrap(), &b"component"[..]);

        fs::write(components.path(&digest), "componenT").unwrap();
        let error = components.read(&digest).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        // What is uploaded again mends it.
        components.keep(&digest, b"component").unwrap();
        assert!(components.read(&digest).is_ok());
    }

    #[test]
    fn a_component_that_was_half_written_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let components = Components::open(dir.path(), CrashPoints::default()).unwrap();
        let digest = digest_of(b"component");
        drop(Draft::write(&components.path(&digest), b"compo").unwrap());
        assert!(components.read(&digest).is_err());
        Components::open(dir.path(), CrashPoints::default()).unwrap();
        let left = fs::read_dir(dir.path().join(FOLDER)).unwrap().count();
        assert_eq!(left, 0);
    }
}
