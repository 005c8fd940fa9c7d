//! What was measured, as people read it.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::load::median;
use crate::raw::{Point, Round};

/// A number that is said of each run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) head: &'static str,
    /// Where it is in what was said.
    pub(super) pointer: &'static str,
    /// What it is divided by.
    pub(super) per: f64,
    pub(super) digits: usize,
}

impl Column {
    pub(super) const fn new(head: &'static str, pointer: &'static str, digits: usize) -> Self {
        Self {
            head,
            pointer,
            per: 1.0,
            digits,
        }
    }

    pub(super) const fn per(self, per: f64) -> Self {
        Self { per, ..self }
    }

    /// The median, and the least and the most.
    fn cell(&self, said: &[&Json]) -> String {
        let values = said
            .iter()
            .filter_map(|said| said.pointer(self.pointer)?.as_f64());
        let values: Vec<f64> = values.map(|value| value / self.per).collect();
        if values.is_empty() {
            return "-".to_owned();
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (middle, digits) = (median(values.iter().copied()), self.digits);
        format!("{middle:.digits$} ({least:.digits$}-{most:.digits$})")
    }
}

/// One line for each server, and for each point of a series: the medians of all rounds, and how far they are spread.
pub(super) fn table(rounds: &[Round], columns: &[Column]) -> String {
    let mut text = "medians, and the least and the most of all rounds\n\n".to_owned();
    // Writing to a string cannot fail.
    let _ = write!(text, "{:<46}", "");
    for column in columns {
        let _ = write!(text, "{:>32}", column.head);
    }
    text.push('\n');
    let mut lines: Vec<(&str, Option<Point>)> = Vec::new();
    for round in rounds {
        let line = (round.subject.as_str(), round.point);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    for line in lines {
        let of_line = |round: &&Round| (round.subject.as_str(), round.point) == line;
        let said: Vec<&Json> = rounds
            .iter()
            .filter(of_line)
            .map(|round| &round.said)
            .collect();
        let (subject, point) = line;
        let name = match point {
            Some(Point { series, x }) => format!("{series} {x}, {subject}"),
            None => subject.to_owned(),
        };
        let _ = write!(text, "{name:<46}");
        for column in columns {
            let _ = write!(text, "{:>32}", column.cell(&said));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rounds_of_one_server_and_point_are_one_line() {
        let round = |x, bytes: u64| Round {
            point: Some(Point { series: "rooms", x }),
            ..Round::new("floor", 1, json!({ "bytes": bytes }))
        };
        let rounds = [
            round(10, 2_048),
            round(20, 512),
            round(10, 1_024),
            round(10, 4_096),
        ];
        let columns = [
            Column::new("KiB", "/bytes", 1).per(1_024.0),
            Column::new("none", "/none", 0),
        ];
        let text = table(&rounds, &columns);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("rooms 10, floor").contains("2.0 (1.0-4.0)"), "{text}");
        assert!(line("rooms 20, floor").contains("0.5 (0.5-0.5)"), "{text}");
        assert!(line("rooms 20, floor").ends_with('-'), "{text}");
    }
}
