//! What plugins store: keys and values that all rooms of a plugin share and that outlive them. An operation is run when
//! it is asked for and answered when what it did, and what it saw, is durable. Each plugin has one stream in the journal.
//!
//! Operations have names, and the result of one that is kept is told again to whoever asks by the same name: a room that
//! is recovered goes through its steps again, and finds what it found the first time. Knows no steps and no sockets.

mod keys;
mod plugin;
mod record;
mod waiting;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use parlor_journal::{Health, Journal, StreamKind};
use tokio::sync::{Notify, oneshot};

use self::plugin::Plugin;
use self::record::{Outcome, Value};
use self::waiting::{Reply, Waits};
use crate::config::StorageLimits;
use crate::plugin::wit;
use crate::room::RoomHandle;
use crate::telemetry::Metrics;

pub(crate) use self::record::OperationId;
pub(crate) use self::waiting::Held;

/// An operation of a room.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) id: OperationId,
    /// The plugin's own number for it.
    pub(crate) number: u64,
    /// Whether it may be asked for again, by a room that survives a crash.
    pub(crate) is_kept: bool,
    pub(crate) request: wit::KvRequest,
}

/// The storage cannot be asked at the moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// The storage of all plugins of this node.
#[derive(Debug)]
pub(crate) struct Storage {
    journal: Journal,
    limits: StorageLimits,
    /// Grows by the plugins that store something.
    plugins: RwLock<HashMap<Box<str>, Arc<Mutex<Plugin>>>>,
    /// Told whenever more is durable.
    committed: Arc<Notify>,
    waits: Arc<Waits>,
    metrics: Arc<Metrics>,
}

impl Storage {
    /// Brings back what the journal holds.
    pub(crate) fn open(journal: Journal, limits: StorageLimits, metrics: Arc<Metrics>) -> Self {
        let committed = Arc::new(Notify::new());
        let mut plugins = HashMap::new();
        for stream in journal.streams(StreamKind::Storage) {
            let name = String::from_utf8_lossy(&stream.name).into_owned();
            let (plugin, damage) = Plugin::recover(stream, &journal, metrics.storage_of(&name));
            if let Some(damage) = damage {
                tracing::error!(plugin = name, keys = plugin.keys.count(), %damage, "what this plugin stored is damaged; it goes on with what was there before the damage");
                metrics.storage_damaged();
            }
            plugins.insert(name.into(), Arc::new(Mutex::new(plugin)));
        }
        Self {
            journal,
            limits,
            plugins: RwLock::new(plugins),
            committed,
            waits: Arc::new(Waits::new(metrics.storage_waiting())),
            metrics,
        }
    }

    /// Answers what is durable by now, for as long as the server runs.
    pub(crate) async fn serve(&self) {
        loop {
            let committed = self.committed.notified();
            tokio::pin!(committed);
            // Before looking, so that what is committed meanwhile is not missed.
            committed.as_mut().enable();
            let durable = self.journal.durable();
            for plugin in self.all() {
                lock(&plugin).answer_up_to(durable);
            }
            committed.await;
        }
    }

    /// Runs an operation of a room, unless it ran before and its result was kept. The answer comes to the room when all of
    /// it is durable. Answers come in the order in which was asked, but for those that the storage is unavailable.
    pub(crate) fn run(&self, room: &RoomHandle, operation: Operation) {
        let Operation {
            id,
            number,
            is_kept,
            request,
        } = operation;
        let name = &*room.identity.plugin;
        let reply = Reply::Room {
            room: room.clone(),
            operation: id,
            number,
        };
        self.ask(name, is_kept.then_some(id), request, reply);
    }

    /// Reads a key for somebody who is no room.
    pub(crate) async fn read(&self, plugin: &str, key: &str) -> Result<Option<Bytes>, Unavailable> {
        let Some(plugin) = self.plugin(plugin) else {
            return Ok(None);
        };
        let told = {
            let mut plugin = lock(&plugin);
            let value = plugin.keys.get(key).cloned();
            let durable = self.journal.durable();
            if plugin.is_durable(durable) {
                return Ok(value);
            }
            // What is not durable may still be lost, and must not have been seen by anybody then.
            if self.journal.health() != Health::Good || self.waits.are_full() {
                return Err(Unavailable);
            }
            let (tell, told) = oneshot::channel();
            let outcome = Outcome::Value(value.map(Value));
            let held = self.waits.hold(outcome.weight());
            plugin.reply_when_durable(Reply::Reader(tell), outcome, held, durable);
            told
        };
        match told.await {
            Ok(Outcome::Value(value)) => Ok(value.map(|Value(bytes)| bytes)),
            Ok(_) | Err(_) => Err(Unavailable),
        }
    }

    fn ask(&self, name: &str, kept_as: Option<OperationId>, request: wit::KvRequest, reply: Reply) {
        if self.waits.are_full() {
            self.metrics.storage_operation(Outcome::Unavailable.label());
            return reply.send(Outcome::Unavailable, self.waits.hold(0));
        }
        let plugin = self.plugin_for_writing(name);
        let mut plugin = lock(&plugin);
        let (journal, committed) = (&self.journal, &self.committed);
        let outcome = plugin.run(kept_as, request, &self.limits, journal, committed);
        self.metrics.storage_operation(outcome.label());
        let held = self.waits.hold(outcome.weight());
        plugin.reply_when_durable(reply, outcome, held, journal.durable());
    }

    fn plugin(&self, name: &str) -> Option<Arc<Mutex<Plugin>>> {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        plugins.get(name).map(Arc::clone)
    }

    fn plugin_for_writing(&self, name: &str) -> Arc<Mutex<Plugin>> {
        if let Some(present) = self.plugin(name) {
            return present;
        }
        let mut plugins = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
        let made = plugins.entry(name.into()).or_insert_with(|| {
            Arc::new(Mutex::new(Plugin::new(name, self.metrics.storage_of(name))))
        });
        Arc::clone(made)
    }

    fn all(&self) -> Vec<Arc<Mutex<Plugin>>> {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        plugins.values().map(Arc::clone).collect()
    }
}

/// What rooms that survive a crash need beyond that.
impl Storage {
    /// Lets go of a kept result, now that the event that answered it is durable.
    pub(crate) fn forget(&self, plugin: &str, id: OperationId) {
        if let Some(plugin) = self.plugin(plugin) {
            lock(&plugin).keys.forget(id);
        }
    }

    /// Lets go of the results of a room that came back, but for those that were not answered.
    pub(crate) fn forget_answered(
        &self,
        plugin: &str,
        epoch: u64,
        unanswered: &HashSet<OperationId>,
    ) {
        if let Some(plugin) = self.plugin(plugin) {
            lock(&plugin).keys.forget_answered(epoch, unanswered);
        }
    }

    /// Lets go of the kept results of all rooms that are no more, known by their epochs.
    pub(crate) fn forget_ended(&self, is_alive: impl Fn(u64) -> bool) {
        for plugin in self.all() {
            lock(&plugin).keys.forget_ended(&is_alive);
        }
    }
}

fn lock(plugin: &Mutex<Plugin>) -> MutexGuard<'_, Plugin> {
    plugin.lock().unwrap_or_else(PoisonError::into_inner)
}
