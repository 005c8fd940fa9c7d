//! What a plugin costs, in Rust and in TypeScript: prints the table of `docs/decisions/012-typescript-guests.md`.
//!
//! `PARLOR_COSTS=1 cargo test --workspace --lib plugin::costs -- --nocapture`, after `cargo xtask build plugins typescript`.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::catalog::{Catalog, Version};
use super::instance::{Instance, OpenError};
use super::wit;

/// How many rooms are opened to see what one takes.
const ROOMS: u32 = 200;
/// How many steps are run to see what one takes.
const STEPS: u64 = 20_000;
/// In how many parts they are run, of which the quickest counts: others use the machine, too.
const PARTS: u64 = 20;

#[test]
fn what_a_plugin_costs() {
    if std::env::var_os("PARLOR_COSTS").is_none() {
        return;
    }
    for (kind, name) in [("plugins", "echo"), ("typescript-guests", "echo")] {
        let path = format!("../target/bundle/{kind}/{name}.wasm");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let component = std::fs::read(&path).expect("it is built");
        println!("{kind}/{name}: {} KiB", component.len() >> 10);
        costs(&component);
    }
}

fn costs(component: &[u8]) {
    let catalog = Catalog::new(std::collections::HashMap::new()).expect("the pool fits");
    let started = Instant::now();
    let version = catalog.load(component).expect("it is a plugin");
    println!(
        "  checked, compiled and described in {:?}",
        started.elapsed()
    );

    let mut room = opened(&version, 0);
    let mut step = 1;
    let joined = wit::Event::Joined(wit::Member {
        id: 1,
        name: "ann".to_owned(),
        seat: wit::Seat::Player,
        user: None,
        roles: Vec::new(),
    });
    room = stepped(room, &mut step, vec![joined], 1).0;
    let message = wit::Event::Message(wit::Message {
        member: 1,
        payload: payload(),
        id: None,
    });
    for (what, events) in [
        ("an empty step", vec![]),
        ("a message in and out", vec![message.clone()]),
        ("each of 64 messages", vec![message; 64]),
    ] {
        let each = events.len().max(1);
        room = stepped(room, &mut step, events.clone(), 500).0;
        let (after, took) = stepped(room, &mut step, events, STEPS / each as u64);
        room = after;
        let ns = took.as_nanos() / each as u128;
        println!("  {what}: {:.2} us", ns as f64 / 1000.0);
    }

    let (before, mappings) = (resident_kib(), mappings());
    let started = Instant::now();
    let rooms: Vec<_> = (1..=ROOMS).map(|room| opened(&version, room)).collect();
    println!("  opened in {:?}", started.elapsed() / ROOMS);
    let per_room = |now: usize, before: usize| now.saturating_sub(before) as f64 / f64::from(ROOMS);
    println!(
        "  fresh: {:.0} KiB resident a room, {:.1} mappings",
        per_room(resident_kib(), before),
        per_room(self::mappings(), mappings)
    );
    let used: Vec<_> = rooms
        .into_iter()
        .map(|room| {
            let mut step = 1;
            let events = vec![wit::Event::Tick(wit::Tick {
                number: 1,
                dt_ms: 1.0,
            })];
            let room = stepped(room, &mut step, events, 1_000).0;
            room.save().map(|(room, _)| room).expect("it saves")
        })
        .collect();
    println!(
        "  after 1,000 steps and a save: {:.0} KiB",
        per_room(resident_kib(), before)
    );
    drop(used);
}

/// `{"type": "echo", "data": …}` of 64 bytes.
fn payload() -> Vec<u8> {
    let text = "x".repeat(46);
    let message = serde_json::json!({ "type": "echo", "data": text });
    let payload = parlor_proto::Payload::from_json(&message.to_string()).expect("a value");
    assert!((62..=66).contains(&payload.as_msgpack().len()));
    payload.as_msgpack().to_vec()
}

fn opened(version: &Arc<Version>, room: u32) -> Instance {
    let config = wit::Config {
        room: format!("room-{room}"),
        seed: 7,
        settings: vec![0x80],
        options: vec![0x80],
    };
    let name: Arc<str> = config.room.as_str().into();
    match Instance::open(version, &name, &config) {
        Ok((instance, _)) => instance,
        Err(OpenError::Refused(why)) => panic!("{why}"),
        Err(OpenError::Fault(fault)) => panic!("{fault}"),
    }
}

/// Runs so many steps, and says what one took.
fn stepped(
    mut room: Instance,
    step: &mut u64,
    events: Vec<wit::Event>,
    count: u64,
) -> (Instance, Duration) {
    let mut batch = wit::Batch {
        step: *step,
        first_event: *step,
        tick: 0,
        now_ms: 1,
        seed: 7,
        events,
    };
    let part = (count / PARTS).max(1);
    let mut quickest = Duration::MAX;
    for _ in 0..count / part {
        let started = Instant::now();
        for _ in 0..part {
            batch.step = *step;
            *step += 1;
            room = match room.step(&batch) {
                Ok((room, _)) => room,
                Err(fault) => panic!("{fault}"),
            };
        }
        quickest = quickest.min(started.elapsed());
    }
    (room, quickest / u32::try_from(part).expect("it is small"))
}

/// Memory that is this process's alone; pages of the images that rooms share do not count.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .expect("it is there");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps")
        .expect("this is Linux")
        .lines()
        .count()
}
