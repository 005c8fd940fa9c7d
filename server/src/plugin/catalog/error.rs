//! Why a component is not taken, and why there is no version of which a room can be made.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::compiler::CompileError;
use super::super::inspect::InspectError;
use super::super::signature::SignatureError;

/// Why a component was not taken into the catalog.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than a component may be.
    #[error(
        "take a component of more than {bytes_max} bytes; build it with --release and strip it, or raise component_bytes_max"
    )]
    TooLarge {
        /// The most it may have.
        bytes_max: usize,
    },
    /// Its signature is missing or wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is not a component of our contract.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// wasmtime refused to link it.
    #[error("compile the component: {0}")]
    Compile(String),
    /// The process that compiles refused it.
    #[error(transparent)]
    Compiler(#[from] CompileError),
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
    /// So many wait already.
    #[error("take one more component: too many wait to be compiled; try again in some seconds")]
    Busy,
    /// It could not be kept.
    #[error("keep the component: {0}")]
    Keep(io::Error),
    /// The server is about to stop.
    #[error("take a component: the server is stopping")]
    Stopping,
}

impl LoadError {
    /// What it is called in metrics.
    pub(crate) fn metric_label(&self) -> &'static str {
        match self {
            Self::Read { .. } => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::Signature(SignatureError::Missing) => "unsigned",
            Self::Signature(_) => "bad-signature",
            Self::Inspect(_) => "no-plugin",
            Self::Compile(_) | Self::Compiler(CompileError::Refused(_)) => "no-compilation",
            Self::Compiler(CompileError::TooSlow(_)) => "slow-compilation",
            Self::Compiler(CompileError::Starved(_)) => "starved-compilation",
            Self::Compiler(CompileError::Fell(_)) => "compiler-fell",
            Self::Compiler(CompileError::Run(_)) => "no-compiler",
            Self::Describe(_) | Self::DescribeChanges | Self::DescribeLies(_) => "bad-description",
            Self::Duplicate { .. } => "duplicate",
            Self::Busy => "busy",
            Self::Keep(_) => "not-kept",
            Self::Stopping => "stopping",
        }
    }
}

/// Why no room can be made of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoVersion {
    /// There is none.
    #[error("no plugin is called {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
    /// There was trouble with all of them.
    #[error(
        "no new room can be made of {name}: there was trouble with {label}, and no earlier version is there; its operator knows more"
    )]
    Suspect { name: String, label: Arc<str> },
}

/// Why a text names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FindError {
    /// Nothing is called that.
    #[error(
        "no version is called {0:?}: give its digest, at least 6 characters of it, or name@version"
    )]
    NotFound(String),
    /// Several begin like that.
    #[error("{count} versions begin with {prefix:?}: give more of the digest")]
    Ambiguous { prefix: String, count: usize },
}

/// Why a version is not made the one that new rooms are made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DefaultError {
    /// There is none of this digest.
    #[error("no version has the digest {0}")]
    NotFound(String),
    /// It is under suspicion.
    #[error("{label} is not used for new rooms: {why}; upload a better version")]
    Suspect { label: Arc<str>, why: Arc<str> },
}
