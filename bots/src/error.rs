//! Why a run could not be made. What goes wrong *in* a run is in its summary.

use std::io;
use std::path::PathBuf;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option that cannot be used.
    #[error("use {option}: {problem}")]
    Usage {
        /// Which.
        option: &'static str,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// The process may not open as many files as there are bots.
    #[error(
        "open {needed} connections: this process may open {allowed} files; raise the limit (`ulimit -Hn`), or use fewer bots"
    )]
    TooFewFiles {
        /// How many it takes.
        needed: u64,
        /// How many there may be.
        allowed: u64,
    },
    /// The server's name has no address.
    #[error("find the address of {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// A bot did not get into its room.
    #[error("bring bot {bot} into {room}: {problem}")]
    Join {
        /// Its number.
        bot: usize,
        /// The room.
        room: String,
        /// Why.
        problem: String,
    },
    /// The file with the admin token cannot be read.
    #[error("read {}: {source}; give the data directory of the server, or --admin-token", path.display())]
    Token {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server's metrics cannot be read.
    #[error("read {url}: {problem}")]
    Metrics {
        /// Where.
        url: String,
        /// Why.
        problem: String,
    },
    /// The time that a process takes cannot be read.
    #[error("read {path}: {problem}")]
    Cpu {
        /// Where.
        path: String,
        /// Why.
        problem: String,
    },
    /// Ctrl-C while the bots were still joining.
    #[error("start: interrupted before all bots were in their rooms; nothing was sent")]
    Interrupted,
}

impl Error {
    /// What a command should exit with: 64 where the options cannot be used, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 64,
            Self::TooFewFiles { .. }
            | Self::Resolve { .. }
            | Self::Join { .. }
            | Self::Token { .. }
            | Self::Metrics { .. }
            | Self::Cpu { .. }
            | Self::Interrupted => 1,
        }
    }

    pub(crate) fn usage(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Usage {
            option,
            problem: problem.into(),
        }
    }
}
