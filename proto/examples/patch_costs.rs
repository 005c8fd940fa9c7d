//! What patches cost, in bytes and in time: `cargo run --release -p parlor-proto --example patch_costs`. The figures in
//! the decision about the patch format come from here.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it prints what it measured, in real time"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use parlor_proto::{Payload, ServerFrame, State, Subprotocol, server};
use serde_json::{Value as Json, json};

/// How long each thing is repeated.
const MEASURED: Duration = Duration::from_millis(300);

fn main() {
    let (before, after) = (board(0), board(1));
    report("grid: one captured cell", &before, &after);
    let (before, after) = (world(100, 0), world(100, 1));
    report("100 entities, each moved", &before, &after);
    let mut after = world(100, 0);
    after["entities"]["42"]["x"] = json!(17.25);
    report("100 entities, one moved", &world(100, 0), &after);
    let mut after = world(100, 0);
    after["entities"]["99"] = Json::Null;
    after["entities"]["100"] = entity(100, 0);
    report("100 entities, one gone, one new", &world(100, 0), &after);
    report(
        "1,000 entities, each moved",
        &world(1_000, 0),
        &world(1_000, 1),
    );
    let numbers: Vec<u32> = (0..10_000).map(|n| n * 7_919 % 104_729).collect();
    let mut shifted = numbers.clone();
    shifted.remove(0);
    shifted.push(5);
    report(
        "10,000 numbers, moved on by one",
        &json!(numbers),
        &json!(shifted),
    );
}

/// The view of `plugins/grid` in the middle of a match.
fn board(captured: u32) -> Json {
    let cells: Vec<_> = (0..81)
        .map(|cell| (cell < 12 + captured).then_some(1 + cell % 2))
        .collect();
    let player = |id: u32, name: &str, color: &str| {
        json!({ "id": id, "name": name, "color": color, "score": 6 + (captured + 2 - id) / 2,
            "bot": false, "present": true })
    };
    json!({
        "status": "active",
        "time_remaining_ms": 21_050 - 50 * captured,
        "cells": cells,
        "players": [player(1, "Ann", "red"), player(2, "Bob", "blue")],
        "winner": null,
    })
}

fn world(entities: u32, tick: u32) -> Json {
    let entities: serde_json::Map<_, _> = (0..entities)
        .map(|id| (id.to_string(), entity(id, tick)))
        .collect();
    json!({ "tick": tick, "entities": entities })
}

fn entity(id: u32, tick: u32) -> Json {
    let (id, tick) = (f64::from(id), f64::from(tick));
    json!({ "kind": "ship", "x": id * 1.25 + tick * 0.37, "y": id * 2.5 - tick * 0.11, "angle": id * 0.1,
        "health": 100 })
}

fn report(name: &str, before: &Json, after: &Json) {
    let payload = |json: &Json| Payload::from_json(&json.to_string()).expect("a value");
    let (old, published) = (State::new(&payload(before)), payload(after));
    let new = State::new(&published);
    let patch = old.patch_to(&new);
    println!(
        "{name}: a state of {} bytes",
        new.value().as_msgpack().len()
    );
    println!(
        "  to order and hash it:  {}",
        time(|| State::new(&published))
    );
    println!("  to write its patch:    {}", time(|| old.patch_to(&new)));
    if let Some(patch) = &patch {
        println!("  to apply and hash it:  {}", time(|| old.patched(patch)));
    }
    let whole = ServerFrame::RoomState(server::RoomState {
        room: "grid-k7m2".to_owned(),
        epoch: 3,
        tick: 1_234,
        view: "board".to_owned(),
        version: 1_235,
        as_of: 57,
        hash: new.hash(),
        handle: 700,
        state: new.value().clone(),
    });
    let patched = |patch: &Payload| {
        ServerFrame::RoomPatch(server::RoomPatch {
            handle: 700,
            tick: 1_234,
            version: 1_235,
            as_of: 57,
            hash: new.hash(),
            patch: patch.clone(),
        })
    };
    for subprotocol in Subprotocol::ALL {
        let bytes = |frame: &ServerFrame| subprotocol.encode_server(frame).len();
        let whole = bytes(&whole);
        let patched = patch.as_ref().map_or_else(
            || "none".to_owned(),
            |patch| {
                format!(
                    "{}, of which the patch has {}",
                    bytes(&patched(patch)),
                    patch.as_msgpack().len()
                )
            },
        );
        println!(
            "  {}: the whole {whole} bytes, the patch {patched}",
            subprotocol.name()
        );
    }
}

fn time<T>(mut work: impl FnMut() -> T) -> String {
    let (start, mut rounds) = (Instant::now(), 0_u32);
    while start.elapsed() < MEASURED {
        for _ in 0..100 {
            black_box(work());
        }
        rounds += 100;
    }
    format!(
        "{:.2} µs",
        start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    )
}
