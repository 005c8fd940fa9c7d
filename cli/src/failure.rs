//! How a command ends that did not do what was asked.

use std::process::ExitCode;

use crate::fail;

/// What a shell is told of a wrong setting, as in sysexits.h.
pub(crate) const USAGE: u8 = 64;

/// Why a command did not do what was asked. The text says what could not be done, so that it fits behind "failed to".
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked for in a way that means nothing.
    Usage(String),
    /// Something else.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Says on stderr why, and to the shell that it failed.
pub(crate) fn end(outcome: Result<ExitCode, Failure>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(Failure::Usage(error)) => fail(USAGE, &format!("failed to {error}")),
        Err(Failure::Failed(error)) => fail(1, &format!("failed to {error:#}")),
    }
}
