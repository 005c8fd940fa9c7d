//! What the catalog must know after a restart: one small file, written anew as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::whole_file;

/// The file in the data directory.
const FILE: &str = "catalog.json";

/// What is written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The versions that were uploaded, in the order in which they came. The others come from where they came from.
    pub(super) versions: Vec<Kept>,
    /// What new rooms are made of, by name.
    pub(super) defaults: BTreeMap<String, String>,
    /// What they are not made of, by digest, and why.
    pub(super) suspects: BTreeMap<String, String>,
    /// Which digest each file in the folder of plugins had.
    pub(super) files: BTreeMap<String, String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) digest: String,
    /// For whoever reads the file.
    pub(super) label: String,
}

/// The file.
#[derive(Debug)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self(data_dir.join(FILE))
    }

    /// Reads it. One that cannot be read is put aside, so that the server starts all the same, and nothing is lost of it.
    pub(super) fn read(&self) -> io::Result<State> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(error),
        };
        match serde_json::from_slice(&text) {
            Ok(state) => Ok(state),
            Err(error) => {
                let aside = self.0.with_extension("json.damaged");
                fs::rename(&self.0, &aside)?;
                tracing::error!(path = %aside.display(), %error, "the list of uploaded plugins is damaged; it was put aside, and the server goes on without them");
                Ok(State::default())
            }
        }
    }

    pub(super) fn write(&self, state: &State) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(state).map_err(io::Error::other)?;
        whole_file::write(&self.0, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            versions: vec![Kept {
                digest: "d1".to_owned(),
                label: "chat@1.0.0".to_owned(),
            }],
            defaults: BTreeMap::from([("chat".to_owned(), "d1".to_owned())]),
            suspects: BTreeMap::from([("d1".to_owned(), "it traps".to_owned())]),
            files: BTreeMap::from([("chat.wasm".to_owned(), "d1".to_owned())]),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = StateFile::new(dir.path());
        assert_eq!(file.read().unwrap(), State::default());
        file.write(&state()).unwrap();
        assert_eq!(StateFile::new(dir.path()).read().unwrap(), state());
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let file = StateFile::new(dir.path());
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(file.read().unwrap(), State::default());
        let aside = fs::read(dir.path().join("catalog.json.damaged")).unwrap();
        assert_eq!(aside, b"{");
    }
}
