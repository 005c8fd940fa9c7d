//! The plugins this server knows: checked, compiled, described, and ready to be made into rooms.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use parlor_proto::Payload;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::bindings::PluginPre;
use super::bindings::parlor::room::types as wit;
use super::engine::PluginEngine;
use super::fault::Fault;
use super::guest::Guest;
use super::inspect::{self, InspectError};
use super::instance::Instance;
use super::limits::PluginLimits;

/// One plugin version, identified by the digest of its component.
pub struct Version {
    /// What the plugin says of itself.
    pub(crate) description: wit::Description,
    /// `name@version`.
    pub(crate) label: Arc<str>,
    /// SHA-256 of the component, in hex.
    pub(crate) digest: Arc<str>,
    pub(crate) limits: PluginLimits,
    /// The operator's settings, a map.
    pub(crate) settings: Payload,
    /// The component itself, which rooms that outlive the server are kept with.
    pub(crate) component: Bytes,
    pub(super) pre: PluginPre<Guest>,
    /// How often a room of this version was sent to the slow lane.
    demotions: AtomicU32,
    /// Whether its last room was opened quickly; not before the first one was.
    opens_quickly: AtomicBool,
}

/// A version that was sent to the slow lane so often starts there.
const DEMOTIONS_MAX: u32 = 3;

impl Version {
    /// SHA-256 of the component, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Notes that a room of this version took too long beside the sockets.
    pub(crate) fn demote(&self) {
        self.demotions.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how a room of this version was opened.
    pub(crate) fn note_opening(&self, is_quick: bool) {
        self.opens_quickly.store(is_quick, Ordering::Relaxed);
    }

    /// Whether opening a room of this version may be expected to hold nobody up.
    pub(crate) fn opens_quickly(&self) -> bool {
        self.opens_quickly.load(Ordering::Relaxed)
    }

    /// Whether new rooms of this version start in the slow lane.
    pub(crate) fn is_slow(&self) -> bool {
        self.demotions.load(Ordering::Relaxed) >= DEMOTIONS_MAX
    }

    /// Whether somebody with these roles may do `action`.
    pub(crate) fn permits(&self, action: wit::Action, roles: &[String]) -> bool {
        self.description
            .permissions
            .iter()
            .filter(|permission| permission.action == action)
            .all(|permission| permission.roles.iter().any(|role| roles.contains(role)))
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version")
            .field("label", &self.label)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// Why a component was not taken into the catalog.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not a component of our contract.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// wasmtime refused to compile or link it.
    #[error("compile the component: {0}")]
    Compile(String),
    /// `describe` failed.
    #[error("call describe(): {0}")]
    Describe(String),
    /// `describe` gives another answer each time.
    #[error("trust describe(): it gave two different answers; it must depend on nothing")]
    DescribeChanges,
    /// `describe` says something that cannot be.
    #[error("accept describe(): {0}")]
    DescribeLies(String),
    /// Two different components have the same name and version.
    #[error("load {label} twice: another component has this name and version; raise the version")]
    Duplicate {
        /// `name@version`.
        label: Arc<str>,
    },
}

/// All plugin versions, by name. The newest loaded of a name is what new rooms are made of.
pub struct Catalog {
    engine: PluginEngine,
    settings: HashMap<String, Payload>,
    by_name: RwLock<BTreeMap<String, Arc<Version>>>,
    /// Versions that only rooms run which were made with them.
    earlier: RwLock<HashMap<Arc<str>, Arc<Version>>>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

impl Catalog {
    /// An empty catalog. `settings` are the operator's, by plugin name; each must be a map.
    ///
    /// # Errors
    ///
    /// If wasmtime cannot reserve its pool on this machine.
    pub fn new(settings: HashMap<String, Payload>) -> Result<Self, LoadError> {
        Ok(Self {
            engine: PluginEngine::new().map_err(|error| LoadError::Compile(error.to_string()))?,
            settings,
            by_name: RwLock::default(),
            earlier: RwLock::default(),
        })
    }

    /// Loads every `*.wasm` in a folder, in order of their names.
    ///
    /// # Errors
    ///
    /// The first component that cannot be taken, with its path.
    pub fn load_dir(&self, dir: &Path) -> Result<Vec<Arc<Version>>, (PathBuf, LoadError)> {
        let read_error = |source| {
            let path = dir.to_owned();
            (path.clone(), LoadError::Read { path, source })
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                paths.push(path);
            }
        }
        paths.sort();
        paths
            .into_iter()
            .map(|path| {
                let component = std::fs::read(&path).map_err(|source| {
                    let error = LoadError::Read {
                        path: path.clone(),
                        source,
                    };
                    (path.clone(), error)
                })?;
                self.load(&component).map_err(|error| (path.clone(), error))
            })
            .collect()
    }

    /// Checks, compiles and describes a component, and makes it the version of its name that new rooms are made of.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load(&self, component: &[u8]) -> Result<Arc<Version>, LoadError> {
        let version = Arc::new(self.compile(component)?);
        let mut by_name = self
            .by_name
            .write()
            .unwrap_or_else(|lock| lock.into_inner());
        let name = &version.description.name;
        if let Some(present) = by_name.get(name)
            && present.label == version.label
            && present.digest != version.digest
        {
            return Err(LoadError::Duplicate {
                label: Arc::clone(&version.label),
            });
        }
        by_name.insert(name.clone(), Arc::clone(&version));
        Ok(version)
    }

    /// The version of `name` that new rooms are made of.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Version>> {
        let by_name = self.by_name.read().unwrap_or_else(|lock| lock.into_inner());
        by_name.get(name).cloned()
    }

