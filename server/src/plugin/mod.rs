//! The plugin host: the only part of the server that knows wasmtime. A room hands it batches and gets effects or a
//! [`Fault`]; deadlines, memory, imports and traps stay inside.

mod audit;
pub(crate) mod bindings;
mod catalog;
#[cfg(test)]
mod costs;
mod effect;
mod effect_hash;
mod engine;
mod fault;
mod guest;
mod imports;
mod inspect;
mod instance;
mod limits;
mod recorder;
mod runner;
mod slow_lane;

pub(crate) use audit::{Audit, AuditPace};
pub(crate) use bindings::parlor::room::types as wit;
pub use catalog::{Catalog, LoadError, Version};
pub(crate) use effect::{Action, Audience, Effect, Refusal, ViewAudience};
pub use engine::ROOMS_MAX;
pub(crate) use fault::Fault;
pub use fault::FaultReport;
pub use inspect::InspectError;
pub(crate) use instance::OpenError;
pub(crate) use runner::{BatchInput, Position, Ran, Runner};
pub(crate) use slow_lane::SlowLane;
