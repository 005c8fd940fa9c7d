//! From bytes to a version: looked at, compiled or taken from the cache, described.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parlor_proto::Payload;
use tokio::time::Instant;
use wasmtime::component::Component;

use super::super::bindings::PluginPre;
use super::super::bindings::parlor::room::types as wit;
use super::super::cache::{Cache, Found};
use super::super::compiler::{self, CompileLimits};
use super::super::engine::{self, PluginEngine};
use super::super::fault::Fault;
use super::super::guest::Guest;
use super::super::inspect;
use super::super::limits::PluginLimits;
use super::super::native::NativeCode;
use super::super::sandbox::Sandbox;
use super::changes::Changes;
use super::error::LoadError;
use super::version::{Code, Record, Source, Version};
use crate::components::digest_of;
use crate::telemetry::PluginCounts;

/// Makes versions.
pub(super) struct Maker {
    pub(super) engine: Arc<PluginEngine>,
    /// The operator's settings, by plugin name.
    pub(super) settings: HashMap<String, Payload>,
    /// What rooms run in place of a component, by plugin name.
    pub(super) native: HashMap<String, NativeCode>,
    pub(super) limits: CompileLimits,
    /// The program that compiles in a process of its own; without it, that is done here.
    pub(super) compiler: Option<PathBuf>,
    pub(super) cache: Option<Cache>,
    pub(super) changes: Arc<Changes>,
    pub(super) counts: PluginCounts,
}

impl Maker {
    /// Makes a version of a component.
    pub(super) fn make(&self, bytes: &Bytes, source: Source) -> Result<Version, LoadError> {
        let abi = inspect::inspect(bytes)?;
        let digest = digest_of(bytes);
        let component = self.component(&digest, bytes, source)?;
        let compile_error = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let pre = self
            .engine
            .linker
            .instantiate_pre(&component)
            .and_then(PluginPre::new)
            .map_err(compile_error)?;
        let draft = Version {
            description: nobody(),
            label: format!("sha256:{}", &digest[..12]).into(),
            limits: PluginLimits::from_wishes(&nobody().limits),
            settings: Payload::empty_map(),
            digest,
            component: bytes.clone(),
            code: Code::None,
            record: Record::new(source, Arc::clone(&self.changes)),
        };
        let description = describe_twice(&draft, &pre)?;
        inspect::check_description(&description, &abi).map_err(LoadError::DescribeLies)?;
        let settings = self.settings.get(&description.name).cloned();
        Ok(Version {
            label: format!("{}@{}", description.name, description.version).into(),
            limits: PluginLimits::from_wishes(&description.limits),
            settings: settings.unwrap_or(draft.settings),
            code: match self.native.get(&description.name) {
                Some(native) => Code::Native(native.clone()),
                None => Code::Component(pre),
            },
            description,
            ..draft
        })
    }

    /// The compiled component, from the cache if it is there.
    fn component(
        &self,
        digest: &str,
        bytes: &[u8],
        source: Source,
    ) -> Result<Component, LoadError> {
        if let Some(component) = self.cached(digest) {
            return Ok(component);
        }
        let began = Instant::now();
        let compile_error = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let engine = &self.engine.engine;
        let (component, code) = match &self.compiler {
            // What comes with the server is no stranger.
            Some(program) if source != Source::Bundle => {
                let code = compiler::compile_apart(program, bytes, &self.limits)?;
                let component = engine::revive(engine, &code).map_err(compile_error)?;
                (component, Some(code))
            }
            Some(_) | None => {
                let component = Component::new(engine, bytes).map_err(compile_error)?;
                let code = self.cache.is_some().then(|| component.serialize());
                (component, code.transpose().map_err(compile_error)?)
            }
        };
        self.counts.compiled(began.elapsed());
        if let (Some(cache), Some(code)) = (&self.cache, code)
            && let Err(error) = cache.write(digest, &code)
        {
            tracing::warn!(digest, %error, "compiled code could not be kept; the next start compiles it again");
        }
        Ok(component)
    }

    fn cached(&self, digest: &str) -> Option<Component> {
        let cache = self.cache.as_ref()?;
        let code = match cache.read(digest) {
            Found::Code(code) => code,
            Found::Nothing => {
                self.counts.cache_read("miss");
                return None;
            }
            Found::NotOurs => {
                self.counts.cache_read("refused");
                tracing::warn!(
                    digest,
                    "compiled code in the cache is damaged, or this server did not write it; the component is compiled anew"
                );
                return None;
            }
        };
        match engine::revive(&self.engine.engine, &code) {
            Ok(component) => {
                self.counts.cache_read("hit");
                Some(component)
            }
            Err(error) => {
                self.counts.cache_read("refused");
                tracing::warn!(digest, %error, "compiled code in the cache does not fit; the component is compiled anew");
                None
            }
        }
    }
}

/// Asks two instances, and one of them twice, under different chance: the answers must not differ.
fn describe_twice(
    version: &Version,
    pre: &PluginPre<Guest>,
) -> Result<wit::Description, LoadError> {
    let scratch: Arc<str> = "describe".into();
    let failed = |fault: Fault| LoadError::Describe(fault.to_string());
    let (sandbox, first) = Sandbox::new(version, pre, &scratch, 1, 1)
        .and_then(Sandbox::describe)
        .map_err(failed)?;
    let (_, again) = sandbox.describe().map_err(failed)?;
    let (_, other) = Sandbox::new(version, pre, &scratch, 2, 1)
        .and_then(Sandbox::describe)
        .map_err(failed)?;
    // The generated types have no equality; their debug form shows every field.
    let shown = format!("{first:?}");
    if shown == format!("{again:?}") && shown == format!("{other:?}") {
        Ok(first)
    } else {
        Err(LoadError::DescribeChanges)
    }
}

/// What stands in for a description until the plugin was asked.
pub(super) fn nobody() -> wit::Description {
    wit::Description {
        name: String::new(),
        version: String::new(),
        abi: String::new(),
        tick_hz: 0,
        players_max: 1,
        spectators_max: 0,
        delivery: wit::Delivery::Immediate,
        presence: wit::Presence::None,
        durability: wit::Durability::None,
        state_schema: 0,
        state_interval_ms: None,
        away_after_ms: None,
        limits: wit::Limits {
            memory_bytes: None,
            step_cpu_ms: None,
            payload_bytes: None,
            output_bytes: None,
            output_effects: None,
        },
        permissions: Vec::new(),
    }
}
