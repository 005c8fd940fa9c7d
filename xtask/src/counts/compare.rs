//! Counts beside counts.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, bail};

use super::Counts;

/// Writes the file.
pub(super) const RENEW: &str = "cargo xtask bench --check --renew";

/// What is within this of the count before is the same.
const PERCENT_MAX: u64 = 5;

/// Every path that either side has, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison(Vec<Row>);

#[derive(Debug, PartialEq, Eq)]
struct Row {
    path: String,
    was: Option<u64>,
    is: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Same,
    Worse,
    Better,
    New,
    Gone,
}

impl Comparison {
    pub(super) fn of(was: &Counts, is: &Counts) -> Self {
        let paths: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let row = |path: &String| Row {
            path: path.clone(),
            was: was.get(path).copied(),
            is: is.get(path).copied(),
        };
        Self(paths.into_iter().map(row).collect())
    }

    /// Fails where one side has paths that the other does not. `there` is what the counts before are from.
    pub(super) fn ensure_same_paths(&self, there: &str) -> Result<()> {
        let (new, gone) = (self.names(Change::New), self.names(Change::Gone));
        let mut problems = Vec::new();
        if !new.is_empty() {
            problems.push(format!("{there} has no count of {}", new.join(", ")));
        }
        if !gone.is_empty() {
            problems.push(format!(
                "there is no bench for what {there} calls {}",
                gone.join(", ")
            ));
        }
        if problems.is_empty() {
            return Ok(());
        }
        bail!("{}; to renew the file, type: {RENEW}", problems.join("; "));
    }

    /// Fails where something got worse.
    pub(super) fn verdict(&self) -> Result<()> {
        let worse: Vec<String> = self
            .0
            .iter()
            .filter(|row| row.change() == Change::Worse)
            .map(Row::to_string)
            .collect();
        if worse.is_empty() {
            return Ok(());
        }
        bail!(
            "these take more than {PERCENT_MAX} % more instructions; where that is meant to be, type: {RENEW}\n  {}",
            worse.join("\n  ")
        );
    }

    fn names(&self, change: Change) -> Vec<&str> {
        let rows = self.0.iter().filter(|row| row.change() == change);
        rows.map(|row| row.path.as_str()).collect()
    }
}

impl Row {
    fn change(&self) -> Change {
        let (was, is) = match (self.was, self.is) {
            (Some(was), Some(is)) => (was, is),
            (None, _) => return Change::New,
            (Some(_), None) => return Change::Gone,
        };
        if is * 100 > was * (100 + PERCENT_MAX) {
            Change::Worse
        } else if is * 100 < was * (100 - PERCENT_MAX) {
            Change::Better
        } else {
            Change::Same
        }
    }
}

/// The path, what it was, what it is, and by how much that is more.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |it| it.to_string());
        write!(
            f,
            "{:<36} was {:>9}, is {:>9}",
            self.path,
            number(self.was),
            number(self.is)
        )?;
        if let (Some(was), Some(is)) = (self.was, self.is) {
            write!(f, "  {:>8}", percent(was, is))?;
        }
        Ok(())
    }
}

/// The table, and what to do where something got better.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            writeln!(f, "    {row}")?;
        }
        let better = self.names(Change::Better);
        if !better.is_empty() {
            writeln!(
                f,
                "==> more than {PERCENT_MAX} % better: {}; that it stays so, renew the file: {RENEW}",
                better.join(", ")
            )?;
        }
        Ok(())
    }
}

/// By how much the second is more than the first, to two places, rounded towards nothing.
fn percent(was: u64, is: u64) -> String {
    let sign = if is < was { '-' } else { '+' };
    let hundredths = is.abs_diff(was) * 10_000 / was.max(1);
    format!("{sign}{}.{:02} %", hundredths / 100, hundredths % 100)
}
