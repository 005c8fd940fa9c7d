//! A plugin in TypeScript.

use std::path::PathBuf;

use super::{File, filled, sdk};

/// The files of the project.
pub(super) fn files(name: &str) -> anyhow::Result<Vec<File>> {
    let (mut files, template) = sdk::ts()?;
    for (path, contents) in template {
        let text = String::from_utf8(contents)?;
        files.push((unhidden(path), filled(&text, &[("name", name)])));
    }
    Ok(files)
}

/// A file that git is not to take for its own lies in the template without its dot.
fn unhidden(path: PathBuf) -> PathBuf {
    if path.as_os_str() == "gitignore" {
        return ".gitignore".into();
    }
    path
}
