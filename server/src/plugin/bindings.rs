//! What wasmtime generates from `plugin-sdk/wit`, the one source of truth of the plugin contract.

wasmtime::component::bindgen!({
    path: "../plugin-sdk/wit",
    world: "plugin",
    additional_derives: [PartialEq],
});

impl parlor::room::types::Event {
    /// What it carries of other people's making.
    pub(crate) fn payload_bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.payload.len(),
            Self::Signal(signal) => signal.payload.len(),
            Self::KvAnswer(answer) => answer.outcome.as_ref().map_or(0, |it| it.payload_bytes()),
            _ => 0,
        }
    }
}

impl parlor::room::types::KvOutcome {
    fn payload_bytes(&self) -> usize {
        match self {
            Self::Value(value) | Self::Conflict(value) => value.as_ref().map_or(0, Vec::len),
            Self::Stored => 0,
            Self::Entries(entries) => entries.iter().map(|it| it.key.len() + it.value.len()).sum(),
        }
    }
}

impl parlor::room::types::KvRequest {
    /// What is to be kept of it until it is done.
    pub(crate) fn payload_bytes(&self) -> usize {
        let bytes = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        match self {
            Self::Get(key) => key.len(),
            Self::Put((key, value)) => key.len() + bytes(value),
            Self::CompareAndPut((key, expected, value)) => {
                key.len() + bytes(expected) + bytes(value)
            }
            Self::List((prefix, after, _)) => prefix.len() + after.len(),
        }
    }
}
