//! `raw.json` of a run: what each round of each subject has come to, and on what it was measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::soak;

/// The file in the folder of a run.
pub(super) const NAME: &str = "raw.json";

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Raw {
    pub(super) bench: String,
    pub(super) about: String,
    pub(super) commit: String,
    pub(super) command: String,
    pub(super) machine: Machine,
    /// What each of the other servers is made of.
    #[serde(default)]
    pub(super) versions: BTreeMap<String, String>,
    /// What one message, join or whatever is counted is here.
    pub(super) unit: String,
    /// Whether it was shorter than it should be.
    #[serde(default)]
    pub(super) is_trial: bool,
    pub(super) rounds: Vec<Round>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: u32,
    pub(super) kernel: String,
}

/// One subject, measured once.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Round {
    pub(super) subject: String,
    pub(super) round: u32,
    pub(super) said: Map<String, Json>,
    /// What grows, where something does, and how far it has grown.
    #[serde(default)]
    pub(super) series: Option<Series>,
    #[serde(default)]
    pub(super) x: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Series {
    Rooms,
    Members,
    Payload,
    Connections,
}

impl Raw {
    /// Reads the one in the folder of a run.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} cannot be used", path.display()))
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut raw: Self = serde_json::from_str(text)?;
        raw.check()?;
        if raw.bench == soak::NAME {
            raw.rounds = soak::ends(raw.rounds);
        }
        Ok(raw)
    }

    /// What no type says.
    fn check(&self) -> Result<()> {
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        ensure!(
            self.bench.starts_with(is_name)
                && self.bench.chars().all(|it| is_name(it) || it == '-'),
            "{:?} is no name of a bench, of which a file can be called",
            self.bench
        );
        ensure!(!self.rounds.is_empty(), "there are no rounds in it");
        for round in &self.rounds {
            round.check().with_context(|| {
                format!("round {} of {:?} is not right", round.round, round.subject)
            })?;
        }
        let is_grown = |round: &&Round| round.series.is_some();
        let grown = self.rounds.iter().filter(is_grown).count();
        ensure!(
            grown == 0 || grown == self.rounds.len(),
            "something grows in some of its rounds, and in others nothing does"
        );
        Ok(())
    }
}

impl Round {
    fn check(&self) -> Result<()> {
        ensure!(
            self.has_failed() || !self.numbers().is_empty(),
            "nothing in it is a number"
        );
        ensure!(
            self.series.is_some() == self.x.is_some(),
            "`series` and `x` are there together or not at all"
        );
        // The axis of what grows is logarithmic.
        ensure!(
            self.x.is_none_or(|x| x > 0.0),
            "`x` has to be more than nothing"
        );
        Ok(())
    }

    /// Whether it is what `bench/load` has printed, which says much more than people need.
    pub(super) fn is_of_the_load(&self) -> bool {
        self.said.get("scenario").is_some_and(Json::is_string)
    }

    /// Whether the server could not do this work, which is a result too.
    fn has_failed(&self) -> bool {
        self.said.get("failed").is_some_and(Json::is_string)
    }

    /// Whether the server could have done more, had there been more to do.
    pub(super) fn is_load_the_limit(&self) -> bool {
        let is_set = |name, value: Json| self.said.get(name) == Some(&value);
        is_set("is_load_the_limit", Json::Bool(true)) || is_set("is_at_least", Json::from(1))
    }

    /// All numbers in it by where they are, such as `latency_us/p99`. What is not known is null there, and is left out.
    pub(super) fn numbers(&self) -> BTreeMap<String, f64> {
        let mut numbers = BTreeMap::new();
        gather("", &self.said, &mut numbers);
        numbers
    }
}

fn gather(above: &str, object: &Map<String, Json>, numbers: &mut BTreeMap<String, f64>) {
    for (name, value) in object {
        let path = format!("{above}{name}");
        if let Json::Object(below) = value {
            gather(&format!("{path}/"), below, numbers);
        } else if let Some(number) = value.as_f64() {
            numbers.insert(path, number);
        }
    }
}

impl Series {
    /// What the axis is called.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Members => "members of a room",
            Self::Payload => "bytes of a payload",
            Self::Connections => "connections",
        }
    }
}
