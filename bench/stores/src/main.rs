//! The journal's very work, done by three stores: rooms append records, groups are committed with full durability, and
//! a snapshot now and then lets old records go. Each run is a process of its own; `stores` alone runs them all.

mod damage;
mod stores;
mod work;

use std::{path::Path, process::Command};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["write", store, rooms, dir] => work::write(store, rooms.parse().unwrap(), Path::new(dir)),
        ["reopen", store, rooms, dir] => {
            work::reopen(store, rooms.parse().unwrap(), Path::new(dir))
        }
        ["memory", streams] => memory(streams.parse().unwrap()),
        ["damage", cases] => damage::run(cases.parse().unwrap()),
        [] => all(),
        _ => eprintln!("stores [write|reopen STORE ROOMS DIR | memory STREAMS | damage CASES]"),
    }
}

/// Alternating runs, then medians.
fn all() {
    for rooms in ["50", "1000"] {
        let mut rows: Vec<(&str, Vec<(String, f64)>)> = Vec::new();
        for _ in 0..3 {
            for store in stores::NAMES {
                let dir = tempfile::tempdir_in(".").unwrap();
                let path = dir.path().to_str().unwrap();
                let mut row = child(&["write", store, rooms, path]);
                row.extend(child(&["reopen", store, rooms, path]));
                println!("{store:8} {rooms:>5} rooms: {}", text(&row));
                rows.push((store, row));
            }
        }
        for store in stores::NAMES {
            let of_store: Vec<_> = rows
                .iter()
                .filter(|(name, _)| *name == store)
                .map(|(_, row)| row)
                .collect();
            let medians = of_store[0].iter().enumerate().map(|(at, (name, _))| {
                let mut values: Vec<f64> = of_store.iter().map(|row| row[at].1).collect();
                values.sort_by(f64::total_cmp);
                (name.clone(), values[values.len() / 2])
            });
            println!(
                "MEDIAN {store:8} {rooms:>5} rooms: {}",
                text(&medians.collect::<Vec<_>>())
            );
        }
    }
}

fn text(row: &[(String, f64)]) -> String {
    row.iter()
        .map(|(name, value)| format!("{name} {value:.2}"))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// What a run says: `name value` lines.
fn child(args: &[&str]) -> Vec<(String, f64)> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let pair = |line: &str| {
        line.rsplit_once(' ')
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
    };
    text.lines().filter_map(pair).collect()
}

/// What the journal's index takes for many streams of two frames each.
fn memory(streams: u64) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let (mut store, _) = stores::open("journal", dir.path()).unwrap();
    let before = work::status("VmRSS:");
    for room in 0..streams {
        for seq in [1, 2] {
            let payload = work::record(room, seq);
            let last = store.append(stores::Op {
                room,
                is_snapshot: seq == 1,
                seq,
                payload,
                previous: [None; 2],
            });
            if room % 100 == 99 {
                store.wait(last - 1);
            }
        }
    }
    println!(
        "{:.0} bytes a stream",
        (work::status("VmRSS:") - before) * 1024.0 / streams as f64
    );
}
