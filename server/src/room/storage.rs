//! What a room's plugin asks of the storage, and what it is answered. An operation of a room with a journal runs when the
//! record of the step that asked for it is durable, and its result is kept until that of the answer is: so it is run
//! once, however often the room comes back.

use std::collections::BTreeMap;

use parlor_journal::Lsn;
use parlor_proto::Durability;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::core::RoomCore;
use super::origin::Origin;
use crate::plugin::wit;
use crate::storage::{Operation, OperationId};

/// The most operations of a room that wait for their answers; what is asked beyond is answered `unavailable`.
const WAITING_MAX: usize = 1024;

/// A room's operations.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// Those that the storage was not asked for yet, each with the record that must be durable first.
    asked: Vec<(Lsn, Operation)>,
    /// Those whose answer did not come to the plugin yet, `asked` included.
    unanswered: BTreeMap<OperationId, (u64, wit::KvRequest)>,
    /// Those whose answer came to the plugin, each with the record that says so.
    answered: Vec<(Lsn, OperationId)>,
}

/// An operation without an answer, as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OperationNote {
    id: OperationId,
    number: u64,
    request: RequestNote,
}

#[derive(Debug, Serialize, Deserialize)]
enum RequestNote {
    Get(String),
    Put(String, Option<ByteBuf>),
    CompareAndPut(String, Option<ByteBuf>, Option<ByteBuf>),
    List(String, String, u32),
}

impl OperationNote {
    /// The plugin's number for it, and what it asks.
    pub(super) fn request(&self) -> (u64, wit::KvRequest) {
        (self.number, self.request.to_plugin())
    }
}

impl Operations {
    /// Whether nothing is under way.
    pub(super) fn are_done(&self) -> bool {
        self.unanswered.is_empty() && self.answered.is_empty()
    }

    /// Whether something waits for the disk.
    pub(super) fn wait_for_disk(&self) -> bool {
        !self.asked.is_empty() || !self.answered.is_empty()
    }

    /// What the storage is to be asked, now that so much is durable.
    pub(super) fn take_asked(&mut self, durable: Lsn) -> Vec<Operation> {
        let ready = self.asked.extract_if(.., |(record, _)| *record <= durable);
        ready.map(|(_, operation)| operation).collect()
    }

    /// Which results need not be kept any more, now that so much is durable.
    pub(super) fn take_answered(&mut self, durable: Lsn) -> Vec<OperationId> {
        let ready = self
            .answered
            .extract_if(.., |(record, _)| *record <= durable);
        ready.map(|(_, id)| id).collect()
    }

    /// Whether the answer to an operation is to come from the storage.
    pub(super) fn are_awaited(&self, id: OperationId) -> bool {
        self.unanswered.contains_key(&id)
    }

    /// Has what was asked while the room was opened wait for this record.
    pub(super) fn hold_until(&mut self, record: Lsn) {
        for (asked, _) in &mut self.asked {
            *asked = record;
        }
    }

    /// All whose answer did not come.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = OperationId> {
        self.unanswered.keys().copied()
    }

    pub(super) fn note(&self) -> Vec<OperationNote> {
        let notes = self.unanswered.iter();
        let notes = notes.map(|(id, (number, request))| OperationNote {
            id: *id,
            number: *number,
            request: RequestNote::from(request),
        });
        notes.collect()
    }

    pub(super) fn take_up(&mut self, notes: Vec<OperationNote>) {
        let notes = notes.into_iter();
        self.unanswered = notes
            .map(|it| (it.id, (it.number, it.request.to_plugin())))
            .collect();
    }
}

impl RoomCore {
    /// Takes note of an operation that a step asks for.
    pub(super) fn ask_storage(&mut self, id: OperationId, number: u64, request: wit::KvRequest) {
        if self.operations.unanswered.len() >= WAITING_MAX {
            let answer = wit::KvAnswer {
                operation: number,
                outcome: Err(wit::KvError::Unavailable),
            };
            return self.queue_own(wit::Event::KvAnswer(answer), Origin::Stored { id });
        }
        self.operations
            .unanswered
            .insert(id, (number, request.clone()));
        // What is brought back asks when it is back, for what was not answered by then.
        if let Some(record) = self.fanout.record() {
            let operation = self.operation(id, number, request);
            self.operations.asked.push((record, operation));
        }
    }

