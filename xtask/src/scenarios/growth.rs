//! More rooms, members, bytes and connections, one after the other.

use anyhow::Result;
use serde_json::json;

use super::table::Column;
use super::{Kept, Scenario};
use crate::compare::subject::{BINARY, LOAD, Subject, is_server_wrong, prepare, said, words};
use crate::load::{CLIENT_CORE, SERVER_CORE, number};
use crate::peers::WS;
use crate::raw::{Point, Round};
use crate::trial;

const SUBJECTS: &[Subject] = &[Subject::Floor, BINARY, Subject::Peer(&WS)];
const ROUNDS: usize = 3;
const WARM_UP_SECONDS: f64 = 2.0;
const MEASURED_SECONDS: f64 = 2.0;
/// Where it is something else that grows.
const CONNECTIONS: usize = 200;
const ROOMS: usize = 25;
const ROOM_MEMBERS: usize = 8;
const WINDOW: usize = 4;
/// What all members of a fan-out get in a second, however many they are.
const DELIVERIES_PER_SECOND: usize = 50_000;

/// What grows.
#[derive(Debug)]
struct Series {
    name: &'static str,
    points: &'static [usize],
    /// What the load is told.
    work: fn(usize) -> String,
}

const SERIES: &[Series] = &[
    Series {
        name: "rooms",
        points: &[10, 100, 1_000, 5_000],
        work: |rooms| echo(rooms.max(CONNECTIONS), rooms),
    },
    Series {
        name: "members",
        points: &[1, 10, 100, 1_000],
        work: |members| {
            let rate = DELIVERIES_PER_SECOND / members;
            format!("fanout --members {members} --rate {rate}")
        },
    },
    Series {
        name: "payload",
        points: &[36, 64, 256, 1_024, 4_096, 16_384],
        work: |bytes| format!("{} --payload {bytes}", echo(CONNECTIONS, ROOMS)),
    },
    Series {
        name: "connections",
        points: &[10, 100, 1_000, 5_000],
        work: |connections| echo(connections, connections.div_ceil(ROOM_MEMBERS)),
    },
];

fn echo(connections: usize, rooms: usize) -> String {
    format!("echo --window {WINDOW} --connections {connections} --rooms {rooms}")
}

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new(
            "messages a CPU second",
            "/server/messages_per_cpu_second",
            0,
        ),
        Column::new("messages/s", "/messages_per_second", 0),
        Column::new("p99 ms", "/latency_us/p99", 2).per(1e3),
        Column::new("connections", "/clients", 0),
        Column::new("load, of a core", "/load_cpu", 2),
    ];
    let kept = Kept {
        unit: "messages for each second of the server's core",
        command: format!(
            "taskset -c {SERVER_CORE} SERVER; taskset -c {CLIENT_CORE} {LOAD} echo | fanout; Parlor with --limits off"
        ),
        columns: &columns,
        remark: "a dash: the server could not do this work without a fault",
    };
    prepare(SUBJECTS)?;
    let count = trial::rounds(ROUNDS);
    let seconds = trial::seconds(MEASURED_SECONDS);
    let mut rounds = Vec::new();
    for round in 1..=count {
        for series in SERIES {
            for x in series.points {
                let line = (series.work)(*x);
                let line = format!("{line} --warm-up {WARM_UP_SECONDS} --seconds {seconds}");
                for subject in SUBJECTS {
                    rounds.push(measure(subject, round, series.name, *x, &line)?);
                }
            }
        }
    }
    scenario.keep(SUBJECTS, rounds, &kept)
}

/// What is too much for a server is a result, and no reason to end.
fn measure(
    subject: &Subject,
    round: usize,
    series: &'static str,
    x: usize,
    line: &str,
) -> Result<Round> {
    let output = subject.start()?.try_load(&words(line))?;
    let said = match said(&output) {
        Err(error) if is_server_wrong(&output) => json!({ "failed": format!("{error:#}") }),
        said => said?,
    };
    let per_second = number(&said, "/server/messages_per_cpu_second").unwrap_or(f64::NAN);
    println!(
        "{series} {x}, {}: {per_second:.0} messages a CPU second",
        subject.name()
    );
    let point = Some(Point { series, x });
    Ok(Round {
        point,
        ..Round::new(subject.name(), round, said)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_have_somebody_in_them_and_deliveries_stay_as_many() {
        let work = |name: &str, x| {
            let series = SERIES.iter().find(|series| series.name == name).unwrap();
            (series.work)(x)
        };
        assert!(work("rooms", 10).contains("--connections 200 --rooms 10"));
        assert!(work("rooms", 5_000).contains("--connections 5000 --rooms 5000"));
        assert!(work("members", 100).ends_with("--members 100 --rate 500"));
        assert!(work("connections", 10).contains("--connections 10 --rooms 2"));
        assert!(work("payload", 36).ends_with("--rooms 25 --payload 36"));
    }
}
