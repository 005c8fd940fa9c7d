//! What a run comes to: for people as a table, for scripts as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use parlor_proto::Subprotocol;
use serde::Serialize;

use crate::account::{Faults, Totals};
use crate::options::{Encoding, Plan, Plugin};
use crate::samples::{Measure, Percentiles, Samples};
use crate::server_report::ServerReport;
use crate::traffic::Count;

/// What a run comes to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The plugin that was played.
    pub plugin: Plugin,
    /// How many rooms.
    pub rooms: usize,
    /// How many bots in each.
    pub players: usize,
    /// What they spoke.
    pub subprotocol: Encoding,
    /// How long they sent, in seconds.
    pub seconds: f64,
    /// How many inputs a second and bot were scheduled.
    pub rate_hz: f64,
    /// How many inputs each bot kept in flight instead, where they were not scheduled.
    pub in_flight: Option<usize>,
    /// What became of the inputs.
    pub inputs: Inputs,
    /// What became of the messages that inputs brought about.
    pub deliveries: Deliveries,
    /// What went over the wire while the bots sent.
    pub traffic: Traffic,
    /// What each member got while the bots sent, by what it speaks.
    pub members: BTreeMap<&'static str, MemberTraffic>,
    /// What that took.
    pub cpu: Cpu,
    /// How long things took.
    pub latencies: Latencies,
    /// How the server kept up by its own clock, where its metrics could be read.
    pub server: Option<ServerReport>,
    /// Why its metrics could not be read at the end.
    pub server_problem: Option<String>,
    /// Why connections ended, and how many.
    pub disconnects: BTreeMap<String, u64>,
    /// Whatever must not happen, and how often it did.
    pub faults: Faults,
}

/// What became of the inputs: `sent = replied + refused + lost`.
#[derive(Debug, Clone, Serialize)]
pub struct Inputs {
    /// Sent.
    pub sent: u64,
    /// Answered by `reply`.
    pub replied: u64,
    /// Answered by `error`.
    pub refused: u64,
    /// Not answered.
    pub lost: u64,
    /// Answered a second, while the bots sent.
    pub answered_per_second: f64,
    /// Due, and not sent because this process was behind.
    pub unsent: u64,
    /// The codes of refusals.
    pub refusals: BTreeMap<String, u64>,
}

/// What became of the messages that inputs brought about.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Deliveries {
    /// How many should have arrived, over all members.
    pub expected: u64,
    /// How many did.
    pub arrived: u64,
}

/// What went over the wire: frames, and the bytes of their messages.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Traffic {
    /// To the server.
    pub frames_out: u64,
    /// To the server.
    pub bytes_out: u64,
    /// From the server.
    pub frames_in: u64,
    /// From the server.
    pub bytes_in: u64,
    /// From the server, with the headers of the WebSocket before each.
    pub framed_bytes_in: u64,
}

/// What one member gets in a second, on the average of all who speak the same.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MemberTraffic {
    /// How many speak it.
    pub members: usize,
    /// Frames.
    pub frames_per_second: f64,
    /// Bytes of their messages.
    pub bytes_per_second: f64,
    /// The same with the headers of the WebSocket before each.
    pub framed_bytes_per_second: f64,
}

/// How much of a core a run took: 1 is all of it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cpu {
    /// The bots.
    pub bots: f64,
    /// The server, where it was said which process that is.
    pub server: Option<f64>,
}

/// How long things took, from the scheduled time of an input.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latencies {
    /// Until the reply or the refusal.
    pub reply: Option<Percentiles>,
    /// Until the sender got what came of it: a state that shows it, or its message.
    pub own_screen: Option<Percentiles>,
    /// Until another member got that.
    pub other_screen: Option<Percentiles>,
    /// How far the time between two states was from the time between their ticks.
    pub state_jitter: Option<Percentiles>,
    /// Until the input was sent: what the generator itself adds to all of these.
    pub send_lag: Option<Percentiles>,
}

