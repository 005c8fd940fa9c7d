//! Counting tests from what the test runners print: libtest, vitest, node:test and pytest.

use std::fmt;

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u32,
    /// Tests that failed.
    pub(crate) failed: u32,
}

impl Tally {
    /// Counts the tests a line reports, if it is a runner's summary.
    pub(crate) fn read_line(&mut self, line: &str) {
        let plain = without_colours(line);
        let line = plain.trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // node:test: "# pass 3" in TAP, "ℹ pass 3" for people.
            ["#" | "ℹ", "pass", count] => self.passed += number(count),
            ["#" | "ℹ", "fail", count] => self.failed += number(count),
            // libtest: "test result: ok. 3 passed; 0 failed; …"; vitest: "Tests  1 failed | 3 passed (4)".
            ["test", "result:", rest @ ..] | ["Tests", rest @ ..] => self.read_counts(rest),
            // pytest: "1 failed, 3 passed in 0.12s", between signs where it is not quiet.
            _ if words.contains(&"in") && words.iter().any(|word| is_seconds(word)) => {
                self.read_counts(&words)
            }
            _ => {}
        }
    }

    /// Adds what another run counted.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads pairs such as `3 passed`.
    fn read_counts(&mut self, words: &[&str]) {
        for pair in words.windows(2) {
            let [count, what] = pair else { continue };
            match what.trim_end_matches([',', ';']) {
                "passed" => self.passed += number(count),
                "failed" | "error" | "errors" => self.failed += number(count),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn number(word: &str) -> u32 {
    word.parse().unwrap_or(0)
}

fn is_seconds(word: &str) -> bool {
    word.strip_suffix('s')
        .is_some_and(|seconds| seconds.parse::<f64>().is_ok())
}

/// The text without terminal escape sequences.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        if next == '\u{1b}' {
            // A sequence ends with its first letter.
            for skipped in chars.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(next);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, passed: u32, failed: u32) {
        let mut tally = Tally::default();
        tally.read_line(line);
        assert_eq!(tally, Tally { passed, failed }, "{line}");
    }

    #[test]
    fn summaries_of_every_runner_are_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out",
            12,
            0,
        );
        check("test result: FAILED. 3 passed; 1 failed; 0 ignored", 3, 1);
        check("      Tests  14 passed (14)", 14, 0);
        check(
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m | 13 passed (14)",
            13,
            1,
        );
        check("# pass 5", 5, 0);
        check("ℹ fail 2", 0, 2);
        check("7 passed in 0.52s", 7, 0);
        check("===== 1 failed, 6 passed, 1 error in 3.10s =====", 6, 2);
    }

    #[test]
    fn other_lines_are_not() {
        check("test room::joins ... ok", 0, 0);
        check(" Test Files  3 passed (3)", 0, 0);
        check("   Compiling xtask v0.0.0", 0, 0);
        check("5 passed the post", 0, 0);
        check("", 0, 0);
    }
}
