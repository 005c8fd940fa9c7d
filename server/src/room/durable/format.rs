//! Bytes on the disk: MessagePack behind a byte that names the version of the format.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of the format of records and snapshots.
const FORMAT: u8 = 1;

/// Why bytes of the journal could not be read as what they should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    #[error(
        "it is of format {0}, and this server reads format {FORMAT}; run the server that wrote it"
    )]
    Version(u8),
    #[error("it is empty")]
    Empty,
    #[error("{0}")]
    Content(#[from] rmp_serde::decode::Error),
}

pub(crate) fn encode(value: &impl Serialize) -> Bytes {
    let mut bytes = vec![FORMAT];
    // Writing plain data to memory fails for nothing but a type that MessagePack has no form for.
    if let Err(error) = rmp_serde::encode::write(&mut bytes, value) {
        unreachable!("records are plain data: {error}");
    }
    bytes.into()
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormatError> {
    match bytes.split_first() {
        None => Err(FormatError::Empty),
        Some((&FORMAT, content)) => Ok(rmp_serde::from_slice(content)?),
        Some((version, _)) => Err(FormatError::Version(*version)),
    }
}
