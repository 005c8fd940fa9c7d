//! How the server kept up by its own clock: from its metrics before and after.

use std::fmt;

use serde::Serialize;

use crate::buckets::Buckets;

const LATENESS: &str = "parlor_tick_lateness_seconds";
const INPUT: &str = "parlor_input_seconds";
const TICKS: &str = "parlor_ticks_total";
const TICKS_LATE: &str = "parlor_ticks_late_total";
const TICKS_MERGED: &str = "parlor_ticks_merged_total";
const WORK: &str = "parlor_work_seconds_total";

/// What the server says of a run, other rooms included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ServerReport {
    /// How late its ticks were.
    pub ticks: TickReport,
    /// How long inputs took.
    pub inputs: InputReport,
    /// What its time went into.
    pub work: WorkReport,
}

/// What the server says of its ticks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TickReport {
    /// Ticks run.
    pub ticks: u64,
    /// Of those, late by more than 5 ms.
    pub late: u64,
    /// Ticks left out, because a room was late by whole periods.
    pub merged: u64,
    /// Half of the ticks were not later than this. `None`: later than the server tells apart, or no ticks.
    pub p50_ms: Option<f64>,
    /// 99 % of the ticks were not later than this; likewise.
    pub p99_ms: Option<f64>,
}

/// What the server says of its inputs: from an input's arrival to the end of the step that applied it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InputReport {
    /// Inputs applied.
    pub applied: u64,
    /// Half of them took no longer than this. `None`: longer than the server tells apart, or no inputs.
    pub p50_ms: Option<f64>,
    /// 99 % of them took no longer than this; likewise.
    pub p99_ms: Option<f64>,
}

/// The time that each stage of the server's work took, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct WorkReport {
    /// In plugins.
    pub plugin: f64,
    /// For states: what changed in them.
    pub diff: f64,
    /// From frames to bytes.
    pub encode: f64,
    /// From bytes to sockets.
    pub write: f64,
}

impl WorkReport {
    fn since(&self, before: &Self) -> Self {
        Self {
            plugin: self.plugin - before.plugin,
            diff: self.diff - before.diff,
            encode: self.encode - before.encode,
            write: self.write - before.write,
        }
    }

    /// The stage that a series is of.
    fn stage_mut(&mut self, labels: &str) -> Option<&mut f64> {
        match labels {
            r#"{stage="plugin"}"# => Some(&mut self.plugin),
            r#"{stage="diff"}"# => Some(&mut self.diff),
            r#"{stage="encode"}"# => Some(&mut self.encode),
            r#"{stage="write"}"# => Some(&mut self.write),
            _ => None,
        }
    }
}

impl fmt::Display for WorkReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plugin,
            diff,
            encode,
            write,
        } = self;
        write!(
            formatter,
            "plugin {plugin:.3} s, diff {diff:.3} s, encode {encode:.3} s, write {write:.3} s"
        )
    }
}

fn millis(quantile: Option<f64>) -> String {
    quantile.map_or_else(|| "above all buckets".to_owned(), |ms| format!("{ms} ms"))
}

impl fmt::Display for TickReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ticks == 0 {
            return formatter.write_str("none run");
        }
        let Self {
            ticks,
            late,
            merged,
            ..
        } = self;
        let (p50, p99) = (millis(self.p50_ms), millis(self.p99_ms));
        write!(
            formatter,
            "{ticks} run, {late} late by more than 5 ms, {merged} merged; lateness p50 {p50}, p99 {p99}"
        )
    }
}

impl fmt::Display for InputReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.applied == 0 {
            return formatter.write_str("none timed");
        }
        let (p50, p99) = (millis(self.p50_ms), millis(self.p99_ms));
        write!(
            formatter,
            "{} timed; took p50 {p50}, p99 {p99}",
            self.applied
        )
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ServerCounters {
    ticks: u64,
    late: u64,
    merged: u64,
    lateness: Buckets,
    inputs: Buckets,
    work: WorkReport,
}

