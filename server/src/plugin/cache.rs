//! Compiled code that is kept, so that a component is compiled once for each engine and its settings.
//!
//! Compiled code is run as it is: whoever can write it can do whatever the server can. So each file carries a tag made
//! with a key that only this data directory has, over the component's digest, the engine and the code. What has no
//! right tag is not looked at any further.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ring::hmac;

use crate::whole_file;

/// The folder in the data directory.
const FOLDER: &str = "cache";
/// The file of the key in the data directory, readable by its owner only.
const KEY_FILE: &str = "cache-key";
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
const EXTENSION: &str = "cwasm";
/// What is there beyond that at the start goes, the oldest first.
const BYTES_MAX: u64 = 1 << 30;

/// What is found of a component.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Code that this data directory's server wrote.
    Code(Vec<u8>),
    Nothing,
    /// A file that it did not write, or that is damaged.
    NotOurs,
}

/// The folder of compiled code.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: hmac::Key,
    /// The engine and its settings.
    compatibility: String,
}

impl Cache {
    /// Opens the folder, and removes from it what no engine like this one wrote.
    pub(super) fn open(data_dir: &Path, compatibility: u64) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let cache = Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key(&data_dir.join(KEY_FILE))?),
            compatibility: format!("{compatibility:016x}"),
            folder,
        };
        whole_file::remove_drafts(&cache.folder)?;
        cache.tidy()?;
        Ok(cache)
    }

    /// The code of a component.
    pub(super) fn read(&self, digest: &str) -> Found {
        let Ok(bytes) = fs::read(self.path(digest)) else {
            return Found::Nothing;
        };
        let Some((tag, tagged)) = bytes.split_at_checked(TAG_BYTES) else {
            return Found::NotOurs;
        };
        // The tag comes first: without it nothing of the file means anything.
        if hmac::verify(&self.key, tagged, tag).is_err() {
            return Found::NotOurs;
        }
        match tagged.strip_prefix(self.header(digest).as_bytes()) {
            Some(code) => Found::Code(code.to_vec()),
            // One of our own under the name of another.
            None => Found::NotOurs,
        }
    }

    /// Keeps the code of a component.
    pub(super) fn write(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        let header = self.header(digest);
        let mut tagging = hmac::Context::with_key(&self.key);
        tagging.update(header.as_bytes());
        tagging.update(code);
        let tag = tagging.sign();
        let file = [tag.as_ref(), header.as_bytes(), code].concat();
        whole_file::write(&self.path(digest), &file)
    }

    fn header(&self, digest: &str) -> String {
        format!("parlor-code {digest} {}\n", self.compatibility)
    }

    fn path(&self, digest: &str) -> PathBuf {
        let name = format!("{digest}-{}.{EXTENSION}", self.compatibility);
        self.folder.join(name)
    }

    fn tidy(&self) -> io::Result<()> {
        let ours = format!("-{}.{EXTENSION}", self.compatibility);
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().ends_with(&ours) {
                fs::remove_file(entry.path())?;
                continue;
            }
            let about = entry.metadata()?;
            let written = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            kept.push((written, about.len(), entry.path()));
        }
        kept.sort();
        let mut bytes: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in kept {
            if bytes <= BYTES_MAX {
                break;
            }
            fs::remove_file(path)?;
            bytes -= size;
        }
        Ok(())
    }
}

/// Reads the key, or makes one.
fn key(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(key) if key.len() == KEY_BYTES => return Ok(key),
        // Without the key the cache begins anew, which costs no more than time.
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let key: [u8; KEY_BYTES] = rand::random();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(dir: &Path) -> Cache {
        Cache::open(dir, 7).unwrap()
    }

    #[test]
    fn code_comes_back_as_it_was_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path()).write("d1", b"code").unwrap();
        assert_eq!(cache(dir.path()).read("d1"), Found::Code(b"code".to_vec()));
        assert_eq!(cache(dir.path()).read("d2"), Found::Nothing);
    }

    #[test]
    fn no_byte_of_a_file_can_be_changed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        cache.write("d1", b"code").unwrap();
        let whole = fs::read(cache.path("d1")).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(cache.path("d1"), changed).unwrap();
            assert_eq!(cache.read("d1"), Found::NotOurs, "byte {at}");
        }
        for length in 0..whole.len() {
            fs::write(cache.path("d1"), &whole[..length]).unwrap();
            assert_eq!(cache.read("d1"), Found::NotOurs, "{length} bytes");
        }
    }

    #[test]
    fn code_of_another_component_or_with_another_key_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let cache_here = cache(dir.path());
        cache_here.write("d1", b"code").unwrap();
        fs::copy(cache_here.path("d1"), cache_here.path("d2")).unwrap();
        assert_eq!(cache_here.read("d2"), Found::NotOurs);

        let elsewhere = tempfile::tempdir().unwrap();
        let other = cache(elsewhere.path());
        fs::copy(cache_here.path("d1"), other.path("d1")).unwrap();
        assert_eq!(other.read("d1"), Found::NotOurs);
    }

    #[test]
    fn code_of_another_engine_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path()).write("d1", b"code").unwrap();
        let other = Cache::open(dir.path(), 8).unwrap();
        assert_eq!(other.read("d1"), Found::Nothing);
        assert_eq!(fs::read_dir(&other.folder).unwrap().count(), 0);
    }

    #[test]
    fn the_key_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path());
        let about = fs::metadata(dir.path().join(KEY_FILE)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }
}
