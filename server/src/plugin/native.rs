//! Rooms whose code is a part of this program instead of a component, for benches: what the sandbox costs is the difference.
//!
//! Such code is trusted with the whole process: it has no limit of memory, no deadline, and its panics are the server's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use super::bindings::parlor::room::types;
use super::guest::Deadline;

/// What one room runs: the exports of a component but for `describe`, which its component is asked.
pub trait NativeGuest: Send {
    /// Begins a room.
    ///
    /// # Errors
    ///
    /// Why it refuses the room.
    fn open(&mut self, config: &types::Config) -> Result<Vec<types::Effect>, types::Failure>;

    /// Runs one step.
    ///
    /// # Errors
    ///
    /// A fault of the code.
    fn step(&mut self, batch: &types::Batch) -> Result<Vec<types::Effect>, types::Failure>;

    /// Writes down the state.
    fn save(&mut self) -> Vec<u8>;

    /// Takes up a state, in place of `open`.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn load(&mut self, schema: u32, saved: &[u8]) -> Result<(), types::Failure>;
}

/// Makes what a room runs, for each room anew.
#[derive(Clone)]
pub struct NativeCode(Arc<dyn Fn() -> Box<dyn NativeGuest> + Send + Sync>);

impl NativeCode {
    /// Of what makes it.
    pub fn new<G: NativeGuest + 'static>(make: impl Fn() -> G + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || Box::new(make())))
    }
}

impl fmt::Debug for NativeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeCode").finish_non_exhaustive()
    }
}

/// What stands in for a component's instance.
pub(super) struct NativeInstance {
    guest: Box<dyn NativeGuest>,
    /// Ends no call, and says what one cost, as it does for a component's calls.
    clock: Deadline,
}

impl NativeInstance {
    pub(super) fn new(code: &NativeCode) -> Self {
        Self {
            guest: (code.0)(),
            clock: Deadline::new(),
        }
    }

    pub(super) fn call<R>(&mut self, call: impl FnOnce(&mut dyn NativeGuest) -> R) -> R {
        self.clock.arm(Duration::MAX, Duration::MAX);
        call(&mut *self.guest)
    }

    /// What the last call cost, if it has just ended.
    pub(super) fn cost(&self) -> Duration {
        self.clock.cost()
    }
}
