use serde_json::{Value as Json, json};

use super::*;

fn raw(bench: &str, rounds: &[Json]) -> Json {
    json!({
        "bench": bench,
        "about": "200 connections in 25 rooms",
        "commit": "abc1234",
        "command": "taskset -c 0 SERVER",
        "machine": { "cpu": "A CPU", "cores": 2, "kernel": "6.1" },
        "versions": { "bun": "bun 1.3.0" },
        "unit": "a message that came back",
        "rounds": rounds,
    })
}

fn of(raw: &Json) -> Raw {
    Raw::parse(&raw.to_string()).unwrap()
}

fn round(subject: &str, round: usize, per_cpu_second: f64, is_load_the_limit: bool) -> Json {
    json!({ "subject": subject, "round": round, "said": {
        "scenario": "echo",
        "clients": 200,
        "messages_per_second": 150_000.0,
        "server": { "messages_per_cpu_second": per_cpu_second },
        "latency_us": { "count": 7, "p99": 2_000 },
        "is_load_the_limit": is_load_the_limit,
    } })
}

/// A run of three rounds with three servers.
pub(super) fn echo() -> Raw {
    let mut rounds = Vec::new();
    for (number, factor) in [(1, 1.0), (2, 1.1), (3, 0.95)] {
        rounds.push(round("floor", number, 200_000.0 * factor, true));
        rounds.push(round("parlor, v1.json", number, 100_000.0 * factor, false));
        rounds.push(round("bun", number, 50_000.0 * factor, false));
    }
    of(&raw("echo", &rounds))
}

/// Two servers in rooms that get larger, and with messages that do.
pub(super) fn growth() -> Raw {
    let mut rounds = Vec::new();
    for (series, sizes) in [("members", [1_000, 10]), ("payload", [64, 65_536])] {
        for size in sizes {
            for (subject, value) in [("parlor", 100_000.0), ("bun", 50_000.0)] {
                rounds.push(json!({
                    "subject": subject, "round": 1, "series": series, "x": size,
                    "said": { "server": { "messages_per_cpu_second": value } },
                }));
            }
        }
    }
    of(&raw("growth", &rounds))
}

/// Why it is not taken.
fn refusal(raw: &Json) -> String {
    format!("{:#}", Raw::parse(&raw.to_string()).unwrap_err())
}

fn with(name: &str, value: Json) -> Json {
    let mut raw = raw("echo", &[round("floor", 1, 1.0, false)]);
    raw[name] = value;
    raw
}

#[test]
fn what_cannot_be_used_says_why() {
    let one = |more: &Json| {
        let mut round = json!({ "subject": "floor", "round": 3, "said": { "players": 1 } });
        let more = more.as_object().unwrap().clone();
        round.as_object_mut().unwrap().extend(more);
        with("rounds", json!([round]))
    };
    let cases = [
        (
            with("bench", json!("../x")),
            "\"../x\" is no name of a bench",
        ),
        (with("bench", json!(7)), "expected a string"),
        (with("rounds", json!([])), "there are no rounds in it"),
        (
            with("machine", json!({ "cpu": "A" })),
            "missing field `cores`",
        ),
        (
            one(&json!({ "said": {} })),
            "round 3 of \"floor\" is not right: nothing in it is a number",
        ),
        (one(&json!({ "said": 7 })), "expected a map"),
        (
            one(&json!({ "x": 10 })),
            "`series` and `x` are there together",
        ),
        (
            one(&json!({ "x": 0, "series": "rooms" })),
            "`x` has to be more than nothing",
        ),
        (
            one(&json!({ "x": 1, "series": "walls" })),
            "unknown variant `walls`",
        ),
    ];
    for (raw, expected) in cases {
        let error = refusal(&raw);
        assert!(error.contains(expected), "{error}");
    }
    let mut mixed = with("rounds", json!([round("floor", 1, 1.0, false)]));
    let grown =
        json!({ "subject": "a", "round": 1, "said": { "n": 1 }, "series": "rooms", "x": 1 });
    mixed["rounds"].as_array_mut().unwrap().push(grown);
    assert!(refusal(&mixed).contains("in others nothing does"));
}

#[test]
fn a_round_that_has_failed_is_a_result() {
    let failed = json!({ "subject": "floor", "round": 1, "said": { "failed": "lost" } });
    let raw = of(&with(
        "rounds",
        json!([failed, round("floor", 2, 1.0, false)]),
    ));
    assert_eq!(Summary::of(&raw).rows.len(), 1);
    let rounds = raw.rounds.iter().map(|round| round.numbers().len());
    assert_eq!(rounds.collect::<Vec<_>>()[0], 0);
}