impl Latencies {
    pub(crate) fn of(samples: &Samples) -> Self {
        Self {
            reply: samples.percentiles(Measure::Reply),
            own_screen: samples.percentiles(Measure::OwnScreen),
            other_screen: samples.percentiles(Measure::OtherScreen),
            state_jitter: samples.percentiles(Measure::StateJitter),
            send_lag: samples.percentiles(Measure::SendLag),
        }
    }
}

/// What was gathered while a run was on.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    pub(crate) traffic: Count,
    pub(crate) cpu: Cpu,
    pub(crate) unsent: u64,
    pub(crate) totals: Totals,
    pub(crate) disconnects: BTreeMap<String, u64>,
    pub(crate) server: Option<Result<ServerReport, crate::Error>>,
}

/// What each member got, by what it speaks.
fn members(
    plan: &Plan,
    traffic: &Count,
    elapsed: Duration,
) -> BTreeMap<&'static str, MemberTraffic> {
    let of = |subprotocol: Subprotocol| {
        let members = plan.speakers(subprotocol);
        let wire = traffic.of(subprotocol);
        let member_seconds = members as f64 * elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let traffic = MemberTraffic {
            members,
            frames_per_second: wire.frames_in as f64 / member_seconds,
            bytes_per_second: wire.bytes_in as f64 / member_seconds,
            framed_bytes_per_second: wire.framed_bytes_in as f64 / member_seconds,
        };
        (members > 0).then_some((subprotocol.name(), traffic))
    };
    Subprotocol::ALL.into_iter().filter_map(of).collect()
}

