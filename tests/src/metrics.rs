//! What a server counted, at one moment.

use std::collections::HashMap;

/// A reading of `/metrics`.
#[derive(Debug, Clone)]
pub struct Metrics {
    text: String,
    values: HashMap<String, f64>,
}

impl Metrics {
    pub(crate) fn parse(text: String) -> Self {
        let values = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect();
        Self { text, values }
    }

    /// The value of a series, such as `closes_total{reason="normal"}`; 0 where the label never came up.
    ///
    /// # Panics
    ///
    /// When there is no metric of this name at all: a misspelt one would be 0 for ever.
    #[must_use]
    pub fn get(&self, series: &str) -> f64 {
        let series = format!("parlor_{series}");
        let name = series.split('{').next().unwrap_or_default();
        let family = ["_total", "_count", "_sum"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(
            self.text.contains(&format!("# TYPE {family} ")),
            "there is no metric {family}"
        );
        self.values.get(&series).copied().unwrap_or(0.0)
    }
}
