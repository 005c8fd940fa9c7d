//! A drawing as SVG: a handful of shapes on a ground of its own, so that it can be read on light and on dark pages.

use std::fmt::{self, Write as _};

pub(super) const GROUND: &str = "#ffffff";
pub(super) const INK: &str = "#1f2328";
pub(super) const MUTED: &str = "#59636e";
pub(super) const FAINT: &str = "#e4e8ec";

const FRAME: &str = "#d1d9e0";
/// Whatever the reader's system has: nothing is fetched.
const FONTS: &str =
    "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif";
/// A letter of those is about so wide, in terms of its size. Digits and capitals are wider than small letters.
const LETTER_WIDTH: f64 = 0.56;
/// And so much wider where it is bold.
const BOLDNESS: f64 = 1.12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) color: &'static str,
    pub(super) is_bold: bool,
    pub(super) anchor: Anchor,
}

impl Style {
    pub(super) const fn new(size: f64, color: &'static str) -> Self {
        Self {
            size,
            color,
            is_bold: false,
            anchor: Anchor::Start,
        }
    }

    pub(super) const fn bold(self) -> Self {
        Self {
            is_bold: true,
            ..self
        }
    }

    pub(super) const fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

/// As attributes.
impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let anchor = match self.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if self.is_bold { "600" } else { "400" };
        let Self { size, color, .. } = self;
        write!(
            f,
            r#"font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}""#
        )
    }
}

/// What has been drawn so far.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    shapes: String,
}

impl Drawing {
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.shape(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" fill="{fill}"/>"#
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64) {
        self.shape(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{color}" stroke-width="{width}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn polyline(&mut self, points: &[(f64, f64)], color: &str, width: f64) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        self.shape(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="{width}" stroke-linejoin="round"/>"#,
            points.join(" ")
        ));
    }

    pub(super) fn circle(&mut self, center: (f64, f64), radius: f64, fill: &str) {
        self.shape(format_args!(
            r#"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="{fill}" stroke="{GROUND}"/>"#,
            center.0, center.1
        ));
    }

    /// `at` is where its line of writing begins, ends, or has its middle.
    pub(super) fn text(&mut self, at: (f64, f64), style: Style, text: &str) {
        self.shape(format_args!(
            r#"<text x="{:.1}" y="{:.1}" {style}>{}</text>"#,
            at.0,
            at.1,
            escaped(text)
        ));
    }

    /// A text, and another one right behind it, however wide the first turns out.
    pub(super) fn texts(&mut self, at: (f64, f64), first: (Style, &str), then: (Style, &str)) {
        self.shape(format_args!(
            r#"<text x="{:.1}" y="{:.1}" {}>{}<tspan dx="10" {}>{}</tspan></text>"#,
            at.0,
            at.1,
            first.0,
            escaped(first.1),
            then.0,
            escaped(then.1)
        ));
    }

    fn shape(&mut self, shape: fmt::Arguments<'_>) {
        writeln!(self.shapes, "  {shape}").expect("a string takes everything");
    }

    /// The file. `title` is for those who do not see it.
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let title = escaped(title);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" font-family="{FONTS}">
  <title>{title}</title>
  <rect x="0.5" y="0.5" width="{:.1}" height="{:.1}" rx="6" fill="{GROUND}" stroke="{FRAME}"/>
{}</svg>
"#,
            width - 1.0,
            height - 1.0,
            self.shapes
        )
    }
}

/// How wide a text is, about.
pub(super) fn width_of(text: &str, style: Style) -> f64 {
    let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let boldness = if style.is_bold { BOLDNESS } else { 1.0 };
    f64::from(letters) * style.size * LETTER_WIDTH * boldness
}

/// Without what means something in XML, and without what it cannot hold at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            _ if letter.is_control() => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut drawing = Drawing::default();
        let text = "a < b & \"c\" > 'd'\u{0}";
        drawing.text((1.0, 2.0), Style::new(12.0, INK), text);
        let svg = drawing.finish(100.0, 50.0, text);
        let document = roxmltree::Document::parse(&svg).unwrap();
        for element in ["title", "text"] {
            let mut nodes = document.descendants();
            let node = nodes.find(|it| it.has_tag_name(element)).unwrap();
            assert_eq!(node.text(), Some("a < b & \"c\" > 'd' "));
        }
    }
}