    /// The version of this digest, whether or not new rooms are made of it.
    pub(crate) fn by_digest(&self, digest: &str) -> Option<Arc<Version>> {
        let by_name = self.by_name.read().unwrap_or_else(|lock| lock.into_inner());
        let newest = by_name.values().find(|it| *it.digest == *digest).cloned();
        newest.or_else(|| {
            let earlier = self.earlier.read().unwrap_or_else(|lock| lock.into_inner());
            earlier.get(digest).cloned()
        })
    }

    /// Loads a component that some room runs, but no new room is to be made of.
    pub(crate) fn load_earlier(&self, component: &[u8]) -> Result<Arc<Version>, LoadError> {
        let version = Arc::new(self.compile(component)?);
        let mut earlier = self
            .earlier
            .write()
            .unwrap_or_else(|lock| lock.into_inner());
        earlier.insert(Arc::clone(&version.digest), Arc::clone(&version));
        Ok(version)
    }

    /// All versions that new rooms are made of.
    pub(crate) fn newest(&self) -> Vec<Arc<Version>> {
        let by_name = self.by_name.read().unwrap_or_else(|lock| lock.into_inner());
        by_name.values().cloned().collect()
    }

    /// The names and versions of all plugins.
    #[must_use]
    pub fn labels(&self) -> Vec<Arc<str>> {
        let by_name = self.by_name.read().unwrap_or_else(|lock| lock.into_inner());
        by_name.values().map(|it| Arc::clone(&it.label)).collect()
    }

    fn compile(&self, bytes: &[u8]) -> Result<Version, LoadError> {
        let abi = inspect::inspect(bytes)?;
        let compile_error = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let component = Component::new(&self.engine.engine, bytes).map_err(compile_error)?;
        let pre = self
            .engine
            .linker
            .instantiate_pre(&component)
            .and_then(PluginPre::new)
            .map_err(compile_error)?;
        let digest: Arc<str> = hex(&Sha256::digest(bytes)).into();
        let draft = Version {
            description: nobody(),
            label: format!("sha256:{}", &digest[..12]).into(),
            limits: PluginLimits::from_wishes(&nobody().limits),
            settings: Payload::empty_map(),
            digest,
            component: Bytes::copy_from_slice(bytes),
            pre,
            demotions: AtomicU32::new(0),
            opens_quickly: AtomicBool::new(false),
        };
        let description = describe_twice(&draft)?;
        inspect::check_description(&description, &abi).map_err(LoadError::DescribeLies)?;
        let settings = self.settings.get(&description.name).cloned();
        Ok(Version {
            label: format!("{}@{}", description.name, description.version).into(),
            limits: PluginLimits::from_wishes(&description.limits),
            settings: settings.unwrap_or(draft.settings),
            description,
            ..draft
        })
    }
}

/// Asks two instances, and one of them twice, under different chance: the answers must not differ.
fn describe_twice(version: &Version) -> Result<wit::Description, LoadError> {
    let scratch: Arc<str> = "describe".into();
    let failed = |fault: Fault| LoadError::Describe(fault.to_string());
    let (instance, first) = Instance::new(version, &scratch, 1)
        .and_then(Instance::describe)
        .map_err(failed)?;
    let (_, again) = instance.describe().map_err(failed)?;
    let (_, other) = Instance::new(version, &scratch, 2)
        .and_then(Instance::describe)
        .map_err(failed)?;
    // The generated types have no equality; their debug form shows every field.
    let shown = format!("{first:?}");
    if shown == format!("{again:?}") && shown == format!("{other:?}") {
        Ok(first)
    } else {
        Err(LoadError::DescribeChanges)
    }
}

/// What stands in for a description until the plugin was asked.
fn nobody() -> wit::Description {
    wit::Description {
        name: String::new(),
        version: String::new(),
        abi: String::new(),
        tick_hz: 0,
        players_max: 1,
        spectators_max: 0,
        delivery: wit::Delivery::Immediate,
        presence: wit::Presence::None,
        durability: wit::Durability::None,
        state_schema: 0,
        state_interval_ms: None,
        away_after_ms: None,
        limits: wit::Limits {
            memory_bytes: None,
            step_cpu_ms: None,
            payload_bytes: None,
            output_bytes: None,
            output_effects: None,
        },
        permissions: Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
