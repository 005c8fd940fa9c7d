//! The rounds of a run, put together.

use super::measures::{Measure, measures};
use super::raw::{Raw, Round, Series};
use crate::load::median;

/// What is shown of a run.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) measures: Vec<Measure>,
    /// By what grows, then by subject, then by how far it has grown.
    pub(super) rows: Vec<Row>,
    pub(super) baseline: String,
    /// How often each subject was measured at most.
    pub(super) rounds: usize,
}

/// A subject, and all that was measured of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) subject: String,
    pub(super) at: Option<(Series, f64)>,
    /// One for each of the measures; nothing where it was not measured.
    pub(super) spreads: Vec<Option<Spread>>,
    /// Whether in most rounds the load was what was measured, and not the server.
    pub(super) is_load_the_limit: bool,
    /// How many times as much as the baseline has, of what subjects are compared by.
    pub(super) ratio: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Summary {
    pub(super) fn of(raw: &Raw) -> Self {
        let measures = measures(&raw.rounds);
        let groups = groups(&raw.rounds);
        let rounds = groups.iter().map(Vec::len).max().unwrap_or(0);
        let mut rows: Vec<Row> = groups.iter().map(|it| Row::of(it, &measures)).collect();
        let first = rows.first().map(|row| row.subject.clone());
        let baseline = first.unwrap_or_default();
        let mut summary = Self {
            measures,
            rows: Vec::new(),
            baseline,
            rounds,
        };
        let compared = summary.compared();
        let medians: Vec<_> = rows
            .iter()
            .filter(|row| row.subject == summary.baseline)
            .map(|row| (row.at, row.median(compared)))
            .collect();
        for row in &mut rows {
            let of_baseline = medians.iter().find(|(at, _)| *at == row.at);
            let by = of_baseline
                .and_then(|(_, median)| *median)
                .filter(|it| *it != 0.0);
            row.ratio = row.median(compared).zip(by).map(|(of, by)| of / by);
        }
        summary.rows = rows;
        summary
    }

    /// Which of the measures subjects are compared by.
    pub(super) fn compared(&self) -> usize {
        let drawn = self.measures.iter().position(|measure| measure.is_drawn);
        drawn.unwrap_or(0)
    }

    /// Those that are drawn, with their place among all.
    pub(super) fn drawn(&self) -> impl Iterator<Item = (usize, &Measure)> {
        let measures = self.measures.iter().enumerate();
        measures.filter(|(_, measure)| measure.is_drawn)
    }

    /// What grows, if anything does, in the order in which it was measured.
    pub(super) fn series(&self) -> Vec<Series> {
        let mut series: Vec<_> = self.rows.iter().filter_map(|row| Some(row.at?.0)).collect();
        series.dedup();
        series
    }

    /// Each subject once.
    pub(super) fn subjects(&self) -> Vec<&str> {
        let mut subjects: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !subjects.contains(&row.subject.as_str()) {
                subjects.push(&row.subject);
            }
        }
        subjects
    }

    /// Whether there is anybody to be compared with.
    pub(super) fn is_compared(&self) -> bool {
        self.rows.iter().any(|row| row.subject != self.baseline)
    }

    /// Whether something was not measured, or could not be.
    pub(super) fn has_gaps(&self) -> bool {
        let mut spreads = self.rows.iter().flat_map(|row| &row.spreads);
        spreads.any(Option::is_none)
    }

    pub(super) fn is_load_the_limit(&self) -> bool {
        self.rows.iter().any(|row| row.is_load_the_limit)
    }
}

impl Row {
    /// `rounds` are of one subject, and there is at least one.
    fn of(rounds: &[&Round], measures: &[Measure]) -> Self {
        let numbers: Vec<_> = rounds.iter().map(|round| round.numbers()).collect();
        let values = |measure: &Measure| {
            let values = numbers.iter().filter_map(|it| it.get(&measure.path));
            values.map(|value| value * measure.scale).collect()
        };
        let limited = rounds.iter().filter(|it| it.is_load_the_limit()).count();
        Self {
            subject: rounds[0].subject.clone(),
            at: rounds[0].series.zip(rounds[0].x),
            spreads: measures.iter().map(|it| Spread::of(values(it))).collect(),
            is_load_the_limit: 2 * limited > rounds.len(),
            ratio: None,
        }
    }

