//! The folder of plugins: what is in it, and what changes in it while the server runs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::catalog::{Catalog, LoadError, Offer, Origin};
use super::uploads::Uploads;

/// A file that is still being written changes within this time.
const SETTLE: Duration = Duration::from_millis(150);
/// The folder is looked at so often even if the system tells nothing, as with some network disks.
const RESCAN: Duration = Duration::from_secs(5);
/// A signature is a few lines.
const SIGNATURE_BYTES_MAX: u64 = 4 << 10;

/// What can be seen of a file without reading it.
type Look = Option<(u64, SystemTime)>;
/// Of each component, and of the signature beside it.
type Looks = BTreeMap<PathBuf, (Look, Look)>;

/// The paths of the components in a folder, in order of their names.
pub(super) fn components_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "wasm") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What a file is called in the catalog.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Reads a component, and the signature beside it.
pub(super) fn read(path: &Path, bytes_max: usize) -> Result<(Bytes, Option<String>), LoadError> {
    let read_error = |path: &Path, source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let about = fs::metadata(path).map_err(|error| read_error(path, error))?;
    if about.len() > bytes_max as u64 {
        return Err(LoadError::TooLarge { bytes_max });
    }
    let signature_path = signature_of(path);
    let signature = match fs::metadata(&signature_path) {
        Ok(about) if about.len() <= SIGNATURE_BYTES_MAX => {
            let text =
                fs::read(&signature_path).map_err(|error| read_error(&signature_path, error))?;
            Some(String::from_utf8_lossy(&text).into_owned())
        }
        // It is none, and will be found to be none.
        Ok(_) => Some(String::new()),
        Err(_) => None,
    };
    let component = fs::read(path).map_err(|error| read_error(path, error))?;
    Ok((component.into(), signature))
}

fn signature_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

fn looks(dir: &Path) -> io::Result<Looks> {
    let look = |path: &Path| {
        let about = fs::metadata(path).ok()?;
        Some((
            about.len(),
            about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        ))
    };
    let paths = components_in(dir)?.into_iter();
    Ok(paths
        .map(|path| {
            let looks = (look(&path), look(&signature_of(&path)));
            (path, looks)
        })
        .collect())
}

/// Takes what is new or changed in the folder, for as long as the server runs.
pub(crate) async fn watch(dir: &Path, catalog: &Catalog, uploads: &Uploads) -> Infallible {
    let (changed, mut changes) = mpsc::channel(1);
    // It watches until it is dropped.
    let _watcher = watcher(dir, changed);
    let mut taken = Looks::new();
    let mut before = Looks::new();
    loop {
        let now = looks(dir).unwrap_or_else(|error| {
            tracing::warn!(folder = %dir.display(), %error, "the folder of plugins cannot be read");
            Looks::new()
        });
        taken.retain(|path, _| now.contains_key(path));
        let mut is_settled = true;
        for (path, looks) in &now {
            if taken.get(path) == Some(looks) {
                continue;
            }
            if before.get(path) == Some(looks) {
                taken.insert(path.clone(), *looks);
                take(path, catalog, uploads).await;
            } else {
                is_settled = false;
            }
        }
        before = now;
        if is_settled {
            // Either way it is looked again; the system's word is only sooner.
            let _ = tokio::time::timeout(RESCAN, changes.recv()).await;
        } else {
            tokio::time::sleep(SETTLE).await;
        }
    }
}

/// Has the system tell of changes, if it can.
fn watcher(dir: &Path, changed: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let tell = move |event: notify::Result<Event>| {
        if event.as_ref().is_ok_and(is_only_looked_at) {
            return;
        }
        // One word is enough, however many changes there are.
        let _ = changed.try_send(());
    };
    let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
        watcher.watch(dir, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watcher
        .inspect_err(|error| {
            tracing::warn!(folder = %dir.display(), %error, "the system does not tell of changes in the folder of plugins; it is looked at every {} s", RESCAN.as_secs());
        })
        .ok()
}

/// Whether something was only looked at, which we do ourselves, again and again.
fn is_only_looked_at(event: &Event) -> bool {
    use notify::event::{AccessKind, AccessMode, EventKind};
    match event.kind {
        // Where somebody wrote, this is the end of it.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    }
}

async fn take(path: &Path, catalog: &Catalog, uploads: &Uploads) {
    let bytes_max = catalog.component_bytes_max();
    let reading = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&reading, bytes_max)).await;
    let (component, signature) = match read {
        Ok(Ok(read)) => read,
        // It is gone again.
        Ok(Err(LoadError::Read { source, .. })) if source.kind() == io::ErrorKind::NotFound => {
            return;
        }
        Ok(Err(error)) => return catalog.note_file(path, Some(&error)),
        Err(_) => return,
    };
    if catalog.has_file(path, &component) {
        return;
    }
    let offer = Offer {
        component,
        signature,
        origin: Origin::File(name_of(path)),
        may_replace: true,
        is_default: true,
    };
    let place = uploads.wait_for_place().await;
    let taken = uploads.take(place, offer).await;
    catalog.note_file(path, taken.err().as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_found_by_their_names_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.wasm", "a.wasm", "a.wasm.minisig", "README.md"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let paths = components_in(dir.path()).unwrap();
        let names: Vec<_> = paths.iter().map(|path| name_of(path)).collect();
        assert_eq!(names, ["a.wasm", "b.wasm"]);
        let (component, signature) = read(&paths[0], 100).unwrap();
        assert_eq!(component, "a.wasm");
        assert_eq!(signature.as_deref(), Some("a.wasm.minisig"));
        assert_eq!(read(&paths[1], 100).unwrap().1, None);
        assert!(matches!(
            read(&paths[0], 5),
            Err(LoadError::TooLarge { bytes_max: 5 })
        ));
    }

    /// A server that was told of its own looks used to look without end.
    #[test]
    fn what_the_system_tells_of_our_own_looks_is_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("old.wasm");
        fs::write(&old, "old").unwrap();
        let (told, events) = std::sync::mpsc::channel();
        let mut watcher = notify::recommended_watcher(told).unwrap();
        watcher
            .watch(dir.path(), RecursiveMode::NonRecursive)
            .unwrap();
        looks(dir.path()).unwrap();
        read(&old, 100).unwrap();
        let new = dir.path().join("new.wasm");
        fs::write(&new, "new").unwrap();
        // They come in order: the first that counts is about the new file.
        let mut events = events.iter().map(Result::unwrap);
        let change = events.find(|it| !is_only_looked_at(it)).unwrap();
        assert_eq!(change.paths, [new]);
    }

    #[test]
    fn a_file_that_changed_looks_different_and_so_does_one_that_was_signed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        fs::write(&path, "one").unwrap();
        let first = looks(dir.path()).unwrap();
        assert_eq!(first, looks(dir.path()).unwrap());
        fs::write(&path, "three").unwrap();
        let second = looks(dir.path()).unwrap();
        fs::write(signature_of(&path), "signed").unwrap();
        assert!(first != second && second != looks(dir.path()).unwrap());
    }
}
