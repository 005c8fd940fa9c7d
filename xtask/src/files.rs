//! Where things are in the checkout, and which of them are newer than others.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

/// Folders that hold what was made or fetched, not what was written.
const GENERATED: [&str; 6] = [
    "target",
    "node_modules",
    "dist",
    ".git",
    ".parlor",
    "__pycache__",
];

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask/ lies in the root of the checkout")
}

/// Cargo's target folder. Always this one: the server embeds what lies in `target/bundle`.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// What the server embeds, and what the tests load.
pub(crate) fn bundle() -> PathBuf {
    target().join("bundle")
}

/// Names of the folders directly in `folder` that hold a `Cargo.toml`, sorted; none where there is no such folder.
pub(crate) fn crates_in(folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Every file and folder below `folder` that was written by hand, `folder` itself included.
pub(crate) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_path_buf()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if !path.is_dir() {
            continue;
        }
        for entry in
            fs::read_dir(&path).with_context(|| format!("failed to list {}", path.display()))?
        {
            let entry = entry?;
            if !is_generated(&entry.file_name()) {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

fn is_generated(name: &OsStr) -> bool {
    GENERATED.iter().any(|generated| name == *generated)
        || name.to_string_lossy().ends_with("_cache")
}

/// Whether `output` exists and is at least as new as everything below `inputs`. Folders count too: deleting a file
/// shows only in the time of its folder.
pub(crate) fn is_up_to_date(output: &Path, inputs: &[PathBuf]) -> Result<bool> {
    let Some(made) = modified(output) else {
        return Ok(false);
    };
    for input in inputs {
        for path in walk(input)? {
            if modified(&path).is_none_or(|written| written > made) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

/// Copies `from` to `to`, unless they are equal: the time of an unchanged file must not change, or whatever embeds it
/// is compiled again.
pub(crate) fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("failed to read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
    }
    fs::write(to, new).with_context(|| format!("failed to write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_age(path: &Path, seconds_ago: u64) {
        let time = SystemTime::now() - std::time::Duration::from_secs(seconds_ago);
        fs::File::open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn an_output_is_stale_when_an_input_or_its_folder_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        let (inputs, output) = (folder.path().join("src"), folder.path().join("stamp"));
        fs::create_dir(&inputs).unwrap();
        let input = inputs.join("a.ts");
        fs::write(&input, "a").unwrap();
        let check = || is_up_to_date(&output, std::slice::from_ref(&inputs)).unwrap();

        assert!(!check(), "there is no output yet");
        fs::write(&output, "").unwrap();
        set_age(&input, 20);
        set_age(&inputs, 20);
        set_age(&output, 10);
        assert!(check());
        set_age(&input, 5);
        assert!(!check(), "an input changed");
        set_age(&input, 20);
        set_age(&inputs, 5);
        assert!(!check(), "an input was deleted");
    }

    #[test]
    fn generated_folders_are_no_inputs() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("node_modules")).unwrap();
        fs::write(folder.path().join("node_modules/x.js"), "").unwrap();
        fs::write(folder.path().join("y.js"), "").unwrap();
        let found = walk(folder.path()).unwrap();
        assert_eq!(
            found,
            [folder.path().to_path_buf(), folder.path().join("y.js")]
        );
    }

    #[test]
    fn an_unchanged_copy_keeps_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("made/b"));
        fs::write(&from, "1").unwrap();
        copy_if_changed(&from, &to).unwrap();
        set_age(&to, 60);
        let before = modified(&to);
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(modified(&to), before);
        fs::write(&from, "2").unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"2");
    }
}
