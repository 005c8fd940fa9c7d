//! Building: components, web pages, and the binary that has both inside.
//!
//! Components are built here and nowhere else. They and the pages go to `target/bundle`, which the server embeds.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::exec::{self, cargo, npm};
use crate::{files, tools, typescript};

/// The target that components are built for.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// One thing that can be built. Listed in the order in which they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    /// The bundled plugins, to `target/bundle/plugins`.
    Plugins,
    /// The hostile components that tests load, to `target/bundle/guests`.
    Guests,
    /// The example and the hostile components that are made of TypeScript, to `target/bundle/typescript` and
    /// `target/bundle/typescript-guests`. The binary embeds none: compiling one takes a server a second at its start.
    #[value(name = "typescript")]
    TypeScript,
    /// The web pages and the client SDK, to `target/bundle/web`.
    Web,
    /// The `parlor` binary.
    Binary,
}

impl Part {
    /// What a complete binary takes.
    pub(crate) const BINARY: &[Self] = &[Self::Plugins, Self::Web, Self::Binary];

    /// What is built unless it is said otherwise.
    pub(crate) const DEFAULT: &[Self] = &[Self::Plugins, Self::TypeScript, Self::Web, Self::Binary];

    /// Everything the tests need.
    pub(crate) const ALL: &[Self] = &[
        Self::Plugins,
        Self::Guests,
        Self::TypeScript,
        Self::Web,
        Self::Binary,
    ];
}

/// How the binary is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For development and tests.
    Debug,
    /// For use and for benchmarks.
    Release,
}

impl Profile {
    /// The profile that `--release` means, or its absence.
    pub(crate) fn from_release_flag(release: bool) -> Self {
        if release { Self::Release } else { Self::Debug }
    }

    /// The `parlor` binary of this profile.
    pub(crate) fn binary(self) -> PathBuf {
        let folder = match self {
            Self::Debug => "debug",
            Self::Release => "release",
        };
        files::target().join(folder).join("parlor")
    }
}

/// Builds the parts, each at most once, after checking the tools they take.
pub(crate) fn build(parts: &[Part], profile: Profile) -> Result<()> {
    let mut parts = parts.to_vec();
    parts.sort();
    parts.dedup();
    for part in parts {
        match part {
            Part::Plugins => {
                build_components(&files::root().join("plugins"), "parlor-plugin-", "plugins")?
            }
            Part::Guests => {
                build_components(&files::root().join("tests/guests"), "guest-", "guests")?
            }
            Part::TypeScript => typescript::build()?,
            Part::Web => build_web()?,
            Part::Binary => build_binary(profile)?,
        }
    }
    Ok(())
}

/// Builds every crate in `folder` as a component, in one cargo call, and copies the results to the bundle. The folder
/// `x` holds the package `{prefix}x` and becomes `x.wasm`.
fn build_components(folder: &Path, prefix: &str, bundle_folder: &str) -> Result<()> {
    let names = files::crates_in(folder)?;
    let output = files::bundle().join(bundle_folder);
    remove_others(&output, &names)?;
    if names.is_empty() {
        return Ok(());
    }
    tools::wasm_target()?;
    let mut command = cargo("build");
    command.args(["--target", WASM_TARGET, "--profile", "plugin"]);
    for name in &names {
        command.args(["-p", &format!("{prefix}{name}")]);
    }
    exec::run(&mut command)?;
    for name in &names {
        let artifact = format!("{prefix}{name}.wasm").replace('-', "_");
        let built = files::target()
            .join(WASM_TARGET)
            .join("plugin")
            .join(artifact);
        files::copy_if_changed(&built, &output.join(format!("{name}.wasm")))?;
    }
    Ok(())
}

/// Removes components whose sources are gone, so that nobody is served yesterday's plugin.
pub(crate) fn remove_others(folder: &Path, names: &[String]) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in
        fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?
    {
        let path = entry?.path();
        let is_known = path
            .file_stem()
            .is_some_and(|stem| names.iter().any(|name| stem == name.as_str()));
        if !is_known {
            fs::remove_file(&path)
                .with_context(|| format!("failed to remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Builds the web pages, unless nothing they are made of has changed since the last time.
fn build_web() -> Result<()> {
    let source = files::root().join("web-client");
    tools::node()?;
    tools::npm_packages(&source)?;
    // Written when a build has ended well: a build that was broken off must not pass for a complete one.
    let stamp = files::target().join("web-client.stamp");
    let index = files::bundle().join("web/index.html");
    let inputs = [source.clone(), files::root().join("proto/parlor.proto")];
    if index.exists() && files::is_up_to_date(&stamp, &inputs)? {
        println!("==> web pages are up to date");
        return Ok(());
    }
    exec::run(npm(&source).args(["run", "build"]))?;
    fs::write(&stamp, "").with_context(|| format!("failed to write {}", stamp.display()))
}

fn build_binary(profile: Profile) -> Result<()> {
    let mut command = cargo("build");
    // Features are unified over the packages named: with all of them named, here as in the tests, wasmtime is built once.
    command.args(["--workspace", "--bin", "parlor"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    exec::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_of_removed_crates_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["chat.wasm", "old.wasm"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_others(folder.path(), &["chat".to_owned(), "grid".to_owned()]).unwrap();
        assert!(folder.path().join("chat.wasm").exists());
        assert!(!folder.path().join("old.wasm").exists());
    }

    #[test]
    fn a_binary_gets_the_components_and_pages_before_itself() {
        assert_eq!(Part::BINARY.last(), Some(&Part::Binary));
        assert!(Part::BINARY.is_sorted());
        assert!(Part::DEFAULT.is_sorted());
        assert!(Part::ALL.is_sorted());
    }
}
