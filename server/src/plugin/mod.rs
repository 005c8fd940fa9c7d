//! The plugin host: the only part of the server that knows wasmtime. A room hands it batches and gets effects or a
//! [`Fault`]; deadlines, memory, imports and traps stay inside.

mod audit;
pub(crate) mod bindings;
mod cache;
mod catalog;
mod compiler;
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
mod recorder;
mod runner;
mod signature;
mod slow_lane;
mod uploads;

pub(crate) use audit::{Audit, AuditPace};
pub(crate) use bindings::parlor::room::types as wit;
pub use catalog::{Catalog, CatalogSettings, LoadError, Source, Version};
pub(crate) use catalog::{FindError, Offer, Origin};
pub use compiler::{COMPILE_COMMAND, CompileError, CompileLimits, compile_component};
pub(crate) use effect::{Action, Audience, Effect, Refusal, ViewAudience};
pub use engine::ROOMS_MAX;
pub(crate) use fault::Fault;
pub use fault::FaultReport;
pub(crate) use folder::watch as watch_folder;
pub use inspect::InspectError;
pub(crate) use instance::OpenError;
pub(crate) use runner::{BatchInput, Position, Ran, Runner};
pub use signature::{KeyError, SignatureError, Signatures};
pub(crate) use slow_lane::SlowLane;
pub(crate) use uploads::Uploads;
