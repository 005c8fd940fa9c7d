//! Everybody comes at once.

use anyhow::Result;
use serde_json::{Value as Json, json};

use super::table::Column;
use super::{Kept, Scenario};
use crate::compare::subject::{LOAD, SENDERS, words};
use crate::load::{CLIENT_CORE, SERVER_CORE, number};
use crate::trial;

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 10_000;
const UNDER_WAY: usize = 200;

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new("joins/s", "/joins_per_second", 0),
        Column::new("p50 ms", "/join_ms_p50", 2),
        Column::new("p99 ms", "/join_ms_p99", 2),
        Column::new("CPU s/1,000 joins", "/server_cpu_seconds_per_1000_joins", 3),
        Column::new("load, of a core", "/load_cpu_share", 2),
    ];
    let kept = Kept {
        unit: "joins",
        command: format!(
            "taskset -c {SERVER_CORE} SERVER; taskset -c {CLIENT_CORE} {LOAD} {}; Parlor with --limits off",
            line()
        ),
        columns: &columns,
        remark: "from when a client begins to connect to the answer to its join; above 0.9 the load was the limit",
    };
    scenario.compare(SENDERS, ROUNDS, &kept, |subject| {
        sum_up(&subject.start()?.load(&words(&line()))?)
    })
}

fn line() -> String {
    let connections = trial::read("PARLOR_BENCH_CONNECTIONS", CONNECTIONS);
    format!("join --connections {connections} --under-way {UNDER_WAY}")
}

fn sum_up(report: &Json) -> Result<Json> {
    let joins = number(report, "/messages")?;
    Ok(json!({
        "joins": joins,
        "joins_per_second": number(report, "/messages_per_second")?,
        "join_ms_p50": number(report, "/latency_us/p50")? / 1e3,
        "join_ms_p99": number(report, "/latency_us/p99")? / 1e3,
        "server_cpu_seconds_per_1000_joins": number(report, "/server/cpu_seconds")? / joins * 1e3,
        "server_cpu_share": number(report, "/server/cpu")?,
        "load_cpu_share": number(report, "/load_cpu")?,
        "is_load_the_limit": report["is_load_the_limit"],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_for_a_thousand_joins() {
        let said = sum_up(&json!({
            "messages": 2_000,
            "messages_per_second": 500.0,
            "latency_us": { "p50": 1_500, "p99": 20_000 },
            "server": { "cpu": 0.5, "cpu_seconds": 3.0 },
            "load_cpu": 0.4,
            "is_load_the_limit": false,
        }));
        let said = said.unwrap();
        assert_eq!(said["server_cpu_seconds_per_1000_joins"], 1.5);
        assert_eq!(said["join_ms_p50"], 1.5);
        sum_up(&json!({})).unwrap_err();
    }
}
