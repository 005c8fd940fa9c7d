//! For tests: a disk that loses what was not synced.

mod lossy;
mod random;

pub use lossy::LossyDisk;
pub use random::Random;
