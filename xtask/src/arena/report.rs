//! What was measured, in words.

use crate::load::median;

/// How often each server moves everybody, in a second.
const TICK_HZ: f64 = 20.0;

/// One server in one round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// What a member is sent in a second: WebSocket messages,
    pub(super) messages: f64,
    /// their bytes,
    pub(super) payload_bytes: f64,
    /// and with the headers of the WebSocket.
    pub(super) framed_bytes: f64,
    /// How much of a core the server took.
    pub(super) server_cpu: f64,
    /// How much of a core the clients took: where that is nearly all of it, they were too slow.
    pub(super) load_cpu: f64,
    /// What the server's share went into, where it says that.
    pub(super) split: Option<Split>,
}

/// Shares of a core.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) plugin: f64,
    pub(super) diff: f64,
    pub(super) encode: f64,
    pub(super) write: f64,
}

type Pick = fn(&Measured) -> f64;

/// The time of a core that a tick takes, in milliseconds.
fn tick_ms(cpu: f64) -> f64 {
    cpu / TICK_HZ * 1e3
}

/// One round of one server.
pub(super) fn row(name: &str, it: &Measured) -> String {
    format!(
        "{name:<18} {:>6.1} messages/s {:>7.0} B/s {:>7.0} B/s with headers; CPU {:>6.2} ms a tick, clients {:.2} of a core",
        it.messages,
        it.payload_bytes,
        it.framed_bytes,
        tick_ms(it.server_cpu),
        it.load_cpu
    )
}

/// The medians of all rounds and how far they are spread, beside those of the first server.
pub(super) fn report(rounds: &[(&str, Vec<Measured>)]) -> String {
    let columns: [(&str, Pick); 4] = [
        ("messages/s", |it| it.messages),
        ("B/s", |it| it.payload_bytes),
        ("B/s framed", |it| it.framed_bytes),
        ("CPU ms/tick", |it| tick_ms(it.server_cpu)),
    ];
    let first = rounds.first().map_or(&[][..], |(_, measured)| measured);
    let mut text = "each member is sent, and the server takes; medians, and the least and the most of all rounds\n\n".to_owned();
    text.push_str(&format!("{:<18}", ""));
    for (column, _) in columns {
        text.push_str(&format!("{column:>30}"));
    }
    text.push_str("   B/s: ratio   CPU: ratio\n");
    for (name, measured) in rounds {
        text.push_str(&format!("{name:<18}"));
        for (_, pick) in columns {
            text.push_str(&format!("{:>30}", spread(measured, pick)));
        }
        let ratio = |pick: Pick| middle(measured, pick) / middle(first, pick);
        text.push_str(&format!(
            "{:>13.2}{:>13.2}\n",
            ratio(columns[1].1),
            ratio(columns[3].1)
        ));
    }
    text.push_str(&splits(rounds));
    text
}

/// A stage, and how to find its time.
type Stage = (&'static str, fn(&Split) -> f64);

/// What a tick's CPU time went into, where a server says so.
fn splits(rounds: &[(&str, Vec<Measured>)]) -> String {
    let stages: [Stage; 4] = [
        ("plugin", |it| it.plugin),
        ("diff", |it| it.diff),
        ("encode", |it| it.encode),
        ("write", |it| it.write),
    ];
    let mut text = "\nCPU ms a tick: medians\n\n".to_owned();
    text.push_str(&format!("{:<18}", ""));
    for (stage, _) in stages {
        text.push_str(&format!("{stage:>10}"));
    }
    text.push_str(&format!("{:>10}{:>10}\n", "the rest", "all"));
    for (name, measured) in rounds {
        let splits: Vec<_> = measured.iter().filter_map(|it| it.split).collect();
        if splits.is_empty() {
            continue;
        }
        let all = tick_ms(middle(measured, |it| it.server_cpu));
        let taken = stages.map(|(_, pick)| tick_ms(median(splits.iter().map(pick))));
        text.push_str(&format!("{name:<18}"));
        for stage in taken {
            text.push_str(&format!("{stage:>10.3}"));
        }
        let rest = all - taken.iter().sum::<f64>();
        text.push_str(&format!("{rest:>10.3}{all:>10.3}\n"));
    }
    text
}

fn middle(measured: &[Measured], pick: Pick) -> f64 {
    median(measured.iter().map(pick))
}

/// A median, and the least and the most.
fn spread(measured: &[Measured], pick: Pick) -> String {
    let values = || measured.iter().map(pick);
    let (least, most) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    let middle = middle(measured, pick);
    let digits = if middle < 100.0 { 2 } else { 0 };
    format!("{middle:.digits$} ({least:.digits$} to {most:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(bytes: f64, cpu: f64, split: Option<Split>) -> Measured {
        Measured {
            messages: 22.0,
            payload_bytes: bytes,
            framed_bytes: bytes + 80.0,
            server_cpu: cpu,
            load_cpu: 0.3,
            split,
        }
    }

    #[test]
    fn medians_are_set_beside_those_of_the_first() {
        let split = Split {
            plugin: 0.02,
            diff: 0.01,
            encode: 0.01,
            write: 0.04,
        };
        let peer = [2_000.0, 9_000.0, 1_900.0].map(|bytes| measured(bytes, 0.2, None));
        let parlor = [1_000.0, 900.0, 1_100.0].map(|bytes| measured(bytes, 0.1, Some(split)));
        let report = report(&[("peer", peer.to_vec()), ("v1.json", parlor.to_vec())]);
        let line = |name: &str, which: usize| {
            let mut lines = report.lines().filter(|line| line.starts_with(name));
            let line = lines.nth(which).unwrap_or_default();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            line("peer", 0),
            "peer 22.00 (22.00 to 22.00) 2000 (1900 to 9000) 2080 (1980 to 9080) 10.00 (10.00 to 10.00) 1.00 1.00"
        );
        assert!(line("v1.json", 0).ends_with("5.00 (5.00 to 5.00) 0.50 0.50"));
        assert_eq!(
            line("v1.json", 1),
            "v1.json 1.000 0.500 0.500 2.000 1.000 5.000"
        );
        assert_eq!(
            line("peer", 1),
            "",
            "it does not say what its time went into"
        );
    }
}
