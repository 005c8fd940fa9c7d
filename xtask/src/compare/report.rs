//! What was measured, in words.

use anyhow::Result;
use serde_json::Value as Json;

use crate::load::{median, number};

/// Above this, the load is what was measured, and not the server.
const LOAD_CPU_MAX: f64 = 0.9;

/// One server in one round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    messages_per_second: f64,
    /// What a million messages take of the server's core, in seconds.
    cpu_seconds_per_million: f64,
    /// How much of a core the server took.
    server_cpu: f64,
    /// And the load.
    load_cpu: f64,
    /// Until whoever is to get a message has it, in milliseconds.
    p50_ms: f64,
    p99_ms: f64,
}

type Pick = fn(&Measured) -> f64;

impl Measured {
    /// By what the load says.
    pub(super) fn of(said: &Json) -> Result<Self> {
        Ok(Self {
            messages_per_second: number(said, "/messages_per_second")?,
            cpu_seconds_per_million: number(said, "/server/cpu_seconds_per_million")?,
            server_cpu: number(said, "/server/cpu")?,
            load_cpu: number(said, "/load_cpu")?,
            p50_ms: number(said, "/latency_us/p50")? / 1e3,
            p99_ms: number(said, "/latency_us/p99")? / 1e3,
        })
    }

    /// How many messages the server does in a second of its core.
    fn per_cpu_second(&self) -> f64 {
        1e6 / self.cpu_seconds_per_million
    }
}

/// One round of one server.
pub(super) fn row(name: &str, it: &Measured) -> String {
    let limit = if it.load_cpu > LOAD_CPU_MAX {
        "; the load was the limit"
    } else {
        ""
    };
    format!(
        "{name:<18} {:>9.0} messages/s {:>9.0} a CPU second; p50 {:>7.2} ms, p99 {:>7.2} ms; server {:.2}, load {:.2} of a core{limit}",
        it.messages_per_second,
        it.per_cpu_second(),
        it.p50_ms,
        it.p99_ms,
        it.server_cpu,
        it.load_cpu,
    )
}

/// The medians of all rounds and how far they are spread; and how many times the messages per CPU second are of those of the
/// first server.
pub(super) fn report(rounds: &[(&str, Vec<Measured>)]) -> String {
    let columns: [(&str, Pick, usize); 5] = [
        ("messages/s", |it| it.messages_per_second, 0),
        ("a CPU second", Measured::per_cpu_second, 0),
        ("CPU s/million", |it| it.cpu_seconds_per_million, 2),
        ("p50 ms", |it| it.p50_ms, 2),
        ("p99 ms", |it| it.p99_ms, 2),
    ];
    let first = rounds.first().map_or(&[][..], |(_, measured)| measured);
    let mut text = "medians, and the least and the most of all rounds; the last column is messages a CPU second, in terms of the first server's\n\n".to_owned();
    text.push_str(&format!("{:<18}", ""));
    for (column, ..) in columns {
        text.push_str(&format!("{column:>28}"));
    }
    text.push_str("   load     ratio\n");
    for (name, measured) in rounds {
        text.push_str(&format!("{name:<18}"));
        for (_, pick, digits) in columns {
            text.push_str(&format!("{:>28}", spread(measured, pick, digits)));
        }
        let load = middle(measured, |it| it.load_cpu);
        let ratio =
            middle(measured, Measured::per_cpu_second) / middle(first, Measured::per_cpu_second);
        let limit = if load > LOAD_CPU_MAX { "*" } else { " " };
        text.push_str(&format!("{load:>6.2}{limit}{ratio:>9.2}\n"));
    }
    text.push_str("\n* the load was the limit: the server could have done more, and what it took for a message is right all the same\n");
    text
}

/// What members on several encodings cost, beside the mean of each encoding alone.
pub(super) fn mixture(rounds: &[(&str, Vec<Measured>)], mixed: &str) -> Option<String> {
    let (_, together) = rounds.iter().find(|(name, _)| *name == mixed)?;
    let alone = rounds.iter().filter(|(name, _)| *name != mixed);
    let alone: Vec<f64> = alone
        .map(|(_, measured)| middle(measured, Measured::per_cpu_second))
        .collect();
    let mean = alone.iter().sum::<f64>() / alone.len() as f64;
    let ratio = middle(together, Measured::per_cpu_second) / mean;
    Some(format!(
        "\n{mixed}: {ratio:.2} times the messages a CPU second that the others have on the average\n"
    ))
}

fn middle(measured: &[Measured], pick: Pick) -> f64 {
    median(measured.iter().map(pick))
}

/// A median, and the least and the most.
fn spread(measured: &[Measured], pick: Pick, digits: usize) -> String {
    let values = || measured.iter().map(pick);
    let (least, most) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    let middle = middle(measured, pick);
    format!("{middle:.digits$} ({least:.digits$}-{most:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(cpu_seconds_per_million: f64, load: f64) -> Json {
        serde_json::json!({
            "messages_per_second": 150_000.0,
            "server": { "cpu": 0.99, "cpu_seconds_per_million": cpu_seconds_per_million },
            "load_cpu": load,
            "latency_us": { "p50": 1_300, "p99": 2_450 },
        })
    }

    #[test]
    fn servers_are_compared_with_the_first_of_them_by_their_medians() {
        let measured = |cpu| Measured::of(&said(cpu, 0.5)).unwrap();
        let rounds = [
            ("floor", vec![measured(2.0), measured(1.0), measured(2.5)]),
            ("other", vec![measured(4.0), measured(4.0), measured(8.0)]),
        ];
        let text = report(&rounds);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("floor").contains("500000 (400000-1000000)"), "{text}");
        assert!(line("floor").ends_with("1.00"), "{text}");
        assert!(line("other").ends_with("0.50"), "{text}");
        assert!(line("other").contains("2.45 (2.45-2.45)"), "{text}");
    }

    #[test]
    fn a_mixture_is_compared_with_the_mean_of_what_is_in_it() {
        let measured = |cpu| vec![Measured::of(&said(cpu, 0.5)).unwrap()];
        let rounds = [
            ("a", measured(1.0)),
            ("b", measured(4.0)),
            ("m", measured(2.0)),
        ];
        let text = mixture(&rounds, "m").unwrap();
        assert!(text.contains("m: 0.80 times"), "{text}");
        assert_eq!(mixture(&rounds, "none"), None);
    }

    #[test]
    fn a_load_that_was_the_limit_is_named() {
        let busy = Measured::of(&said(2.0, 0.97)).unwrap();
        assert!(row("floor", &busy).ends_with("the load was the limit"));
        let calm = Measured::of(&said(2.0, 0.3)).unwrap();
        assert!(row("floor", &calm).ends_with("of a core"));
        Measured::of(&Json::Null).unwrap_err();
    }
}
