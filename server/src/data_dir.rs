//! The data directory, which one server at a time has for itself.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::admin::AdminToken;

const LOCK_FILE: &str = "lock";

/// A data directory that no other server may use until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    token: AdminToken,
    /// The system lets go of it when the process ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory and the operator's token, where there are none yet: whoever is told of the server after that
    /// finds them.
    ///
    /// # Errors
    ///
    /// When another server uses it, or it cannot be written to.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::create(path.join(LOCK_FILE))?;
        lock.try_lock().map_err(|_| {
            let message = format!(
                "{} is in use by another server; give this one a --data-dir of its own",
                path.display()
            );
            io::Error::new(io::ErrorKind::AddrInUse, message)
        })?;
        Ok(Self {
            path: path.to_owned(),
            token: AdminToken::open(path)?,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn token(&self) -> AdminToken {
        self.token.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let first = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(DataDir::open(&path).is_ok());
    }
}
