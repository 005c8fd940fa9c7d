//! How many files this process may open, and so how many connections it can have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::ConfigError;

/// Files that are not connections: plugins, the data directory, listeners, those who are told that the server is full.
const OTHER_FILES: u64 = 1_000;
/// More than any server has connections. Some systems have a limit of a thousand times that, or none.
const OPEN_FILES_MAX: u64 = 1 << 20;

/// Raises this process's limit as far as it may by itself, and says what it is then.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX);
    let current = limit.current.unwrap_or(OPEN_FILES_MAX);
    if current >= most {
        return current.min(OPEN_FILES_MAX);
    }
    let raised = Rlimit {
        current: Some(most),
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => most,
        Err(error) => {
            tracing::warn!(%error, current, "failed to raise the limit of open files");
            current
        }
    }
}

/// The most connections for a process that may open so many files: as many as the operator wants, or else as many as
/// there can be.
///
/// # Errors
///
/// When the operator wants more.
pub fn connections_within(wanted: Option<usize>, open_files: u64) -> Result<usize, ConfigError> {
    // Where the limit is small, half of it, so that a server can be tried out anywhere.
    let most = open_files.saturating_sub(OTHER_FILES).max(open_files / 2);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match wanted {
        Some(wanted) if wanted > most => Err(ConfigError::TooFewFiles {
            wanted,
            open_files,
            most,
        }),
        Some(wanted) => Ok(wanted),
        None => Ok(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_connections_as_files_less_a_thousand() {
        assert_eq!(connections_within(None, 65_536), Ok(64_536));
        assert_eq!(connections_within(None, 1_024), Ok(512));
        assert_eq!(connections_within(Some(64_536), 65_536), Ok(64_536));
    }

    #[test]
    fn more_connections_than_files_are_refused() {
        let error = connections_within(Some(64_537), 65_536).unwrap_err();
        assert!(error.to_string().contains("ulimit -n"), "{error}");
    }

    #[test]
    fn the_limit_is_raised_to_what_the_process_may_have() {
        let raised = raise_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(
            limit.current.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX),
            raised
        );
        let most = limit.maximum.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX);
        assert!(raised >= most, "{raised} of {most}");
    }
}
