//! `parlor.v2.Value` to and from canonical MessagePack, as a stream over the wire format: no tree of messages.

mod read;
mod write;

pub(crate) use read::decode;
pub(crate) use write::encode;

/// The field numbers of `parlor.v2.Value` and the messages in it, as in `parlor.proto`. A test compares them.
mod number {
    pub(super) const NULL: u32 = 1;
    pub(super) const BOOL: u32 = 2;
    pub(super) const INT: u32 = 3;
    pub(super) const UINT: u32 = 4;
    pub(super) const FLOAT: u32 = 5;
    pub(super) const TEXT: u32 = 6;
    pub(super) const BYTES: u32 = 7;
    pub(super) const LIST: u32 = 8;
    pub(super) const MAP: u32 = 9;
    pub(super) const UINT_LIST: u32 = 10;

    /// `List.items`, `Map.entries` and `UintList.items`.
    pub(super) const ITEM: u32 = 1;
    /// `Entry.key`.
    pub(super) const KEY: u32 = 1;
    /// `Entry.value`.
    pub(super) const VALUE: u32 = 2;
}
