//! Runs the tutorial: its code blocks are the project that a reader would have after following it.
//!
//! What a fenced block is for stands after its language: `file=PATH` is that file of the project, `run` is typed into a
//! shell, `serve` starts a server, which has to say that it listens. Blocks with none of these are only to be read. In
//! files `$PARLOR` stands for the path of the checkout; in a shell it is a variable.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::server::Server;
use crate::tally::Tally;
use crate::{exec, files};

/// A code block that does something.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// The line on which its fence opens, from 1.
    line: usize,
    action: Action,
}

#[derive(Debug, PartialEq, Eq)]
enum Action {
    /// Writes a file, below the project's folder.
    Write { path: PathBuf, text: String },
    /// Runs a script.
    Run { script: String },
    /// Starts a server by one command, waits until it listens, and stops it.
    Serve { command: String },
}

/// Does what the tutorial says, in a new folder.
pub(crate) fn run(tutorial: &Path, tally: &mut Tally) -> Result<()> {
    let markdown = fs::read_to_string(tutorial)
        .with_context(|| format!("failed to read {}", tutorial.display()))?;
    let blocks =
        extract(&markdown).with_context(|| format!("failed to read {}", tutorial.display()))?;
    ensure!(
        !blocks.is_empty(),
        "{} has no blocks to run",
        tutorial.display()
    );
    let project = tempfile::tempdir().context("failed to make a folder for the project")?;
    for block in blocks {
        perform(&block, project.path(), tally)
            .with_context(|| format!("failed at line {} of {}", block.line, tutorial.display()))?;
    }
    Ok(())
}

fn perform(block: &Block, project: &Path, tally: &mut Tally) -> Result<()> {
    match &block.action {
        Action::Write { path, text } => {
            println!("==> write {}", path.display());
            let path = project.join(path);
            let folder = path
                .parent()
                .context("the path is the project's folder itself")?;
            fs::create_dir_all(folder)?;
            let text = text.replace("$PARLOR", &files::root().to_string_lossy());
            Ok(fs::write(path, text)?)
        }
        Action::Run { script } => exec::run_tests(&mut shell(script, project), tally),
        // `exec`: the server takes the shell's place, and is stopped with it.
        Action::Serve { command } => {
            Server::spawn(&mut shell(&format!("exec {command}"), project)).map(drop)
        }
    }
}

/// A shell as the reader's, in the project's folder, who has `parlor` on the path. What it compiles is kept from one run to
/// the next.
fn shell(script: &str, project: &Path) -> Command {
    let mut paths = vec![files::target().join("debug")];
    paths.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let path = std::env::join_paths(paths).expect("they are taken from such a list");
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(project)
        .env("PARLOR", files::root())
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", files::target().join("tutorial"));
    command
}

/// The blocks of a Markdown text that do something, in order.
fn extract(markdown: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line.trim_start().starts_with("<!--") {
            let is_closed = line.contains("-->") || lines.any(|(_, inner)| inner.contains("-->"));
            ensure!(
                is_closed,
                "the comment opened on line {} is never closed",
                index + 1
            );
            continue;
        }
        let Some(fence) = Fence::open(line) else {
            continue;
        };
        let mut text = String::new();
        loop {
            let Some((_, inner)) = lines.next() else {
                bail!(
                    "the code block opened on line {} is never closed",
                    index + 1
                );
            };
            if fence.is_closed_by(inner) {
                break;
            }
            text.push_str(fence.without_indent(inner));
            text.push('\n');
        }
        let action = action(fence.info, text)
            .with_context(|| format!("bad code block on line {}", index + 1))?;
        blocks.extend(action.map(|action| Block {
            line: index + 1,
            action,
        }));
    }
    Ok(blocks)
}

/// What a block does, by its info string. A word that means nothing is refused: a misspelt one would make a block that
/// nobody tests.
fn action(info: &str, text: String) -> Result<Option<Action>> {
    let mut words = info.split_whitespace();
    let _language = words.next();
    let Some(word) = words.next() else {
        return Ok(None);
    };
    ensure!(
        words.next().is_none(),
        "more than one word after the language in {info:?}"
    );
    if word == "run" {
        return Ok(Some(Action::Run { script: text }));
    }
    if word == "serve" {
        ensure!(
            text.lines().count() == 1,
            "`serve` takes one command on one line"
        );
        return Ok(Some(Action::Serve { command: text }));
    }
    let Some(path) = word.strip_prefix("file=") else {
        bail!("{word:?} is none of `file=PATH`, `run` and `serve`");
    };
    let path = PathBuf::from(path);
    let is_inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    ensure!(
        is_inside && path.file_name().is_some(),
        "{} does not stay in the project's folder",
        path.display()
    );
    Ok(Some(Action::Write { path, text }))
}

