//! One version of a plugin: what it says of itself, what it may use, and what became of it here.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use parlor_proto::Payload;

use super::super::bindings::PluginPre;
use super::super::bindings::parlor::room::types as wit;
use super::super::guest::Guest;
use super::super::limits::PluginLimits;
use super::super::native::NativeCode;
use super::changes::Changes;
use super::maker::nobody;

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
    pub(in super::super) code: Code,
    pub(super) record: Record,
}

/// What rooms of a version run.
#[derive(Clone)]
pub(in super::super) enum Code {
    /// The component, compiled.
    Component(PluginPre<Guest>),
    /// What is compiled into the server, for a bench.
    Native(NativeCode),
    /// Nothing: no room is made of it.
    None,
}

/// What became of a version here.
pub(super) struct Record {
    /// Where it came from last.
    source: RwLock<Source>,
    /// How often a room of this version was sent to the slow lane.
    demotions: AtomicU32,
    /// Whether its last room was opened quickly; not before the first one was.
    opens_quickly: AtomicBool,
    /// Why no new room is to be made of it by itself, if so.
    suspect: RwLock<Option<Arc<str>>>,
    /// Told of what must outlive the server.
    changes: Arc<Changes>,
}

/// Where a version came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// With the server.
    Bundle,
    /// The folder of plugins.
    Folder,
    /// The admin API.
    Upload,
    /// A room of an earlier server runs it, and nothing else brought it along.
    Room,
}

impl Source {
    /// Its name in the admin API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Folder => "folder",
            Self::Upload => "upload",
            Self::Room => "room",
        }
    }
}

/// A version that was sent to the slow lane so often starts there.
const DEMOTIONS_MAX: u32 = 3;

impl Record {
    pub(super) fn new(source: Source, changes: Arc<Changes>) -> Self {
        Self {
            source: RwLock::new(source),
            demotions: AtomicU32::new(0),
            opens_quickly: AtomicBool::new(false),
            suspect: RwLock::new(None),
            changes,
        }
    }

    /// Takes over what was known of it before.
    pub(super) fn recall_suspect(&self, why: Arc<str>) {
        *self
            .suspect
            .write()
            .unwrap_or_else(|lock| lock.into_inner()) = Some(why);
    }
}

impl Version {
    /// A version of which nothing can be run, for what is done without its code.
    pub(crate) fn without_code() -> Self {
        let description = wit::Description {
            players_max: 1_000,
            presence: wit::Presence::Full,
            ..nobody()
        };
        Self {
            label: "nobody".into(),
            digest: "".into(),
            limits: PluginLimits::from_wishes(&description.limits),
            settings: Payload::empty_map(),
            component: Bytes::new(),
            code: Code::None,
            record: Record::new(Source::Bundle, Arc::default()),
            description,
        }
    }

    /// SHA-256 of the component, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Where it came from last.
    pub(crate) fn source(&self) -> Source {
        *self
            .record
            .source
            .read()
            .unwrap_or_else(|lock| lock.into_inner())
    }

    pub(super) fn set_source(&self, source: Source) {
        *self
            .record
            .source
            .write()
            .unwrap_or_else(|lock| lock.into_inner()) = source;
    }

    /// Has new rooms be made of an earlier version. The first reason counts, and outlives the server.
    pub(crate) fn mark_suspect(&self, why: &str) {
        {
            let mut suspect = self
                .record
                .suspect
                .write()
                .unwrap_or_else(|lock| lock.into_inner());
            if suspect.is_some() {
                return;
            }
            *suspect = Some(why.into());
        }
        tracing::error!(plugin = %self.label, digest = %self.digest, "no new room is made of this version any more: {why}");
        self.record.changes.note();
    }

    /// Why no new room is to be made of it by itself.
    pub(crate) fn suspect(&self) -> Option<Arc<str>> {
        let suspect = self
            .record
            .suspect
            .read()
            .unwrap_or_else(|lock| lock.into_inner());
        suspect.clone()
    }

    /// Notes that a room of this version took too long beside the sockets.
    pub(crate) fn demote(&self) {
        self.record.demotions.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how a room of this version was opened.
    pub(crate) fn note_opening(&self, is_quick: bool) {
        self.record.opens_quickly.store(is_quick, Ordering::Relaxed);
    }

    /// Whether opening a room of this version may be expected to hold nobody up.
    pub(crate) fn opens_quickly(&self) -> bool {
        self.record.opens_quickly.load(Ordering::Relaxed)
    }

    /// Whether new rooms of this version start in the slow lane.
    pub(crate) fn is_slow(&self) -> bool {
        self.record.demotions.load(Ordering::Relaxed) >= DEMOTIONS_MAX
    }

    /// Whether somebody with these roles may do `action`.
    pub(crate) fn permits(&self, action: wit::Action, roles: &[String]) -> bool {
        self.description
            .permissions
            .iter()
            .filter(|permission| permission.action == action)
            .all(|permission| permission.roles.iter().any(|role| roles.contains(role)))
    }

    /// The same version in another catalog, where nothing is known of it.
    pub(super) fn anew(&self, changes: &Arc<Changes>) -> Self {
        Self {
            description: self.description.clone(),
            label: Arc::clone(&self.label),
            digest: Arc::clone(&self.digest),
            limits: self.limits.clone(),
            settings: self.settings.clone(),
            component: self.component.clone(),
            code: self.code.clone(),
            record: Record::new(self.source(), Arc::clone(changes)),
        }
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
