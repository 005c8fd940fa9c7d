//! How much a plugin may store.

/// How much a plugin may store, over all of its rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageLimits {
    /// A key, in bytes.
    pub key_bytes_max: usize,
    /// A value, in bytes.
    pub value_bytes_max: usize,
    /// All keys and values of a plugin, in bytes.
    pub bytes_max: usize,
    /// The keys of a plugin.
    pub keys_max: usize,
}

impl Default for StorageLimits {
    fn default() -> Self {
        Self {
            key_bytes_max: 256,
            value_bytes_max: 64 << 10,
            bytes_max: 16 << 20,
            keys_max: 100_000,
        }
    }
}
