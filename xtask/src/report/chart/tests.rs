use roxmltree::{Document, Node};

use super::super::tests::{echo, growth};
use super::*;

fn drawn(raw: &Raw) -> String {
    chart(raw, &Summary::of(raw))
}

/// What is written in a drawing.
fn texts<'d>(document: &'d Document<'_>) -> Vec<&'d str> {
    let is_text = |it: &Node<'_, '_>| it.has_tag_name("text") || it.has_tag_name("tspan");
    let texts = document.descendants().filter(is_text);
    texts.filter_map(|it| it.text()).collect()
}

#[test]
fn bars_have_names_and_medians() {
    let svg = drawn(&echo());
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for text in [
        "echo",
        "Messages a CPU second",
        "more is better",
        "Latency p99, ms",
        "floor",
        "parlor, v1.json",
        "200,000 *",
        "100,000",
        "bun",
    ] {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
    let count = |fill: &str| {
        let shapes = document.descendants().filter(|it| it.has_tag_name("rect"));
        shapes
            .filter(|it| it.attribute("fill") == Some(fill))
            .count()
    };
    // In both panels.
    assert_eq!(count(PARLOR), 2);
    let note = texts
        .iter()
        .find(|it| it.starts_with("Medians of 3 rounds"));
    assert!(note.unwrap().contains("A CPU, 2 cores"));
    assert!(texts.iter().any(|it| it.contains("The load was the limit")));
}

#[test]
fn bars_are_as_long_as_what_they_stand_for() {
    let svg = drawn(&echo());
    let document = Document::parse(&svg).unwrap();
    let rects = document.descendants().filter(|it| it.has_tag_name("rect"));
    let widths: Vec<f64> = rects
        .filter_map(|it| it.attribute("width")?.parse().ok())
        .collect();
    // The first is the ground.
    let [_, floor, parlor, bun, ..] = widths[..] else {
        panic!("too few bars: {widths:?}");
    };
    assert!((parlor / floor - 0.5).abs() < 0.01, "{widths:?}");
    assert!((bun / floor - 0.25).abs() < 0.01, "{widths:?}");
}

#[test]
fn what_grows_is_drawn_as_lines() {
    let svg = drawn(&growth());
    let document = Document::parse(&svg).unwrap();
    let count = |tag: &str| {
        document
            .descendants()
            .filter(|it| it.has_tag_name(tag))
            .count()
    };
    // Two subjects, two things that grow, one measure.
    assert_eq!(count("polyline"), 4);
    let texts = texts(&document);
    for text in [
        "members of a room",
        "bytes of a payload",
        "parlor",
        "bun",
        "65,536",
    ] {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
}

#[test]
fn what_is_written_by_others_is_escaped() {
    let mut raw = echo();
    raw.about = "a < b & c".to_owned();
    raw.rounds[0].subject = "<script>".to_owned();
    let svg = drawn(&raw);
    let document = Document::parse(&svg).unwrap();
    assert!(texts(&document).contains(&"<script>"));
    assert!(texts(&document).contains(&"A < b & c"));
}

#[test]
fn long_texts_are_broken_between_words() {
    let mut drawing = Drawing::default();
    let text = "some words ".repeat(40);
    let end = paragraph(&mut drawing, 0.0, NOTE, &text);
    let svg = drawing.finish(WIDTH, end, "");
    let document = Document::parse(&svg).unwrap();
    let lines = texts(&document);
    assert!(lines.len() > 2);
    assert!(lines.iter().all(|line| width_of(line, NOTE) <= INNER));
    assert_eq!(lines.join(" "), text.trim());
}

#[test]
fn one_subject_alone_has_its_measures_side_by_side() {
    let said = serde_json::json!({ "warm_start_ms": 40, "cold_start_ms": 3_000, "resident_bytes_per_room": 102_400 });
    let mut raw = echo();
    raw.rounds.truncate(1);
    raw.rounds[0].said = said.as_object().unwrap().clone();
    let svg = drawn(&raw);
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for text in [
        "start with compiled code, ms",
        "40",
        "3,000",
        "memory a room, KiB",
        "100",
    ] {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
    assert!(texts.contains(&"floor"));
}

#[test]
fn what_a_server_could_not_do_is_said_and_left_out() {
    let failed = serde_json::json!({ "failed": "messages were lost" });
    let mut raw = echo();
    for round in raw.rounds.iter_mut().filter(|it| it.subject == "bun") {
        round.said = failed.as_object().unwrap().clone();
    }
    let svg = drawn(&raw);
    let document = Document::parse(&svg).unwrap();
    let count = texts(&document)
        .iter()
        .filter(|it| **it == "not measured")
        .count();
    assert_eq!(count, 2);
    let mut raw = growth();
    raw.rounds.last_mut().unwrap().said = failed.as_object().unwrap().clone();
    Document::parse(&drawn(&raw)).unwrap();
}
