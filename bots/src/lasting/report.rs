//! What clients of lasting rooms saw.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::Lasting;
use crate::samples::{Percentiles, histogram};

/// How a client's way back ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The session goes on where it was.
    Exact,
    /// It was told to begin anew, for this reason.
    Reset(String),
    /// It goes on, and the room does not know what it had answered.
    Differs,
    /// It did not come back.
    Failed(String),
}

/// What one client saw on its way back.
#[derive(Debug)]
pub(super) struct Seen {
    connected: Option<Instant>,
    pub(super) resumed: Option<Instant>,
    /// A new input was answered.
    pub(super) answered: Option<Instant>,
    pub(super) outcome: Option<Outcome>,
}

impl Seen {
    pub(super) fn connected(at: Instant) -> Self {
        Self {
            connected: Some(at),
            resumed: None,
            answered: None,
            outcome: None,
        }
    }

    /// Of a client that ran out of time.
    pub(super) fn nothing() -> Self {
        Self {
            connected: None,
            resumed: None,
            answered: None,
            outcome: Some(Outcome::Failed("it took too long".to_owned())),
        }
    }
}

/// What all clients saw.
#[derive(Debug)]
pub(super) struct Tally {
    open: Option<Duration>,
    connected: Histogram<u64>,
    resumed: Histogram<u64>,
    answered: Histogram<u64>,
    woken: Histogram<u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            open: None,
            connected: histogram(),
            resumed: histogram(),
            answered: histogram(),
            woken: histogram(),
            outcomes: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// The server let a first client in after this time.
    pub(super) fn open(&mut self, after: Duration) {
        self.open = Some(after);
    }

    pub(super) fn add(&mut self, start: Instant, seen: Seen) {
        for (histogram, at) in [
            (&mut self.connected, seen.connected),
            (&mut self.resumed, seen.resumed),
            (&mut self.answered, seen.answered),
        ] {
            if let Some(at) = at {
                record(histogram, at.duration_since(start));
            }
        }
        let outcome = match seen.outcome {
            Some(Outcome::Exact) | None => "exact".to_owned(),
            Some(Outcome::Reset(reason)) => format!("reset: {reason}"),
            Some(Outcome::Differs) => "another history".to_owned(),
            Some(Outcome::Failed(problem)) => format!("failed: {problem}"),
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// A room was woken in this time.
    pub(super) fn woken(&mut self, after: Duration) {
        record(&mut self.woken, after);
    }
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record(micros);
}

/// What became of lasting rooms and their clients. Times count from the end of the server, or from the join.
#[derive(Debug, Clone, Serialize)]
pub struct LastingReport {
    /// What was done.
    pub kind: Lasting,
    /// In how many rooms.
    pub rooms: usize,
    /// Until the server let a first client in, in milliseconds.
    pub open_ms: Option<f64>,
    /// Until each client had a connection and was greeted.
    pub connected: Option<Percentiles>,
    /// Until each client's session went on.
    pub resumed: Option<Percentiles>,
    /// Until each client's next input was answered.
    pub answered: Option<Percentiles>,
    /// Until a sleeping room was joined.
    pub woken: Option<Percentiles>,
    /// How clients came back, and how many.
    pub outcomes: BTreeMap<String, u64>,
}

impl LastingReport {
    pub(super) fn new(kind: Lasting, rooms: usize, tally: Tally) -> Self {
        Self {
            kind,
            rooms,
            open_ms: tally.open.map(|it| it.as_secs_f64() * 1e3),
            connected: Percentiles::of(&tally.connected),
            resumed: Percentiles::of(&tally.resumed),
            answered: Percentiles::of(&tally.answered),
            woken: Percentiles::of(&tally.woken),
            outcomes: tally.outcomes,
        }
    }

    /// Whether every client came back to where it was.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.outcomes.keys().all(|it| it == "exact")
    }
}

impl fmt::Display for LastingReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rooms", self.rooms)?;
        if let Some(open) = self.open_ms {
            write!(formatter, ", open after {open:.0} ms")?;
        }
        for (label, percentiles) in [
            ("greeted", self.connected),
            ("resumed", self.resumed),
            ("answered", self.answered),
            ("woken", self.woken),
        ] {
            let Some(it) = percentiles else { continue };
            write!(
                formatter,
                "\n{label:<12}{:>10.2}{:>10.2}{:>10.2} ms (p50, p99, max) of {}",
                it.p50_ms, it.p99_ms, it.max_ms, it.count
            )?;
        }
        for (outcome, count) in &self.outcomes {
            write!(formatter, "\n{count} came back: {outcome}")?;
        }
        Ok(())
    }
}
