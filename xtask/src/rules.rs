//! Rules about the repository itself, as tests: what a reviewer would otherwise have to look for by hand.

mod spec;

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{crates_in, root, walk};

/// Longer source files are taken apart.
const LINES_MAX: usize = 600;

/// Endings of files that people write code in.
const SOURCE_ENDINGS: [&str; 8] = ["rs", "ts", "js", "mjs", "py", "css", "html", "wit"];

/// Every file in the checkout that somebody wrote, with its text; binary files are left out.
fn texts() -> Vec<(PathBuf, String)> {
    let paths = walk(root())
        .unwrap()
        .into_iter()
        .filter(|path| path.is_file());
    let texts = paths.filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)));
    texts.collect()
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension()
        .is_some_and(|ending| endings.iter().any(|known| ending == *known))
}

/// The path as people say it.
fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Fails with one line for each breach.
fn assert_none(breaches: &[String], rule: &str) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

/// The manifests of all crates.
fn manifests() -> Vec<(PathBuf, String)> {
    let is_crate = |(path, text): &(PathBuf, String)| {
        path.ends_with("Cargo.toml") && text.contains("[package]")
    };
    let manifests: Vec<_> = texts().into_iter().filter(is_crate).collect();
    assert!(
        manifests.len() > 5,
        "the search for manifests finds hardly any"
    );
    manifests
}

#[test]
fn every_crate_opts_into_the_workspace_lints() {
    let opts_in = |text: &str| {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.contains(&"lints.workspace = true")
            || lines
                .windows(2)
                .any(|pair| pair == ["[lints]", "workspace = true"])
    };
    let breaches: Vec<_> = manifests()
        .iter()
        .filter(|(_, text)| !opts_in(text))
        .map(|(path, _)| relative(path))
        .collect();
    assert_none(&breaches, "these crates need `[lints] workspace = true`");
}

/// The lines of a manifest that name a dependency without a comment on the line or directly above it.
fn dependencies_without_reason(manifest: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let (mut in_dependencies, mut above) = (false, "");
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.split(']').next().unwrap_or_default();
            in_dependencies = section.ends_with("dependencies");
            // `[dependencies.name]` names one dependency itself.
            if section.contains("dependencies.") && !line.contains('#') && !above.starts_with('#') {
                breaches.push(line.to_owned());
            }
        } else if in_dependencies
            && line.contains('=')
            && !line.contains('#')
            && !above.starts_with('#')
        {
            breaches.push(line.to_owned());
        }
        above = line;
    }
    breaches
}

#[test]
fn every_dependency_has_a_reason() {
    let mut breaches = Vec::new();
    for (path, text) in manifests() {
        for line in dependencies_without_reason(&text) {
            breaches.push(format!("{}: {line}", relative(&path)));
        }
    }
    assert_none(
        &breaches,
        "these dependencies need a comment that says what they are for",
    );
}

#[test]
fn a_dependency_without_a_reason_is_noticed() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\" # why\n# why\nb = \"1\"\nc = \"1\"\n\
                    [target.'cfg(unix)'.dev-dependencies]\nd = \"1\"\n[dependencies.e]\nversion = \"1\"\n[lints]\nworkspace = true\n";
    let expected = ["c = \"1\"", "d = \"1\"", "[dependencies.e]"];
    assert_eq!(dependencies_without_reason(manifest), expected);
}

#[test]
fn every_guest_is_named_by_a_test() {
    let (guests, of_typescript) = (root().join("tests/guests"), root().join("tests/guests-ts"));
    let is_test = |path: &Path| {
        path.starts_with(root().join("tests"))
            && !path.starts_with(&guests)
            && !path.starts_with(&of_typescript)
    };
    let tests: Vec<String> = texts()
        .into_iter()
        .filter(|(path, _)| is_test(path) && has_ending(path, &["rs"]))
        .map(|(_, text)| text)
        .collect();
    let quoted = |guest: &str| {
        tests
            .iter()
            .any(|text| text.contains(&format!("\"{guest}\"")))
    };
    // The catalog of the tests loads those made of TypeScript by their folder, and tests name their plugin.
    let plugins = crate::typescript::plugins_in(&of_typescript).unwrap();
    let plugins = plugins
        .iter()
        .map(|it| format!("{}-ts", crate::typescript::name_of(it)));
    let breaches: Vec<_> = crates_in(&guests)
        .unwrap()
        .into_iter()
        .chain(plugins)
        .filter(|guest| !quoted(guest))
        .collect();
    assert_none(&breaches, "no test in tests/ loads these guests");
}

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let breaches: Vec<_> = texts()
        .iter()
        .filter(|(path, text)| {
            has_ending(path, &SOURCE_ENDINGS) && text.lines().count() > LINES_MAX
        })
        .map(|(path, text)| format!("{} ({} lines)", relative(path), text.lines().count()))
        .collect();
    assert_none(&breaches, "these files are too long to be read at once");
}