#[test]
fn whoever_could_have_done_more_is_marked() {
    let said = |is_at_least: u8| json!({ "subject": "floor", "round": 1, "said": { "players": 480, "is_at_least": is_at_least } });
    let is_limit = |is_at_least| {
        let raw = of(&with("rounds", json!([said(is_at_least)])));
        Summary::of(&raw).is_load_the_limit()
    };
    assert!(is_limit(1));
    assert!(!is_limit(0));
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raw.json").display().to_string();
    let error = format!("{:#}", write(folder.path()).unwrap_err());
    assert!(
        error.starts_with(&format!("failed to read {path}: ")),
        "{error}"
    );
    fs::write(folder.path().join("raw.json"), "{").unwrap();
    let error = format!("{:#}", write(folder.path()).unwrap_err());
    assert!(
        error.starts_with(&format!("{path} cannot be used: ")),
        "{error}"
    );
    assert!(error.contains("line 1"), "{error}");
}

fn kept(runs: &Path, name: &str, raw: &Json) {
    fs::create_dir(runs.join(name)).unwrap();
    fs::write(runs.join(name).join("raw.json"), raw.to_string()).unwrap();
}

#[test]
fn a_run_has_a_report_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    kept(
        folder.path(),
        "run",
        &with("versions", json!({ "ws": "node 24" })),
    );
    let run = folder.path().join("run");
    write(&run).unwrap();
    let report = fs::read_to_string(run.join("report.md")).unwrap();
    for part in [
        "# echo: 200 connections in 25 rooms\n",
        "![echo: 200 connections in 25 rooms](chart.svg)",
        "| floor | 150,000 | 1 | 2 |\n",
        "- 2 cores of A CPU, Linux 6.1\n",
        "- ws: node 24\n",
        "```sh\ntaskset -c 0 SERVER\n```\n",
        "Commit `abc1234`",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    let svg = fs::read_to_string(run.join("chart.svg")).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
}

#[test]
fn what_benches_keep_is_read() {
    use crate::raw::{Point, Raw as Kept, Round, Setting};

    let folder = tempfile::tempdir().unwrap();
    let said = json!({ "joins_per_second": 5_000.0 });
    let point = Point {
        series: "connections",
        x: 100,
    };
    let kept = Kept {
        unit: "joins",
        rounds: vec![Round {
            point: Some(point),
            ..Round::new("floor", 1, said)
        }],
        ..Kept::default()
    };
    let setting = Setting {
        bench: "growth",
        about: "more of everything",
        commit: "abc1234",
        command: "load",
        is_trial: false,
        machine: crate::raw::Machine::default(),
    };
    kept.write(folder.path(), &setting).unwrap();
    write(folder.path()).unwrap();
    let report = fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(report.contains("| floor | 100 | 5,000 |"), "{report}");
}

#[test]
fn the_newest_run_of_each_bench_counts() {
    let runs = tempfile::tempdir().unwrap();
    let of_floor = |bench| raw(bench, &[round("floor", 1, 1.0, false)]);
    kept(runs.path(), "2026-11-27-100000-echo", &of_floor("echo"));
    kept(runs.path(), "2026-11-28-090000-echo", &of_floor("echo"));
    kept(runs.path(), "2026-11-26-100000-match", &of_floor("match"));
    fs::create_dir(runs.path().join("2026-11-29-100000-rooms")).unwrap();
    let mut trial = of_floor("echo");
    trial["is_trial"] = json!(true);
    kept(runs.path(), "2026-11-29-110000-echo", &trial);
    let newest = newest(runs.path()).unwrap();
    let names: Vec<_> = newest
        .iter()
        .map(|(bench, run)| (bench.as_str(), run.name()))
        .collect();
    let expected = [
        ("echo", "2026-11-28-090000-echo"),
        ("match", "2026-11-26-100000-match"),
    ];
    assert_eq!(names, expected.map(|(bench, run)| (bench, run.to_owned())));
    let section = newest["echo"].section(&Summary::of(&newest["echo"].raw));
    assert!(section.contains("](performance/echo.svg)"), "{section}");
    assert!(
        section.contains("(../bench/runs/2026-11-28-090000-echo/raw.json)"),
        "{section}"
    );
}

#[test]
fn machines_and_versions_are_listed_once() {
    let run = |cpu: &str, bun: &str| {
        let mut raw = with(
            "machine",
            json!({ "cpu": cpu, "cores": 2, "kernel": "6.1" }),
        );
        raw["versions"] = json!({ "bun": bun });
        Run {
            folder: PathBuf::new(),
            raw: of(&raw),
        }
    };
    let (one, same, other) = (run("A", "1"), run("A", "1"), run("B", "2"));
    assert_eq!(machines(&[&one, &same]), "- 2 cores of A, Linux 6.1\n");
    assert_eq!(
        machines(&[&one, &same, &other]),
        "- 2 cores of A, Linux 6.1: echo, echo\n- 2 cores of B, Linux 6.1: echo\n"
    );
    assert_eq!(versions(&[&one, &same]), "- bun: 1\n");
    assert_eq!(versions(&[&one, &other]), "- bun: 1\n- bun: 2\n");
}

#[test]
fn the_page_has_a_place_for_each_scenario() {
    let mut text = fs::read_to_string(files::root().join(PAGE)).unwrap();
    for name in scenarios().chain([MACHINE, VERSIONS]) {
        text = page::replaced(PAGE, &text, name, "").unwrap();
    }
}
