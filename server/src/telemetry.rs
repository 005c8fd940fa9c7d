//! What the server counts. Every metric has its name here and nowhere else.

mod journal;
mod plugins;
mod storage;
mod swaps;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parlor_journal::Journal;
use parlor_proto::{CloseCode, Subprotocol};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use self::journal::JournalMetrics;
use self::plugins::PluginMetrics;
use self::storage::StorageMetrics;
use self::swaps::SwapMetrics;
use self::work::WorkMetrics;
use crate::plugin::Version;

pub(crate) use self::plugins::PluginCounts;
pub(crate) use self::storage::StorageSize;
pub(crate) use self::work::Stage;

type Label = [(&'static str, &'static str); 1];
type PluginLabel = [(&'static str, String); 1];
type PerSubprotocol = [Counter; Subprotocol::ALL.len()];

/// The node's counters. Those on the way of a message are resolved once, so that counting costs an addition.
pub(crate) struct Metrics {
    registry: Registry,
    connections: Gauge,
    sessions: Gauge,
    sessions_away: Gauge,
    rooms: Gauge,
    frames_in: PerSubprotocol,
    frames_out: PerSubprotocol,
    bytes_in: PerSubprotocol,
    bytes_out: PerSubprotocol,
    encodings: PerSubprotocol,
    closes: Family<Label, Counter>,
    refusals: Family<Label, Counter>,
    tokens_refused: Family<Label, Counter>,
    connections_refused: Family<Label, Counter>,
    connections_dropped: Family<Label, Counter>,
    certificates_read: Family<Label, Counter>,
    plugin_failures: Family<Label, Counter>,
    room_open_seconds: Histogram,
    step_seconds: Histogram,
    input_seconds: Family<PluginLabel, Histogram, fn() -> Histogram>,
    step_events: Counter,
    ticks: Counter,
    ticks_late: Counter,
    ticks_merged: Counter,
    tick_lateness_seconds: Histogram,
    states_replaced: Counter,
    sends_to_departed: Counter,
    resumes: Family<Label, Counter>,
    frames_replayed: Counter,
    slow_consumers: Family<Label, Counter>,
    rates_exceeded: Family<Label, Counter>,
    overloads: Family<Label, Counter>,
    recoveries: Family<Label, Counter>,
    audits: Family<Label, Counter>,
    audited_steps: Counter,
    rooms_slept: Counter,
    sleepers: Gauge,
    log_lines_dropped: Counter,
    journal: JournalMetrics,
    storage: StorageMetrics,
    swaps: SwapMetrics,
    plugins: PluginMetrics,
    work: WorkMetrics,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::with(&PluginCounts::default())
    }

    /// All metrics, with what the catalog counts.
    #[expect(
        clippy::too_many_lines,
        reason = "a list of names, better read in one piece"
    )]
    pub(crate) fn with(counts: &PluginCounts) -> Self {
        let mut registry = Registry::with_prefix("parlor");
        let fine: fn() -> Histogram = || Histogram::new(fine_buckets());
        let input_seconds = Family::new_with_constructor(fine);
        registry.register_with_unit(
            "input",
            "From an input's arrival at its session to the end of the step that applied it, by plugin",
            Unit::Seconds,
            input_seconds.clone(),
        );
        Self {
            connections: gauge(&mut registry, "connections", "Open connections"),
            sessions: gauge(
                &mut registry,
                "sessions",
                "Sessions, with or without a connection",
            ),
            sessions_away: gauge(
                &mut registry,
                "sessions_away",
                "Sessions without a connection",
            ),
            resumes: family(
                &mut registry,
                "resumes",
                "Rooms taken up again after a lost connection, by outcome: exact, or the reason of the reset",
            ),
            slow_consumers: family(
                &mut registry,
                "slow_consumers",
                "Connections closed because the client did not read, by what was too much",
            ),
            rates_exceeded: family(
                &mut registry,
                "rates_exceeded",
                "Messages and requests beyond what a session may send in a time, by rate",
            ),
            overloads: family(
                &mut registry,
                "room_overloads",
                "Members who had most of an overloaded room's time, by what became of them",
            ),
            recoveries: family(
                &mut registry,
                "rooms_recovered",
                "Rooms brought back from the journal, by outcome: whole, damaged, or set-aside",
            ),
            audits: family(
                &mut registry,
                "audits",
                "Rooms of which some steps were lived through again, by whether the same came of them",
            ),
            audited_steps: counter(
                &mut registry,
                "audited_steps",
                "Steps that were lived through again for that",
            ),
            rooms_slept: counter(
                &mut registry,
                "rooms_slept",
                "Rooms put to sleep because nobody was in them",
            ),
            sleepers: gauge(
                &mut registry,
                "rooms_asleep",
                "Rooms that sleep, and take no more than a name",
            ),
            frames_replayed: counter(
                &mut registry,
                "frames_replayed",
                "Frames sent again to clients that came back",
            ),
            rooms: gauge(&mut registry, "rooms", "Open rooms"),
            frames_in: per_subprotocol(&mut registry, "frames_in", "Frames from clients"),
            frames_out: per_subprotocol(&mut registry, "frames_out", "Frames to clients"),
            bytes_in: per_subprotocol(
                &mut registry,
                "received_bytes",
                "Payload bytes of frames from clients",
            ),
            bytes_out: per_subprotocol(
                &mut registry,
                "sent_bytes",
                "Payload bytes of frames to clients",
            ),
            encodings: per_subprotocol(
                &mut registry,
                "encodings",
                "Frames encoded: at most one per frame and encoding in use",
            ),
            closes: family(
                &mut registry,
                "closes",
                "Connections closed by the server, by reason",
            ),
            refusals: family(
                &mut registry,
                "refusals",
                "Requests and frames refused, by code",
            ),
            tokens_refused: family(
                &mut registry,
                "tokens_refused",
                "Tokens and tickets refused, by reason",
            ),
            connections_refused: family(
                &mut registry,
                "connections_refused",
                "Connections that were told why they could not stay, by reason",
            ),
            connections_dropped: family(
                &mut registry,
                "connections_dropped",
                "Connections ended before their first request or without an answer, by reason",
            ),
            certificates_read: family(
                &mut registry,
                "certificates_read",
                "Changed certificates that were read, by whether they can be used",
            ),
            plugin_failures: family(
                &mut registry,
                "plugin_failures",
                "Failed plugin calls, by kind",
            ),
            room_open_seconds: seconds(
                &mut registry,
                "room_open",
                "Time of opening a new room: its sandbox, its plugin's beginning, and all that the server has for it",
                fine_buckets(),
            ),
            step_seconds: seconds(
                &mut registry,
                "step",
                "Time of one plugin step",
                exponential_buckets(1e-6, 2.0, 20),
            ),
            input_seconds,
            tick_lateness_seconds: seconds(
                &mut registry,
                "tick_lateness",
                "How long after its time a tick runs",
                fine_buckets(),
            ),
            step_events: counter(&mut registry, "step_events", "Events handed to plugins"),
            ticks: counter(&mut registry, "ticks", "Ticks run"),
            ticks_late: counter(
                &mut registry,
                "ticks_late",
                "Ticks run more than 5 ms after their time",
            ),
            ticks_merged: counter(
                &mut registry,
                "ticks_merged",
                "Ticks skipped because the room was late by whole periods",
            ),
            states_replaced: counter(
                &mut registry,
                "states_replaced",
                "States replaced by newer ones before they were written",
            ),
            sends_to_departed: counter(
                &mut registry,
                "sends_to_departed",
                "Messages and states dropped because their member had left",
            ),
            log_lines_dropped: counter(
                &mut registry,
                "log_lines_dropped",
                "Lines of plugins' logs over their budget",
            ),
            journal: JournalMetrics::new(&mut registry),
            storage: StorageMetrics::new(&mut registry),
            swaps: SwapMetrics::new(&mut registry),
            plugins: PluginMetrics::new(&mut registry, counts),
            work: WorkMetrics::new(&mut registry),
            registry,
        }
    }

    /// Reads what the journal has done by now.
    pub(crate) fn read_journal(&self, journal: &Journal) {
        self.journal.read(journal);
    }

    /// Counts the rooms of each version.
    pub(crate) fn read_versions(&self, running: impl Iterator<Item = Arc<Version>>) {
        self.plugins.read(running);
    }

    /// All metrics in the OpenMetrics text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.inc();
    }

    pub(crate) fn connection_closed(&self) {
        self.connections.dec();
    }

    pub(crate) fn session_opened(&self) {
        self.sessions.inc();
    }

    pub(crate) fn session_closed(&self) {
        self.sessions.dec();
    }

    pub(crate) fn session_away(&self, is_away: bool) {
        self.sessions_away.inc_by(if is_away { 1 } else { -1 });
    }

    pub(crate) fn room_resumed(&self, outcome: &'static str) {
        self.resumes.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn frames_replayed(&self, count: usize) {
        self.frames_replayed.inc_by(count as u64);
    }

    pub(crate) fn slow_consumer(&self, reason: &'static str) {
        self.slow_consumers
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    pub(crate) fn rate_exceeded(&self, rate: &'static str) {
        self.rates_exceeded.get_or_create(&[("rate", rate)]).inc();
    }

    pub(crate) fn room_overloaded(&self, outcome: &'static str) {
        self.overloads.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn room_recovered(&self, outcome: &'static str) {
        self.recoveries.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn audited(&self, steps: usize, is_same: bool) {
        self.audited_steps.inc_by(steps as u64);
        let outcome = if is_same { "same" } else { "differs" };
        self.audits.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn room_slept(&self) {
        self.rooms_slept.inc();
    }

    /// How many rooms sleep.
    pub(crate) fn sleepers(&self, count: usize) {
        self.sleepers.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn room_opened(&self) {
        self.rooms.inc();
    }

    /// A new room took this long to open.
    pub(crate) fn room_began(&self, after: Duration) {
        self.room_open_seconds.observe(after.as_secs_f64());
    }

    pub(crate) fn room_closed(&self) {
        self.rooms.dec();
    }

    pub(crate) fn frame_in(&self, subprotocol: Subprotocol, bytes: usize) {
        self.frames_in[subprotocol.index()].inc();
        self.bytes_in[subprotocol.index()].inc_by(bytes as u64);
    }

    pub(crate) fn frame_out(&self, subprotocol: Subprotocol, bytes: usize) {
        self.frames_out[subprotocol.index()].inc();
        self.bytes_out[subprotocol.index()].inc_by(bytes as u64);
    }

    /// Gives how many there were before.
    pub(crate) fn encoding_made(&self, subprotocol: Subprotocol) -> u64 {
        self.encodings[subprotocol.index()].inc()
    }

    #[cfg(test)]
    pub(crate) fn encodings_made(&self, subprotocol: Subprotocol) -> u64 {
        self.encodings[subprotocol.index()].get()
    }

    pub(crate) fn closed(&self, code: CloseCode) {
        self.closes.get_or_create(&[("reason", code.name())]).inc();
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&[("code", code)]).inc();
    }

    pub(crate) fn token_refused(&self, reason: &'static str) {
        self.tokens_refused
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    pub(crate) fn connection_refused(&self, reason: &'static str) {
        self.connections_refused
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    pub(crate) fn connection_dropped(&self, reason: &'static str) {
        self.connections_dropped
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    pub(crate) fn certificate_read(&self, is_usable: bool) {
        let outcome = if is_usable { "used" } else { "refused" };
        self.certificates_read
            .get_or_create(&[("outcome", outcome)])
            .inc();
    }

    pub(crate) fn plugin_failed(&self, kind: &'static str) {
        self.plugin_failures.get_or_create(&[("kind", kind)]).inc();
    }

    pub(crate) fn step(&self, time: Duration, events: usize, log_lines_dropped: u64) {
        self.step_seconds.observe(time.as_secs_f64());
        self.step_events.inc_by(events as u64);
        self.log_lines_dropped.inc_by(log_lines_dropped);
    }

    /// How long inputs of this plugin's rooms take.
    pub(crate) fn inputs_of(&self, plugin: &str) -> InputTimes {
        let label = [("plugin", plugin.to_owned())];
        InputTimes(self.input_seconds.get_or_create(&label).clone())
    }

    pub(crate) fn tick(&self, lateness: Duration, is_late: bool, merged: u64) {
        self.ticks.inc();
        self.tick_lateness_seconds.observe(lateness.as_secs_f64());
        self.ticks_late.inc_by(is_late.into());
        self.ticks_merged.inc_by(merged);
    }

    pub(crate) fn states_replaced(&self, count: u64) {
        self.states_replaced.inc_by(count);
    }

    pub(crate) fn sends_to_departed(&self, count: usize) {
        self.sends_to_departed.inc_by(count as u64);
    }
}

/// How long inputs of one plugin's rooms take: resolved once for each room.
#[derive(Debug)]
pub(crate) struct InputTimes(Histogram);

impl InputTimes {
    pub(crate) fn applied(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

/// From 50 µs to 0.3 s, fine enough to tell a p99 from one that is twice as long.
fn fine_buckets() -> impl Iterator<Item = f64> {
    exponential_buckets(50e-6, 1.25, 40)
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn family(registry: &mut Registry, name: &str, help: &str) -> Family<Label, Counter> {
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

fn seconds(
    registry: &mut Registry,
    name: &str,
    help: &str,
    buckets: impl Iterator<Item = f64>,
) -> Histogram {
    let histogram = Histogram::new(buckets);
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    histogram
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn per_subprotocol(registry: &mut Registry, name: &str, help: &str) -> PerSubprotocol {
    let family = family(registry, name, help);
    Subprotocol::ALL.map(|subprotocol| {
        family
            .get_or_create(&[("subprotocol", subprotocol.name())])
            .clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_shows_what_was_counted() {
        let metrics = Metrics::new();
        metrics.frame_in(Subprotocol::Json, 10);
        metrics.closed(CloseCode::SlowConsumer);
        metrics.inputs_of("grid").applied(Duration::from_millis(1));
        let text = metrics.text();
        assert!(text.contains("parlor_frames_in_total{subprotocol=\"v1.json\"} 1"));
        assert!(text.contains("parlor_input_seconds_count{plugin=\"grid\"} 1"));
        assert!(text.contains("parlor_closes_total{reason=\"slow-consumer\"} 1"));
    }
}
