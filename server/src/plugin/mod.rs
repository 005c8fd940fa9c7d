//! The plugin host: the only part of the server that knows wasmtime. A room hands it batches and gets effects or a
//! [`Fault`]; deadlines, memory, imports and traps stay inside.

mod audit;
pub(crate) mod bindings;
mod cache;
mod catalog;
mod compiler;
#[cfg(test)]
mod costs;
mod effect;
mod effect_hash;
mod engine;
mod fault;
mod folder;
mod guest;
mod imports;
mod inspect;
mod instance;
mod limits;
pub mod native;
mod outstanding;
mod recorder;
mod rerun;
mod runner;
mod sandbox;
mod shadow;
mod signature;
mod slow_lane;
mod trial;
mod uploads;
mod usage;

pub(crate) use audit::{Audit, AuditPace};
pub(crate) use bindings::parlor::room::types as wit;
pub use catalog::{Catalog, CatalogSettings, LoadError, Source, Version};
pub(crate) use catalog::{FindError, NoVersion, Offer, Origin};
pub use compiler::{COMPILE_COMMAND, CompileError, CompileLimits, compile_component};
pub(crate) use effect::{Action, Audience, Effect, Refusal, ViewAudience};
pub use engine::ROOMS_MAX;
pub(crate) use fault::Fault;
pub use fault::FaultReport;
pub(crate) use folder::watch as watch_folder;
pub use inspect::InspectError;
pub(crate) use instance::OpenError;
pub(crate) use outstanding::Outstanding;
pub(crate) use runner::{BatchInput, Position, Ran, Runner, SavedRoom, Stepped};
pub(crate) use shadow::Shadowed;
pub use signature::{KeyError, SignatureError, Signatures};
pub(crate) use slow_lane::{RanBatch, SlowLane};
pub(crate) use trial::{HandOver, HandOverError, RolledBack};
pub(crate) use uploads::Uploads;
pub(crate) use usage::Usage;
