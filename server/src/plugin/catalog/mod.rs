//! The plugins this server knows: checked, compiled, described, and ready to be made into rooms. Versions are known by
//! the digest of their component; several of one name are there side by side.

mod changes;
mod error;
mod keeping;
mod maker;
mod shelf;
mod start;
mod state;
mod version;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use parlor_proto::Payload;
use tokio::time::Instant;

use self::changes::Changes;
use self::keeping::Keeping;
use self::maker::Maker;
use self::shelf::{LOSS_WINDOW, Shelf};
use super::compiler::CompileLimits;
use super::native::NativeCode;
use super::signature::Signatures;
use crate::components::digest_of;
use crate::crash_point::CrashAt;
use crate::telemetry::PluginCounts;

pub use self::error::LoadError;
pub(crate) use self::error::{DefaultError, FindError, NoVersion};
pub(crate) use self::shelf::RefusedFile;
pub(super) use self::version::Code;
pub use self::version::{Source, Version};

/// How a catalog is to be. By default it keeps nothing on the disk, and compiles in this process.
#[derive(Debug, Clone, Default)]
pub struct CatalogSettings {
    /// The operator's settings, by plugin name; each must be a map.
    pub plugins: HashMap<String, Payload>,
    /// Where uploaded components and compiled code are kept.
    pub data_dir: Option<PathBuf>,
    /// The `parlor` that compiles, in a process of its own, what does not come with the server.
    pub compiler: Option<PathBuf>,
    /// What that process may take.
    pub compile_limits: CompileLimits,
    /// Whose components are taken.
    pub signatures: Signatures,
    /// Where the server ends itself, for tests of what it finds afterwards.
    pub crash_at: Option<CrashAt>,
}

/// All plugin versions.
pub struct Catalog {
    maker: Maker,
    signatures: Signatures,
    shelf: RwLock<Shelf>,
    keeping: Option<Keeping>,
    changes: Arc<Changes>,
    /// Components are taken one after the other: compiling takes a core.
    taking: Mutex<()>,
    /// What is written down is never older than what was written down before.
    saving: Mutex<()>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

/// A component that somebody brings while the server runs.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) component: Bytes,
    /// The text of its signature.
    pub(crate) signature: Option<String>,
    pub(crate) origin: Origin,
    /// Whether it may have the name and version of another component.
    pub(crate) may_replace: bool,
    /// Whether new rooms are to be made of it.
    pub(crate) is_default: bool,
}

/// Who brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Upload,
    /// The file of this name in the folder of plugins.
    File(String),
}

/// What came of an offer.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) version: Arc<Version>,
    /// Whether it was not there before.
    pub(crate) is_new: bool,
}

impl Catalog {
    /// Has rooms of the plugin `name` run this code and not their component, of which only the description counts then: those
    /// of versions that are loaded from here on. It is for benches: there is no sandbox around it, and no deadline.
    #[doc(hidden)]
    pub fn run_natively(&mut self, name: &str, code: NativeCode) {
        self.maker.native.insert(name.to_owned(), code);
    }

