//! Places at which a test may have the server end itself, as if it were killed exactly there. Never on by itself.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a server is to end itself, written as `point` or `point:n`: when it passes there for the n-th time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashAt {
    point: &'static str,
    times: u64,
}

impl CrashAt {
    /// All points.
    pub const ALL: [&str; 23] = [
        // The room's state was saved, and is not in the journal yet; and it is.
        "snapshot",
        "snapshot-appended",
        // The journal's own: a group was written and not yet synced; a write that failed is tried again; a new segment is
        // there; the oldest one was copied to the head; it was removed.
        "group-written",
        "retry",
        "segment-created",
        "compaction-copied",
        "compaction-removed",
        // A room without members is about to be put away; it is.
        "hibernation",
        "hibernated",
        // Somebody wants a room that was put away; it is back.
        "wake",
        "woken",
        // A room is about to be made of its journal after a crash; it is there.
        "recovery",
        "recovered",
        // Another version was tried beside a room; it is about to take the room over; it has the room's state; that is in
        // the journal; it stays.
        "swap-shadowed",
        "swap-begun",
        "swap-loaded",
        "swap-recorded",
        "swap-settled",
        // The version before it is back; that is in the journal.
        "rollback-begun",
        "rollback-recorded",
        // An uploaded component is written and not yet where it belongs; it is there; the list says that it is.
        "upload-component-written",
        "upload-renamed",
        "upload-state-written",
    ];
}

impl FromStr for CrashAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, times) = text.split_once(':').unwrap_or((text, "1"));
        let point = Self::ALL.into_iter().find(|known| *known == name);
        let point = point.ok_or_else(|| {
            let names = Self::ALL.join(", ");
            format!("no point is called {name:?}; there are: {names}")
        })?;
        match times.parse() {
            Ok(times @ 1..) => Ok(Self { point, times }),
            _ => Err(format!("{times:?} is not how many times: from 1")),
        }
    }
}

/// Counts how often the server passes its points, and ends it where it is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrashPoints(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    at: CrashAt,
    passed: AtomicU64,
}

impl CrashPoints {
    pub(crate) fn new(at: Option<CrashAt>) -> Self {
        Self(at.map(|at| {
            Arc::new(Armed {
                at,
                passed: AtomicU64::new(0),
            })
        }))
    }

    /// The server is at this point.
    pub(crate) fn pass(&self, point: &str) {
        if let Some(armed) = &self.0
            && armed.is_the_end(point)
        {
            // As a kill does: nothing is written any more, and nobody is told.
            std::process::abort();
        }
    }
}

impl Armed {
    fn is_the_end(&self, point: &str) -> bool {
        debug_assert!(CrashAt::ALL.contains(&point), "{point}");
        self.at.point == point && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.at.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_ends_at_the_point_and_the_time_it_is_told() {
        let at: CrashAt = "snapshot:2".parse().unwrap();
        let passed = AtomicU64::new(0);
        let armed = Armed { at, passed };
        assert!(!armed.is_the_end("snapshot"));
        assert!(!armed.is_the_end("recovery"));
        assert!(armed.is_the_end("snapshot"));
        assert!(!armed.is_the_end("snapshot"));
        let once: CrashAt = "wake".parse().unwrap();
        assert_eq!((once.point, once.times), ("wake", 1));
    }

    #[test]
    fn a_point_that_does_not_exist_is_refused_with_those_that_do() {
        let error = "snapshots".parse::<CrashAt>().unwrap_err();
        assert!(error.contains("snapshot-appended"), "{error}");
        assert!("wake:0".parse::<CrashAt>().is_err());
        assert!("wake:often".parse::<CrashAt>().is_err());
    }

    #[test]
    fn without_a_point_nothing_ends() {
        for point in CrashAt::ALL {
            CrashPoints::new(None).pass(point);
        }
    }
}
