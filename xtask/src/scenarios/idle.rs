//! Connections that say nothing.

use anyhow::Result;
use serde_json::{Value as Json, json};

use super::table::Column;
use super::{Kept, Scenario};
use crate::compare::subject::{LOAD, SENDERS, words};
use crate::load::{CLIENT_CORE, SERVER_CORE, number};
use crate::trial;

const ROUNDS: usize = 3;
const CONNECTIONS: usize = 18_000;
/// Before the silence: what is left over from the joins may be given back.
const WARM_UP_SECONDS: f64 = 2.0;
const SILENT_SECONDS: f64 = 10.0;

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new("bytes each, resident", "/resident_bytes_per_connection", 0),
        Column::new(
            "and the kernel's sockets",
            "/kernel_socket_bytes_per_connection",
            0,
        ),
        Column::new("buffers", "/kernel_buffer_bytes_per_connection", 0),
        Column::new(
            "all of the kernel's slab",
            "/kernel_slab_bytes_per_connection",
            0,
        ),
        Column::new("server's CPU meanwhile", "/server_cpu_share", 3),
    ];
    let kept = Kept {
        unit: "bytes of memory for each connection",
        command: format!(
            "taskset -c {SERVER_CORE} SERVER; taskset -c {CLIENT_CORE} {LOAD} {}; Parlor with --limits off",
            line()
        ),
        columns: &columns,
        remark: "resident: by how much the server's processes grew, rooms included. What the kernel takes is of both ends of each \
                 connection, the load's too, and of the whole machine",
    };
    scenario.compare(SENDERS, ROUNDS, &kept, |subject| {
        weigh(&subject.start()?.load(&words(&line()))?)
    })
}

fn line() -> String {
    let connections = trial::read("PARLOR_BENCH_CONNECTIONS", CONNECTIONS);
    let seconds = trial::seconds(SILENT_SECONDS);
    format!("idle --connections {connections} --warm-up {WARM_UP_SECONDS} --seconds {seconds}")
}

/// What each connection takes, by what was there before and is at the end. What cannot be read on this machine is left out.
fn weigh(report: &Json) -> Result<Json> {
    let connections = number(report, "/clients")?;
    let mut said = json!({
        "connections": connections,
        "resident_bytes_before": number(report, "/memory/0/server_resident")?,
        "resident_bytes_after": number(report, "/memory/1/server_resident")?,
        "server_cpu_share": number(report, "/server/cpu")?,
    });
    for (name, field) in [
        ("resident_bytes_per_connection", "server_resident"),
        ("kernel_socket_bytes_per_connection", "kernel_sockets"),
        (
            "kernel_buffer_bytes_per_connection",
            "kernel_socket_buffers",
        ),
        ("kernel_slab_bytes_per_connection", "kernel_slab"),
    ] {
        let at = |moment: usize| report["memory"][moment][field].as_f64();
        if let (Some(before), Some(after)) = (at(0), at(1)) {
            said[name] = json!((after - before) / connections);
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_shared_by_the_connections() {
        let memory = |resident: u64, slab: u64| json!({ "server_resident": resident, "kernel_slab": slab, "kernel_sockets": null });
        let report = json!({
            "clients": 10,
            "memory": [memory(1_000, 5_000), memory(3_000, 4_000)],
            "server": { "cpu": 0.5 },
        });
        let said = weigh(&report).unwrap();
        assert_eq!(said["resident_bytes_per_connection"], 200.0);
        assert_eq!(said["kernel_slab_bytes_per_connection"], -100.0);
        assert!(said.get("kernel_socket_bytes_per_connection").is_none());
        weigh(&json!({ "clients": 1 })).unwrap_err();
    }
}
