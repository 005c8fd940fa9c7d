//! The SDKs' sources and the contract, inside the binary.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rust_embed::RustEmbed;
use toml::{Table, Value};

use super::File;

/// Where a project has the SDK.
pub(super) const VENDOR: &str = "vendor/parlor-plugin";

#[derive(RustEmbed)]
#[folder = "../plugin-sdk"]
#[include = "Cargo.toml"]
#[include = "src/**"]
#[include = "wit/**"]
struct RustSdk;

#[derive(RustEmbed)]
#[folder = "../plugin-sdk/typescript"]
#[exclude = "node_modules/**"]
#[exclude = "dist/**"]
#[exclude = "**/node_modules/**"]
#[exclude = "test/**"]
#[allow_missing = true]
struct TsSdk;

/// The workspace's manifest, which the SDK's inherits from.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The versions that this binary was built and tested with.
pub(super) const LOCK: &str = include_str!("../../../Cargo.lock");

/// The Rust SDK as files of a project.
pub(super) fn rust() -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for name in RustSdk::iter() {
        let file = RustSdk::get(&name).with_context(|| format!("read {name} in this binary"))?;
        let contents = if name == "Cargo.toml" {
            standalone(std::str::from_utf8(&file.data)?, WORKSPACE)
                .context("make the SDK's manifest stand by itself")?
                .into_bytes()
        } else {
            file.data.into_owned()
        };
        files.push((Path::new(VENDOR).join(&*name), contents));
    }
    files.push((
        Path::new(VENDOR).join("README.md"),
        include_bytes!("../../template/vendor.md").to_vec(),
    ));
    Ok(files)
}

/// The TypeScript SDK as files of a project, and the files of its template.
pub(super) fn ts() -> anyhow::Result<(Vec<File>, Vec<File>)> {
    let (mut sdk, mut template) = (Vec::new(), Vec::new());
    for name in TsSdk::iter() {
        let file = TsSdk::get(&name).with_context(|| format!("read {name} in this binary"))?;
        let contents = file.data.into_owned();
        match name.strip_prefix("template/") {
            Some(path) => template.push((PathBuf::from(path), contents)),
            None => sdk.push((Path::new(VENDOR).join(&*name), contents)),
        }
    }
    let wit = RustSdk::get("wit/room.wit").context("read room.wit in this binary")?;
    sdk.push((
        Path::new(VENDOR).join("wit/room.wit"),
        wit.data.into_owned(),
    ));
    if template.is_empty() {
        bail!("find the TypeScript SDK in this binary: it was built without it");
    }
    Ok((sdk, template))
}

/// What of the workspace's package a project takes over.
pub(super) fn inherited(key: &str) -> anyhow::Result<String> {
    let workspace: Table = WORKSPACE.parse()?;
    let value = workspace["workspace"]["package"].get(key);
    let text = value.and_then(Value::as_str).map(str::to_owned);
    text.with_context(|| format!("find {key} in the workspace's manifest"))
}

/// A manifest with everything that it inherits written out.
fn standalone(manifest: &str, workspace: &str) -> anyhow::Result<String> {
    let mut manifest: Table = manifest.parse()?;
    let workspace: Table = workspace.parse()?;
    let of_workspace = |section: &str, key: &str| -> anyhow::Result<Value> {
        let table = workspace["workspace"].get(section);
        let value = table.and_then(|table| table.get(key)).cloned();
        value.with_context(|| format!("find {key} in [workspace.{section}]"))
    };
    // Lints and tests are for who works on the SDK; rustc shows no lints of a dependency, and cargo runs no tests of one.
    manifest.remove("lints");
    manifest.remove("dev-dependencies");
    for section in ["package", "dependencies"] {
        let inherited = match section {
            "package" => "package",
            _ => "dependencies",
        };
        let Some(table) = manifest.get_mut(section).and_then(Value::as_table_mut) else {
            bail!("find [{section}]");
        };
        for (key, value) in table.iter_mut() {
            let Some(local) = value.as_table().filter(|it| it.contains_key("workspace")) else {
                continue;
            };
            let mut whole = of_workspace(inherited, key)?;
            for (option, setting) in local.iter().filter(|(option, _)| *option != "workspace") {
                let Some(whole) = whole.as_table_mut() else {
                    bail!("join the options of {key}");
                };
                whole.insert(option.clone(), setting.clone());
            }
            *value = whole;
        }
    }
    Ok(toml::to_string(&manifest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_stands_by_itself() {
        let manifest = "[package]\nname = \"x\"\nversion.workspace = true\n[lints]\nworkspace = true\n\
                        [dependencies]\na = { workspace = true }\nb = \"2\"\nc = { workspace = true, optional = true }\n\
                        [dev-dependencies]\nd = { workspace = true }\n";
        let workspace = "[workspace.package]\nversion = \"1.2.3\"\n\
                         [workspace.dependencies]\na = { version = \"1\", features = [\"f\"] }\nc = { version = \"3\" }\n";
        let expected = "[package]\nname = \"x\"\nversion = \"1.2.3\"\n\n[dependencies]\nb = \"2\"\n\n\
                        [dependencies.a]\nfeatures = [\"f\"]\nversion = \"1\"\n\n[dependencies.c]\noptional = true\nversion = \"3\"\n";
        let sorted = |text: &str| -> Table { text.parse().unwrap() };
        let made = standalone(manifest, workspace).unwrap();
        assert_eq!(sorted(&made), sorted(expected), "{made}");
        let error = standalone(&manifest.replace("a =", "z ="), workspace).unwrap_err();
        assert!(error.to_string().contains("find z in"), "{error}");
    }

    #[test]
    fn the_sdk_brings_its_sources_and_nothing_else() {
        let files = rust().unwrap();
        for (path, contents) in &files {
            let text = String::from_utf8_lossy(contents);
            let inherits = path.ends_with("Cargo.toml") && text.contains("workspace");
            assert!(!inherits, "{text}");
            assert!(path.starts_with(VENDOR), "{}", path.display());
        }
        let has = |name: &str| files.iter().any(|(path, _)| path.ends_with(name));
        assert!(has("wit/room.wit") && has("src/testing/mod.rs"));
        assert!(!has("package.json") && !has("package-lock.json"));
    }
}
