//! Rooms that append, each its next record when the last is durable.

use std::{
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

use crate::stores::{Op, Store, open};

const RECORD_BYTES: usize = 200;
const SNAPSHOT_BYTES: usize = 4096;
const SNAPSHOT_EVERY: u64 = 300;

/// Bytes that no compression makes smaller.
pub fn payload(room: u64, seq: u64, len: usize) -> bytes::Bytes {
    let mut state =
        room.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seq.wrapping_mul(0xd134_2543_de82_ef95) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

pub fn record(room: u64, seq: u64) -> bytes::Bytes {
    payload(room, seq, RECORD_BYTES)
}

pub fn snapshot(room: u64, seq: u64) -> bytes::Bytes {
    payload(room, seq ^ 1 << 40, SNAPSHOT_BYTES)
}

/// All records of all rooms; how long each took, and how many frames there were.
pub fn append_all(store: &mut dyn Store, rooms: u64, records: u64) -> (Vec<Duration>, u64) {
    let mut waiting: VecDeque<(u64, u64, u64, Instant)> = VecDeque::new();
    let mut previous = vec![[None; 2]; rooms as usize];
    let (mut durations, mut frames) = (Vec::new(), 0);
    let mut append = |store: &mut dyn Store, room: u64, seq: u64| {
        let op = Op {
            room,
            is_snapshot: false,
            seq,
            payload: record(room, seq),
            previous: [None; 2],
        };
        let start = Instant::now();
        let lsn = store.append(op);
        frames += 1;
        // Not all rooms at once.
        if (seq + room * 7) % SNAPSHOT_EVERY == 0 {
            let before = &mut previous[room as usize];
            let op = Op {
                room,
                is_snapshot: true,
                seq,
                payload: snapshot(room, seq),
                previous: *before,
            };
            *before = [Some(seq), before[0]];
            store.append(op);
            frames += 1;
        }
        (lsn, room, seq, start)
    };
    for room in 0..rooms {
        waiting.push_back(append(store, room, 1));
    }
    while let Some(&(lsn, ..)) = waiting.front() {
        store.wait(lsn - 1);
        let durable = store.durable();
        let now = Instant::now();
        while let Some((_, room, seq, start)) = waiting.pop_front_if(|(lsn, ..)| *lsn <= durable) {
            durations.push(now - start);
            if seq < records {
                waiting.push_back(append(store, room, seq + 1));
            }
        }
    }
    (durations, frames)
}

pub fn write(name: &str, rooms: u64, dir: &Path) {
    let records = if rooms > 100 { 700 } else { 3000 };
    let (mut store, _) = open(name, dir).unwrap();
    let before = written_bytes();
    let start = Instant::now();
    let (mut durations, frames) = append_all(&mut *store, rooms, records);
    let seconds = start.elapsed().as_secs_f64();
    let commits = store.commits();
    store.close();
    let written = written_bytes() - before;
    durations.sort_unstable();
    let percent = |percent: usize| durations[durations.len() * percent / 100].as_secs_f64() * 1e3;
    let payload_bytes =
        rooms * records * RECORD_BYTES as u64 + (frames - rooms * records) * SNAPSHOT_BYTES as u64;
    println!("commits/s {}", commits as f64 / seconds);
    println!("records/s {}", (rooms * records) as f64 / seconds);
    println!("p50-ms {}", percent(50));
    println!("p99-ms {}", percent(99));
    println!("written/payload {}", written as f64 / payload_bytes as f64);
    println!("disk-MiB {}", disk_bytes(dir) as f64 / 1048576.0);
    println!(
        "cpu-us/record {}",
        cpu_seconds() * 1e6 / (rooms * records) as f64
    );
}

pub fn reopen(name: &str, rooms: u64, dir: &Path) {
    let start = Instant::now();
    let (store, _) = open(name, dir).unwrap();
    let opened = start.elapsed().as_secs_f64();
    let mut bytes = 0;
    for room in 0..rooms {
        let (newest, records) = store.read(room).unwrap();
        bytes += newest.map_or(0, |(_, payload)| payload.len())
            + records.iter().map(|(_, it)| it.len()).sum::<usize>();
    }
    assert!(bytes > 0);
    println!("open-ms {}", opened * 1e3);
    println!("open+read-ms {}", start.elapsed().as_secs_f64() * 1e3);
    println!("rss-MiB {}", status("VmHWM:") / 1024.0);
    store.close();
}

/// What this process had written to the disk, in pages of the cache.
fn written_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
        .unwrap()
}

pub fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap()
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<f64> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .map(|it| it.parse().unwrap_or(0.0))
        .collect();
    (fields[11] + fields[12]) / 100.0
}

pub fn disk_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                disk_bytes(&entry.path())
            } else {
                blocks(&entry)
            }
        })
        .sum()
}

fn blocks(entry: &std::fs::DirEntry) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&entry.metadata().unwrap()) * 512
}
