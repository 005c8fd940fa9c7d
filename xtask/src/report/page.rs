//! What is put between markers of a page, `<!-- NAME -->` and `<!-- /NAME -->`, while the prose around them stays.

use anyhow::{Context, Result, ensure};

/// The page with other text between the markers of this name. `page` is what it is called where they are missing.
pub(super) fn replaced(page: &str, text: &str, name: &str, between: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    for marker in [&open, &close] {
        let count = text.matches(marker.as_str()).count();
        ensure!(
            count == 1,
            "{page} has to have the marker {marker} once, and has it {count} times"
        );
    }
    let (before, rest) = text.split_once(&open).context("it was there before")?;
    let (_, after) = rest
        .split_once(&close)
        .with_context(|| format!("in {page}, {close} comes before {open}"))?;
    Ok(format!(
        "{before}{open}\n\n{}\n\n{close}{after}",
        between.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Before.\n\n<!-- echo -->\nold\n<!-- /echo -->\n\nAfter.\n<!-- echo-16 --><!-- /echo-16 -->\n";

    fn refusal(text: &str) -> String {
        let error = replaced("page.md", text, "echo", "new").unwrap_err();
        error.to_string()
    }

    #[test]
    fn what_is_between_markers_is_replaced_and_nothing_else() {
        let once = replaced("page.md", PAGE, "echo", "new\n").unwrap();
        let expected = "Before.\n\n<!-- echo -->\n\nnew\n\n<!-- /echo -->\n\nAfter.\n<!-- echo-16 --><!-- /echo-16 -->\n";
        assert_eq!(once, expected);
        assert_eq!(replaced("page.md", &once, "echo", "new").unwrap(), once);
    }

    #[test]
    fn a_marker_that_is_missing_or_doubled_is_named() {
        let missing = PAGE.replace("<!-- /echo -->", "");
        let expected = "page.md has to have the marker <!-- /echo --> once, and has it 0 times";
        assert_eq!(refusal(&missing), expected);
        let doubled = format!("{PAGE}<!-- echo -->");
        assert!(refusal(&doubled).ends_with("<!-- echo --> once, and has it 2 times"));
        let turned = "<!-- /echo --><!-- echo -->";
        assert_eq!(
            refusal(turned),
            "in page.md, <!-- /echo --> comes before <!-- echo -->"
        );
    }
}
