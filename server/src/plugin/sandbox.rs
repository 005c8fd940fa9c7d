//! A component's instance: a store, its limits, and calls with a deadline.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;

use super::bindings::parlor::room::types as wit;
use super::bindings::{Plugin, PluginPre};
use super::catalog::Version;
use super::fault::{Fault, FaultKind};
use super::guest::Guest;
use super::limits::{CALL_WALL, HANDLES_MAX, HOSTCALL_BYTES_MAX, LIFECYCLE_CPU};

/// A store with an instance in it. A trap poisons it: whoever makes a call has to let go of it after a fault.
pub(super) struct Sandbox {
    store: Store<Guest>,
    plugin: Plugin,
}

impl Sandbox {
    /// A fresh instance on which nothing was called yet.
    pub(super) fn new(
        version: &Version,
        pre: &PluginPre<Guest>,
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
        let mut store = Store::new(pre.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().deadline.check()));
        // Instantiation runs guest code too, and a store begins with a deadline that has passed.
        arm(&mut store, LIFECYCLE_CPU, patience);
        match pre.instantiate(&mut store) {
            Ok(plugin) => Ok(Self { store, plugin }),
            Err(error) => Err(fault(&store, &error)),
        }
    }

    pub(super) fn describe(mut self) -> Result<(Self, wit::Description), Fault> {
        let answer = self.call(LIFECYCLE_CPU, 1, |plugin, store| {
            plugin.parlor_room_guest().call_describe(store)
        })?;
        Ok((self, answer))
    }

    /// Makes a call, which may take `patience` times as long as `cpu_max`.
    pub(super) fn call<R>(
        &mut self,
        cpu_max: Duration,
        patience: u32,
        call: impl FnOnce(&Plugin, &mut Store<Guest>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        arm(&mut self.store, cpu_max, patience);
        call(&self.plugin, &mut self.store).map_err(|error| fault(&self.store, &error))
    }

    /// What the last call cost, if it has just ended.
    pub(super) fn cost(&self) -> Duration {
        self.store.data().deadline.cost()
    }

    pub(super) fn guest(&self) -> &Guest {
        self.store.data()
    }

    pub(super) fn guest_mut(&mut self) -> &mut Guest {
        self.store.data_mut()
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
