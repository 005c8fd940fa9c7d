//! How a catalog comes to what is in it when the server starts.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use parlor_proto::Payload;

use super::super::cache::Cache;
use super::super::engine::{self, PluginEngine};
use super::changes::Changes;
use super::keeping::Keeping;
use super::maker::Maker;
use super::shelf::Shelf;
use super::state::Kept;
use super::{Catalog, CatalogSettings, LoadError, Offer, Origin, Source, Version};
use crate::crash_point::CrashPoints;
use crate::plugin::folder;
use crate::telemetry::PluginCounts;

impl Catalog {
    /// An empty catalog that keeps nothing. `settings` are the operator's, by plugin name; each must be a map.
    ///
    /// # Errors
    ///
    /// If wasmtime cannot reserve its pool on this machine.
    pub fn new(settings: HashMap<String, Payload>) -> Result<Self, LoadError> {
        Self::open(CatalogSettings {
            plugins: settings,
            ..CatalogSettings::default()
        })
    }

    /// An empty catalog.
    ///
    /// # Errors
    ///
    /// If wasmtime cannot reserve its pool on this machine, or the data directory cannot be used.
    pub fn open(settings: CatalogSettings) -> Result<Self, LoadError> {
        let engine = PluginEngine::new().map_err(|error| LoadError::Compile(error.to_string()))?;
        Self::on(Arc::new(engine), settings)
    }

    /// A catalog with the versions of this one, as if nothing had happened to them. They share what was compiled, and
    /// the memory for rooms, of which a process has enough for few.
    ///
    /// # Errors
    ///
    /// If the data directory cannot be used.
    pub fn beside(&self, settings: CatalogSettings) -> Result<Self, LoadError> {
        let catalog = Self::on(Arc::clone(&self.maker.engine), settings)?;
        for version in self.versions() {
            let is_default = self.is_default(&version);
            let version = Arc::new(version.anew(&catalog.changes));
            catalog.shelf_mut().put(&version, is_default);
        }
        Ok(catalog)
    }

    fn on(engine: Arc<PluginEngine>, settings: CatalogSettings) -> Result<Self, LoadError> {
        let changes = Arc::new(Changes::default());
        let data_dir = settings.data_dir.as_deref();
        let crash_points = CrashPoints::new(settings.crash_at);
        if let Some(data_dir) = data_dir {
            fs::create_dir_all(data_dir).map_err(LoadError::Keep)?;
        }
        let compatibility = engine::compatibility(&engine.engine);
        let cache = data_dir.map(|dir| Cache::open(dir, compatibility));
        let keeping = data_dir.map(|dir| Keeping::open(dir, crash_points));
        Ok(Self {
            maker: Maker {
                engine,
                settings: settings.plugins,
                native: HashMap::new(),
                limits: settings.compile_limits,
                compiler: settings.compiler,
                cache: cache.transpose().map_err(LoadError::Keep)?,
                changes: Arc::clone(&changes),
                counts: PluginCounts::default(),
            },
            signatures: settings.signatures,
            shelf: RwLock::new(Shelf::default()),
            keeping: keeping.transpose().map_err(LoadError::Keep)?,
            changes,
            taking: Mutex::new(()),
            saving: Mutex::new(()),
        })
    }

    /// Loads every `*.wasm` in a folder, in order of their names, as if they came with the server.
    ///
    /// # Errors
    ///
    /// The first component that cannot be taken, with its path.
    pub fn load_dir(&self, dir: &Path) -> Result<Vec<Arc<Version>>, (PathBuf, LoadError)> {
        let read_error = |path: &Path, source| {
            let path = path.to_owned();
            (path.clone(), LoadError::Read { path, source })
        };
        let paths = folder::components_in(dir).map_err(|error| read_error(dir, error))?;
        let load = |path: PathBuf| {
            let component = fs::read(&path).map_err(|error| read_error(&path, error))?;
            self.load(&component).map_err(|error| (path, error))
        };
        paths.into_iter().map(load).collect()
    }

