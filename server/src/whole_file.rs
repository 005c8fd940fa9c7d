//! Files that are there whole or not at all, whenever the server is killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What a file is called until it is whole.
const DRAFT_EXTENSION: &str = "new";

/// A file that is written and synced, but not yet where it belongs.
#[must_use = "a draft counts for nothing until it is put in its place"]
pub(crate) struct Draft {
    draft: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// Writes all of a file beside its place. Only its owner may read it.
    pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(DRAFT_EXTENSION);
        let draft = path.with_file_name(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let path = path.to_owned();
        Ok(Self { draft, path })
    }

    /// Puts it in its place, instead of what was there.
    pub(crate) fn put(self) -> io::Result<()> {
        fs::rename(&self.draft, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Writes a file in one go.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Draft::write(path, bytes)?.put()
}

/// Removes drafts that a server left which was killed.
pub(crate) fn remove_drafts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == DRAFT_EXTENSION) {
            tracing::info!(path = %path.display(), "a file that was not written to its end is removed");
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_changes_nothing_until_it_is_put() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write(&path, b"old").unwrap();
        let draft = Draft::write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        draft.put().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn drafts_that_were_left_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        write(&path, b"whole").unwrap();
        let left = Draft::write(&folder.path().join("b.wasm"), b"half").unwrap();
        remove_drafts(folder.path()).unwrap();
        assert!(path.exists() && !left.draft.exists());
    }
}
