//! Every rule of `proto/SPEC.md` is quoted by a test, and no other rule is.
//!
//! A test quotes a rule by its number: in its name (`fn hs2_the_first_offer_is_taken`), or in a comment or a text within
//! it (`HS2`). So whoever changes a rule finds its tests, and whoever reads a test finds its rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{SOURCE_ENDINGS, assert_none, has_ending, relative, root, texts};

/// The rules of the specification, in its order: `- **HS1** …`.
fn rules() -> Vec<String> {
    let spec = fs::read_to_string(root().join("proto/SPEC.md")).unwrap();
    let rules: Vec<_> = spec
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .map(|(rule, _)| rule.to_owned())
        .collect();
    assert!(rules.len() > 60, "the search for rules finds hardly any");
    rules
}

/// The part of a file, by its path in the checkout, that is tests: all of it, what follows `#[cfg(test)]`, or nothing.
fn tests_in<'t>(path: &str, text: &'t str) -> &'t str {
    let path = Path::new(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folders: Vec<_> = path.iter().collect();
    // In a folder of tests, but not the sources of the harness and of hostile guests there.
    let is_below = |folder: &str| folders.iter().rposition(|it| *it == folder);
    let is_in_tests = is_below("tests") > is_below("src");
    let is_test = match path.extension().and_then(|ending| ending.to_str()) {
        Some("rs") => name == "tests.rs" || is_in_tests,
        Some("ts" | "mjs") => name.contains(".test."),
        Some("py") => name.starts_with("test_"),
        _ => return "",
    };
    if is_test {
        return text;
    }
    let start = text.find("#[cfg(test)]").unwrap_or(text.len());
    &text[start..]
}

/// The words of a line that look like a rule of one of these sections: two letters and a number, the letters in capitals,
/// or in small letters where a function is named.
fn quoted<'l>(line: &'l str, sections: &'l BTreeSet<&str>) -> impl Iterator<Item = String> + 'l {
    let words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = ["fn", "def"].map(|keyword| {
        let named = line.split_once(&format!("{keyword} "));
        named.map_or("", |(_, rest)| rest)
    });
    let in_names = names
        .into_iter()
        .flat_map(|rest| rest.split(['(', '<']).next())
        .flat_map(|name| name.split('_'))
        .filter(|part| part.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .map(str::to_ascii_uppercase);
    let is_rule = |word: &String| {
        word.split_at_checked(2).is_some_and(|(section, number)| {
            // Names of algorithms, such as HS256, have longer numbers.
            let is_number =
                matches!(number.len(), 1 | 2) && number.bytes().all(|digit| digit.is_ascii_digit());
            sections.contains(section) && is_number
        })
    };
    words.map(str::to_owned).chain(in_names).filter(is_rule)
}

/// The names of the sections of these rules.
fn sections(rules: &[String]) -> BTreeSet<&str> {
    rules.iter().map(|rule| &rule[..2]).collect()
}

#[test]
fn every_rule_of_the_protocol_is_quoted_by_a_test() {
    let rules = rules();
    let sections = sections(&rules);
    let mut is_quoted: BTreeMap<&str, bool> =
        rules.iter().map(|rule| (rule.as_str(), false)).collect();
    for (path, text) in texts() {
        // This file quotes rules as examples only.
        if path.ends_with(file!()) {
            continue;
        }
        for rule in tests_in(&relative(&path), &text)
            .lines()
            .flat_map(|line| quoted(line, &sections))
        {
            if let Some(is_quoted) = is_quoted.get_mut(rule.as_str()) {
                *is_quoted = true;
            }
        }
    }
    let unquoted: Vec<_> = rules
        .iter()
        .filter(|rule| !is_quoted[rule.as_str()])
        .cloned()
        .collect();
    assert_none(&unquoted, "no test quotes these rules of proto/SPEC.md");
}

#[test]
fn no_file_quotes_a_rule_that_does_not_exist() {
    let rules = rules();
    let sections = sections(&rules);
    let mut breaches = Vec::new();
    for (path, text) in texts() {
        let is_read = has_ending(&path, &SOURCE_ENDINGS) || has_ending(&path, &["md", "proto"]);
        if !is_read || path.ends_with(file!()) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            for rule in quoted(line, &sections).filter(|rule| !rules.contains(rule)) {
                breaches.push(format!("{}:{}: {rule}", relative(&path), index + 1));
            }
        }
    }
    assert_none(&breaches, "proto/SPEC.md has no such rules");
}

#[test]
fn quotes_are_found_in_names_and_in_comments() {
    let sections = BTreeSet::from(["HS", "OP", "RS"]);
    let quoted = |line| quoted(line, &sections).collect::<Vec<_>>();
    assert_eq!(
        quoted("async fn op1_op15_welcome_comes() {"),
        ["OP1", "OP15"]
    );
    assert_eq!(quoted("def test_hs2_the_first(url):"), ["HS2"]);
    assert_eq!(quoted("/// HS2, and (RS10)."), ["HS2", "RS10"]);
    assert_eq!(quoted("it(\"resumes (RS1)\""), ["RS1"]);
    for other in [
        "let hs2 = 1;",
        "HS256",
        "RS",
        "XHS1",
        "fn reads_hs(op1: u8)",
        "LM1",
    ] {
        assert!(quoted(other).is_empty(), "{other}");
    }
}

#[test]
fn only_tests_count() {
    let check = |path: &str, text| tests_in(path, text).to_owned();
    assert_eq!(
        check("proto/src/a.rs", "x\n#[cfg(test)]\ny"),
        "#[cfg(test)]\ny"
    );
    assert_eq!(check("proto/src/a.rs", "x"), "");
    assert_eq!(check("server/src/room/tests.rs", "x"), "x");
    assert_eq!(check("tests/tests/all/a.rs", "x"), "x");
    assert_eq!(check("bots/tests/a.rs", "x"), "x");
    assert_eq!(check("tests/src/client.rs", "x"), "");
    assert_eq!(check("web-client/src/lib/a.test.ts", "x"), "x");
    assert_eq!(check("web-client/src/lib/a.ts", "x"), "");
    assert_eq!(check("tests/stock-client/test_a.py", "x"), "x");
    assert_eq!(check("tests/stock-client/client.py", "x"), "");
    assert_eq!(check("README.md", "x"), "");
}
