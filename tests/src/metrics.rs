//! What a server counted, at one moment.

use std::collections::HashMap;

/// A reading of `/metrics`.
#[derive(Debug, Clone)]
pub struct Metrics {
    values: HashMap<String, f64>,
}

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        let values = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect();
        Self { values }
    }

    /// The value of a series, such as `closes_total{reason="normal"}`; 0 where the label never came up.
    ///
    /// # Panics
    ///
    /// When there is no such metric: a misspelt one would be 0 for ever.
    #[must_use]
    pub fn get(&self, series: &str) -> f64 {
        let series = format!("parlor_{series}");
        let found = self.values.get(&series).copied();
        assert!(
            found.is_some() || series.contains('{'),
            "there is no metric {series}"
        );
        found.unwrap_or(0.0)
    }
}
