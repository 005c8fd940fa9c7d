//! The project of a plugin: which language it is in, and how a component is made of it.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process_group};
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
        self.build_by(&Programs::attended())
    }

    /// Makes a component of it beside other things. Once nobody waits for it any more, it is ended.
    pub(crate) async fn build_while_wanted(&self) -> Result<Built, ProjectError> {
        let (project, programs) = (self.clone(), Programs::endable());
        let _wanted = Wanted(programs.clone());
        let building = tokio::task::spawn_blocking(move || project.build_by(&programs));
        building.await.expect("building does not panic")
    }

    fn build_by(&self, programs: &Programs) -> Result<Built, ProjectError> {
        let path = match self.lang {
            Lang::Rust => self.build_rust(programs)?,
            Lang::Ts => self.build_ts(programs)?,
        };
        let bytes = std::fs::metadata(&path)
            .map_err(|source| ProjectError::Read {
                path: path.clone(),
                source,
            })?
            .len();
        Ok(Built { path, bytes })
    }

    fn build_rust(&self, programs: &Programs) -> Result<PathBuf, ProjectError> {
        let mut command = Command::new("cargo");
        command
            .args(["build", "--target", WASM_TARGET, "--profile", "plugin"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(&self.dir);
        let told = programs.stdout_of("cargo", &mut command)?;
        let manifest = self.dir.join("Cargo.toml");
        component_in(&told, &manifest).ok_or(ProjectError::NoComponent(manifest))
    }

    fn build_ts(&self, programs: &Programs) -> Result<PathBuf, ProjectError> {
        if !self.dir.join("node_modules").exists() {
            let how = if self.dir.join("package-lock.json").exists() {
                "ci"
            } else {
                "install"
            };
            let quiet = ["--no-audit", "--no-fund", "--loglevel", "error"];
            let mut command = Command::new("npm");
            programs.run("npm", command.arg(how).args(quiet).current_dir(&self.dir))?;
        }
        let mut command = Command::new("npm");
        let build = ["run", "--silent", "build"];
        programs.run("npm", command.args(build).current_dir(&self.dir))?;
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

/// The programs that a build runs, one after the other.
#[derive(Debug, Clone)]
struct Programs {
    /// What runs, where it can be ended from elsewhere.
    running: Option<Arc<Mutex<Running>>>,
}

#[derive(Debug, Default)]
struct Running {
    /// The program, and all that it started.
    group: Option<Pid>,
    /// Whether nothing more is to run.
    is_over: bool,
}

/// Ends programs when this is dropped.
struct Wanted(Programs);

impl Drop for Wanted {
    fn drop(&mut self) {
        let Some(mut running) = self.0.running() else {
            return;
        };
        running.is_over = true;
        if let Some(group) = running.group {
            // What ended meanwhile needs no word.
            let _ = kill_process_group(group, Signal::TERM);
        }
    }
}

impl Programs {
    /// Those that a ctrl-c ends together with this process.
    fn attended() -> Self {
        Self { running: None }
    }

    /// Those that are ended by this process.
    fn endable() -> Self {
        Self {
            running: Some(Arc::default()),
        }
    }

    fn running(&self) -> Option<MutexGuard<'_, Running>> {
        let running = self.running.as_ref()?;
        Some(running.lock().unwrap_or_else(|lock| lock.into_inner()))
    }

    fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let Some(mut running) = self.running() else {
            return command.spawn();
        };
        if running.is_over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = command.process_group(0).spawn()?;
        running.group = Some(Pid::from_child(&child));
        Ok(child)
    }

    fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let status = child.wait();
        if let Some(mut running) = self.running() {
            running.group = None;
        }
        status
    }

    /// Runs a program whose output is for people; this process's own is for what was asked for.
    fn run(&self, program: &'static str, command: &mut Command) -> Result<(), ProjectError> {
        let status = self
            .spawn(command.stdin(Stdio::null()).stdout(io::stderr()))
            .and_then(|mut child| self.wait(&mut child))
            .map_err(|source| ProjectError::Tool { program, source })?;
        if status.success() {
            Ok(())
        } else {
            Err(ProjectError::Build { program, status })
        }
    }

    /// Runs a program and takes what it writes; its errors go to stderr as they come.
    fn stdout_of(
        &self,
        program: &'static str,
        command: &mut Command,
    ) -> Result<String, ProjectError> {
        let failed = |source| ProjectError::Tool { program, source };
        let mut child = self
            .spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))
            .map_err(failed)?;
        let mut told = String::new();
        let mut stdout = child.stdout.take().expect("it was asked to be piped");
        let reading = stdout.read_to_string(&mut told);
        let status = self.wait(&mut child).map_err(failed)?;
        reading.map_err(failed)?;
        if status.success() {
            Ok(told)
        } else {
            Err(ProjectError::Build { program, status })
        }
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

    #[test]
    fn programs_that_nobody_wants_end_with_all_that_they_started() {
        let programs = Programs::endable();
        let mut command = Command::new("sh");
        // The pipe is closed when the last of them is gone.
        command.args(["-c", "echo begun; sleep 600 & wait"]);
        let mut child = programs.spawn(command.stdout(Stdio::piped())).unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 6]).unwrap();
        drop(Wanted(programs.clone()));
        assert_eq!(stdout.read(&mut [0; 6]).unwrap(), 0);
        assert!(!programs.wait(&mut child).unwrap().success());
        let error = programs.spawn(&mut Command::new("true")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
