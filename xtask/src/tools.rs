//! The tools that are not in the checkout: each function finds its tool, or installs it, or stops and says what to type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::WASM_TARGET;
use crate::exec::{self, cargo, npm, output_of};
use crate::files;

/// The oldest Node.js that the web client's tools run on.
const NODE_MAJOR_MIN: u32 = 20;

/// Fails on a Python older than the stock libraries' releases ask for.
const PYTHON_IS_NEW_ENOUGH: &str = "import sys; sys.exit(sys.version_info < (3, 11))";

/// The release of cargo-fuzz that is installed where there is none.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// The release of gungraun that runs the benches of `bench/counts`, which take no other.
pub(crate) const GUNGRAUN_VERSION: &str = "0.20.0";

/// Names under which Chromium is installed, Debian's first.
const CHROMIUM_NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The standard library for components. Asks the compiler, so that it also works without rustup.
pub(crate) fn wasm_target() -> Result<()> {
    let sysroot = output_of("rustc", &["--print", "sysroot"])
        .context("rustc does not run; install Rust with rustup")?;
    if Path::new(&sysroot)
        .join("lib/rustlib")
        .join(WASM_TARGET)
        .exists()
    {
        return Ok(());
    }
    rustup(&["target", "add", WASM_TARGET])
}

/// `cargo fmt` and `cargo clippy`.
pub(crate) fn rust_components() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let found = cargo(subcommand).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            rustup(&["component", "add", component])?;
        }
    }
    Ok(())
}

fn rustup(args: &[&str]) -> Result<()> {
    if output_of("rustup", &["--version"]).is_none() {
        bail!(
            "rustup is not installed, and this needs what `rustup {}` installs",
            args.join(" ")
        );
    }
    exec::run(Command::new("rustup").args(args).current_dir(files::root()))
}

/// Node.js and npm.
pub(crate) fn node() -> Result<()> {
    if output_of("node", &["--version"]).is_none() || output_of("npm", &["--version"]).is_none() {
        apt_install(&["nodejs", "npm"])?;
    }
    let version = output_of("node", &["--version"]).unwrap_or_default();
    if node_major(&version).is_none_or(|major| major < NODE_MAJOR_MIN) {
        bail!(
            "Node.js {NODE_MAJOR_MIN} or later is needed and {version:?} is here; type: npm install -g n && n {NODE_MAJOR_MIN}"
        );
    }
    Ok(())
}

/// The major version in what `node --version` prints.
fn node_major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The npm packages that the lock file in `folder` names.
pub(crate) fn npm_packages(folder: &Path) -> Result<()> {
    // npm writes this file last, so it also tells a complete installation from one that was broken off.
    let installed = folder.join("node_modules/.package-lock.json");
    let manifests = [folder.join("package-lock.json")];
    if files::is_up_to_date(&installed, &manifests)? {
        return Ok(());
    }
    exec::run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// A Chromium to run the browser tests in.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(path) = find_chromium() {
        return Ok(path);
    }
    apt_install(&["chromium"])?;
    find_chromium().context("chromium was installed, but is not on PATH")
}

fn find_chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| CHROMIUM_NAMES.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// The Python of a virtual environment in `target/venv` that has what the requirements file names.
pub(crate) fn python(requirements: &Path) -> Result<PathBuf> {
    let venv = files::target().join("venv");
    let python = venv.join("bin/python");
    // A copy of the requirements, written when they have been installed.
    let installed = venv.join("requirements.txt");
    let wanted = fs::read(requirements)
        .with_context(|| format!("failed to read {}", requirements.display()))?;
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    // Debian's python3 comes without `ensurepip`, and then makes environments without pip.
    if output_of("python3", &["-c", "import venv, ensurepip"]).is_none() {
        apt_install(&["python3", "python3-venv"])?;
    }
    if output_of("python3", &["-c", PYTHON_IS_NEW_ENOUGH]).is_none() {
        bail!("Python 3.11 or later is needed; install it so that `python3` is it");
    }
    exec::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    exec::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(requirements),
    )?;
    fs::write(&installed, wanted)
        .with_context(|| format!("failed to write {}", installed.display()))?;
    Ok(python)
}

/// The triple that the nightly toolchain compiles for; `None` where there is no such toolchain.
pub(crate) fn nightly_host() -> Option<String> {
    let version = output_of(
        "rustup",
        &["run", "nightly", "rustc", "--version", "--verbose"],
    )?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
}

/// A program that is to find the nightly toolchain's cargo and compiler, whatever this process was started by.
pub(crate) fn nightly(program: &Path) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly"])
        .arg(program)
        .current_dir(files::root())
        .env_remove("CARGO");
    command
}

/// `cargo fuzz`, and the C++ compiler that its fuzzer needs.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    if output_of("c++", &["--version"]).is_none() {
        apt_install(&["g++"])?;
    }
    let folder = files::target().join("tools");
    let program = folder.join("bin/cargo-fuzz");
    if !program.exists() {
        exec::run(
            cargo("install")
                .args([
                    "cargo-fuzz",
                    "--version",
                    CARGO_FUZZ_VERSION,
                    "--locked",
                    "--root",
                ])
                .arg(&folder),
        )?;
    }
    Ok(program)
}

/// What runs benches that count instructions, and the valgrind that counts them.
pub(crate) fn gungraun_runner() -> Result<PathBuf> {
    if output_of("valgrind", &["--version"]).is_none() {
        apt_install(&["valgrind"])?;
    }
    let folder = files::target().join("tools");
    let program = folder.join("bin/gungraun-runner");
    let version = output_of(&program.to_string_lossy(), &["--version"]);
    if version != Some(format!("gungraun-runner {GUNGRAUN_VERSION}")) {
        exec::run(
            cargo("install")
                .args([
                    "gungraun-runner",
                    "--version",
                    GUNGRAUN_VERSION,
                    "--locked",
                    "--root",
                ])
                .arg(&folder),
        )?;
    }
    Ok(program)
}

/// Installs Debian packages when that is possible without asking anybody, or stops with the line that does it.
fn apt_install(packages: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get update && apt-get install -y {}",
        packages.join(" ")
    );
    if !Path::new("/etc/debian_version").exists() {
        bail!(
            "{} missing; install with your system's packages (on Debian: {line})",
            packages.join(" and ")
        );
    }
    if output_of("id", &["-u"]).as_deref() != Some("0") {
        bail!(
            "{} missing; type: sudo sh -c '{line}'",
            packages.join(" and ")
        );
    }
    exec::run(
        Command::new("sh")
            .args(["-c", &line])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_read() {
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major("v9.1"), Some(9));
        assert_eq!(node_major("20.1.0"), None);
        assert_eq!(node_major(""), None);
    }
}
