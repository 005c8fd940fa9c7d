//! What the numbers of a run are called, and which of them are shown how.

use super::raw::Round;
use Better::{Less, More, Neither};

/// A number of each round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    /// Where it is in what was said.
    pub(super) path: String,
    pub(super) label: String,
    /// It is shown times this.
    pub(super) scale: f64,
    pub(super) better: Better,
    /// Whether it is also drawn.
    pub(super) is_drawn: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
    /// It says under what conditions the others came about, or nobody has said.
    Neither,
}

/// Where it is, what it is called, its scale, what is better, and whether it is drawn.
type Known = (&'static str, &'static str, f64, Better, bool);

const MILLI: f64 = 1e-3;
const KIBI: f64 = 1.0 / 1024.0;
const PERCENT: f64 = 100.0;

/// In the order in which they are shown. The first that is drawn is the one by which subjects are compared.
const KNOWN: &[Known] = &[
    ("messages_per_second", "messages/s", 1.0, Neither, false),
    (
        "server/messages_per_cpu_second",
        "messages a CPU second",
        1.0,
        More,
        true,
    ),
    // Seconds for a million are microseconds for one.
    (
        "server/cpu_seconds_per_million",
        "CPU µs a message",
        1.0,
        Less,
        false,
    ),
    ("latency_us/p50", "latency p50, ms", MILLI, Less, false),
    ("latency_us/p99", "latency p99, ms", MILLI, Less, true),
    ("latency_us/p999", "latency p99.9, ms", MILLI, Less, false),
    ("answer_us/p99", "answer p99, ms", MILLI, Less, false),
    (
        "tick_unevenness_us/p99",
        "unevenness of ticks p99, ms",
        MILLI,
        Less,
        false,
    ),
    (
        "bytes_received_per_message",
        "bytes a message",
        1.0,
        Less,
        false,
    ),
    ("load_cpu", "load, of a core", 1.0, Neither, false),
    ("players", "players", 1.0, More, true),
    ("p99_ms", "latency p99 with them, ms", 1.0, Less, false),
    ("tick_late_share", "late ticks, %", PERCENT, Less, true),
    (
        "control_late_share_server_core",
        "late timers of an idle process before, %",
        PERCENT,
        Neither,
        true,
    ),
    (
        "control_late_share_load_core",
        "late timers of one beside the load, %",
        PERCENT,
        Neither,
        true,
    ),
    (
        "heard_unevenness_us_p99",
        "unevenness of ticks p99, ms",
        MILLI,
        Less,
        false,
    ),
    (
        "resident_bytes_per_room",
        "memory a room, KiB",
        KIBI,
        Less,
        true,
    ),
    (
        "resident_bytes_per_connection",
        "memory a connection, KiB",
        KIBI,
        Less,
        true,
    ),
    (
        "kernel_slab_bytes_per_connection",
        "kernel's memory a connection, KiB",
        KIBI,
        Less,
        true,
    ),
    (
        "kernel_socket_bytes_per_connection",
        "of that for sockets, KiB",
        KIBI,
        Less,
        false,
    ),
    (
        "kernel_buffer_bytes_per_connection",
        "buffers of sockets, KiB",
        KIBI,
        Less,
        false,
    ),
    ("joins_per_second", "joins/s", 1.0, More, true),
    (
        "server_cpu_seconds_per_1000_joins",
        "CPU s per 1,000 joins",
        1.0,
        Less,
        true,
    ),
    ("join_ms_p50", "join p50, ms", 1.0, Less, false),
    ("join_ms_p99", "join p99, ms", 1.0, Less, true),
    (
        "screen_ms_p50",
        "input to screens p50, ms",
        1.0,
        Less,
        false,
    ),
    ("screen_ms_p99", "input to screens p99, ms", 1.0, Less, true),
    ("answer_ms_p99", "input to answer p99, ms", 1.0, Less, true),
    (
        "cold_start_ms",
        "start with nothing compiled, ms",
        1.0,
        Less,
        true,
    ),
    (
        "warm_start_ms",
        "start with compiled code, ms",
        1.0,
        Less,
        true,
    ),
    (
        "room_open_ms_p50",
        "opening of a new room p50, ms",
        1.0,
        Less,
        true,
    ),
    (
        "room_join_ms_p50",
        "join of a new room p50, ms",
        1.0,
        Less,
        true,
    ),
    (
        "room_join_ms_p99",
        "join of a new room p99, ms",
        1.0,
        Less,
        true,
    ),
    ("resident_bytes", "memory, MiB", KIBI * KIBI, Less, true),
    ("descriptors", "descriptors", 1.0, Less, true),
    ("threads", "threads", 1.0, Less, true),
    ("sessions", "sessions", 1.0, Neither, false),
    ("server_cpu_share", "server, of a core", 1.0, Neither, false),
    ("load_cpu_share", "load, of a core", 1.0, Neither, false),
];