/// The targets of a Markdown text's links that are files: no addresses, no anchors of the same page, nothing in code.
fn linked_files(markdown: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push(target);
            }
        }
    }
    links
}

#[test]
fn links_in_documents_lead_to_files() {
    let mut breaches = Vec::new();
    let (mut documents, mut links) = (0, 0);
    for (path, text) in texts().iter().filter(|(path, _)| has_ending(path, &["md"])) {
        documents += 1;
        let folder = path.parent().expect("a file lies in a folder");
        for link in linked_files(text) {
            links += 1;
            if !folder.join(link).exists() {
                breaches.push(format!("{}: {link}", relative(path)));
            }
        }
    }
    assert!(
        documents > 1 && links > 1,
        "the search for links finds hardly any"
    );
    assert_none(&breaches, "these links lead nowhere");
}

#[test]
fn links_are_found() {
    let markdown = "[a](docs/a.md#part) ![b](b.png \"B\")\n```md\n[c](c.md)\n```\n[d](https://d.example) [e](#here)";
    assert_eq!(linked_files(markdown), ["docs/a.md", "b.png"]);
}

/// What would tie a file to one machine or one package source. Put together here so that this file holds none of it.
fn places() -> Vec<String> {
    let folders = ["root", "home", "work", "Users"].map(|folder| format!("/{folder}/"));
    let sources = [
        ("index.", "crates.io"),
        ("static.", "crates.io"),
        ("registry.", "npmjs.org"),
        ("registry.", "yarnpkg.com"),
        ("pypi.", "org"),
        ("files.", "pythonhosted.org"),
        ("deb.", "debian.org"),
    ];
    folders
        .into_iter()
        .chain(sources.map(|(host, domain)| format!("{host}{domain}")))
        .collect()
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let places = places();
    let is_lock = |path: &Path| path.ends_with("Cargo.lock") || path.ends_with("package-lock.json");
    let mut breaches = Vec::new();
    for (path, text) in texts().iter().filter(|(path, _)| !is_lock(path)) {
        for (index, line) in text.lines().enumerate() {
            for place in places.iter().filter(|place| names(line, place)) {
                breaches.push(format!("{}:{}: {place}", relative(path), index + 1));
            }
        }
    }
    assert_none(&breaches, "these lines work on one machine only");
}

/// Whether the line names the place: a folder counts only where a path begins, not inside a longer one.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !place.starts_with('/')
            || !before.is_some_and(|last| last.is_alphanumeric() || "_-./}".contains(last))
    })
}

#[test]
fn a_place_is_noticed_where_a_path_begins() {
    let [root_folder, host] = [
        format!("/{}/x", "root"),
        format!("https://registry.{}/x", "npmjs.org"),
    ];
    let breaks = |line: &str| places().iter().any(|place| names(line, place));
    assert!(breaks(&format!("cd {root_folder}")));
    assert!(breaks(&format!("path={root_folder}")));
    assert!(breaks(&host));
    assert!(!breaks(&format!("web{root_folder}")));
    assert!(!breaks("https://example.org/x"));
}

#[test]
fn the_plugin_in_the_readme_is_the_one_the_sdk_tests() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let sdk = fs::read_to_string(root().join("plugin-sdk/src/lib.rs")).unwrap();
    let (_, rest) = readme
        .split_once("```rust\n")
        .expect("README.md has a plugin");
    let (shown, _) = rest.split_once("```").expect("its code block is closed");
    // The crate's documentation is compiled and run as a test; README.md is not.
    let documentation: Vec<&str> = sdk
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    assert!(
        documentation.join("\n").contains(shown.trim_end()),
        "README.md shows another plugin than plugin-sdk/src/lib.rs"
    );
}