    /// Brings back what an earlier server of this data directory was brought, after what came with this one was loaded.
    /// What cannot be brought back is said in the log.
    ///
    /// # Errors
    ///
    /// If the data directory cannot be read.
    pub fn restore(&self) -> io::Result<()> {
        let Some(keeping) = &self.keeping else {
            return Ok(());
        };
        let state = keeping.state.read()?;
        {
            let mut shelf = self.shelf_mut();
            for (digest, why) in state.suspects {
                match shelf.by_digest(&digest) {
                    Some(version) => version.record.recall_suspect(why.into()),
                    // It may come yet: from the list, from the folder, or with a room.
                    None => drop(shelf.recalled.insert(digest, why)),
                }
            }
        }
        for kept in state.versions {
            match self.restored(keeping, &kept) {
                Ok(version) => self.shelf_mut().put(&version, false),
                Err(error) => {
                    tracing::error!(plugin = %kept.label, digest = %kept.digest, "an uploaded version is not there: failed to {error}");
                    self.shelf_mut().dormant.push(kept);
                }
            }
        }
        let mut shelf = self.shelf_mut();
        for (name, digest) in state.defaults {
            match shelf.by_digest(&digest).cloned() {
                Some(version) => shelf.set_default(&version),
                None => drop(shelf.wanted.insert(name, digest)),
            }
        }
        shelf.files = state.files;
        Ok(())
    }

    fn restored(&self, keeping: &Keeping, kept: &Kept) -> Result<Arc<Version>, LoadError> {
        if let Some(version) = self.by_digest(&kept.digest) {
            return Ok(version);
        }
        let components = &keeping.components;
        let component = components.read(&kept.digest).map_err(LoadError::Keep)?;
        let signature = components
            .signature(&kept.digest)
            .map_err(LoadError::Keep)?;
        self.signatures.check(&component, signature.as_deref())?;
        Ok(Arc::new(self.maker.make(&component, Source::Upload)?))
    }

    /// Takes what is in the folder of plugins. A file that changed since an earlier server looked is what new rooms are
    /// made of. One that is refused is said in the log, and the server starts without it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn load_folder(&self, dir: &Path) -> io::Result<()> {
        for path in folder::components_in(dir)? {
            self.take_file(&path, false);
        }
        Ok(())
    }

    /// Takes one file of the folder. Where new rooms are not to be made of it in any case, they are if it changed.
    pub(crate) fn take_file(&self, path: &Path, is_default: bool) {
        let bytes_max = self.component_bytes_max();
        let taken = folder::read(path, bytes_max).and_then(|(component, signature)| {
            let file = folder::name_of(path);
            let digest = crate::components::digest_of(&component);
            let is_same = self
                .shelf()
                .files
                .get(&file)
                .is_some_and(|it| **it == *digest);
            self.take(&Offer {
                component,
                signature,
                origin: Origin::File(file),
                may_replace: true,
                is_default: is_default || !is_same,
            })
        });
        self.note_file(path, taken.err().as_ref());
    }

    /// Whether a file of the folder is what it was when it was taken, or refused: then nothing is to be done.
    pub(crate) fn has_file(&self, path: &Path, component: &[u8]) -> bool {
        let digest = crate::components::digest_of(component);
        let shelf = self.shelf();
        shelf
            .files
            .get(&folder::name_of(path))
            .is_some_and(|it| **it == *digest)
            && shelf.by_digest(&digest).is_some()
    }

    /// Notes that a file of the folder was taken, or why not.
    pub(crate) fn note_file(&self, path: &Path, error: Option<&LoadError>) {
        let why = error.map(|error| format!("failed to {error}"));
        if let Some(why) = &why {
            tracing::error!(path = %path.display(), "a plugin is not taken: {why}");
        }
        let path = path.display().to_string();
        self.shelf_mut().note_refused(&path, why);
    }

    /// Loads a component that some room runs, but no new room is to be made of.
    pub(crate) fn load_earlier(&self, component: &[u8]) -> Result<Arc<Version>, LoadError> {
        let component = bytes::Bytes::copy_from_slice(component);
        let version = Arc::new(self.maker.make(&component, Source::Room)?);
        self.shelf_mut().put(&version, false);
        Ok(version)
    }
}