    fn median(&self, measure: usize) -> Option<f64> {
        let spread = self.spreads.get(measure).copied().flatten()?;
        Some(spread.median)
    }
}

impl Spread {
    /// Nothing where nothing was measured.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Self {
            least,
            median: median(values.into_iter()),
            most,
        })
    }
}

/// The rounds of one subject at one size each: subjects and what grows in the order in which they first came, sizes by their size.
fn groups(rounds: &[Round]) -> Vec<Vec<&Round>> {
    let mut groups: Vec<Vec<&Round>> = Vec::new();
    for round in rounds {
        let is_same = |it: &Round| {
            it.subject == round.subject && it.series == round.series && it.x == round.x
        };
        match groups.iter_mut().find(|group| is_same(group[0])) {
            Some(group) => group.push(round),
            None => groups.push(vec![round]),
        }
    }
    let first = |is_it: &dyn Fn(&Round) -> bool| rounds.iter().position(is_it);
    groups.sort_by(|one, other| {
        let (one, other) = (one[0], other[0]);
        let place = |of: &Round| {
            (
                first(&|it| it.series == of.series),
                first(&|it| it.subject == of.subject),
            )
        };
        let size = |of: &Round| of.x.unwrap_or(0.0);
        let by_place = place(one).cmp(&place(other));
        by_place.then(size(one).total_cmp(&size(other)))
    });
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{echo, growth};
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let spread = |values: &[f64]| {
            let it = Spread::of(values.to_vec()).unwrap();
            (it.least, it.median, it.most)
        };
        assert_eq!(spread(&[3.0]), (3.0, 3.0, 3.0));
        assert_eq!(spread(&[9.0, 1.0, 4.0]), (1.0, 4.0, 9.0));
        assert_eq!(spread(&[9.0, 1.0, 4.0, 2.0]), (1.0, 3.0, 9.0));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn subjects_are_compared_with_the_first() {
        let rows = Summary::of(&echo()).rows;
        let ratios: Vec<_> = rows
            .iter()
            .map(|row| (row.subject.as_str(), row.ratio.unwrap()))
            .collect();
        let expected = [("floor", 1.0), ("parlor, v1.json", 0.5), ("bun", 0.25)];
        assert_eq!(ratios, expected);
    }

    #[test]
    fn a_subject_is_compared_with_the_baseline_at_the_same_size() {
        let summary = Summary::of(&growth());
        let of_bun: Vec<_> = summary
            .rows
            .iter()
            .filter(|row| row.subject == "bun")
            .map(|row| (row.at.unwrap(), row.ratio.unwrap()))
            .collect();
        assert_eq!(
            of_bun,
            [
                ((Series::Members, 10.0), 0.5),
                ((Series::Members, 1_000.0), 0.5),
                ((Series::Payload, 64.0), 0.5),
                ((Series::Payload, 65_536.0), 0.5),
            ]
        );
        assert_eq!(summary.series(), [Series::Members, Series::Payload]);
        assert_eq!(summary.subjects(), ["parlor", "bun"]);
    }

    #[test]
    fn the_load_was_the_limit_where_it_was_in_most_rounds() {
        let round = |number: u32, is_limit: bool| {
            let said = json!({ "n": 1, "is_load_the_limit": is_limit });
            let round = json!({ "subject": "a", "round": number, "said": said });
            serde_json::from_value::<Round>(round).unwrap()
        };
        let rounds = [round(1, true), round(2, false), round(3, true)];
        let limit = |rounds: &[&Round]| Row::of(rounds, &[]).is_load_the_limit;
        assert!(limit(&[&rounds[0], &rounds[1], &rounds[2]]));
        assert!(!limit(&[&rounds[0], &rounds[1]]));
    }
}
