//! `parlor doctor`: what building and running plugins takes, what of it is here, and what installs the rest.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::json;

use crate::admin::AdminArgs;
use crate::failure::Failure;
use crate::project::{Lang, Project, WASM_TARGET};
use crate::table::table;

const RUST_MIN: [u64; 2] = [1, 95];
const NODE_MIN: [u64; 2] = [20, 19];
/// As many connections as a small server has, and what it needs for itself.
const OPEN_FILES_MIN: u64 = 4_096;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The language that plugins are to be built in [default: that of the project here; else Rust, and TypeScript if it is
    /// there]
    #[arg(long, value_enum, value_name = "LANG")]
    lang: Option<Lang>,
    /// Print one JSON object: is_fine, and checks with name, status (ok, missing, optional), found, fix
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

/// What came of one look.
#[derive(Debug, PartialEq, Eq)]
struct Check {
    name: &'static str,
    /// What is there, or why it is not enough.
    found: String,
    /// What to do, where it is not enough.
    fix: Option<String>,
    /// Whether one can do without.
    is_optional: bool,
}

impl Check {
    fn new(name: &'static str, outcome: Result<String, (String, String)>) -> Self {
        let (found, fix) = match outcome {
            Ok(found) => (found, None),
            Err((found, fix)) => (found, Some(fix)),
        };
        Self {
            name,
            found,
            fix,
            is_optional: false,
        }
    }

    fn optional_if(self, is_optional: bool) -> Self {
        Self {
            is_optional,
            ..self
        }
    }

    fn status(&self) -> &'static str {
        match (&self.fix, self.is_optional) {
            (None, _) => "ok",
            (Some(_), true) => "optional",
            (Some(_), false) => "missing",
        }
    }
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let lang = args
        .lang
        .or_else(|| Some(Project::find(Path::new(".")).ok()?.lang));
    let without_rust = lang == Some(Lang::Ts);
    let without_node = lang != Some(Lang::Ts);
    let checks = [
        Check::new("cargo", cargo()).optional_if(without_rust),
        Check::new("rustc", rustc()).optional_if(without_rust),
        Check::new(WASM_TARGET, wasm_target()).optional_if(without_rust),
        Check::new("node", node()).optional_if(without_node),
        Check::new("npm", npm()).optional_if(without_node),
        Check::new("data directory", data_dir(args.admin.data_dir())),
        Check::new("open files", open_files()),
        Check::new("server", server(&args.admin).await).optional_if(true),
    ];
    let is_fine = checks.iter().all(|check| check.status() != "missing");
    if args.json {
        let list: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({ "name": check.name, "status": check.status(), "found": check.found, "fix": check.fix })
            })
            .collect();
        crate::print(&json!({ "is_fine": is_fine, "checks": list }).to_string());
    } else {
        crate::print(&text(&checks));
    }
    Ok(ExitCode::from(u8::from(!is_fine)))
}

fn text(checks: &[Check]) -> String {
    let lines = checks.iter().map(|check| {
        let fix = check.fix.as_ref();
        [
            check.status().to_owned(),
            check.name.to_owned(),
            check.found.clone(),
            fix.map(|fix| format!("→ {fix}")).unwrap_or_default(),
        ]
    });
    table(lines)
}

