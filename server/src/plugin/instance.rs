//! One instance of a plugin, and calls that either give it back or consume it.
//!
//! A trap poisons the whole store, so that every call takes the instance by value: using a dead one cannot be written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::Store;

use super::bindings::Plugin;
use super::bindings::parlor::room::types as wit;
use super::catalog::{Code, Version};
use super::fault::{Fault, FaultKind};
use super::guest::Guest;
use super::limits::{HOSTCALL_BYTES_MAX, LIFECYCLE_CPU};
use super::native::{NativeGuest, NativeInstance};
use super::sandbox::Sandbox;

/// A live instance, fit to be called.
pub(crate) struct Instance {
    body: Body,
    step_cpu: Duration,
    /// How many times longer than usual its calls may take.
    patience: u32,
    /// What the last call cost, in CPU time where it ran long enough to be measured.
    pub(crate) last_cost: Duration,
}

/// Where its code runs.
enum Body {
    Component(Sandbox),
    /// In a bench that measures what the other one costs.
    Native(NativeInstance),
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
    fn new(version: &Version, room: &Arc<str>, seed: u64, patience: u32) -> Result<Self, Fault> {
        let body = match &version.code {
            Code::Component(pre) => {
                Body::Component(Sandbox::new(version, pre, room, seed, patience)?)
            }
            Code::Native(code) => Body::Native(NativeInstance::new(code)),
            Code::None => unreachable!("no room is made of a version without code"),
        };
        Ok(Self {
            body,
            step_cpu: version.limits.step_cpu,
            patience,
            last_cost: Duration::ZERO,
        })
    }

    /// Begins a room.
    pub(crate) fn open(
        version: &Version,
        room: &Arc<str>,
        config: &wit::Config,
    ) -> Result<(Self, Vec<wit::Effect>), OpenError> {
        let mut instance = Self::new(version, room, config.seed, 1)?;
        let answer = instance.call(
            LIFECYCLE_CPU,
            |plugin, store| plugin.parlor_room_guest().call_open(store, config),
            |native| native.open(config),
        )?;
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
        let mut instance = Self::new(version, room, seed, patience)?;
        let answer = instance.call(
            LIFECYCLE_CPU,
            |plugin, store| plugin.parlor_room_guest().call_load(store, schema, saved),
            |native| native.load(schema, saved),
        )?;
        match answer {
            Ok(()) => Ok(instance),
            Err(failure) => Err(Fault::new(FaultKind::Failure, failure.message)),
        }
    }

    /// Runs one step.
    pub(crate) fn step(mut self, batch: &wit::Batch) -> Result<(Self, Vec<wit::Effect>), Fault> {
        let answer = self.call(
            self.step_cpu,
            |plugin, store| {
                let guest = store.data_mut();
                guest.begin(batch.now_ms, batch.seed, batch.first_event);
                plugin.parlor_room_guest().call_step(store, batch)
            },
            |native| native.step(batch),
        )?;
        match answer {
            Ok(effects) => Ok((self, effects)),
            Err(failure) => Err(Fault::new(FaultKind::Failure, failure.message)),
        }
    }

    /// Has the guest write down its state.
    pub(crate) fn save(mut self) -> Result<(Self, Bytes), Fault> {
        let saved = self.call(
            LIFECYCLE_CPU,
            |plugin, store| {
                // A state may be as large as the memory it is in, unlike anything else a guest hands over.
                let fuel = store.data().memory.bytes.max(HOSTCALL_BYTES_MAX);
                store.set_hostcall_fuel(fuel);
                let saved = plugin.parlor_room_guest().call_save(&mut *store)?;
                store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
                Ok(saved)
            },
            |native| native.save(),
        )?;
        Ok((self, saved.into()))
    }

    /// Has its calls take so many times longer than usual.
    pub(crate) fn set_patience(&mut self, patience: u32) {
        self.patience = patience;
    }

    /// Silences the guest's log while its history is run again.
    pub(crate) fn mute(&mut self, is_muted: bool) {
        if let Body::Component(sandbox) = &mut self.body {
            sandbox.guest_mut().log.is_muted = is_muted;
        }
    }

    /// What it takes of memory: nothing where its code runs in ours.
    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.body {
            Body::Component(sandbox) => sandbox.guest().memory.bytes,
            Body::Native(_) => 0,
        }
    }

    /// Takes the number of log lines dropped since the last call of this.
    pub(crate) fn take_dropped_log_lines(&mut self) -> u64 {
        match &mut self.body {
            Body::Component(sandbox) => std::mem::take(&mut sandbox.guest_mut().log.lines_dropped),
            Body::Native(_) => 0,
        }
    }

    fn call<R>(
        &mut self,
        cpu_max: Duration,
        component: impl FnOnce(&Plugin, &mut Store<Guest>) -> wasmtime::Result<R>,
        native: impl FnOnce(&mut dyn NativeGuest) -> R,
    ) -> Result<R, Fault> {
        match &mut self.body {
            Body::Component(sandbox) => {
                let answer = sandbox.call(cpu_max, self.patience, component);
                self.last_cost = sandbox.cost();
                answer
            }
            Body::Native(instance) => {
                let answer = instance.call(native);
                self.last_cost = instance.cost();
                Ok(answer)
            }
        }
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
