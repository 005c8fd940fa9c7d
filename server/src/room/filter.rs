//! What a client asks of the rooms in a listing.

use std::collections::BTreeMap;

use parlor_proto::{ErrorCode, Payload};
use serde::de::IgnoredAny;

use super::registry::Refused;

/// The most that the filter of a listing may take: metadata has no more.
const FILTER_BYTES_MAX: usize = 4 << 10;

/// The entries that a listed room's metadata must have.
pub(crate) struct Filter(Vec<(String, Payload)>);

impl Filter {
    /// Reads a filter: a map, of which every entry must be met.
    pub(crate) fn new(filter: &Payload) -> Result<Self, Refused> {
        if filter.as_msgpack().len() > FILTER_BYTES_MAX {
            let message = "a filter takes at most 4 KiB of MessagePack; send less";
            return Err((ErrorCode::PayloadTooLarge, message.to_owned()));
        }
        let Ok(keys) = filter.to_serde::<BTreeMap<String, IgnoredAny>>() else {
            return Err((
                ErrorCode::InvalidPayload,
                "a filter must be a map".to_owned(),
            ));
        };
        let value = |key: &String| filter.get(key).map(|value| value.sorted());
        let entries = keys
            .into_keys()
            .filter_map(|key| Some((key.clone(), value(&key)?)));
        Ok(Self(entries.collect()))
    }

    /// Whether a room's metadata has every entry.
    pub(crate) fn matches(&self, metadata: &Payload) -> bool {
        self.0.iter().all(|(key, wanted)| {
            metadata
                .get(key)
                .is_some_and(|value| value.sorted() == *wanted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_matches_metadata_that_has_all_its_entries() {
        let metadata = Payload::from_json(r#"{"status":"waiting","players":2}"#).unwrap();
        let matches = |json| {
            let filter = Filter::new(&Payload::from_json(json).unwrap()).unwrap();
            filter.matches(&metadata)
        };
        assert!(matches(r#"{"status":"waiting"}"#));
        assert!(matches("{}"));
        assert!(!matches(r#"{"status":"active"}"#));
        assert!(!matches(r#"{"other":1}"#));
    }

    #[test]
    fn a_filter_that_is_no_map_or_too_large_is_refused() {
        let refusal = |json: &str| Filter::new(&Payload::from_json(json).unwrap()).err();
        assert!(matches!(refusal("1"), Some((ErrorCode::InvalidPayload, _))));
        let large = format!(r#"{{"x":"{}"}}"#, "y".repeat(FILTER_BYTES_MAX));
        assert!(matches!(
            refusal(&large),
            Some((ErrorCode::PayloadTooLarge, _))
        ));
    }
}
