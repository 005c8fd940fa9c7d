//! What came of a run, as one object in JSON.

use serde::Serialize;

use crate::account::Faults;
use crate::cpu::CpuSeconds;
use crate::dialect::Kind;
use crate::memory::Memory;
use crate::options::{Plan, Protocol};
use crate::samples::Percentiles;
use crate::scene::{Count, Latencies};

/// Above this share of its core, the load is what was measured.
const LOAD_CPU_MAX: f64 = 0.9;

/// What a run has come to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) messages: u64,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) cpu: CpuSeconds,
    pub(crate) latencies: Latencies,
    pub(crate) send_lag: Option<Percentiles>,
    pub(crate) total: Count,
    pub(crate) faults: Faults,
    pub(crate) replaced: Option<u64>,
}

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `echo`, `fanout`, `match`, `many`, `idle` or `join`.
    pub scenario: &'static str,
    /// What the server is.
    pub target: String,
    /// What Parlor was spoken to in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<&'static str>,
    /// How many connections there were.
    pub clients: usize,
    /// How many rooms they were in.
    pub rooms: usize,
    /// How long it was measured.
    pub seconds: f64,
    /// What a message is here.
    pub unit: &'static str,
    /// How many there were in that time.
    pub messages: u64,
    /// The same in a second.
    pub messages_per_second: f64,
    /// Bytes that clients got, with the heads of WebSocket frames, for each of them.
    pub bytes_received_per_message: f64,
    /// Bytes that clients sent.
    pub bytes_sent_per_message: f64,
    /// What the server and its children took of a core, where their process is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerCpu>,
    /// What the load took of its core.
    pub load_cpu: f64,
    /// Whether that was so much that the load is what was measured.
    pub is_load_the_limit: bool,
    /// From when something was said, or was to be said by the schedule, until whoever was to got it: in `echo` its sender, in
    /// `fanout` and `match` each member. In `idle` and `join`, from when a client began to connect until it was in its room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Percentiles>,
    /// In `match`, until the sender had the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_us: Option<Percentiles>,
    /// In `match`, how far the time between two boards is from that between their ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_unevenness_us: Option<Percentiles>,
    /// How long after its time an input was said, where there is a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_lag_us: Option<Percentiles>,
    /// In `idle`, before anybody connected, and at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<[Memory; 2]>,
    /// With `--churn`, how many players went and were followed by others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<u64>,
    /// How much was said in all, also while warming up.
    pub said_in_all: u64,
    /// How much came, in all.
    pub messages_in_all: u64,
    /// What went wrong.
    pub faults: Faults,
}

/// What the server took.
#[derive(Debug, Clone, Serialize)]
pub struct ServerCpu {
    /// In seconds of a core.
    pub cpu_seconds: f64,
    /// As a share of a core.
    pub cpu: f64,
    /// How many messages it did in a second of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_per_cpu_second: Option<f64>,
    /// How much of that a million messages took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_seconds_per_million: Option<f64>,
}

impl Report {
    pub(crate) fn new(plan: &Plan, outcome: Outcome) -> Self {
        let Outcome {
            seconds, messages, ..
        } = outcome;
        let count = messages as f64;
        let load_cpu = outcome.cpu.load / seconds;
        Self {
            scenario: plan.scenario,
            target: plan.target.name(),
            subprotocol: match plan.protocol {
                Protocol::Parlor(encoding) => Some(encoding.name()),
                Protocol::Plain(_) | Protocol::Socketio | Protocol::Colyseus => None,
            },
            clients: plan.clients,
            rooms: plan.rooms,
            seconds,
            unit: match plan.kind {
                _ if matches!(plan.scenario, "idle" | "join") => "a client that came into its room",
                Kind::Echo => "a message that came back",
                Kind::Fanout => "a message that one member got",
                Kind::Match => "an input that was answered",
                Kind::Many => "a tick that was heard",
            },
            messages,
            messages_per_second: count / seconds,
            bytes_received_per_message: outcome.bytes_read as f64 / count.max(1.0),
            bytes_sent_per_message: outcome.bytes_written as f64 / count.max(1.0),
            server: outcome
                .cpu
                .server
                .map(|cpu| ServerCpu::new(cpu, seconds, count)),
            load_cpu,
            is_load_the_limit: load_cpu > LOAD_CPU_MAX,
            latency_us: outcome.latencies.message,
            answer_us: outcome.latencies.answer,
            tick_unevenness_us: outcome.latencies.unevenness,
            send_lag_us: outcome.send_lag,
            memory: None,
            replaced: outcome.replaced,
            said_in_all: outcome.total.said,
            messages_in_all: outcome.total.messages,
            faults: outcome.faults,
        }
    }

    /// Why the run is no measurement of a server; nothing where it is one.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        if !self.faults.is_empty() {
            return Some(self.faults.to_string());
        }
        (self.messages == 0).then(|| "nothing came while it was measured".to_owned())
    }
}

impl ServerCpu {
    fn new(cpu_seconds: f64, seconds: f64, messages: f64) -> Self {
        // Where either is nothing, there is nothing to say.
        let ratio = |of: f64, by: f64| (of > 0.0 && by > 0.0).then(|| of / by);
        Self {
            cpu_seconds,
            cpu: cpu_seconds / seconds,
            messages_per_cpu_second: ratio(messages, cpu_seconds),
            cpu_seconds_per_million: ratio(cpu_seconds, messages / 1e6),
        }
    }
}
