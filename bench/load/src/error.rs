//! Why a run could not be made. What a server did wrong in a run that was made is in its report.

use std::io;

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
    /// The process may not open as many files as there are clients.
    #[error(
        "open {needed} connections: this process may open {allowed} files; raise the limit (`ulimit -Hn`), or use fewer clients"
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
    /// The time that a process takes cannot be read.
    #[error("read how much time process {id} took: {problem}")]
    Cpu {
        /// The process.
        id: u32,
        /// Why.
        problem: String,
    },
    /// This process lacks something of its own.
    #[error("prepare: {0}")]
    Prepare(#[from] io::Error),
    /// A client could not connect, or its connection did not last.
    #[error("client {client} of {room}: {problem}")]
    Client {
        /// Its number in the run.
        client: usize,
        /// Its room.
        room: String,
        /// What happened.
        problem: String,
    },
    /// Something that must come did not come.
    #[error("wait for all clients to be {what}: {missing} were not within {seconds} s")]
    Waited {
        /// What they should have been.
        what: &'static str,
        /// How many were not.
        missing: usize,
        /// How long that was waited for.
        seconds: u64,
    },
}

impl Error {
    /// What the command should exit with: 64 where the options cannot be used, 71 where this machine lacks something, and 1
    /// where it is the server that clients could not use.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 64,
            Self::TooFewFiles { .. }
            | Self::Resolve { .. }
            | Self::Cpu { .. }
            | Self::Prepare(_) => 71,
            Self::Client { .. } | Self::Waited { .. } => 1,
        }
    }

    pub(crate) fn usage(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Usage {
            option,
            problem: problem.into(),
        }
    }
}
