//! A buffer that each thread uses again and again, for what is written once and then copied or read: most messages are small, and
//! to allocate costs as much as to encode one.

use std::cell::Cell;

/// What it begins with. Most messages are shorter.
const BYTES: usize = 1 << 10;
/// A buffer that has grown beyond this is not kept.
pub(crate) const KEPT_BYTES_MAX: usize = 16 << 10;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Takes the buffer, empty.
pub(crate) fn take() -> Vec<u8> {
    let mut buffer = BUFFER.take();
    if buffer.capacity() == 0 {
        return Vec::with_capacity(BYTES);
    }
    buffer.clear();
    buffer
}

/// Gives a buffer back, or whatever has taken its place.
pub(crate) fn give_back(buffer: Vec<u8>) {
    if !is_large(&buffer) {
        BUFFER.set(buffer);
    }
}

/// Whether it is not to be kept, and so may as well be part of what becomes of it.
pub(crate) fn is_large(buffer: &Vec<u8>) -> bool {
    buffer.capacity() > KEPT_BYTES_MAX
}
