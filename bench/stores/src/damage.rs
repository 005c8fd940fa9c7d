//! What a flipped byte and a cut file do to each store: does it open, does it say so, what of the other rooms?

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use crate::{
    stores::{Content, NAMES, open},
    work::{append_all, record, snapshot},
};

const ROOMS: u64 = 20;
const RECORDS: u64 = 700;

pub fn run(cases: u64) {
    std::panic::set_hook(Box::new(|_| {}));
    for name in NAMES {
        let dir = tempfile::tempdir_in(".").unwrap();
        let (mut store, _) = open(name, dir.path()).unwrap();
        append_all(&mut *store, ROOMS, RECORDS);
        store.close();
        let mut files = Vec::new();
        read_files(dir.path(), dir.path(), &mut files);
        for how in ["flip", "cut"] {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for case in 0..cases {
                *counts.entry(one(name, &files, how, case)).or_default() += 1;
            }
            println!("{name:8} {how:5} {counts:?}");
        }
    }
}

fn one(name: &str, files: &[(PathBuf, Vec<u8>)], how: &str, case: u64) -> String {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let total: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let mut at = (case + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) % total;
    for (path, bytes) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let len = bytes.len() as u64;
        let mut bytes = bytes.clone();
        if at < len {
            match how {
                "flip" => bytes[at as usize] ^= 1 << (case % 8),
                _ => bytes.truncate(at as usize),
            }
            at = u64::MAX;
        } else if at != u64::MAX {
            at -= len;
        }
        std::fs::write(path, bytes).unwrap();
    }
    catch_unwind(AssertUnwindSafe(|| look(name, dir.path())))
        .unwrap_or_else(|_| "panics".to_owned())
}

fn look(name: &str, dir: &Path) -> String {
    let (store, is_said) = match open(name, dir) {
        Ok(opened) => opened,
        Err(_) => return "does not open".to_owned(),
    };
    let (mut short, mut wrong, mut refused) = (0, 0, 0);
    for room in 0..ROOMS {
        match store.read(room) {
            Ok(content) if is_right(room, &content) => short += u64::from(is_short(&content)),
            Ok(_) => wrong += 1,
            Err(_) => refused += 1,
        }
    }
    let said = if is_said { "said" } else { "not said" };
    match (wrong, short, refused) {
        (0, 0, 0) => format!("nothing lost, {said}"),
        (0, _, 0) if is_said => "rooms shorter, said".to_owned(),
        (0, 0, 1..=2) => "1-2 rooms refused".to_owned(),
        (0, 0, _) => "more rooms refused".to_owned(),
        (0, _, 0) => "rooms shorter, NOT SAID".to_owned(),
        (0, _, _) => format!("rooms shorter and refused, {said}"),
        _ => format!("WRONG CONTENT, {said}"),
    }
}

/// What is there was written, and has no hole.
fn is_right(room: u64, (newest, records): &Content) -> bool {
    let after = newest.as_ref().map_or(0, |(seq, _)| *seq);
    newest
        .as_ref()
        .is_none_or(|(seq, payload)| *payload == snapshot(room, *seq))
        && records
            .iter()
            .zip(after + 1..)
            .all(|((seq, payload), expected)| *seq == expected && *payload == record(room, *seq))
}

fn is_short((newest, records): &Content) -> bool {
    records
        .last()
        .map(|(seq, _)| *seq)
        .or(newest.as_ref().map(|(seq, _)| *seq))
        != Some(RECORDS)
}

fn read_files(root: &Path, dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_files(root, &path, files);
        } else {
            files.push((
                path.strip_prefix(root).unwrap().to_owned(),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
}
