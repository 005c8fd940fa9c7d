//! What changes in a project, so that it is built again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::project::{Lang, Project};

/// An editor writes a file in several goes, and several files one after the other.
const QUIET: Duration = Duration::from_millis(100);
/// However much goes on, what is there by then is built.
const BUSY_MAX: Duration = Duration::from_secs(2);

/// Keeps an eye on the sources and the manifest.
pub(super) struct Watch {
    changes: mpsc::Receiver<Instant>,
    /// When the change began that is not quiet yet.
    began: Option<Instant>,
    sources: PathBuf,
    /// Watches until it is dropped.
    watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn begin(project: &Project) -> notify::Result<Self> {
        // One that waits is as good as many: what is built is what is there then.
        let (sender, changes) = mpsc::channel(1);
        let (dir, lang) = (project.dir.clone(), project.lang);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An event that was lost may have been one that counts.
            let counts = event.map_or(true, |event| is_change(&dir, lang, &event));
            if counts {
                let _ = sender.try_send(Instant::now());
            }
        })?;
        watcher.watch(&project.dir, RecursiveMode::NonRecursive)?;
        let sources = project.dir.join("src");
        watcher.watch(&sources, RecursiveMode::Recursive)?;
        Ok(Self {
            changes,
            began: None,
            sources,
            watcher,
        })
    }

    /// Waits for a change, and until it is quiet again. When the change began. A wait that is broken off loses nothing.
    pub(super) async fn changed(&mut self) -> Instant {
        let began = match self.began {
            Some(began) => began,
            None => match self.changes.recv().await {
                Some(began) => *self.began.insert(began),
                None => return std::future::pending().await,
            },
        };
        while began.elapsed() < BUSY_MAX {
            if timeout(QUIET, self.changes.recv()).await.is_err() {
                break;
            }
        }
        self.began = None;
        // The folder may have been put in place of another one, which alone was watched. While there is none, that shows
        // when it is built.
        let _ = self.watcher.watch(&self.sources, RecursiveMode::Recursive);
        began
    }
}

/// Whether what happened may make another component.
fn is_change(dir: &Path, lang: Lang, event: &Event) -> bool {
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    let is_new = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_))
    );
    let counts = |path: &PathBuf| {
        is_source(dir, lang, path) || is_new && path.strip_prefix(dir) == Ok(Path::new("src"))
    };
    event.need_rescan() || event.paths.iter().any(counts)
}

fn is_source(dir: &Path, lang: Lang, path: &Path) -> bool {
    let Ok(path) = path.strip_prefix(dir) else {
        return false;
    };
    let manifests: &[&str] = match lang {
        Lang::Rust => &["Cargo.toml", "build.rs"],
        Lang::Ts => &["package.json", "tsconfig.json"],
    };
    if manifests.iter().any(|name| path == Path::new(name)) {
        return true;
    }
    // Editors keep their own files beside: `.x.swp`, `x~`, `#x#`.
    let is_own = |name: &str| !name.starts_with(['.', '#']) && !name.ends_with(['~', '#']);
    let name = path.file_name().and_then(|name| name.to_str());
    path.starts_with("src") && path != Path::new("src") && name.is_some_and(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_manifests_count() {
        let is = |path: &str| is_source(Path::new("/p"), Lang::Rust, Path::new(path));
        for path in ["/p/src/lib.rs", "/p/src/a/b.rs", "/p/Cargo.toml"] {
            assert!(is(path), "{path}");
        }
        for path in [
            "/p",
            "/p/src",
            "/p/target/debug/x",
            "/p/Cargo.lock",
            "/p/package.json",
            "/p/.parlor/server.log",
            "/p/src/.lib.rs.swp",
            "/p/src/lib.rs~",
            "/other/src/lib.rs",
        ] {
            assert!(!is(path), "{path}");
        }
    }

    #[tokio::test]
    async fn a_saved_file_is_noticed_once() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        std::fs::create_dir(dir.join("src")).unwrap();
        std::fs::write(dir.join("Cargo.toml"), "").unwrap();
        let mut watch = Watch::begin(&Project::find(&dir).unwrap()).unwrap();
        std::fs::write(dir.join("notes.txt"), "not a source").unwrap();
        // As many editors save: aside first, then in place of the old one.
        std::fs::write(dir.join("src/.lib.rs.new"), "//").unwrap();
        std::fs::rename(dir.join("src/.lib.rs.new"), dir.join("src/lib.rs")).unwrap();
        // Who waits may be called away while it is not quiet yet.
        while timeout(QUIET / 2, watch.changed()).await.is_ok() {}
        timeout(Duration::from_secs(20), watch.changed())
            .await
            .unwrap();
        assert!(watch.changes.try_recv().is_err());
    }

    #[tokio::test]
    async fn sources_are_watched_also_when_their_folder_was_put_in_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        std::fs::write(dir.join("Cargo.toml"), "").unwrap();
        std::fs::create_dir(dir.join("src")).unwrap();
        let mut watch = Watch::begin(&Project::find(&dir).unwrap()).unwrap();
        std::fs::rename(dir.join("src"), dir.join("old")).unwrap();
        std::fs::create_dir(dir.join("src")).unwrap();
        let soon = Duration::from_secs(20);
        timeout(soon, watch.changed()).await.unwrap();
        std::fs::write(dir.join("src/lib.rs"), "//").unwrap();
        timeout(soon, watch.changed()).await.unwrap();
    }
}
