//! Settings of how plugins come in.

use std::path::PathBuf;

use super::{Config, ConfigError, FileConfig, within};
use crate::plugin::{CatalogSettings, CompileLimits, Signatures};

/// The largest component that may be allowed, in bytes.
const COMPONENT_BYTES_CEILING: u64 = 256 << 20;
/// The longest that compiling may be allowed to take, in seconds.
const COMPILE_SECONDS_CEILING: u64 = 600;
/// The most threads that compiling may be allowed.
const COMPILE_THREADS_CEILING: u64 = 64;

pub(super) fn signatures(file: &FileConfig) -> Result<Signatures, ConfigError> {
    let is_required = file.require_signatures.unwrap_or(false);
    Ok(Signatures::new(&file.trusted_key, is_required)?)
}

pub(super) fn compile_limits(file: &FileConfig) -> Result<CompileLimits, ConfigError> {
    let defaults = CompileLimits::default();
    let component_bytes = file.component_bytes_max.unwrap_or(defaults.component_bytes);
    let cpu_seconds = file.compile_seconds_max.unwrap_or(defaults.cpu_seconds);
    let threads = file.compile_threads.unwrap_or(defaults.threads);
    within(
        "compile_threads",
        threads as u64,
        1,
        COMPILE_THREADS_CEILING,
    )?;
    within(
        "component_bytes_max",
        component_bytes as u64,
        1 << 10,
        COMPONENT_BYTES_CEILING,
    )?;
    within(
        "compile_seconds_max",
        cpu_seconds,
        1,
        COMPILE_SECONDS_CEILING,
    )?;
    Ok(CompileLimits {
        cpu_seconds,
        threads,
        component_bytes,
        ..defaults
    })
}

impl Config {
    /// How the catalog of plugins is to be, with the `parlor` that compiles for it.
    ///
    /// # Errors
    ///
    /// The name of a plugin whose settings are not of the value model, and why.
    pub fn catalog(&self, compiler: Option<PathBuf>) -> Result<CatalogSettings, String> {
        Ok(CatalogSettings {
            plugins: crate::plugin_settings(&self.plugin_settings)?,
            data_dir: Some(self.data_dir.clone()),
            compiler,
            compile_limits: self.compile_limits.clone(),
            signatures: self.signatures.clone(),
            crash_at: self.crash_at.clone(),
        })
    }
}
