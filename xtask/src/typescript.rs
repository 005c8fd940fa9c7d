//! Plugins made of TypeScript: the SDK's own tool makes the components, from its own folder, where its packages are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::remove_others;
use crate::{exec, files, tools};

/// Where plugins lie, and the folder of the bundle that their components go to.
const FOLDERS: [(&str, &str); 2] = [
    ("plugins-ts", "typescript"),
    ("tests/guests-ts", "typescript-guests"),
];

/// The SDK.
pub(crate) fn sdk() -> PathBuf {
    files::root().join("plugin-sdk/typescript")
}

/// Finds or installs what the SDK's tool runs on.
pub(crate) fn tools() -> Result<()> {
    tools::node()?;
    tools::npm_packages(&sdk())
}

/// The folders of the plugins that people copy.
pub(crate) fn examples() -> Result<Vec<PathBuf>> {
    let (plugins, _) = FOLDERS[0];
    plugins_in(&files::root().join(plugins))
}

/// Makes the components, but for those that are newer than all they are made of.
pub(crate) fn build() -> Result<()> {
    tools()?;
    for (folder, bundle) in FOLDERS {
        let plugins = plugins_in(&files::root().join(folder))?;
        let output = files::bundle().join(bundle);
        let names: Vec<String> = plugins.iter().map(|it| name_of(it)).collect();
        remove_others(&output, &names)?;
        for (plugin, name) in plugins.iter().zip(&names) {
            let component = output.join(format!("{name}.wasm"));
            if is_up_to_date(&component, plugin)? {
                println!("==> {folder}/{name} is up to date");
                continue;
            }
            exec::run(command(plugin, "build").arg("--out").arg(&component))?;
        }
    }
    Ok(())
}

/// The SDK's tool, for the plugin in `folder`.
pub(crate) fn command(folder: &Path, task: &str) -> Command {
    let mut command = Command::new("node");
    command
        .arg(sdk().join("bin/parlor-plugin.mjs"))
        .arg(task)
        .current_dir(folder);
    command
}

fn is_up_to_date(component: &Path, plugin: &Path) -> Result<bool> {
    let mut inputs = vec![plugin.to_owned(), files::root().join("plugin-sdk/wit")];
    let of_sdk = [
        "bin",
        "src",
        "tools",
        "package-lock.json",
        "tsconfig.plugin.json",
    ];
    inputs.extend(of_sdk.map(|it| sdk().join(it)));
    files::is_up_to_date(component, &inputs)
}

/// The folders directly in `folder` that hold a `package.json`, sorted.
pub(crate) fn plugins_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut plugins = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("package.json").exists() {
            plugins.push(path);
        }
    }
    plugins.sort();
    Ok(plugins)
}

pub(crate) fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_found() {
        let names: Vec<String> = examples().unwrap().iter().map(|it| name_of(it)).collect();
        assert!(names.contains(&"duel".to_owned()), "{names:?}");
    }
}
