//! `SPEC.md` names what the code has.

use std::{collections::BTreeSet, fs, path::Path};

use parlor_proto::{ClientFrame, CloseCode, ErrorCode, ServerFrame};

fn spec() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md");
    fs::read_to_string(path).expect("the specification is in the repository")
}

/// The rows between two headings, each with its cells.
fn rows(spec: &str, from: &str, to: &str) -> Vec<Vec<String>> {
    let (_, rest) = spec.split_once(from).expect("the heading is there");
    let (section, _) = rest.split_once(to).expect("the next heading is there");
    let rows = section.lines().filter(|line| line.starts_with('|'));
    rows.map(|row| {
        row.trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
    .skip(2)
    .collect()
}

fn first_cells(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().map(|row| row[0].trim_matches('`')).collect()
}

#[test]
fn the_tables_of_frames_are_those_of_the_code() {
    let spec = spec();
    assert_eq!(
        first_cells(&rows(&spec, "### From the client", "### From the server")),
        ClientFrame::TYPES
    );
    assert_eq!(
        first_cells(&rows(&spec, "### From the server", "### Types of fields")),
        ServerFrame::TYPES
    );
}

#[test]
fn the_tables_of_codes_are_those_of_the_code() {
    let spec = spec();
    let errors: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(
        first_cells(&rows(&spec, "## Errors", "## Heartbeat")),
        errors
    );
    let closes = rows(&spec, "## Closing", "## Values");
    assert_eq!(closes.len(), CloseCode::ALL.len());
    for (row, code) in closes.iter().zip(CloseCode::ALL) {
        assert_eq!(row[0], code.code().to_string());
        assert_eq!(row[1], code.name());
        assert_eq!(row[3] == "yes", code.may_reconnect(), "{code}");
    }
}

#[test]
fn every_rule_has_a_number_of_its_own() {
    let spec = spec();
    let ids: Vec<_> = spec
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .collect();
    assert!(ids.len() > 60, "only {} rules were found", ids.len());
    assert_eq!(
        ids.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(),
        ids.len()
    );
}
