//! Bytes that flip, files that are cut: what is read is what was written, up to somewhere, and what is missing is said.

use std::path::{Path, PathBuf};

use parlor_journal::testing::{LossyDisk, Random};

use crate::{
    crashes::times,
    model::{Expect, Model},
    work::{DIR, Settings, Work, runtime},
};

/// A journal with all that happens to one: files, and what was appended.
fn journal(seed: u64) -> (Vec<(PathBuf, Vec<u8>)>, Model, Settings) {
    let mut random = Random::new(seed);
    let settings = Settings::new(seed);
    let mut work = Work::open(
        LossyDisk::new(),
        Model::default(),
        settings.clone(),
        runtime(),
    );
    for _ in 0..40 {
        for _ in 0..random.below(20) {
            work.append(&mut random);
        }
        work.wait();
    }
    assert!(work.journal.close(std::time::Duration::from_secs(10)));
    let model = std::mem::take(&mut work.model);
    (work.disk.files(), model, settings)
}

/// Opens the files and checks all streams. What may be missing without a word is told by `is_unknowable`.
fn check(
    files: &[(PathBuf, Vec<u8>)],
    model: &Model,
    settings: &Settings,
    is_unknowable: bool,
) -> Result<(), String> {
    let disk = LossyDisk::new();
    for (path, bytes) in files {
        disk.put(path, bytes.clone());
    }
    let work = Work::open(disk, Model::default(), settings.clone(), runtime());
    let is_said = work.report.torn_bytes > 0 || !work.report.damages.is_empty();
    let result = model.check(
        &work.journal,
        Expect::Damaged {
            is_said: is_said || is_unknowable,
        },
    );
    work.journal.close(std::time::Duration::ZERO);
    result.map_err(|what| format!("{what}; report {:?}", work.report))
}

fn newest(files: &[(PathBuf, Vec<u8>)]) -> usize {
    files
        .iter()
        .rposition(|(path, _)| path.extension().is_some_and(|it| it == "log"))
        .unwrap()
}

#[test]
fn no_flipped_byte_is_read_as_something_else() {
    for seed in 0..8 * times() {
        let (mut files, model, settings) = journal(seed);
        check(&files, &model, &settings, false).unwrap();
        let mut random = Random::new(seed);
        for case in 0..150 {
            let file = usize::try_from(random.below(files.len() as u64)).unwrap();
            if files[file].1.is_empty() {
                continue;
            }
            let at = usize::try_from(random.below(files[file].1.len() as u64)).unwrap();
            let flip = u8::try_from(1 + random.below(255)).unwrap();
            files[file].1[at] ^= flip;
            let result = check(&files, &model, &settings, false);
            files[file].1[at] ^= flip;
            result.unwrap_or_else(|what| {
                panic!(
                    "seed {seed} case {case}, {:?} at {at}: {what}",
                    files[file].0
                )
            });
        }
    }
}

#[test]
fn no_cut_file_is_read_as_something_else() {
    for seed in 100..100 + 8 * times() {
        let (mut files, model, settings) = journal(seed);
        let mut random = Random::new(seed);
        let ends = group_ends(&files[newest(&files)].1);
        for case in 0..150 {
            let file = usize::try_from(random.below(files.len() as u64)).unwrap();
            let whole = files[file].1.clone();
            // Now and then exactly behind a group, or the whole file.
            let len = match random.below(8) {
                0 if file == newest(&files) => {
                    ends[usize::try_from(random.below(ends.len() as u64)).unwrap()]
                }
                1 => 0,
                _ => usize::try_from(random.below(whole.len() as u64)).unwrap(),
            };
            files[file].1.truncate(len);
            // A newest segment that ends behind a group looks like one to which nothing more was written.
            let is_unknowable = file == newest(&files) && (len == 0 || ends.contains(&len));
            let result = check(&files, &model, &settings, is_unknowable);
            files[file].1 = whole;
            result.unwrap_or_else(|what| {
                panic!(
                    "seed {seed} case {case}, {:?} cut at {len}: {what}",
                    files[file].0
                )
            });
        }
    }
}

#[test]
fn no_missing_segment_goes_unnoticed() {
    for seed in 200..200 + 20 * times() {
        let (files, model, settings) = journal(seed);
        for missing in 0..newest(&files) {
            let mut rest = files.clone();
            let (path, _) = rest.remove(missing);
            check(&rest, &model, &settings, false)
                .unwrap_or_else(|what| panic!("seed {seed}, {path:?}: {what}"));
        }
    }
}

#[test]
fn any_bytes_can_be_opened() {
    let mut random = Random::new(300);
    for _ in 0..200 * times() {
        let mut files = if random.one_in(20) {
            journal(random.number()).0
        } else {
            Vec::new()
        };
        files.push((
            Path::new(DIR).join("00000001.log"),
            (0..random.below(500)).map(|_| 7).collect(),
        ));
        for (_, bytes) in &mut files {
            for _ in 0..random.below(100) {
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(random.below(256)).unwrap();
                }
            }
        }
        // What comes of it is not known: that it comes is all.
        let _ = check(&files, &Model::default(), &Settings::new(1), true);
    }
}

#[test]
fn what_decays_while_the_journal_is_open_is_noticed_by_reading_and_by_moving() {
    for seed in 400..400 + 40 * times() {
        let mut random = Random::new(seed);
        let mut work = Work::open(
            LossyDisk::new(),
            Model::default(),
            Settings::new(seed),
            runtime(),
        );
        let mut damaged = false;
        for _ in 0..30 {
            for _ in 0..random.below(30) {
                work.append(&mut random);
            }
            work.wait();
            let expect = if damaged {
                Expect::Damaged { is_said: false }
            } else {
                Expect::All
            };
            work.model
                .check(&work.journal, expect)
                .unwrap_or_else(|what| panic!("seed {seed}: {what}"));
            if random.one_in(10) && !damaged {
                damaged = true;
                let files = work.disk.files();
                let (path, bytes) =
                    &files[usize::try_from(random.below(files.len() as u64)).unwrap()];
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                work.disk.damage(path, |bytes| bytes[at] ^= 1);
            }
        }
        work.journal.close(std::time::Duration::ZERO);
    }
}

/// Where in a segment groups end, found as the format says: by their marks. The salt is in the header.
fn group_ends(segment: &[u8]) -> Vec<usize> {
    let magic = &segment[16..20];
    let mut ends = vec![128];
    let mut at = 128;
    while at < segment.len() {
        assert_eq!(&segment[at..at + 4], magic);
        let name_len = usize::from(segment[at + 10]);
        let payload_len = usize::try_from(u32::from_le_bytes(
            segment[at + 12..at + 16].try_into().unwrap(),
        ))
        .unwrap();
        let is_mark = segment[at + 8] == 4;
        at += 36 + name_len + payload_len + 4;
        if is_mark {
            ends.push(at);
        }
    }
    ends
}
