//! Whether everything that should have come came: once, as it was, and in order. No sockets, no clock and no servers: only what was
//! said, and what came.

mod answers;
mod boards;
mod deliveries;
mod faults;

pub(crate) use answers::Answers;
pub(crate) use boards::{Boards, CELLS, Cells};
pub(crate) use deliveries::{History, audit};
pub use faults::{Fault, Faults};