    /// Lets go of the operations under way that are not wanted any more: what they come to is forgotten.
    pub(super) fn retain_operations(
        &mut self,
        mut is_wanted: impl FnMut(u64, &wit::KvRequest) -> bool,
    ) {
        let unwanted = self
            .operations
            .unanswered
            .extract_if(.., |_, (number, request)| !is_wanted(*number, request));
        let unwanted: Vec<OperationId> = unwanted.map(|(id, _)| id).collect();
        let record = self.fanout.record().unwrap_or(0);
        for id in unwanted {
            self.operations.asked.retain(|(_, it)| it.id != id);
            let is_it =
                |it: &Origin| matches!(it, Origin::Stored { id: waiting } if *waiting == id);
            self.pending.retain(|it| !is_it(&it.origin));
            self.operations.answered.push((record, id));
        }
    }

    /// Asks again for everything that was not answered when the room's history ended.
    pub(super) fn ask_again(&mut self) {
        let unanswered = self.operations.unanswered.clone();
        for (id, (number, request)) in unanswered {
            let operation = self.operation(id, number, request);
            self.operations.asked.push((0, operation));
        }
    }

    fn operation(&self, id: OperationId, number: u64, request: wit::KvRequest) -> Operation {
        Operation {
            id,
            number,
            // Any other room never asks again by the same name.
            is_kept: self.durability == Durability::Journal,
            request,
        }
    }

    /// Hands the plugin an answer.
    pub(super) fn stored(&mut self, id: OperationId, answer: wit::KvAnswer) {
        tracing::trace!(?id, operation = answer.operation, "the storage answers");
        // Who asked twice, before and after a crash, may be answered twice.
        let is_awaited = self.operations.unanswered.contains_key(&id);
        let is_here = |it: &Origin| matches!(it, Origin::Stored { id: waiting } if *waiting == id);
        let is_waiting = self.pending.iter().any(|it| is_here(&it.origin));
        if is_awaited && !is_waiting {
            self.queue(wit::Event::KvAnswer(answer), Origin::Stored { id });
        }
    }

    /// The plugin was handed an answer.
    pub(super) fn note_answered(&mut self, id: OperationId) {
        if self.operations.unanswered.remove(&id).is_some() {
            let record = self.fanout.record().unwrap_or(0);
            self.operations.answered.push((record, id));
        }
    }
}

impl From<&wit::KvRequest> for RequestNote {
    fn from(request: &wit::KvRequest) -> Self {
        let bytes = |it: &Option<Vec<u8>>| it.clone().map(ByteBuf::from);
        match request {
            wit::KvRequest::Get(key) => Self::Get(key.clone()),
            wit::KvRequest::Put((key, value)) => Self::Put(key.clone(), bytes(value)),
            wit::KvRequest::CompareAndPut((key, expected, value)) => {
                Self::CompareAndPut(key.clone(), bytes(expected), bytes(value))
            }
            wit::KvRequest::List((prefix, after, count)) => {
                Self::List(prefix.clone(), after.clone(), *count)
            }
        }
    }
}

impl RequestNote {
    fn to_plugin(&self) -> wit::KvRequest {
        let bytes = |it: &Option<ByteBuf>| it.clone().map(ByteBuf::into_vec);
        match self {
            Self::Get(key) => wit::KvRequest::Get(key.clone()),
            Self::Put(key, value) => wit::KvRequest::Put((key.clone(), bytes(value))),
            Self::CompareAndPut(key, expected, value) => {
                wit::KvRequest::CompareAndPut((key.clone(), bytes(expected), bytes(value)))
            }
            Self::List(prefix, after, count) => {
                wit::KvRequest::List((prefix.clone(), after.clone(), *count))
            }
        }
    }
}