impl ServerCounters {
    /// Reads the OpenMetrics text, as far as it concerns rooms of this plugin. `None` if there is nothing of ticks in it.
    pub(crate) fn parse(plugin: &str, text: &str) -> Option<Self> {
        let mut counters = Self::default();
        let mut is_found = false;
        for line in text.lines() {
            counters.lateness.read_line(LATENESS, plugin, line)?;
            counters.inputs.read_line(INPUT, plugin, line)?;
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            if let Some(labels) = name.strip_prefix(WORK)
                && let Some(seconds) = counters.work.stage_mut(labels)
            {
                *seconds = value.parse().ok()?;
            }
            let counter = match name {
                TICKS => &mut counters.ticks,
                TICKS_LATE => &mut counters.late,
                TICKS_MERGED => &mut counters.merged,
                _ => continue,
            };
            is_found = true;
            *counter = value.parse().ok()?;
        }
        is_found.then_some(counters)
    }

    /// What happened since `before`.
    pub(crate) fn since(&self, before: &Self) -> ServerReport {
        let lateness = self.lateness.since(&before.lateness);
        let inputs = self.inputs.since(&before.inputs);
        ServerReport {
            ticks: TickReport {
                ticks: self.ticks.saturating_sub(before.ticks),
                late: self.late.saturating_sub(before.late),
                merged: self.merged.saturating_sub(before.merged),
                p50_ms: lateness.quantile_ms(0.50),
                p99_ms: lateness.quantile_ms(0.99),
            },
            inputs: InputReport {
                applied: inputs.count(),
                p50_ms: inputs.quantile_ms(0.50),
                p99_ms: inputs.quantile_ms(0.99),
            },
            work: self.work.since(&before.work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ticks: u64, late: u64, buckets: [u64; 3]) -> String {
        let [a, b, all] = buckets;
        format!(
            "# HELP parlor_ticks Ticks run.\n# TYPE parlor_ticks counter\nparlor_ticks_total {ticks}\n\
             parlor_work_seconds_total{{stage=\"plugin\"}} {ticks}.5\n\
             parlor_work_seconds_total{{stage=\"write\"}} 0.25\n\
             parlor_ticks_late_total {late}\nparlor_ticks_merged_total 1\nparlor_tick_lateness_seconds_sum 0.5\n\
             parlor_tick_lateness_seconds_bucket{{le=\"0.0001\"}} {a}\n\
             parlor_tick_lateness_seconds_bucket{{le=\"0.0002\"}} {b}\n\
             parlor_tick_lateness_seconds_bucket{{le=\"+Inf\"}} {all}\n\
             parlor_input_seconds_bucket{{le=\"0.004\"}} {all}\n\
             parlor_input_seconds_bucket{{le=\"+Inf\"}} {all}\n# EOF\n"
        )
    }

    fn counters(ticks: u64, late: u64, buckets: [u64; 3]) -> ServerCounters {
        ServerCounters::parse("grid", &text(ticks, late, buckets)).unwrap()
    }

    #[test]
    fn only_what_happened_in_between_counts() {
        let before = counters(1_000, 900, [0, 0, 1_000]);
        let after = counters(1_100, 901, [50, 99, 1_100]);
        let ServerReport {
            ticks,
            inputs,
            work,
        } = after.since(&before);
        assert_eq!((ticks.ticks, ticks.late, ticks.merged), (100, 1, 0));
        assert_eq!((ticks.p50_ms, ticks.p99_ms), (Some(0.1), Some(0.2)));
        assert_eq!((inputs.applied, inputs.p50_ms), (100, Some(2.0)));
        assert_eq!((work.plugin, work.diff, work.write), (100.0, 0.0, 0.0));
    }

    #[test]
    fn what_is_above_all_bounds_is_said_so() {
        let report = counters(100, 1, [50, 98, 100]).since(&ServerCounters::default());
        assert_eq!(report.ticks.p99_ms, None);
        assert!(
            report.ticks.to_string().ends_with("p99 above all buckets"),
            "{}",
            report.ticks
        );
    }

    #[test]
    fn rooms_that_never_tick_are_late_by_nothing() {
        let still = counters(100, 1, [60, 98, 100]);
        let report = still.since(&still);
        assert_eq!((report.ticks.p50_ms, report.ticks.p99_ms), (None, None));
        assert_eq!(report.ticks.to_string(), "none run");
        assert_eq!(report.inputs.to_string(), "none timed");
    }

    #[test]
    fn text_without_ticks_is_refused() {
        assert_eq!(
            ServerCounters::parse("grid", "parlor_rooms 3\n# EOF\n"),
            None
        );
        assert_eq!(ServerCounters::parse("grid", "<html>"), None);
    }
}
