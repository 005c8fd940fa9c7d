//! `parlor new`: a project that builds, tests and runs, with the SDK of this very binary inside.

mod name;
mod rust;
mod sdk;
mod ts;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use self::name::NameError;
use crate::failure::Failure;
use crate::project::Lang;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin's name, and its folder's: 1 to 64 of a-z 0-9 - _, a letter first
    name: String,
    /// The language it is written in
    #[arg(long, value_enum, value_name = "LANG", default_value = "rust")]
    lang: Lang,
}

/// A file of the new project: its path there, and what is in it.
type File = (PathBuf, Vec<u8>);

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
enum NewError {
    #[error("call the plugin {name:?}: {source}")]
    Name { name: String, source: NameError },
    #[error("make {}: it is there already; choose another name, or move it away", .0.display())]
    Exists(PathBuf),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    make(Path::new("."), &args.name, args.lang)?;
    let steps = match args.lang {
        Lang::Rust => "cargo test",
        Lang::Ts => "npm install && npm test",
    };
    crate::print(&format!(
        "made {0}/\n\n  cd {0}\n  {steps}\n  parlor dev\n\n`parlor doctor` says whether anything is missing for that.",
        args.name
    ));
    Ok(ExitCode::SUCCESS)
}

/// Makes the project below a folder.
fn make(parent: &Path, name: &str, lang: Lang) -> Result<(), Failure> {
    let usage = |error: NewError| Failure::Usage(error.to_string());
    name::check(name, lang).map_err(|source| {
        usage(NewError::Name {
            name: name.to_owned(),
            source,
        })
    })?;
    let target = parent.join(name);
    if target.symlink_metadata().is_ok() {
        return Err(usage(NewError::Exists(target)));
    }
    let files = match lang {
        Lang::Rust => rust::files(name)?,
        Lang::Ts => ts::files(name)?,
    };
    write(parent, &target, &files).with_context(|| format!("make {}", target.display()))?;
    Ok(())
}

/// Writes the files aside, and then gives their folder its name: the project is there as a whole or not at all.
fn write(parent: &Path, target: &Path, files: &[File]) -> anyhow::Result<()> {
    let aside = tempfile::Builder::new()
        .prefix(".parlor-new-")
        .tempdir_in(parent)?;
    for (path, contents) in files {
        let path = aside.path().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, contents).with_context(|| format!("write {}", path.display()))?;
    }
    // A temporary folder is closed to others.
    fs::set_permissions(aside.path(), fs::Permissions::from_mode(0o755))?;
    fs::rename(aside.path(), target)?;
    // There is nothing left to remove under its first name.
    let _ = aside.keep();
    Ok(())
}

/// A template with what is meant put in.
fn filled(template: &str, values: &[(&str, &str)]) -> Vec<u8> {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_there_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), "quiz-2", Lang::Rust).unwrap();
        let root = dir.path().join("quiz-2");
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "clippy.toml",
            ".gitignore",
            "README.md",
            "src/lib.rs",
            "tests/room.rs",
            "vendor/parlor-plugin/Cargo.toml",
            "vendor/parlor-plugin/src/lib.rs",
            "vendor/parlor-plugin/wit/room.wit",
        ] {
            let text = fs::read_to_string(root.join(file)).unwrap();
            assert!(!text.is_empty() && !text.contains("{{name"), "{file}");
        }
        let test = fs::read_to_string(root.join("tests/room.rs")).unwrap();
        assert!(test.contains("use quiz_2::Counter"), "{test}");
        let mode = fs::metadata(&root).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("quiz")).unwrap();
        let Err(Failure::Usage(error)) = make(dir.path(), "quiz", Lang::Rust) else {
            panic!("it was made over what was there");
        };
        assert!(error.contains("there already"), "{error}");
        assert_eq!(fs::read_dir(dir.path().join("quiz")).unwrap().count(), 0);
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = [("a".into(), vec![]), ("a/b".into(), vec![])];
        write(dir.path(), &dir.path().join("quiz"), &files).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
