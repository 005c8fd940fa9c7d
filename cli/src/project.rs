//! The project of a plugin: which language it is in, and how a component is made of it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use clap::ValueEnum;
use serde_json::Value;

/// The target that components are built for.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Rust.
    Rust,
    /// TypeScript.
    Ts,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error(
        "find a plugin in {}: there is neither a Cargo.toml nor a package.json; `parlor new NAME` makes one", .0.display()
    )]
    None(PathBuf),
    #[error("run {program}: {source}; `parlor doctor` says what is missing")]
    Tool {
        program: &'static str,
        source: io::Error,
    },
    #[error("build the plugin: {program} ended with {status}")]
    Build {
        program: &'static str,
        status: ExitStatus,
    },
    #[error(
        "find the component that cargo built: {} needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`", .0.display()
    )]
    NoComponent(PathBuf),
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("read {}: it has no `name`", .0.display())]
    NoName(PathBuf),
}

/// A component that was built.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// A folder with a plugin in it.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
    pub(crate) lang: Lang,
}

impl Project {
    /// The project in this folder.
    pub(crate) fn find(dir: &Path) -> Result<Self, ProjectError> {
        let read = |source| ProjectError::Read {
            path: dir.to_owned(),
            source,
        };
        let dir = dir.canonicalize().map_err(read)?;
        let lang = if dir.join("Cargo.toml").is_file() {
            Lang::Rust
        } else if dir.join("package.json").is_file() {
            Lang::Ts
        } else {
            return Err(ProjectError::None(dir));
        };
        Ok(Self { dir, lang })
    }

    /// Makes a component of it. What the compiler has to say goes to stderr, as the compiler says it.
    pub(crate) fn build(&self) -> Result<Built, ProjectError> {
        let path = match self.lang {
            Lang::Rust => self.build_rust()?,
            Lang::Ts => self.build_ts()?,
        };
        let bytes = std::fs::metadata(&path)
            .map_err(|source| ProjectError::Read {
                path: path.clone(),
                source,
            })?
            .len();
        Ok(Built { path, bytes })
    }

    fn build_rust(&self) -> Result<PathBuf, ProjectError> {
        let mut command = Command::new("cargo");
        command
            .args(["build", "--target", WASM_TARGET, "--profile", "plugin"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(&self.dir);
        let told = stdout_of("cargo", &mut command)?;
        let manifest = self.dir.join("Cargo.toml");
        component_in(&told, &manifest).ok_or(ProjectError::NoComponent(manifest))
    }

    fn build_ts(&self) -> Result<PathBuf, ProjectError> {
        if !self.dir.join("node_modules").exists() {
            let how = if self.dir.join("package-lock.json").exists() {
                "ci"
            } else {
                "install"
            };
            let quiet = ["--no-audit", "--no-fund", "--loglevel", "error"];
            let mut command = Command::new("npm");
            run("npm", command.arg(how).args(quiet).current_dir(&self.dir))?;
        }
        let mut command = Command::new("npm");
        let build = ["run", "--silent", "build"];
        run("npm", command.args(build).current_dir(&self.dir))?;
        let path = self.dir.join("package.json");
        let manifest = std::fs::read(&path).map_err(|source| ProjectError::Read {
            path: path.clone(),
            source,
        })?;
        let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let name = manifest["name"]
            .as_str()
            .ok_or(ProjectError::NoName(path))?;
        let name = name.rsplit('/').next().unwrap_or(name);
        Ok(self.dir.join("dist").join(format!("{name}.wasm")))
    }
}

/// The component of the package with this manifest, in what cargo says that it built.
fn component_in(told: &str, manifest: &Path) -> Option<PathBuf> {
    let artifacts = told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["manifest_path"].as_str().map(Path::new) == Some(manifest));
    let files = artifacts.flat_map(|message| {
        let names = message["filenames"].as_array().cloned();
        names.unwrap_or_default()
    });
    files
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .find(|path| path.extension().is_some_and(|ending| ending == "wasm"))
}

/// Runs a program whose output is for people; this process's own is for what was asked for.
fn run(program: &'static str, command: &mut Command) -> Result<(), ProjectError> {
    let status = command
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(|source| ProjectError::Tool { program, source })?;
    if status.success() {
        Ok(())
    } else {
        Err(ProjectError::Build { program, status })
    }
}

/// Runs a program and takes what it writes; its errors go to stderr as they come.
fn stdout_of(program: &'static str, command: &mut Command) -> Result<String, ProjectError> {
    let failed = |source| ProjectError::Tool { program, source };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut told = String::new();
    let mut stdout = child.stdout.take().expect("it was asked to be piped");
    let reading = stdout.read_to_string(&mut told);
    let status = child.wait().map_err(failed)?;
    reading.map_err(failed)?;
    if status.success() {
        Ok(told)
    } else {
        Err(ProjectError::Build { program, status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_seen_by_the_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let error = Project::find(dir.path()).unwrap_err();
        assert!(error.to_string().contains("parlor new NAME"), "{error}");
        std::fs::write(dir.path().join("package.json"), "{}").unwrap();
        assert_eq!(Project::find(dir.path()).unwrap().lang, Lang::Ts);
        std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        assert_eq!(Project::find(dir.path()).unwrap().lang, Lang::Rust);
    }

    #[test]
    fn the_component_is_the_one_of_the_package_itself() {
        let told = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/x/vendor/Cargo.toml","filenames":["/t/other.wasm"]}"#,
            "\n",
            r#"{"reason":"build-script-executed"}"#,
            "\nnot JSON\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/x/Cargo.toml","filenames":["/t/my.rlib","/t/my.wasm"]}"#,
        );
        let found = component_in(told, Path::new("/x/Cargo.toml"));
        assert_eq!(found, Some(PathBuf::from("/t/my.wasm")));
        assert_eq!(component_in(told, Path::new("/y/Cargo.toml")), None);
    }
}