/// How large the work was, and what others are computed of.
const NOT_SHOWN: &[&str] = &[
    "connections",
    "is_at_least",
    "joins",
    "resident_bytes_after",
    "resident_bytes_before",
    "rooms",
    "steps",
    "ticks",
];

/// Those that are there in any of the rounds: the known ones first, then, where it is not the load that speaks, all others under
/// their names.
pub(super) fn measures(rounds: &[Round]) -> Vec<Measure> {
    let mut paths: Vec<String> = Vec::new();
    for round in rounds {
        for path in round.numbers().into_keys() {
            let is_shown = KNOWN.iter().any(|(known, ..)| *known == path)
                || !round.is_of_the_load() && !NOT_SHOWN.contains(&path.as_str());
            if is_shown && !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    let is_there = |(known, ..): &&Known| paths.iter().any(|path| path == known);
    let is_unknown = |path: &&String| KNOWN.iter().all(|(known, ..)| known != path);
    let mut measures: Vec<Measure> = KNOWN.iter().filter(is_there).map(Measure::known).collect();
    let unknown = paths.iter().filter(is_unknown);
    measures.extend(unknown.map(|path| Measure::unknown(path)));
    // A chart of nothing says nothing.
    if !measures.iter().any(|measure| measure.is_drawn)
        && let Some(first) = measures.first_mut()
    {
        first.is_drawn = true;
    }
    measures
}

impl Measure {
    /// What it is a number of, where its label says so behind a comma.
    pub(super) fn unit(&self) -> Option<&str> {
        let (_, unit) = self.label.rsplit_once(", ")?;
        Some(unit)
    }

    /// Its label without that.
    pub(super) fn name(&self) -> &str {
        self.label
            .rsplit_once(", ")
            .map_or(&self.label, |(name, _)| name)
    }

    fn known(&(path, label, scale, better, is_drawn): &Known) -> Self {
        Self {
            path: path.to_owned(),
            label: label.to_owned(),
            scale,
            better,
            is_drawn,
        }
    }

    fn unknown(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            label: path.replace(['_', '/'], " "),
            scale: 1.0,
            better: Neither,
            is_drawn: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn measures_of(said: &Json) -> Vec<Measure> {
        let round = json!({ "subject": "floor", "round": 1, "said": said });
        measures(&[serde_json::from_value(round).unwrap()])
    }

    fn labels(measures: &[Measure]) -> Vec<&str> {
        measures.iter().map(|it| it.label.as_str()).collect()
    }

    #[test]
    fn of_what_the_load_says_only_what_people_need_is_shown() {
        let said = json!({
            "scenario": "echo",
            "seconds": 10.0,
            "messages_per_second": 5.0,
            "server": { "cpu": 0.9, "messages_per_cpu_second": 6.0, "cpu_seconds_per_million": null },
            "latency_us": { "count": 1, "p99": 3 },
        });
        let measures = measures_of(&said);
        assert_eq!(
            labels(&measures),
            ["messages/s", "messages a CPU second", "latency p99, ms"]
        );
        let drawn: Vec<_> = measures.iter().map(|it| it.is_drawn).collect();
        assert_eq!(drawn, [false, true, true]);
    }

    #[test]
    fn what_is_unknown_is_shown_under_its_name() {
        let measures =
            measures_of(&json!({ "odd": { "figure_kept": 3 }, "join_ms_p50": 7, "joins": 10_000 }));
        assert_eq!(labels(&measures), ["join p50, ms", "odd figure kept"]);
        assert_eq!(measures[1].path, "odd/figure_kept");
        // None of them is drawn by itself, so the first is.
        assert!(measures[0].is_drawn && !measures[1].is_drawn);
    }

    #[test]
    fn no_measure_is_known_twice() {
        for (index, (path, ..)) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..index].iter().all(|(before, ..)| before != path));
        }
    }
}
