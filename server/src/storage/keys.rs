//! What a plugin has stored, and what its operations came to: a state machine without I/O. What it does to itself is a
//! [`Record`], and so is all that a journal has to hold for it to come back the same.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use bytes::Bytes;

use super::StorageLimits;
use super::record::{OperationId, Outcome, Record, Snapshot, Value};
use crate::plugin::wit;

#[cfg(test)]
mod tests;

/// The most entries of one list.
pub(super) const LISTED_MAX: usize = 256;
/// The most bytes of one list, keys and values together.
pub(super) const LISTED_BYTES_MAX: usize = 256 << 10;

/// Kept results may take so many bytes in all of a plugin's rooms; beyond it, what would be kept is not run. Together with
/// the keys they must fit into one frame of the journal.
const RESULT_BYTES_MAX: usize = 16 << 20;
/// What a result takes beside its values.
const RESULT_BYTES: usize = 64;

/// One plugin's keys and values, and the results that may be asked for again.
#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: BTreeMap<String, Value>,
    /// What all keys and values take.
    bytes: usize,
    results: BTreeMap<OperationId, Outcome>,
    /// What the results take.
    result_bytes: usize,
    /// Results that are gone here, and not yet from the journal.
    forgotten: Vec<OperationId>,
}

impl Keys {
    /// Takes up what a snapshot holds.
    pub(super) fn of(snapshot: Snapshot) -> Self {
        let Snapshot { entries, results } = snapshot;
        let weights = entries.iter().map(|(key, value)| weight(key, value));
        Self {
            bytes: weights.sum(),
            result_bytes: results.values().map(result_weight).sum(),
            entries,
            results,
            forgotten: Vec::new(),
        }
    }

    /// Runs an operation. With a name its result is kept, and whoever asks again by that name is told the same. What is to
    /// be written down comes back beside the outcome.
    pub(super) fn execute(
        &mut self,
        kept_as: Option<OperationId>,
        request: wit::KvRequest,
        limits: &StorageLimits,
    ) -> (Outcome, Option<Record>) {
        if let Some(known) = kept_as.and_then(|id| self.results.get(&id)) {
            return (known.clone(), None);
        }
        if kept_as.is_some() && self.result_bytes > RESULT_BYTES_MAX {
            return (Outcome::Unavailable, None);
        }
        let (outcome, change) = self.judge(request, limits);
        if change.is_none() && kept_as.is_none() {
            return (outcome, None);
        }
        let record = Record {
            change,
            result: kept_as.map(|id| (id, outcome.clone())),
            forgotten: std::mem::take(&mut self.forgotten),
        };
        self.apply(&record);
        (outcome, Some(record))
    }

    /// Does what a record says, be it of just now or from the journal.
    pub(super) fn apply(&mut self, record: &Record) {
        for id in &record.forgotten {
            self.remove_result(*id);
        }
        if let Some((key, value)) = &record.change {
            if let Some(before) = self.entries.remove(key) {
                self.bytes -= weight(key, &before);
            }
            if let Some(value) = value {
                self.bytes += weight(key, value);
                self.entries.insert(key.clone(), value.clone());
            }
        }
        if let Some((id, outcome)) = &record.result {
            self.remove_result(*id);
            self.result_bytes += result_weight(outcome);
            self.results.insert(*id, outcome.clone());
        }
    }

    /// Lets go of a result that nobody will ask for again. The journal hears of it with what is written next.
    pub(super) fn forget(&mut self, id: OperationId) {
        if self.remove_result(id) {
            self.forgotten.push(id);
        }
    }

