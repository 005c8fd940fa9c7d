//! One instance of a plugin: a store, its limits, and calls that either give the instance back or consume it.
//!
//! A trap poisons the whole store, so that every call takes the instance by value: using a dead one cannot be written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::Store;

use super::bindings::Plugin;
use super::bindings::parlor::room::types as wit;
use super::catalog::Version;
use super::fault::{Fault, FaultKind};
use super::guest::Guest;
use super::limits::{CALL_WALL, HANDLES_MAX, HOSTCALL_BYTES_MAX, LIFECYCLE_CPU};

/// A live instance, fit to be called.
pub(crate) struct Instance {
    store: Store<Guest>,
    plugin: Plugin,
    step_cpu: Duration,
    /// How many times longer than usual its calls may take.
    patience: u32,
    /// What the last call cost, in CPU time where it ran long enough to be measured.
    pub(crate) last_cost: Duration,
}

/// Why a room could not be opened.
pub(crate) enum OpenError {
    /// The plugin said no, and why: an answer for the member who asked.
    Refused(String),
    /// The plugin failed.
    Fault(Fault),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Instance {
    /// A fresh instance on which nothing was called yet.
    pub(super) fn new(version: &Version, room: &Arc<str>, seed: u64) -> Result<Self, Fault> {
        Self::with_patience(version, room, seed, 1)
    }

    fn with_patience(
        version: &Version,
        room: &Arc<str>,
        seed: u64,
        patience: u32,
    ) -> Result<Self, Fault> {
        let mut guest = Guest::new(
            Arc::clone(&version.label),
            Arc::clone(room),
            version.limits.memory_bytes_max,
        );
        guest.begin(0, seed, 0);
        let mut store = Store::new(version.pre.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().deadline.check()));
        // Instantiation runs guest code too, and a store begins with a deadline that has passed.
        arm(&mut store, LIFECYCLE_CPU, patience);
        match version.pre.instantiate(&mut store) {
            Ok(plugin) => Ok(Self {
                store,
                plugin,
                step_cpu: version.limits.step_cpu,
                patience,
                last_cost: Duration::ZERO,
            }),
            Err(error) => Err(fault(&store, &error)),
        }
    }

    pub(super) fn describe(mut self) -> Result<(Self, wit::Description), Fault> {
        let answer = self.call(LIFECYCLE_CPU, |plugin, store| {
            plugin.parlor_room_guest().call_describe(store)
        })?;
        Ok((self, answer))
    }

    /// Begins a room.
    pub(crate) fn open(
        version: &Version,
        room: &Arc<str>,
        config: &wit::Config,
    ) -> Result<(Self, Vec<wit::Effect>), OpenError> {
        let mut instance = Self::new(version, room, config.seed)?;
        let answer = instance.call(LIFECYCLE_CPU, |plugin, store| {
            plugin.parlor_room_guest().call_open(store, config)
        })?;
        match answer {
            Ok(effects) => Ok((instance, effects)),
            Err(failure) => Err(OpenError::Refused(failure.message)),
        }
    }

    /// Takes up a saved state in a fresh instance.
    pub(crate) fn load(
        version: &Version,
        room: &Arc<str>,
        seed: u64,
        (schema, saved): (u32, &[u8]),
        patience: u32,
    ) -> Result<Self, Fault> {
        let mut instance = Self::with_patience(version, room, seed, patience)?;
        let answer = instance.call(LIFECYCLE_CPU, |plugin, store| {
            plugin.parlor_room_guest().call_load(store, schema, saved)
        })?;
        match answer {
            Ok(()) => Ok(instance),
            Err(failure) => Err(Fault::new(FaultKind::Failure, failure.message)),
        }
    }

    /// Runs one step.
    pub(crate) fn step(mut self, batch: &wit::Batch) -> Result<(Self, Vec<wit::Effect>), Fault> {
        self.store
            .data_mut()
            .begin(batch.now_ms, batch.seed, batch.first_event);
        let answer = self.call(self.step_cpu, |plugin, store| {
            plugin.parlor_room_guest().call_step(store, batch)
        })?;
        match answer {
            Ok(effects) => Ok((self, effects)),
            Err(failure) => Err(Fault::new(FaultKind::Failure, failure.message)),
        }
    }

    /// Has the guest write down its state.
    pub(crate) fn save(mut self) -> Result<(Self, Bytes), Fault> {
        // A state may be as large as the memory it is in, unlike anything else a guest hands over.
        let fuel = self.store.data().memory.bytes.max(HOSTCALL_BYTES_MAX);
        self.store.set_hostcall_fuel(fuel);
        let saved = self.call(LIFECYCLE_CPU, |plugin, store| {
            plugin.parlor_room_guest().call_save(store)
        })?;
        self.store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        Ok((self, saved.into()))
    }

    /// Has its calls take so many times longer than usual.
    pub(crate) fn set_patience(&mut self, patience: u32) {
        self.patience = patience;
    }

    /// Silences the guest's log while its history is run again.
    pub(crate) fn mute(&mut self, is_muted: bool) {
        self.store.data_mut().log.is_muted = is_muted;
    }

    /// What it takes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory.bytes
    }

    /// Takes the number of log lines dropped since the last call of this.
    pub(crate) fn take_dropped_log_lines(&mut self) -> u64 {
        std::mem::take(&mut self.store.data_mut().log.lines_dropped)
    }

    fn call<R>(
        &mut self,
        cpu_max: Duration,
        call: impl FnOnce(&Plugin, &mut Store<Guest>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        arm(&mut self.store, cpu_max, self.patience);
        let answer = call(&self.plugin, &mut self.store);
        self.last_cost = self.store.data().deadline.cost();
        answer.map_err(|error| fault(&self.store, &error))
    }
}

fn arm(store: &mut Store<Guest>, cpu_max: Duration, patience: u32) {
    let deadline = &mut store.data_mut().deadline;
    deadline.arm(cpu_max * patience, CALL_WALL * patience);
    store.set_epoch_deadline(1);
}

fn fault(store: &Store<Guest>, error: &wasmtime::Error) -> Fault {
    let guest = store.data();
    let kind = if guest.deadline.is_missed {
        FaultKind::Deadline
    } else if guest.memory.is_exhausted {
        FaultKind::Memory
    } else {
        FaultKind::Trap
    };
    let mut fault = Fault::from_trap(kind, error, guest.log.panic.as_deref());
    fault.cost = guest.deadline.cost();
    fault
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
