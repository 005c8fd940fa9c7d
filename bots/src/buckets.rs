//! Histograms as the server tells them: how many values are not above each of a few bounds.

/// Upper bounds in seconds, rising, and how many values are not above each. The last bound is infinite.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Buckets(Vec<(f64, u64)>);

impl Buckets {
    /// Takes in a line of the text, if it is one of this histogram: `NAME_bucket{le="0.1"} 7`. Where the histogram is
    /// told apart by plugin, only this plugin's counts. `None` where the line cannot be read.
    pub(crate) fn read_line(&mut self, histogram: &str, plugin: &str, line: &str) -> Option<()> {
        let rest = line
            .strip_prefix(histogram)
            .and_then(|rest| rest.strip_prefix("_bucket{"));
        let Some(rest) = rest else {
            return Some(());
        };
        let (labels, count) = rest.split_once("} ")?;
        let label = |name: &str| {
            let mut labels = labels.split(',').filter_map(|label| label.split_once('='));
            let (_, value) = labels.find(|(known, _)| *known == name)?;
            Some(value.trim_matches('"'))
        };
        if label("plugin").is_none_or(|labelled| labelled == plugin) {
            self.0
                .push((label("le")?.parse().ok()?, count.parse().ok()?));
        }
        Some(())
    }

    /// What was counted since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let count_before = |bound: f64| {
            let known = before.0.iter().find(|(known, _)| *known == bound);
            known.map_or(0, |(_, count)| *count)
        };
        let since = self
            .0
            .iter()
            .map(|(bound, count)| (*bound, count.saturating_sub(count_before(*bound))));
        Self(since.collect())
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.last().map_or(0, |(_, all)| *all)
    }

    /// The value in milliseconds that a share of all values is not above, as Prometheus tells it: within its bucket,
    /// values are taken to be spread evenly. `None` above all bounds, or where there are no values.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        let wanted = quantile * self.count() as f64;
        if wanted <= 0.0 {
            return None;
        }
        let mut below = (0.0, 0);
        for (bound, count) in &self.0 {
            if *count as f64 >= wanted {
                let (lower, before) = below;
                let share = (wanted - before as f64) / (*count - before) as f64;
                let millis = (lower + (bound - lower) * share) * 1e3;
                // A thousandth of a millisecond is finer than any bucket.
                return bound.is_finite().then(|| (millis * 1e3).round() / 1e3);
            }
            below = (*bound, *count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(counts: [u64; 3]) -> Buckets {
        let mut buckets = Buckets::default();
        for (bound, count) in ["0.0001", "0.0002", "+Inf"].iter().zip(counts) {
            let line = format!("x_seconds_bucket{{le=\"{bound}\"}} {count}");
            buckets.read_line("x_seconds", "grid", &line).unwrap();
        }
        buckets
    }

    #[test]
    fn only_lines_of_the_histogram_are_taken_in() {
        let mut buckets = buckets([1, 2, 3]);
        let before = buckets.clone();
        for line in ["y_seconds_bucket{le=\"1\"} 7", "x_seconds_count 3", "# EOF"] {
            buckets.read_line("x_seconds", "grid", line).unwrap();
        }
        assert_eq!(buckets, before);
        let unreadable = "x_seconds_bucket{le=\"1\"} many";
        assert_eq!(buckets.read_line("x_seconds", "grid", unreadable), None);
        let ours = "x_seconds_bucket{le=\"1.0\",plugin=\"grid\"} 4";
        buckets.read_line("x_seconds", "grid", ours).unwrap();
        assert_eq!(buckets.count(), 4);
    }

    #[test]
    fn only_what_happened_in_between_counts() {
        let since = buckets([60, 99, 1_100]).since(&buckets([0, 0, 1_000]));
        assert_eq!(since, buckets([60, 99, 100]));
        assert_eq!(since.count(), 100);
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let buckets = buckets([60, 100, 100]);
        assert_eq!(buckets.quantile_ms(0.30), Some(0.05));
        assert_eq!(buckets.quantile_ms(0.60), Some(0.1));
        assert_eq!(buckets.quantile_ms(0.80), Some(0.15));
        assert_eq!(buckets.quantile_ms(1.0), Some(0.2));
    }

    #[test]
    fn what_is_above_all_bounds_has_no_quantile() {
        assert_eq!(buckets([60, 98, 100]).quantile_ms(0.99), None);
        assert_eq!(buckets([0, 0, 0]).quantile_ms(0.5), None);
        assert_eq!(Buckets::default().quantile_ms(0.5), None);
    }
}
