//! A panel for each measure and each thing that grows, with a line for each subject over a logarithmic axis.

use super::super::measures::Measure;
use super::super::numbers::{grouped, short};
use super::super::raw::Series;
use super::super::summary::{Spread, Summary};
use super::super::svg::{Anchor, Drawing, FAINT, MUTED, width_of};
use super::{INNER, LABEL, MARGIN, NOTE, PARLOR, bars, is_parlor};

const PANELS_ABREAST_MAX: usize = 2;
const PANEL_GAP: f64 = 32.0;
const PLOT_HEIGHT: f64 = 170.0;
/// For the numbers left of a panel.
const AXIS: f64 = 46.0;
const CAP: f64 = 3.0;
const TICKS: f64 = 4.0;

/// Parlor's ways of being spoken to.
const OURS: [&str; 3] = [PARLOR, "#0b3b9c", "#74a4fb"];
const OTHERS: [&str; 6] = [
    "#8c959f", "#d97706", "#15803d", "#9333ea", "#be123c", "#0e7490",
];

/// A line of one subject.
struct Line {
    color: &'static str,
    points: Vec<(f64, Spread)>,
}

/// Draws below `y`; where it ends.
pub(super) fn draw(drawing: &mut Drawing, y: f64, summary: &Summary) -> f64 {
    let colors = colors(summary);
    let mut y = legend(drawing, y + 26.0, &colors);
    let drawn: Vec<_> = summary.drawn().take(PANELS_ABREAST_MAX).collect();
    let abreast = drawn.len() as f64;
    let width = (INNER - PANEL_GAP * (abreast - 1.0)) / abreast;
    for series in summary.series() {
        let heading = y + 34.0;
        for ((index, measure), nth) in drawn.iter().zip(0u32..) {
            let left = MARGIN + f64::from(nth) * (width + PANEL_GAP);
            let lines = lines(summary, &colors, series, *index);
            panel(drawing, (left, heading), width, (series, measure), &lines);
        }
        y = heading + 12.0 + PLOT_HEIGHT + 36.0;
    }
    y
}

/// One for each subject: the same in all panels.
fn colors(summary: &Summary) -> Vec<(&str, &'static str)> {
    let (mut ours, mut others) = (OURS.iter().cycle(), OTHERS.iter().cycle());
    let subjects = summary.subjects().into_iter();
    let colored = subjects.filter_map(|subject| {
        let colors = if is_parlor(subject) {
            &mut ours
        } else {
            &mut others
        };
        colors.next().map(|color| (subject, *color))
    });
    colored.collect()
}

fn legend(drawing: &mut Drawing, mut y: f64, colors: &[(&str, &'static str)]) -> f64 {
    let mut x = MARGIN;
    for (subject, color) in colors {
        let label = if is_parlor(subject) {
            LABEL.bold()
        } else {
            LABEL
        };
        let width = 34.0 + width_of(subject, label) + 12.0;
        if x + width > MARGIN + INNER {
            (x, y) = (MARGIN, y + 20.0);
        }
        drawing.line(
            (x, y - 4.5),
            (x + 24.0, y - 4.5),
            color,
            width_of_line(subject),
        );
        drawing.circle((x + 12.0, y - 4.5), 4.0, color);
        drawing.text((x + 32.0, y), label, subject);
        x += width;
    }
    y
}

fn width_of_line(subject: &str) -> f64 {
    if is_parlor(subject) { 2.5 } else { 1.5 }
}

fn lines(
    summary: &Summary,
    colors: &[(&str, &'static str)],
    series: Series,
    measure: usize,
) -> Vec<(f64, Line)> {
    let line = |(subject, color): &(&str, &'static str)| {
        let rows = summary.rows.iter().filter(|row| row.subject == *subject);
        let points = rows.filter_map(|row| {
            let (of, x) = row.at?;
            (of == series).then_some((x, row.spreads[measure]?))
        });
        let points: Vec<_> = points.collect();
        (width_of_line(subject), Line { color, points })
    };
    // Those of Parlor are drawn last, above all others.
    let mut lines: Vec<_> = colors.iter().map(line).collect();
    lines.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    lines
}

fn panel(
    drawing: &mut Drawing,
    (left, heading): (f64, f64),
    width: f64,
    (series, measure): (Series, &Measure),
    lines: &[(f64, Line)],
) {
    bars::head(drawing, (left, heading), measure);
    let points = || lines.iter().flat_map(|(_, line)| &line.points);
    let mut sizes: Vec<f64> = points().map(|(x, _)| *x).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else {
        return;
    };
    let step = step(points().map(|(_, spread)| spread.most).fold(0.0, f64::max));
    let (from, to) = (left + AXIS, left + width);
    let bottom = heading + 12.0 + PLOT_HEIGHT;
    let breadth = (last / first).ln();
    let at = |x: f64| {
        // One size alone stands in the middle.
        let part = if breadth > 0.0 {
            (x / first).ln() / breadth
        } else {
            0.5
        };
        from + 10.0 + part * (to - from - 20.0)
    };
    let height = |value: f64| bottom - value / (step * TICKS) * PLOT_HEIGHT;

    for tick in 0..=4u8 {
        let value = f64::from(tick) * step;
        let y = height(value);
        drawing.line(
            (from, y),
            (to, y),
            if tick == 0 { MUTED } else { FAINT },
            1.0,
        );
        drawing.text((from - 6.0, y + 4.0), NOTE.at(Anchor::End), &short(value));
    }
    let mut free = f64::NEG_INFINITY;
    for size in &sizes {
        let (x, label) = (at(*size), grouped(*size));
        drawing.line((x, bottom), (x, bottom + 4.0), MUTED, 1.0);
        let half = width_of(&label, NOTE) / 2.0;
        if x - half > free {
            drawing.text((x, bottom + 16.0), NOTE.at(Anchor::Middle), &label);
            free = x + half + 4.0;
        }
    }
    let below = (f64::midpoint(from, to), bottom + 32.0);
    drawing.text(below, NOTE.at(Anchor::Middle), series.label());
    for (width, line) in lines {
        draw_line(drawing, *width, line, at, height);
    }
}

fn draw_line(
    drawing: &mut Drawing,
    width: f64,
    line: &Line,
    at: impl Fn(f64) -> f64,
    height: impl Fn(f64) -> f64,
) {
    let middles: Vec<_> = line
        .points
        .iter()
        .map(|(x, spread)| (at(*x), height(spread.median)))
        .collect();
    drawing.polyline(&middles, line.color, width);
    for ((x, middle), (_, spread)) in middles.iter().zip(&line.points) {
        let (least, most) = (height(spread.least), height(spread.most));
        drawing.line((*x, least), (*x, most), line.color, 1.2);
        for y in [least, most] {
            drawing.line((x - CAP, y), (x + CAP, y), line.color, 1.2);
        }
        drawing.circle((*x, *middle), 3.5, line.color);
    }
}

/// The round number of which four are at least `most`.
fn step(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let least = most / TICKS;
    let power = 10f64.powf(least.log10().floor());
    let rounds = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
    // Rounding must not cost a whole step.
    let fits = |it: &f64| *it >= least * (1.0 - 1e-9);
    rounds.into_iter().find(fits).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_numbers() {
        let cases = [
            (0.0, 1.0),
            (4.0, 1.0),
            (4.1, 2.0),
            (9.0, 2.5),
            (17.0, 5.0),
            (150_000.0, 50_000.0),
            (0.3, 0.1),
        ];
        for (most, expected) in cases {
            assert!((step(most) - expected).abs() < 1e-9, "{most}");
        }
    }
}
