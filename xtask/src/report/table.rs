//! The table of a run, in Markdown.

use super::chart::rounds;
use super::numbers::{grouped, human};
use super::raw::{Raw, Series};
use super::summary::{Row, Spread, Summary};

/// Where nothing was measured.
const NOTHING: &str = "–";

/// Medians with the least and the most behind them; for each thing that grows a table of its own.
pub(super) fn tables(summary: &Summary) -> String {
    let series = summary.series();
    if series.is_empty() {
        return table(summary, None);
    }
    let tables: Vec<_> = series
        .into_iter()
        .map(|it| table(summary, Some(it)))
        .collect();
    tables.join("\n")
}

fn table(summary: &Summary, series: Option<Series>) -> String {
    let mut head = vec![String::new()];
    head.extend(series.map(|it| it.label().to_owned()));
    head.extend(summary.measures.iter().map(|it| it.label.clone()));
    let is_compared = summary.is_compared();
    head.extend(is_compared.then(|| format!("× {}", summary.baseline)));
    let names = 1 + usize::from(series.is_some());
    let mut text = line(&head);
    let rules = (0..head.len()).map(|column| if column < names { "---" } else { "---:" });
    text.push_str(&line(&rules.map(str::to_owned).collect::<Vec<_>>()));
    let rows = summary.rows.iter();
    for row in rows.filter(|row| row.at.map(|(of, _)| of) == series) {
        text.push_str(&line(&cells(row, is_compared)));
    }
    text
}

fn cells(row: &Row, is_compared: bool) -> Vec<String> {
    let mark = if row.is_load_the_limit { " \\*" } else { "" };
    let mut cells = vec![format!("{}{mark}", row.subject)];
    cells.extend(row.at.map(|(_, size)| grouped(size)));
    cells.extend(row.spreads.iter().map(|it| spread(*it)));
    if is_compared {
        let ratio = row.ratio.map(|ratio| format!("{ratio:.2}"));
        cells.push(ratio.unwrap_or_else(|| NOTHING.to_owned()));
    }
    cells
}

fn spread(spread: Option<Spread>) -> String {
    let Some(spread) = spread else {
        return NOTHING.to_owned();
    };
    let median = human(spread.median);
    if spread.least >= spread.most {
        return median;
    }
    format!("{median} ({}–{})", human(spread.least), human(spread.most))
}

fn line(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|it| plain(it)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// What a table can hold.
pub(super) fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// What the numbers are, in sentences.
pub(super) fn legend(raw: &Raw, summary: &Summary) -> String {
    let mut text = format!(
        "What is measured: {}. Medians of {}",
        raw.unit,
        rounds(summary.rounds)
    );
    if summary.rounds > 1 {
        text.push_str(", with the least and the most in brackets");
    }
    text.push('.');
    if let Some(compared) = summary.measures.get(summary.compared())
        && summary.is_compared()
    {
        text.push_str(&format!(
            " In the last column {} of {} is 1.",
            compared.name(),
            summary.baseline
        ));
    }
    if summary.is_load_the_limit() {
        text.push_str(" \\* The load was the limit: the server could have done more.");
    }
    if summary.has_gaps() {
        text.push_str(&format!(
            " {NOTHING} Not measured, or the server could not do this work without a fault."
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{echo, growth};
    use super::*;

    #[test]
    fn a_table_has_medians_with_their_spread() {
        let raw = echo();
        let text = tables(&Summary::of(&raw));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "|  | messages/s | messages a CPU second | latency p99, ms | × floor |",
                "| --- | ---: | ---: | ---: | ---: |",
                "| floor \\* | 150,000 | 200,000 (190,000–220,000) | 2 | 1.00 |",
            ]
        );
        assert!(lines[3].starts_with("| parlor, v1.json |"), "{text}");
        assert!(lines[3].ends_with("| 0.50 |"), "{text}");
        let legend = legend(&raw, &Summary::of(&raw));
        assert!(
            legend.contains("came back. Medians of 3 rounds, with"),
            "{legend}"
        );
        assert!(legend.contains("In the last column messages a CPU second of floor is 1."));
        assert!(legend.contains("The load was the limit"));
    }

    #[test]
    fn each_thing_that_grows_has_a_table() {
        let text = tables(&Summary::of(&growth()));
        assert!(text.contains("|  | members of a room | messages a CPU second | × parlor |"));
        assert!(text.contains("| bun | 1,000 | 50,000 | 0.50 |"), "{text}");
        assert!(text.contains("|  | bytes of a payload |"));
        assert_eq!(text.matches("| ---: |\n").count(), 2);
    }

    #[test]
    fn a_table_is_not_broken_by_what_stands_in_it() {
        assert_eq!(plain("a|b\nc"), "a\\|b c");
    }
}