    /// Checks, compiles and describes a component that comes with the server, and makes it the version of its name that
    /// new rooms are made of.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load(&self, component: &[u8]) -> Result<Arc<Version>, LoadError> {
        let component = Bytes::copy_from_slice(component);
        let _one = self.taking.lock().unwrap_or_else(|lock| lock.into_inner());
        let known = self.by_digest(&digest_of(&component));
        let version = match known {
            Some(version) => version,
            None => Arc::new(self.maker.make(&component, Source::Bundle)?),
        };
        self.refuse_another(&version)?;
        version.set_source(Source::Bundle);
        self.shelf_mut().put(&version, true);
        Ok(version)
    }

    /// Takes a component that somebody brought, if nothing is wrong with it. When this returns, it outlives the server.
    pub(crate) fn take(&self, offer: &Offer) -> Result<Taken, LoadError> {
        let taken = self.take_uncounted(offer);
        self.maker.counts.taken(match &taken {
            Ok(Taken { is_new: true, .. }) => "new",
            Ok(Taken { is_new: false, .. }) => "known",
            Err(error) => error.metric_label(),
        });
        taken
    }

    fn take_uncounted(&self, offer: &Offer) -> Result<Taken, LoadError> {
        let bytes_max = self.component_bytes_max();
        if offer.component.len() > bytes_max {
            return Err(LoadError::TooLarge { bytes_max });
        }
        self.signatures
            .check(&offer.component, offer.signature.as_deref())?;
        let _one = self.taking.lock().unwrap_or_else(|lock| lock.into_inner());
        let known = self.by_digest(&digest_of(&offer.component));
        let is_new = known.is_none();
        let version = match known {
            Some(version) => version,
            None => Arc::new(self.maker.make(&offer.component, offer.origin.source())?),
        };
        if !offer.may_replace {
            self.refuse_another(&version)?;
        }
        self.put_for_good(&version, offer)?;
        let Version { label, digest, .. } = &*version;
        tracing::info!(plugin = %label, %digest, is_new, "a component was taken");
        Ok(Taken { version, is_new })
    }

    /// Refuses a version while another component has its name and version.
    fn refuse_another(&self, version: &Version) -> Result<(), LoadError> {
        let shelf = self.shelf();
        match shelf.by_label(&version.label) {
            // What only old rooms run does not stand in anybody's way.
            Some(other) if other.digest != version.digest && other.source() != Source::Room => {
                Err(LoadError::Duplicate {
                    label: Arc::clone(&version.label),
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The version of `name` that new rooms are made of.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Version>> {
        self.shelf().choose(name)
    }

    /// What new rooms of its name would be made of if this version were not there.
    pub(crate) fn get_beside(&self, version: &Version) -> Option<Arc<Version>> {
        self.shelf().choose_beside(version)
    }

    /// The version of `name` that new rooms are made of, or why there is none.
    pub(crate) fn for_new_room(&self, name: &str) -> Result<Arc<Version>, NoVersion> {
        let shelf = self.shelf();
        shelf
            .choose(name)
            .ok_or_else(|| match shelf.newest_of(name) {
                Some(newest) => NoVersion::Suspect {
                    name: name.to_owned(),
                    label: Arc::clone(&newest.label),
                },
                None => NoVersion::Unknown {
                    name: name.to_owned(),
                    known: labels_of(&shelf).join(", "),
                },
            })
    }

    /// Whether there is any version of `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shelf().newest_of(name).is_some()
    }

    /// The version of this digest, whether or not new rooms are made of it.
    pub(crate) fn by_digest(&self, digest: &str) -> Option<Arc<Version>> {
        self.shelf().by_digest(digest).cloned()
    }

    /// The version that an operator means by a digest, the beginning of one, or `name@version`.
    pub(crate) fn find(&self, text: &str) -> Result<Arc<Version>, FindError> {
        self.shelf().find(text)
    }

    /// All versions of a name, from the earliest to the newest.
    pub(crate) fn versions_of(&self, name: &str) -> Vec<Arc<Version>> {
        self.shelf().versions_of(name)
    }

    /// All versions, by name, each from the earliest to the newest.
    pub(crate) fn versions(&self) -> Vec<Arc<Version>> {
        self.shelf().all().cloned().collect()
    }

    /// The names of all plugins.
    pub(crate) fn names(&self) -> Vec<String> {
        self.shelf().names().cloned().collect()
    }

    /// Whether new rooms are made of this version.
    pub(crate) fn is_default(&self, version: &Version) -> bool {
        let chosen = self.get(&version.description.name);
        chosen.is_some_and(|it| it.digest == version.digest)
    }

    /// Has new rooms be made of this version.
    pub(crate) fn set_default(&self, digest: &str) -> Result<Arc<Version>, DefaultError> {
        let version = self.by_digest(digest);
        let version = version.ok_or_else(|| DefaultError::NotFound(digest.to_owned()))?;
        if let Some(why) = version.suspect() {
            let label = Arc::clone(&version.label);
            return Err(DefaultError::Suspect { label, why });
        }
        self.shelf_mut().set_default(&version);
        self.changes.note();
        Ok(version)
    }

    /// Notes that a room was lost to a version: it was closed for what the version did. With too many of them in a short
    /// time the version is under suspicion.
    pub(crate) fn note_room_lost(&self, digest: &str, room: &str) {
        let Some(version) = self.by_digest(digest) else {
            return;
        };
        let lost = self
            .shelf_mut()
            .note_loss(&version.digest, room, Instant::now());
        if let Some(rooms) = lost {
            let minutes = LOSS_WINDOW.as_secs() / 60;
            let why = format!(
                "{} rooms were lost to it within {minutes} minutes: {}",
                rooms.len(),
                rooms.join(", ")
            );
            version.mark_suspect(&why);
        }
    }

    /// Files in the folder of plugins that were not taken, and why.
    pub(crate) fn refused_files(&self) -> Vec<RefusedFile> {
        self.shelf().refused()
    }

    /// The names and versions of all plugins, as new rooms are made of them.
    #[must_use]
    pub fn labels(&self) -> Vec<Arc<str>> {
        labels_of(&self.shelf())
    }

    /// The most bytes a component may have.
    pub(crate) fn component_bytes_max(&self) -> usize {
        self.maker.limits.component_bytes
    }

    /// What is counted of it.
    pub(crate) fn counts(&self) -> &PluginCounts {
        &self.maker.counts
    }

    fn shelf(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(|lock| lock.into_inner())
    }

    fn shelf_mut(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(|lock| lock.into_inner())
    }
}

impl Origin {
    fn source(&self) -> Source {
        match self {
            Self::Upload => Source::Upload,
            Self::File(_) => Source::Folder,
        }
    }
}

fn labels_of(shelf: &Shelf) -> Vec<Arc<str>> {
    let label = |name: &String| {
        let version = shelf
            .choose(name)
            .or_else(|| shelf.newest_of(name).cloned())?;
        Some(Arc::clone(&version.label))
    };
    shelf.names().filter_map(label).collect()
}
