//! How many files this process may open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Error;

/// Files beside the connections: the streams, the timer, what the runtime has, and what is read of `/proc`.
const OTHERS: u64 = 64;

/// Sees to it that there can be so many connections.
pub(crate) fn reserve(connections: usize) -> Result<(), Error> {
    let needed = connections as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let is_enough = |allowed: Option<u64>| allowed.is_none_or(|allowed| allowed >= needed);
    if is_enough(limit.current) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    if !is_enough(limit.maximum) || setrlimit(Resource::Nofile, raised).is_err() {
        return Err(Error::TooFewFiles {
            needed,
            allowed: limit.maximum.or(limit.current).unwrap_or_default(),
        });
    }
    Ok(())
}
