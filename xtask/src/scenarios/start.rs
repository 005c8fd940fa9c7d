//! How soon a server is there, and a room in it.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

use super::table::Column;
use super::{Kept, Scenario};
use crate::compare::subject::{BINARY, LOAD, Subject, load_on, prepare, said, words};
use crate::load::{CLIENT_CORE, Going, SERVER_CORE, number, serve};
use crate::raw::Round;
use crate::server::Server;
use crate::trial;

const SUBJECTS: &[Subject] = &[BINARY];
const STARTS: usize = 10;
const ROOMS: usize = 1_000;
const ANYWHERE: &str = "127.0.0.1:0";

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new("ms cold", "/cold_start_ms", 0),
        Column::new("ms warm", "/warm_start_ms", 0),
        Column::new("opening of a room, p50 ms", "/room_open_ms_p50", 3),
        Column::new("join of a new room, p50 ms", "/room_join_ms_p50", 2),
        Column::new("p99 ms", "/room_join_ms_p99", 2),
    ];
    let kept = Kept {
        unit: "milliseconds from the start of the process to the first answer",
        command: format!(
            "taskset -c {CLIENT_CORE} {LOAD} first --target parlor; taskset -c {SERVER_CORE} parlor serve --limits off, with a fresh data folder, \
             and again with the same; {LOAD} rooms --count {ROOMS}"
        ),
        columns: &columns,
        remark: "cold: all plugins that are bundled are compiled. A client tries to connect every millisecond, joins a room of echo, and says \
                 something. A new room: one client after the other makes one. Opening: within the server, until its plugin has begun; join: \
                 from the client's request to the answer",
    };
    prepare(SUBJECTS)?;
    let count = trial::rounds(STARTS);
    let mut rounds = Vec::new();
    for round in 1..=count {
        let said = measure()?;
        println!("start {round} of {count}: {said}");
        rounds.push(Round::new(BINARY.name(), round, said));
    }
    scenario.keep(SUBJECTS, rounds, &kept)
}

fn measure() -> Result<Json> {
    let listen = [free_address()?, ANYWHERE.to_owned()];
    let url = format!("http://{}", listen[0]);
    let first = knock(&url)?;
    let start = unix_us()?;
    let listen = listen.each_ref().map(String::as_str);
    let mut server = Server::spawn_at(&mut serve_unlimited(), listen)?;
    let cold = answered_after(first, start)?;

    server.kill()?;
    let first = knock(&url)?;
    let start = unix_us()?;
    server.kill_and_spawn(&mut serve_unlimited())?;
    let warm = answered_after(first, start)?;

    let mut command = load_on(CLIENT_CORE);
    let line = format!("rooms --count {ROOMS} --target parlor --subprotocol v1.binary --url {url}");
    let joins = said(&Going::start(command.args(words(&line)))?.output()?)?;
    Ok(json!({
        "cold_start_ms": cold,
        "warm_start_ms": warm,
        "room_open_ms_p50": server.metric_quantile("parlor_room_open_seconds", 0.5)? * 1e3,
        "room_join_ms_p50": number(&joins, "/join_us/p50")? / 1e3,
        "room_join_ms_p99": number(&joins, "/join_us/p99")? / 1e3,
    }))
}

fn serve_unlimited() -> std::process::Command {
    let mut command = serve();
    command.args(["--limits", "off"]);
    command
}

/// A client that tries to come in until it can.
fn knock(url: &str) -> Result<Going> {
    let mut command = load_on(CLIENT_CORE);
    let line = format!("first --target parlor --subprotocol v1.binary --url {url}");
    Going::start(command.args(words(&line)))
}

/// How long after `start` the client had its answer, in milliseconds.
fn answered_after(client: Going, start: f64) -> Result<f64> {
    let said = said(&client.output()?)?;
    Ok((number(&said, "/answered_unix_us")? - start) / 1e3)
}

/// The time that two processes agree on.
fn unix_us() -> Result<f64> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(time.context("the clock is before 1970")?.as_micros() as f64)
}

/// An address that nobody listens on: known before the server that will.
fn free_address() -> Result<String> {
    let listener = TcpListener::bind(ANYWHERE).context("failed to find a free port")?;
    Ok(listener.local_addr()?.to_string())
}