    /// Lets go of the results of one room, but for those that were not answered.
    pub(super) fn forget_answered(&mut self, epoch: u64, unanswered: &HashSet<OperationId>) {
        let results = self.results.keys();
        let answered = results.filter(|id| id.epoch == epoch && !unanswered.contains(id));
        for id in answered.copied().collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    /// Lets go of all results of rooms whose history has ended.
    pub(super) fn forget_ended(&mut self, is_alive: impl Fn(u64) -> bool) {
        let ended = self.results.keys().filter(|id| !is_alive(id.epoch));
        for id in ended.copied().collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    /// Everything, for a snapshot, which also says all that was to be forgotten.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.forgotten.clear();
        Snapshot {
            entries: self.entries.clone(),
            results: self.results.clone(),
        }
    }

    /// How many keys there are.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// What they take with their values.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Bytes> {
        self.entries.get(key).map(|value| &value.0)
    }

    fn remove_result(&mut self, id: OperationId) -> bool {
        let removed = self.results.remove(&id);
        self.result_bytes -= removed.as_ref().map_or(0, result_weight);
        removed.is_some()
    }

    /// What comes of an operation, and the value that a key gets by it, if it is another one.
    fn judge(
        &self,
        request: wit::KvRequest,
        limits: &StorageLimits,
    ) -> (Outcome, Option<(String, Option<Value>)>) {
        let is_long = |key: &str| key.len() > limits.key_bytes_max;
        match request {
            wit::KvRequest::Get(key) if is_long(&key) => (Outcome::TooLarge, None),
            wit::KvRequest::Get(key) => (Outcome::Value(self.entries.get(&key).cloned()), None),
            wit::KvRequest::List((prefix, after, _)) if is_long(&prefix) || is_long(&after) => {
                (Outcome::TooLarge, None)
            }
            wit::KvRequest::List((prefix, after, count)) => {
                (Outcome::Entries(self.list(&prefix, &after, count)), None)
            }
            wit::KvRequest::Put((key, value)) => self.put(key, value, limits),
            wit::KvRequest::CompareAndPut((key, expected, value)) => {
                let present = self.entries.get(&key);
                if is_long(&key) {
                    (Outcome::TooLarge, None)
                } else if present.map(|value| &value.0[..]) == expected.as_deref() {
                    self.put(key, value, limits)
                } else {
                    (Outcome::Conflict(present.cloned()), None)
                }
            }
        }
    }

    fn put(
        &self,
        key: String,
        value: Option<Vec<u8>>,
        limits: &StorageLimits,
    ) -> (Outcome, Option<(String, Option<Value>)>) {
        let value = value.map(|bytes| Value(bytes.into()));
        let value_bytes = value.as_ref().map_or(0, |value| value.0.len());
        if key.len() > limits.key_bytes_max || value_bytes > limits.value_bytes_max {
            return (Outcome::TooLarge, None);
        }
        let present = self.entries.get(&key);
        if present == value.as_ref() {
            return (Outcome::Stored, None);
        }
        let (before, after) = (
            present.map_or(0, |it| weight(&key, it)),
            key.len() + value_bytes,
        );
        // What makes less of it is done even where a quota was lowered below what is there.
        let is_growing = value.is_some() && after > before;
        let is_new = value.is_some() && present.is_none();
        let exceeds = (is_growing && self.bytes - before + after > limits.bytes_max)
            || (is_new && self.entries.len() >= limits.keys_max);
        if exceeds {
            return (Outcome::Quota, None);
        }
        (Outcome::Stored, Some((key, value)))
    }

    fn list(&self, prefix: &str, after: &str, count: u32) -> Vec<(String, Value)> {
        let start = if after < prefix {
            Bound::Included(prefix)
        } else {
            Bound::Excluded(after)
        };
        let count_max = usize::try_from(count).unwrap_or(usize::MAX).min(LISTED_MAX);
        let mut bytes = 0;
        let mut is_first = true;
        let within = self
            .entries
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(count_max)
            .take_while(|(key, value)| {
                bytes += weight(key, value);
                // The first one always fits, or whoever goes through a list could not go on.
                std::mem::take(&mut is_first) || bytes <= LISTED_BYTES_MAX
            });
        within
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

fn result_weight(outcome: &Outcome) -> usize {
    outcome.weight() + RESULT_BYTES
}

fn weight(key: &str, value: &Value) -> usize {
    key.len() + value.0.len()
}
