//! A panel for each measure, with a bar for each subject. Where there is one subject only, its measures stand side by side.

use super::super::measures::{Better, Measure};
use super::super::numbers::human;
use super::super::summary::{Row, Spread, Summary};
use super::super::svg::{Anchor, Drawing, FAINT, MUTED, Style, width_of};
use super::{
    HEADING, INNER, LABEL, LIMIT_MARK, MARGIN, NOTE, PARLOR, WHISKER, capitalised, is_parlor,
};

const ROW: f64 = 25.0;
const BAR: f64 = 15.0;
const GAP: f64 = 12.0;
const HEADING_GAP: f64 = 34.0;
/// Half of the line at the end of a whisker.
const CAP: f64 = 4.0;
const OTHER: &str = "#b6bfca";

/// What a bar stands for.
struct Bar<'a> {
    name: &'a str,
    is_ours: bool,
    spread: Option<Spread>,
    is_load_the_limit: bool,
}

/// Draws below `y`; where it ends.
pub(super) fn draw(drawing: &mut Drawing, mut y: f64, summary: &Summary) -> f64 {
    if let [row] = summary.rows.as_slice() {
        return alone(drawing, y, summary, row);
    }
    for (index, measure) in summary.drawn() {
        let bars = summary.rows.iter().map(|row| Bar {
            name: &row.subject,
            is_ours: is_parlor(&row.subject),
            spread: row.spreads[index],
            is_load_the_limit: row.is_load_the_limit,
        });
        y += HEADING_GAP;
        head(drawing, (MARGIN, y), measure);
        y = panel(drawing, y, &bars.collect::<Vec<_>>());
    }
    y
}

/// One subject: a panel for each unit, with a bar for each measure in it.
fn alone(drawing: &mut Drawing, mut y: f64, summary: &Summary, row: &Row) -> f64 {
    let mut units: Vec<Option<&str>> = Vec::new();
    for (_, measure) in summary.drawn() {
        if !units.contains(&measure.unit()) {
            units.push(measure.unit());
        }
    }
    y += HEADING_GAP;
    drawing.text((MARGIN, y), HEADING, &row.subject);
    for unit in units {
        let of_unit = summary.drawn().filter(|(_, it)| it.unit() == unit);
        let bars = of_unit.map(|(index, measure)| Bar {
            name: &measure.label,
            // What is there to compare with is not ours.
            is_ours: is_parlor(&row.subject) && measure.better != Better::Neither,
            spread: row.spreads[index],
            is_load_the_limit: row.is_load_the_limit,
        });
        y = panel(drawing, y, &bars.collect::<Vec<_>>()) + 4.0;
    }
    y
}

/// Draws bars below `y`; where they end.
fn panel(drawing: &mut Drawing, y: f64, bars: &[Bar<'_>]) -> f64 {
    let values: Vec<String> = bars.iter().map(Bar::value).collect();
    let names = bars.iter().map(|bar| width_of(bar.name, bar.label()));
    let left = MARGIN + names.fold(0.0, f64::max) + GAP;
    let widest = values.iter().map(|it| width_of(it, LABEL.bold()));
    let width = MARGIN + INNER - left - widest.fold(0.0, f64::max) - GAP;
    let most = bars
        .iter()
        .filter_map(|bar| Some(bar.spread.as_ref()?.most));
    let most = most.fold(0.0, f64::max);
    let scale = |value: f64| {
        if most > 0.0 {
            value.max(0.0) / most * width
        } else {
            0.0
        }
    };

    let top = y + 10.0;
    let mut bottom = top;
    for (bar, value) in bars.iter().zip(&values) {
        let middle = bottom + ROW / 2.0;
        let writing = middle + LABEL.size * 0.35;
        let name = bar.label().at(Anchor::End);
        drawing.text((left - GAP, writing), name, bar.name);
        let mut end = left;
        if let Some(spread) = &bar.spread {
            let fill = if bar.is_ours { PARLOR } else { OTHER };
            let length = scale(spread.median);
            drawing.rect(left, middle - BAR / 2.0, length, BAR, fill);
            end += length.max(whisker(drawing, (left, middle), spread, scale));
        }
        drawing.text((end + 8.0, writing), bar.label(), value);
        bottom += ROW;
    }
    drawing.line((left, top), (left, bottom), MUTED, 1.0);
    bottom
}

/// What a panel shows, and which way is up.
pub(super) fn head(drawing: &mut Drawing, at: (f64, f64), measure: &Measure) {
    let label = capitalised(&measure.label);
    let better = match measure.better {
        Better::More => "more is better",
        Better::Less => "less is better",
        Better::Neither => "",
    };
    drawing.texts(at, (HEADING, &label), (NOTE, better));
}

/// From the least to the most, where they differ; how far that is from where bars begin.
fn whisker(
    drawing: &mut Drawing,
    (left, middle): (f64, f64),
    spread: &Spread,
    scale: impl Fn(f64) -> f64,
) -> f64 {
    if spread.least >= spread.most {
        return 0.0;
    }
    let (from, to) = (left + scale(spread.least), left + scale(spread.most));
    // Seen on a bar as well as beside it.
    drawing.line((from, middle), (to, middle), FAINT, 3.0);
    drawing.line((from, middle), (to, middle), WHISKER, 1.2);
    for x in [from, to] {
        drawing.line((x, middle - CAP), (x, middle + CAP), WHISKER, 1.2);
    }
    to - left
}

impl Bar<'_> {
    fn label(&self) -> Style {
        if self.is_ours { LABEL.bold() } else { LABEL }
    }

    fn value(&self) -> String {
        let Some(spread) = self.spread else {
            return "not measured".to_owned();
        };
        let mark = if self.is_load_the_limit {
            LIMIT_MARK
        } else {
            ""
        };
        format!("{}{mark}", human(spread.median))
    }
}