/// What a program says of itself.
fn told_by(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The first two numbers of a version in a text such as `rustc 1.95.0 (…)` or `v20.20.2`.
fn version_in(text: &str) -> Option<[u64; 2]> {
    let digits = text.find(|char: char| char.is_ascii_digit())?;
    let mut parts = text[digits..].split(|char: char| !char.is_ascii_digit());
    let mut part = || parts.next()?.parse().ok();
    Some([part()?, part()?])
}

fn rustup_or(command: &str) -> String {
    if told_by("rustup", &["--version"]).is_some() {
        command.to_owned()
    } else {
        format!("install rustup from https://rustup.rs, then: {command}")
    }
}

fn absent() -> String {
    "not found".to_owned()
}

fn cargo() -> Result<String, (String, String)> {
    told_by("cargo", &["--version"]).ok_or_else(|| (absent(), rustup_or("rustup default stable")))
}

fn rustc() -> Result<String, (String, String)> {
    let Some(told) = told_by("rustc", &["--version"]) else {
        return Err((absent(), rustup_or("rustup default stable")));
    };
    if version_in(&told).is_some_and(|version| version >= RUST_MIN) {
        return Ok(told);
    }
    let [major, minor] = RUST_MIN;
    let found = format!("{told}; {major}.{minor} or later is needed");
    Err((found, rustup_or("rustup update stable")))
}

/// Asks the compiler, so that it also works without rustup.
fn wasm_target() -> Result<String, (String, String)> {
    let sysroot = told_by("rustc", &["--print", "sysroot"]);
    let path = sysroot.map(|it| Path::new(&it).join("lib/rustlib").join(WASM_TARGET));
    if path.is_some_and(|path| path.exists()) {
        return Ok("installed".to_owned());
    }
    Err((
        absent(),
        rustup_or(&format!("rustup target add {WASM_TARGET}")),
    ))
}

/// A command that installs Node.js, where one is known.
fn node_fix() -> String {
    let [major, _] = NODE_MIN;
    if told_by("npm", &["--version"]).is_some() {
        format!("npm install -g n && n {major}")
    } else if told_by("brew", &["--version"]).is_some() {
        format!("brew install node@{major}")
    } else if told_by("apt-get", &["--version"]).is_some() {
        "apt-get install nodejs npm".to_owned()
    } else {
        format!("install Node.js {major} or later from https://nodejs.org")
    }
}

fn node() -> Result<String, (String, String)> {
    let Some(told) = told_by("node", &["--version"]) else {
        return Err((absent(), node_fix()));
    };
    if version_in(&told).is_some_and(|version| version >= NODE_MIN) {
        return Ok(told);
    }
    let [major, minor] = NODE_MIN;
    let found = format!("{told}; {major}.{minor} or later is needed");
    Err((found, node_fix()))
}

fn npm() -> Result<String, (String, String)> {
    told_by("npm", &["--version"]).ok_or_else(|| (absent(), node_fix()))
}

/// Whether a server could write there; where there is nothing yet, whether it could be made.
fn data_dir(dir: &Path) -> Result<String, (String, String)> {
    let nearest: PathBuf = if dir.is_relative() {
        Path::new(".").join(dir)
    } else {
        dir.to_owned()
    };
    let shown = dir.display();
    let existing = nearest.ancestors().find(|path| path.exists());
    let Some(existing) = existing.filter(|path| path.is_dir()) else {
        let fix = format!("move the file in the way of {shown}, or choose another --data-dir");
        return Err((format!("{shown} is no directory"), fix));
    };
    match tempfile::NamedTempFile::new_in(existing) {
        Ok(_) => Ok(format!("{shown} is writable")),
        Err(error) => {
            let fix = format!(
                "sudo chown \"$(id -u)\" {}, or choose another --data-dir",
                existing.display()
            );
            Err((format!("{shown} is not writable: {error}"), fix))
        }
    }
}

fn open_files() -> Result<String, (String, String)> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    // A server raises the one to the other by itself.
    match limit.maximum {
        Some(most) if most < OPEN_FILES_MIN => {
            let fix =
                format!("ulimit -Hn {OPEN_FILES_MIN} as root, or LimitNOFILE= in systemd's unit");
            Err((format!("at most {most}"), fix))
        }
        Some(most) => Ok(format!("up to {most}")),
        None => Ok("without a limit".to_owned()),
    }
}

async fn server(args: &AdminArgs) -> Result<String, (String, String)> {
    let asked = match args.find() {
        Ok(admin) => admin.get("/plugins").await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(_) => Ok("answers".to_owned()),
        Err(error) if error.is_absent() => Err((
            "none runs here".to_owned(),
            "parlor serve, or parlor dev, which starts one".to_owned(),
        )),
        Err(error) => Err((
            error.to_string(),
            "parlor doctor --admin URL --token TOKEN".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        assert_eq!(version_in("rustc 1.95.0 (abc 2026-01-01)"), Some([1, 95]));
        assert_eq!(version_in("v20.20.2"), Some([20, 20]));
        assert_eq!(version_in("none"), None);
        assert!([1, 100] > RUST_MIN && [1, 94] < RUST_MIN);
    }

    #[test]
    fn what_is_missing_comes_with_what_installs_it() {
        let missing = Check::new(WASM_TARGET, Err((absent(), "rustup target add".to_owned())));
        let optional = Check::new("node", Err((absent(), "install".to_owned()))).optional_if(true);
        let fine = Check::new("cargo", Ok("cargo 1.95".to_owned()));
        let text = text(&[fine, missing, optional]);
        let lines: Vec<_> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "ok cargo cargo 1.95",
                "missing wasm32-wasip2 not found → rustup target add",
                "optional node not found → install",
            ]
        );
    }

    #[test]
    fn a_data_directory_may_be_made_yet() {
        let dir = tempfile::tempdir().unwrap();
        data_dir(&dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let (found, _) = data_dir(&dir.path().join("file/b")).unwrap_err();
        assert!(found.contains("no directory"), "{found}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
