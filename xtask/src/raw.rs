//! What benches that compare keep beside their report: everything that was said of every run, for programs that read it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value as Json, json};

const FILE: &str = "raw.json";

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raw {
    /// What the numbers are of.
    pub(crate) unit: &'static str,
    /// What servers are made of.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) rounds: Vec<Round>,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Round {
    /// The server, and how it was spoken to.
    pub(crate) subject: String,
    /// From 1 on.
    pub(crate) round: usize,
    /// What grows, and how far it had.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) point: Option<Point>,
    /// What came of it.
    pub(crate) said: Json,
}

/// Where in a series a run is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) series: &'static str,
    pub(crate) x: usize,
}

/// What was run, and on what.
#[derive(Debug, Clone)]
pub(crate) struct Setting<'a> {
    pub(crate) bench: &'a str,
    pub(crate) about: &'a str,
    pub(crate) commit: &'a str,
    pub(crate) command: &'a str,
    /// Whether it was shorter than it should be.
    pub(crate) is_trial: bool,
    pub(crate) machine: Machine,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
}

impl Round {
    /// A run that is in no series.
    pub(crate) fn new(subject: &str, round: usize, said: Json) -> Self {
        Self {
            subject: subject.to_owned(),
            round,
            point: None,
            said,
        }
    }
}

impl Raw {
    /// Writes it into the folder of a run.
    pub(crate) fn write(&self, folder: &Path, setting: &Setting<'_>) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.json(setting))?;
        let path = folder.join(FILE);
        fs::write(&path, text + "\n").with_context(|| format!("failed to write {}", path.display()))
    }

    fn json(&self, setting: &Setting<'_>) -> Json {
        json!({
            "bench": setting.bench,
            "about": setting.about,
            "commit": setting.commit,
            "command": setting.command,
            "is_trial": setting.is_trial,
            "machine": setting.machine,
            "versions": self.versions,
            "unit": self.unit,
            "rounds": self.rounds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_is_written_with_what_was_run_and_where() {
        let point = Point {
            series: "rooms",
            x: 10,
        };
        let round = |point| Round {
            subject: "floor".to_owned(),
            round: 1,
            point,
            said: json!({ "messages": 7 }),
        };
        let raw = Raw {
            unit: "a message",
            versions: BTreeMap::from([("ws".to_owned(), "node v26".to_owned())]),
            rounds: vec![round(None), round(Some(point))],
        };
        let setting = Setting {
            bench: "growth",
            about: "what it is about",
            commit: "abc",
            command: "load",
            is_trial: false,
            machine: Machine {
                cpu: "fast".to_owned(),
                cores: 2,
                kernel: "6".to_owned(),
            },
        };
        let folder = tempfile::tempdir().unwrap();
        raw.write(folder.path(), &setting).unwrap();
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        let written: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(written["machine"]["cores"], 2);
        assert_eq!(written["versions"]["ws"], "node v26");
        let first = json!({ "subject": "floor", "round": 1, "said": { "messages": 7 } });
        assert_eq!(written["rounds"][0], first);
        assert_eq!(written["rounds"][1]["series"], "rooms");
        assert_eq!(written["rounds"][1]["x"], 10);
    }
}
