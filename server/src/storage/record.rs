//! What the journal holds of a plugin's storage: records of what operations did, and snapshots of everything.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::plugin::wit;

/// How records and snapshots are written; the first byte of each.
const FORMAT: u8 = 1;

/// The name of a storage operation. A room that runs the same step again gives it the same name.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct OperationId {
    /// The epoch of the room that asked for it.
    pub(crate) epoch: u64,
    /// The step that asked for it.
    pub(crate) step: u64,
    /// Its place among the effects of that step.
    pub(crate) index: u32,
}

/// A stored value. Shared, not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value(pub(super) Bytes);

/// What an operation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    Value(Option<Value>),
    Stored,
    Conflict(Option<Value>),
    Entries(Vec<(String, Value)>),
    TooLarge,
    Quota,
    Unavailable,
}

/// What one operation did, for the journal.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The value that a key has from here on; `None` is no value.
    pub(super) change: Option<(String, Option<Value>)>,
    /// What the operation came to, where that is kept.
    pub(super) result: Option<(OperationId, Outcome)>,
    /// Results that nobody will ask for again.
    pub(super) forgotten: Vec<OperationId>,
}

/// Everything of one plugin.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) entries: BTreeMap<String, Value>,
    pub(super) results: BTreeMap<OperationId, Outcome>,
}

/// Bytes that are no record or snapshot of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It was written by another version.
    #[error("its format is {0}, and this server knows {FORMAT}")]
    Format(u8),
    /// It is damaged.
    #[error(transparent)]
    Damaged(#[from] rmp_serde::decode::Error),
}

/// Writes a record or a snapshot.
pub(super) fn encode<T: Serialize>(value: &T) -> Bytes {
    let mut bytes = vec![FORMAT];
    rmp_serde::encode::write(&mut bytes, value).expect("all of it can be written to memory");
    bytes.into()
}

/// Reads a record or a snapshot.
pub(super) fn decode<T: de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    match bytes {
        [] => Err(ReadError::Empty),
        [FORMAT, rest @ ..] => Ok(rmp_serde::from_slice(rest)?),
        [other, ..] => Err(ReadError::Format(*other)),
    }
}

impl Outcome {
    /// About how much it takes in memory beside an operation without values.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Value(value) | Self::Conflict(value) => {
                value.as_ref().map_or(0, |value| value.0.len())
            }
            Self::Entries(entries) => entries.iter().map(|(key, it)| key.len() + it.0.len()).sum(),
            Self::Stored | Self::TooLarge | Self::Quota | Self::Unavailable => 0,
        }
    }

    /// The name of what came of it, for metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Stored => "stored",
            Self::Conflict(_) => "conflict",
            Self::Entries(_) => "entries",
            Self::TooLarge => "too-large",
            Self::Quota => "quota",
            Self::Unavailable => "unavailable",
        }
    }

    /// The same as a plugin is told.
    pub(super) fn into_wit(self) -> Result<wit::KvOutcome, wit::KvError> {
        let bytes = |value: Option<Value>| value.map(|value| Vec::from(value.0));
        Ok(match self {
            Self::Value(value) => wit::KvOutcome::Value(bytes(value)),
            Self::Stored => wit::KvOutcome::Stored,
            Self::Conflict(value) => wit::KvOutcome::Conflict(bytes(value)),
            Self::Entries(entries) => {
                let entries = entries.into_iter().map(|(key, value)| wit::KvEntry {
                    key,
                    value: value.0.into(),
                });
                wit::KvOutcome::Entries(entries.collect())
            }
            Self::TooLarge => return Err(wit::KvError::TooLarge),
            Self::Quota => return Err(wit::KvError::Quota),
            Self::Unavailable => return Err(wit::KvError::Unavailable),
        })
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Value;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
                Ok(Value(Bytes::copy_from_slice(bytes)))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Value, E> {
                Ok(Value(bytes.into()))
            }
        }

        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let id = OperationId {
            epoch: u64::MAX,
            step: 2,
            index: 3,
        };
        let value = |byte| Value(Bytes::from(vec![byte; 3]));
        let outcomes = [
            Outcome::Value(None),
            Outcome::Value(Some(value(1))),
            Outcome::Stored,
            Outcome::Conflict(Some(value(2))),
            Outcome::Entries(vec![("a".to_owned(), value(3))]),
            Outcome::TooLarge,
            Outcome::Quota,
        ];
        for outcome in outcomes {
            let record = Record {
                change: Some(("key".to_owned(), Some(value(4)))),
                result: Some((id, outcome)),
                forgotten: vec![id],
            };
            assert_eq!(decode::<Record>(&encode(&record)).unwrap(), record);
        }
    }

    #[test]
    fn what_is_no_record_is_an_error_and_never_another_record() {
        let whole = encode(&Record {
            change: Some(("key".to_owned(), None)),
            ..Record::default()
        });
        assert!(matches!(decode::<Record>(&[]), Err(ReadError::Empty)));
        let mut other = whole.to_vec();
        other[0] = 2;
        assert!(matches!(
            decode::<Record>(&other),
            Err(ReadError::Format(2))
        ));
        for end in 1..whole.len() {
            assert!(decode::<Record>(&whole[..end]).is_err(), "{end}");
        }
    }
}
