//! `bench/counts.toml`, written by a command and by nobody else.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::compare::RENEW;
use super::{CountedWith, Counts};

/// The file, from the root of the checkout.
pub(super) const NAME: &str = "bench/counts.toml";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    /// What was there when it was counted.
    #[serde(rename = "counted_with")]
    pub(super) here: CountedWith,
    #[serde(rename = "instructions")]
    pub(super) counts: Counts,
}

impl File {
    pub(super) fn read(text: &str) -> Result<Self> {
        toml::from_str(text).with_context(|| {
            format!("{NAME} is not as it was written; to write it again, type: {RENEW}")
        })
    }

    pub(super) fn write(&self) -> Result<String> {
        let tables = toml::to_string(self).context("failed to write the counts as TOML")?;
        Ok(format!(
            "# How many instructions the hot paths take: see bench/counts/README.md. Written by `{RENEW}`.\n\n{tables}"
        ))
    }
}
