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
    write(&mut bytes, value);
    bytes.into()
}

fn write(bytes: &mut Vec<u8>, value: &impl Serialize) {
    // Writing plain data to memory fails for nothing but a type that MessagePack has no form for.
    if let Err(error) = rmp_serde::encode::write(bytes, value) {
        unreachable!("records are plain data: {error}");
    }
}

/// A list that is written item by item, into the same memory again and again.
#[derive(Debug, Default)]
pub(super) struct Batches {
    items: Vec<u8>,
    count: u32,
}

/// More memory than this is not kept for the next list.
const KEPT_BYTES_MAX: usize = 16 << 10;

impl Batches {
    pub(super) fn add(&mut self, item: &impl Serialize) {
        write(&mut self.items, item);
        self.count += 1;
    }

    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    /// The whole list, as [`encode`] would write it. The next one is empty.
    pub(super) fn take(&mut self) -> Bytes {
        // The longest head of a list.
        let mut bytes = Vec::with_capacity(1 + 5 + self.items.len());
        bytes.push(FORMAT);
        // Writing to memory does not fail.
        let _ = rmp::encode::write_array_len(&mut bytes, self.count);
        bytes.append(&mut self.items);
        self.items.shrink_to(KEPT_BYTES_MAX);
        self.count = 0;
        bytes.into()
    }
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormatError> {
    match bytes.split_first() {
        None => Err(FormatError::Empty),
        Some((&FORMAT, content)) => Ok(rmp_serde::from_slice(content)?),
        Some((version, _)) => Err(FormatError::Version(*version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_written_item_by_item_is_the_list() {
        let mut batches = Batches::default();
        for count in [0, 1, 15, 16, 70_000_u32] {
            let items: Vec<u32> = (0..count).collect();
            items.iter().for_each(|it| batches.add(it));
            let bytes = batches.take();
            assert_eq!(bytes, encode(&items));
            assert_eq!(decode::<Vec<u32>>(&bytes).unwrap(), items);
        }
        assert!(batches.items.capacity() <= KEPT_BYTES_MAX);
    }
}