impl Summary {
    pub(crate) fn new(plan: &Plan, outcome: Outcome, latencies: Latencies) -> Self {
        let Outcome {
            totals, traffic, ..
        } = outcome;
        let wire = traffic.total();
        let (server, server_problem) = match outcome.server {
            Some(Ok(server)) => (Some(server), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        Self {
            plugin: plan.plugin,
            rooms: plan.rooms,
            players: plan.players,
            subprotocol: plan.encoding,
            seconds: outcome.elapsed.as_secs_f64(),
            rate_hz: plan.rate,
            in_flight: plan.in_flight,
            inputs: Inputs {
                sent: totals.sent,
                replied: totals.replied,
                refused: totals.refused,
                lost: totals.lost,
                answered_per_second: traffic.answered as f64
                    / outcome.elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
                unsent: outcome.unsent,
                refusals: totals.refusals,
            },
            deliveries: Deliveries {
                expected: totals.expected,
                arrived: totals.heard,
            },
            traffic: Traffic {
                frames_out: wire.frames_out,
                bytes_out: wire.bytes_out,
                frames_in: wire.frames_in,
                bytes_in: wire.bytes_in,
                framed_bytes_in: wire.framed_bytes_in,
            },
            members: members(plan, &traffic, outcome.elapsed),
            cpu: outcome.cpu,
            latencies,
            server,
            server_problem,
            disconnects: outcome.disconnects,
            faults: totals.faults,
        }
    }

    /// Whether every input was answered once, and everything arrived that should have, once and in order.
    #[must_use]
    pub fn is_accounted_for(&self) -> bool {
        self.faults.is_empty()
    }

    /// What a command should exit with: 0 if all is accounted for, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.is_accounted_for())
    }

    fn write_counts(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inputs {
            sent,
            replied,
            refused,
            lost,
            unsent,
            answered_per_second,
            ref refusals,
        } = self.inputs;
        let [sent, replied, refused, lost] = [sent, replied, refused, lost].map(HumanCount);
        writeln!(
            formatter,
            "inputs      {sent} sent = {replied} replied + {refused} refused + {lost} lost; {answered_per_second:.0} answered a second"
        )?;
        for (index, (code, count)) in refusals.iter().enumerate() {
            let label = if index == 0 {
                "refusals  "
            } else {
                "          "
            };
            writeln!(formatter, "{label}  {} {code}", HumanCount(*count))?;
        }
        if unsent > 0 {
            let unsent = HumanCount(unsent);
            writeln!(
                formatter,
                "unsent      {unsent} inputs were due and not sent, for this process is behind"
            )?;
        }
        let Deliveries { expected, arrived } = self.deliveries;
        if expected > 0 || arrived > 0 {
            let (expected, arrived) = (HumanCount(expected), HumanCount(arrived));
            writeln!(formatter, "deliveries  {arrived} of {expected} arrived")?;
        }
        let traffic = &self.traffic;
        for (label, frames, bytes) in [
            ("out", traffic.frames_out, traffic.bytes_out),
            ("in ", traffic.frames_in, traffic.bytes_in),
        ] {
            let seconds = self.seconds.max(f64::MIN_POSITIVE);
            let rate = frames as f64 / seconds;
            let kilobytes = bytes as f64 / seconds / 1e3;
            writeln!(
                formatter,
                "{label}         {} frames, {}: {rate:.0} frames/s, {kilobytes:.0} kB/s",
                HumanCount(frames),
                HumanBytes(bytes)
            )?;
        }
        self.write_members(formatter)?;
        if let Some(server) = &self.server {
            writeln!(formatter, "in server   ticks: {}", server.ticks)?;
            writeln!(formatter, "            inputs: {}", server.inputs)?;
            writeln!(formatter, "            work: {}", server.work)?;
        }
        if let Some(problem) = &self.server_problem {
            writeln!(formatter, "in server   unknown: failed to {problem}")?;
        }
        Ok(())
    }

    fn write_members(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (subprotocol, it) in &self.members {
            writeln!(
                formatter,
                "each in     {subprotocol}: {:.1} frames/s, {:.0} B/s, {:.0} B/s with headers",
                it.frames_per_second, it.bytes_per_second, it.framed_bytes_per_second
            )?;
        }
        write!(formatter, "of a core   bots {:.3}", self.cpu.bots)?;
        match self.cpu.server {
            Some(server) => writeln!(formatter, ", server {server:.3}"),
            None => writeln!(formatter),
        }
    }

    fn write_latencies(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "\n{:<24}{:>9}{:>9}{:>9}{:>9}{:>9}{:>12}",
            "latency in ms", "p50", "p90", "p99", "p99.9", "max", "count"
        )?;
        let Latencies {
            reply,
            own_screen,
            other_screen,
            state_jitter,
            send_lag,
        } = self.latencies;
        for (label, percentiles) in [
            ("input to reply", reply),
            ("input to own screen", own_screen),
            ("input to other screen", other_screen),
            ("state jitter", state_jitter),
            ("send lag (ours)", send_lag),
        ] {
            let Some(it) = percentiles else {
                continue;
            };
            write!(formatter, "{label:<24}")?;
            for value in [it.p50_ms, it.p90_ms, it.p99_ms, it.p999_ms, it.max_ms] {
                write!(formatter, "{value:>9.2}")?;
            }
            writeln!(formatter, "{:>12}", HumanCount(it.count).to_string())?;
        }
        Ok(())
    }
}

/// A table, and the verdict in its last lines.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} rooms of {} bots played {} by {} for {:.1} s, {} each\n",
            self.rooms,
            self.players,
            self.plugin.name(),
            self.subprotocol.name(),
            self.seconds,
            self.in_flight.map_or_else(
                || format!("{} inputs/s", self.rate_hz),
                |count| format!("{count} inputs in flight"),
            ),
        )?;
        self.write_counts(formatter)?;
        self.write_latencies(formatter)?;
        for (reason, count) in &self.disconnects {
            writeln!(formatter, "\n{count} connections ended: {reason}")?;
        }
        if self.is_accounted_for() {
            write!(formatter, "\nall accounted for")
        } else {
            write!(formatter, "\nNOT all accounted for:\n{}", self.faults)
        }
    }
}
