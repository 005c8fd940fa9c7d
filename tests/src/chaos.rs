//! Clients that never give up, behind a network that does its worst, and the proof afterwards that nothing was lost.
//!
//! A [`Storm`] lets many [resilient clients](client) chat and play through the [proxy](crate::FaultProxy), beside witnesses
//! that are connected directly. Each keeps a [`Record`] of what it saw and did. [`check`] is a pure function from all the
//! records to the list of what is wrong with them.

mod check;
mod client;
mod crash;
mod crowd;
mod history;
mod observe;
mod storm;
mod summary;

pub use check::{Kind, Violation, check, check_durable};
pub(crate) use client::{Inbound, Line};
pub use client::{Pace, RoomPlan, Script, Stage, Tally};
pub use crash::{CrashOutcome, CrashRun, Kills, Patience, Victim};
pub use crowd::{Crowd, MARKER, seating, seating_by};
pub use history::{
    Answer, Board, Event, Frame, History, Input, Limits, Observed, Place, Record, State, What,
};
pub use storm::{Outcome, Storm, Until};
pub use summary::Summary;
