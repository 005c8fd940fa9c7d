//! The flags about plugins, and how those that a server begins with are loaded.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use parlor_server::{Catalog, Config, FileConfig};

use super::Error;
use crate::bundle;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Plugins")]
pub(super) struct PluginArgs {
    /// A folder of plugins (*.wasm) to load beside the bundled ones; what changes in it is taken while the server runs
    #[arg(long, env = "PARLOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// A public key of minisign, or its file: a component with a signature must be signed with such a key; may be given
    /// several times
    #[arg(
        long,
        env = "PARLOR_TRUSTED_KEY",
        value_name = "KEY_OR_FILE",
        value_delimiter = ','
    )]
    trusted_key: Vec<String>,
    /// Take only signed components, uploaded or from the folder: the signature of NAME.wasm is NAME.wasm.minisig beside
    /// it [default: false]
    #[arg(
        long,
        env = "PARLOR_REQUIRE_SIGNATURES",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    require_signatures: Option<bool>,
    /// The largest component, in bytes [default: 33554432]
    #[arg(long, env = "PARLOR_COMPONENT_BYTES_MAX", value_name = "BYTES")]
    component_bytes_max: Option<usize>,
    /// The most CPU time that compiling a component may take, in seconds [default: 30]
    #[arg(long, env = "PARLOR_COMPILE_SECONDS_MAX", value_name = "SECONDS")]
    compile_seconds_max: Option<u64>,
    /// How many threads compile a component: with more, one is taken sooner, and rooms have less of the machine meanwhile
    /// [default: 1]
    #[arg(long, env = "PARLOR_COMPILE_THREADS", value_name = "COUNT")]
    compile_threads: Option<usize>,
}

impl PluginArgs {
    /// Puts what was typed over what the file says.
    pub(super) fn overlay(self, file: &mut FileConfig) {
        file.plugins = self.plugins.or(file.plugins.take());
        if !self.trusted_key.is_empty() {
            file.trusted_key = self.trusted_key;
        }
        file.require_signatures = self.require_signatures.or(file.require_signatures);
        file.component_bytes_max = self.component_bytes_max.or(file.component_bytes_max);
        file.compile_seconds_max = self.compile_seconds_max.or(file.compile_seconds_max);
        file.compile_threads = self.compile_threads.or(file.compile_threads);
    }
}

/// The bundled plugins, those that were uploaded to an earlier server, and the operator's folder.
pub(super) fn catalog(config: &Config) -> Result<Catalog, Error> {
    let settings = config.catalog(this_program()).map_err(Error::Usage)?;
    let catalog = Catalog::open(settings).context("reserve memory for rooms")?;
    for (name, component) in bundle::components() {
        catalog
            .load(&component)
            .with_context(|| format!("load the bundled plugin {name}"))?;
    }
    catalog
        .restore()
        .context("read the uploaded plugins in the data directory")?;
    if let Some(dir) = &config.plugins {
        catalog.load_folder(dir).map_err(|error| {
            Error::Usage(format!(
                "read the folder of plugins {}: {error}",
                dir.display()
            ))
        })?;
    }
    let known = |name: &&String| {
        catalog
            .labels()
            .iter()
            .any(|it| it.split('@').next() == Some(name))
    };
    if let Some(unknown) = config.plugin_settings.keys().find(|name| !known(name)) {
        let text = format!("use the settings [plugin.{unknown}]: no plugin is called that");
        return Err(Error::Usage(text));
    }
    Ok(catalog)
}

/// The program that this process runs, also when its file was replaced meanwhile.
fn this_program() -> Option<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Some(running.to_owned());
    }
    std::env::current_exe().ok()
}
