//! The load of the benches that compare servers: the same work for each of them, and every message accounted for.
//!
//! A `Dialect` is all that tells servers apart: how a client joins, how it writes an input, and what a message that it gets says. A
//! `Scene` is the work: who says what when, and what must come of it; it knows neither sockets nor servers. `crew` has the sockets,
//! and `run` the clock. All of it is on one thread.

mod account;
mod alarm;
mod cpu;
mod crew;
mod dialect;
mod error;
mod files;
mod memory;
mod options;
mod report;
mod run;
mod samples;
mod scene;
mod schedule;
mod solo;
mod text;
mod wakes;
mod wire;

pub use account::{Fault, Faults};
pub use error::Error;
pub use memory::Memory;
pub use options::{Echo, Fanout, Game, Options, Shared, Target, Work};
pub use report::Report;
pub use run::run;
pub use samples::Percentiles;
pub use solo::{Alone, alone};
pub use wakes::{Wakes, wakes};
