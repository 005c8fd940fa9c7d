//! A load generator for Parlor: bots that join rooms over real WebSockets, send inputs on a fixed schedule, and account
//! for every message.
//!
//! It is *open-loop*: an input is sent at its scheduled time whether or not earlier ones were answered, and its latency
//! counts from that time. So a server that stalls cannot hide it by slowing the generator down (no coordinated omission).
//!
//! The flow: [`Options`] are checked into a `Plan`; `run` opens a `Socket` for each bot, and each bot is one task
//! (`bot`) that plays a `Script` of its plugin and keeps a `Ledger`; the ledgers of a room are audited together
//! (`account`), and all of it ends in a [`Summary`]. Nothing is printed here but a progress bar on a terminal.
//!
//! [`harass`] is the opposite: a client that does harm, so that benches can show what it does to the others. [`last`] has
//! clients of rooms that outlive the server.

mod account;
mod acks;
mod bot;
mod buckets;
mod cpu;
mod error;
mod hostile;
mod join;
mod lasting;
mod metrics;
mod options;
mod room;
mod run;
mod samples;
mod schedule;
mod script;
mod server_report;
mod socket;
mod summary;
mod traffic;

pub use account::{Fault, Faults};
pub use error::Error;
pub use hostile::{Harm, Hostile, harass};
pub use lasting::{Lasting, LastingReport, last};
pub use options::{Encoding, Options, Plugin};
pub use run::run;
pub use samples::Percentiles;
pub use server_report::{InputReport, ServerReport, TickReport, WorkReport};
pub use summary::{Cpu, Deliveries, Inputs, Latencies, MemberTraffic, Summary, Traffic};