/// An opening code fence.
struct Fence<'a> {
    indent: usize,
    mark: char,
    length: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn open(line: &'a str) -> Option<Self> {
        let body = line.trim_start_matches(' ');
        let mark = body
            .chars()
            .next()
            .filter(|mark| matches!(mark, '`' | '~'))?;
        let info = body.trim_start_matches(mark);
        let length = body.len() - info.len();
        // Three marks and text with another of them is code within a line, not a fence.
        let is_fence = length >= 3 && !(mark == '`' && info.contains('`'));
        is_fence.then(|| Self {
            indent: line.len() - body.len(),
            mark,
            length,
            info: info.trim(),
        })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let body = line.trim();
        body.len() >= self.length && body.chars().all(|next| next == self.mark)
    }

    /// The line without the indentation that its fence has, as in a list.
    fn without_indent<'line>(&self, line: &'line str) -> &'line str {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        &line[spaces.min(self.indent)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(markdown: &str, reason: &str) {
        let error = format!("{:#}", extract(markdown).unwrap_err());
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn blocks_are_found_in_order() {
        let markdown = "# Title\n```toml file=Cargo.toml\n[package]\n```\ntext\n```rust\nread_me();\n```\n\n1. Then\n   ~~~sh run\n   cargo test\n     --all\n   ~~~\n";
        let blocks = extract(markdown).unwrap();
        let expected = [
            Block {
                line: 2,
                action: Action::Write {
                    path: "Cargo.toml".into(),
                    text: "[package]\n".to_owned(),
                },
            },
            Block {
                line: 11,
                action: Action::Run {
                    script: "cargo test\n  --all\n".to_owned(),
                },
            },
        ];
        assert_eq!(blocks, expected);
    }

    #[test]
    fn a_longer_fence_holds_a_shorter_one() {
        let markdown = "````md file=README.md\n```sh\nls\n```\n````\n";
        let Action::Write { text, .. } = &extract(markdown).unwrap()[0].action else {
            panic!("not a file");
        };
        assert_eq!(text, "```sh\nls\n```\n");
    }

    #[test]
    fn an_unclosed_block_is_refused_with_its_line() {
        check_refused("one\n```sh run\nls\n", "opened on line 2 is never closed");
        check_refused("```sh run\nls\n~~~\n", "opened on line 1 is never closed");
    }

    #[test]
    fn a_path_that_leaves_the_folder_is_refused() {
        for path in ["../x", "a/../../x", "/etc/x", "", "."] {
            check_refused(
                &format!("```rust file={path}\n```\n"),
                "does not stay in the project's folder",
            );
        }
    }

    #[test]
    fn a_misspelt_word_is_refused() {
        check_refused(
            "```rust fil=src/lib.rs\n```\n",
            "none of `file=PATH`, `run` and `serve`",
        );
        check_refused("```sh run twice\n```\n", "more than one word");
    }

    #[test]
    fn comments_are_skipped_and_must_end() {
        let markdown =
            "<!-- one line -->\n<!--\n```sh run\nls\n-->\n```sh serve\nparlor serve\n```\n";
        let command = "parlor serve\n".to_owned();
        assert_eq!(
            extract(markdown).unwrap(),
            [Block {
                line: 6,
                action: Action::Serve { command }
            }]
        );
        check_refused(
            "<!-- never\n```sh run\nls\n```\n",
            "the comment opened on line 1 is never closed",
        );
    }

    #[test]
    fn a_server_is_one_command() {
        check_refused(
            "```sh serve\ncd x\nparlor serve\n```\n",
            "one command on one line",
        );
        check_refused("```sh serve\n```\n", "one command on one line");
        let block = |script: &str| Block {
            line: 1,
            action: Action::Serve {
                command: script.to_owned(),
            },
        };
        let folder = tempfile::tempdir().unwrap();
        let line = "parlor listening on http://127.0.0.1:4 (admin http://127.0.0.1:5)";
        perform(
            &block(&format!("echo '{line}'")),
            folder.path(),
            &mut Tally::default(),
        )
        .unwrap();
        perform(
            &block("echo something else"),
            folder.path(),
            &mut Tally::default(),
        )
        .unwrap_err();
    }

    #[test]
    fn a_file_names_the_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let blocks = extract("```toml file=x\npath = \"$PARLOR/sdk\"\n```\n").unwrap();
        perform(&blocks[0], folder.path(), &mut Tally::default()).unwrap();
        let expected = format!("path = \"{}/sdk\"\n", files::root().display());
        assert_eq!(
            fs::read_to_string(folder.path().join("x")).unwrap(),
            expected
        );
    }

    #[test]
    fn a_block_is_performed_in_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let blocks =
            extract("```txt file=a/b.txt\nhello\n```\n```sh run\ngrep hello a/b.txt\n```\n")
                .unwrap();
        for block in &blocks {
            perform(block, folder.path(), &mut Tally::default()).unwrap();
        }
        let failing = extract("```sh run\nfalse\ntrue\n```\n").unwrap();
        perform(&failing[0], folder.path(), &mut Tally::default()).unwrap_err();
    }
}
