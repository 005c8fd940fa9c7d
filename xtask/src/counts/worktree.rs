//! Another commit of the repository, beside this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::compare::RENEW;
use crate::exec::{self, output_of};
use crate::files;

/// The commit that last changed a file.
pub(super) fn commit_of(file: &str) -> Result<String> {
    let or_renew = format!("or count anew, which compares nothing: {RENEW}");
    match output_of("git", &["rev-parse", "--is-shallow-repository"]).as_deref() {
        None => bail!(
            "there is no git history here, and so nothing to compare with; work in a clone of the repository, {or_renew}"
        ),
        // All files of a history that was cut off seem to be from where it was cut.
        Some("true") => bail!(
            "the git history here is not whole, and so it does not say what to compare with; type: git fetch --unshallow; {or_renew}"
        ),
        Some(_) => {}
    }
    let commit = output_of("git", &["log", "-1", "--format=%H", "--", file]).unwrap_or_default();
    if commit.is_empty() {
        bail!(
            "{file} is in no commit, and so there is nothing to compare with; commit it, {or_renew}"
        );
    }
    Ok(commit)
}

/// A checkout that goes away again.
#[derive(Debug)]
pub(super) struct Worktree {
    folder: PathBuf,
}

impl Worktree {
    pub(super) fn add(folder: &Path, commit: &str) -> Result<Self> {
        let worktree = Self {
            folder: folder.to_path_buf(),
        };
        // One that was left behind, when this was broken off.
        worktree.remove();
        exec::run(
            Command::new("git")
                .args(["worktree", "add", "--quiet", "--detach"])
                .arg(folder)
                .arg(commit)
                .current_dir(files::root()),
        )
        .context("failed to check out what to compare with")?;
        Ok(worktree)
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Whatever there is of it. What cannot be removed is in the way of the next one, which says so.
    fn remove(&self) {
        let _ = Command::new("git")
            .args(["worktree", "remove", "--force", "--force"])
            .arg(&self.folder)
            .current_dir(files::root())
            .stderr(Stdio::null())
            .status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        self.remove();
    }
}
