//! The chart of a run: bars of medians with whiskers from the least to the most; or, of what grows, lines.

mod bars;
mod lines;

use super::raw::Raw;
use super::summary::Summary;
use super::svg::{Drawing, INK, MUTED, Style, width_of};

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 24.0;
const INNER: f64 = WIDTH - 2.0 * MARGIN;

const TITLE: Style = Style::new(17.0, INK).bold();
const SUBTITLE: Style = Style::new(13.0, MUTED);
const HEADING: Style = Style::new(13.0, INK).bold();
const LABEL: Style = Style::new(13.0, INK);
const NOTE: Style = Style::new(11.5, MUTED);

/// What Parlor is drawn in.
const PARLOR: &str = "#2563eb";
const WHISKER: &str = "#1f2328";

/// Marks a value that is the load's.
const LIMIT_MARK: &str = " *";

/// Draws a run.
pub(super) fn chart(raw: &Raw, summary: &Summary) -> String {
    let mut drawing = Drawing::default();
    let mut y = MARGIN + TITLE.size;
    drawing.text((MARGIN, y), TITLE, &raw.bench);
    y = paragraph(&mut drawing, y + 6.0, SUBTITLE, &capitalised(&raw.about));
    y = if summary.series().is_empty() {
        bars::draw(&mut drawing, y, summary)
    } else {
        lines::draw(&mut drawing, y, summary)
    };
    y = paragraph(&mut drawing, y + 14.0, NOTE, &note(raw, summary));
    drawing.finish(WIDTH, y + MARGIN, &format!("{}: {}", raw.bench, raw.about))
}

fn is_parlor(subject: &str) -> bool {
    subject.starts_with("parlor")
}

fn note(raw: &Raw, summary: &Summary) -> String {
    let mut note = format!("Medians of {}", rounds(summary.rounds));
    if summary.rounds > 1 {
        note.push_str("; the thin lines go from the least to the most");
    }
    note.push_str(&format!(
        ". {}, {} cores.",
        raw.machine.cpu, raw.machine.cores
    ));
    if summary.is_load_the_limit() {
        note.push_str(" * The load was the limit: the server could have done more.");
    }
    note
}

/// `1 round`, `5 rounds`.
pub(super) fn rounds(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} round{plural}")
}

/// With a capital at the beginning.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Writes lines below `y`, broken between words where the drawing ends; where the last of them is.
fn paragraph(drawing: &mut Drawing, mut y: f64, style: Style, text: &str) -> f64 {
    let mut line = String::new();
    let mut write = |line: &str| {
        y += style.size * 1.35;
        drawing.text((MARGIN, y), style, line);
    };
    for word in text.split_whitespace() {
        let longer = format!("{line} {word}");
        if !line.is_empty() && width_of(&longer, style) > INNER {
            write(&line);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        write(&line);
    }
    y
}

#[cfg(test)]
mod tests;
