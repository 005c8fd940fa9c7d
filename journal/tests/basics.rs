//! What a journal does, case by case.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use parlor_journal::{
    Dropped, Frame, FrameKind, Health, Hooks, Journal, OpenError, Options, ReadError, StreamData,
    StreamId, StreamKind, inspect, read_recording, testing::LossyDisk, write_recording,
};
use tokio::sync::Notify;

fn room(number: u64) -> StreamId {
    StreamId::new(StreamKind::Room, u128::from(number).to_be_bytes().to_vec())
}

fn frame(stream: &StreamId, kind: FrameKind, seq: u64, payload: &str) -> Frame {
    Frame {
        stream: stream.clone(),
        kind,
        seq,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

#[tokio::test]
async fn what_is_durable_is_there_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, report) = Journal::open(Options::new(dir.path())).unwrap();
    assert_eq!(report, parlor_journal::OpenReport::default());
    let notify = Arc::new(Notify::new());
    let stream = room(7);
    journal.append(frame(&stream, FrameKind::Snapshot, 0, "begin"), None);
    for seq in 1..=9 {
        journal.append(
            frame(&stream, FrameKind::Record, seq, &format!("record {seq}")),
            None,
        );
    }
    journal.append(frame(&room(8), FrameKind::Record, 1, "over"), None);
    let last = journal.append(frame(&room(8), FrameKind::End, 0, ""), Some(&notify));
    while journal.durable() < last {
        notify.notified().await;
    }
    assert_eq!(
        (journal.health(), journal.queued_bytes()),
        (Health::Good, 0)
    );
    let before = journal.read(&stream).unwrap();
    assert_eq!(inspect(dir.path()).unwrap().read(&stream).unwrap(), before);
    assert!(matches!(
        Journal::open(Options::new(dir.path())),
        Err(OpenError::Locked(_))
    ));
    assert!(journal.close(Duration::from_secs(5)));

    let (journal, report) = Journal::open(Options::new(dir.path())).unwrap();
    assert_eq!(report, parlor_journal::OpenReport::default());
    assert_eq!(
        journal.streams(StreamKind::Room),
        std::slice::from_ref(&stream)
    );
    let after = journal.read(&stream).unwrap();
    assert_eq!(before, after);
    assert_eq!(after.snapshots, [(0, Bytes::from("begin"))]);
    assert_eq!(after.records.len(), 9);
    assert_eq!(after.records[8], (9, Bytes::from("record 9")));
    assert_eq!(after.dropped, None);
}

/// A room that appends records and a snapshot after every tenth, for as long as it takes.
fn fill(journal: &Journal, stream: &StreamId, from: u64, to: u64) {
    for seq in from..=to {
        journal.append(
            frame(stream, FrameKind::Record, seq, &format!("{seq:0>200}")),
            None,
        );
        if seq % 10 == 0 {
            journal.append(
                frame(stream, FrameKind::Snapshot, seq, &format!("after {seq}")),
                None,
            );
        }
    }
    wait(journal);
}

fn wait(journal: &Journal) {
    while journal.queued_bytes() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn the_disk_holds_what_counts_and_not_much_more() {
    let dir = tempfile::tempdir().unwrap();
    let (removed, is_removed) = mpsc::channel();
    let at = move |point: &'static str| {
        if point == "compaction-removed" {
            // The test may be over.
            let _ = removed.send(());
        }
    };
    let hooks = Hooks {
        at: Some(Arc::new(at)),
        ..Hooks::default()
    };
    let options = Options {
        segment_bytes_max: 20_000,
        history_bytes_max: 0,
        hooks,
        ..Options::new(dir.path())
    };
    let (journal, _) = Journal::open(options.clone()).unwrap();
    // One stream that sleeps, whose frames have to be moved again and again, and one that is busy.
    fill(&journal, &room(1), 1, 15);
    for round in 0..20 {
        fill(&journal, &room(2), round * 100 + 1, round * 100 + 100);
    }
    // Space is given back with what is written, and when nothing is.
    while journal.stats().bytes > 100_000 || journal.stats().segments > 5 {
        is_removed.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    let stats = journal.stats();
    assert!(
        stats.compactions > 0 && stats.live_bytes < 12_000,
        "{stats:?}"
    );
    let sleeper = journal.read(&room(1)).unwrap();
    assert_eq!((sleeper.snapshots.len(), sleeper.records.len()), (1, 5));
    let busy = journal.read(&room(2)).unwrap();
    let seqs: Vec<u64> = busy.snapshots.iter().map(|(seq, _)| *seq).collect();
    assert_eq!((seqs, busy.records.len()), (vec![2000, 1990], 10));
    assert!(journal.close(Duration::from_secs(5)));
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(
        files,
        journal.stats().segments + 1,
        "the segments and the lock"
    );
    let (journal, _) = Journal::open(options).unwrap();
    assert_eq!(journal.read(&room(1)).unwrap(), sleeper);
    assert_eq!(journal.read(&room(2)).unwrap(), busy);
}

#[test]
fn history_is_kept_as_far_as_there_is_room_for_it() {
    let disk = Arc::new(LossyDisk::new());
    let options = Options {
        history_bytes_max: 20_000,
        disk,
        ..Options::new("/journal")
    };
    let (journal, _) = Journal::open(options).unwrap();
    fill(&journal, &room(1), 1, 500);
    let data = journal.read(&room(1)).unwrap();
    assert!(
        (50..80).contains(&data.records.len()),
        "{}",
        data.records.len()
    );
    assert_eq!(data.records[0].0, data.snapshots.last().unwrap().0 + 1);
}

#[test]
fn a_recording_is_read_as_it_was_written_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("room.recording");
    let payload = |text: &str| Bytes::from(text.to_owned());
    let data = StreamData {
        snapshots: vec![(3, payload("three")), (1, payload("one"))],
        records: (2..=5)
            .map(|seq| (seq, payload(&format!("record {seq}"))))
            .collect(),
        dropped: None,
    };
    write_recording(&path, &room(3), &data).unwrap();
    assert_eq!(read_recording(&path).unwrap(), (room(3), data.clone()));
    let reader = inspect(&path).unwrap();
    assert_eq!(
        (reader.streams(), reader.read(&room(3)).unwrap()),
        (vec![room(3)], data)
    );
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        assert!(read_recording(&path).is_err(), "flipped at {at}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(read_recording(&path).is_err(), "cut at {at}");
    }
}

#[test]
fn what_looks_like_a_frame_in_a_payload_is_none() {
    let disk = LossyDisk::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        ..Options::new("/journal")
    };
    let (journal, _) = Journal::open(options.clone()).unwrap();
    // A whole segment of another journal, as somebody would send it who hopes for damage.
    let other = LossyDisk::new();
    let (forger, _) = Journal::open(Options {
        disk: Arc::new(other.clone()),
        ..Options::new("/journal")
    })
    .unwrap();
    fill(&forger, &room(66), 1, 20);
    let forged = Bytes::from(other.files().remove(0).1);
    let record = |payload| Frame {
        stream: room(1),
        kind: FrameKind::Record,
        seq: 1,
        payload,
    };
    journal.append(record(forged), None);
    wait(&journal);
    fill(&journal, &room(2), 1, 20);
    assert!(journal.close(Duration::from_secs(5)));
    let (path, _) = disk.files().remove(0);
    // The header of the first frame.
    disk.damage(&path, |bytes| bytes[130] ^= 1);
    let (journal, report) = Journal::open(options).unwrap();
    assert_eq!(report.damages.len(), 1);
    assert_eq!(journal.streams(StreamKind::Room), [room(2)]);
}

#[test]
fn a_failing_disk_is_said_and_nothing_is_lost_when_it_is_well_again() {
    let disk = LossyDisk::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        ..Options::new("/journal")
    };
    let (journal, _) = Journal::open(options.clone()).unwrap();
    fill(&journal, &room(1), 1, 5);
    disk.set_room(Some(0));
    let lsn = journal.append(frame(&room(1), FrameKind::Record, 6, "six"), None);
    while journal.health() == Health::Good {
        std::thread::yield_now();
    }
    assert!(
        journal.failure().unwrap().contains("storage"),
        "{:?}",
        journal.failure()
    );
    assert!(journal.durable() < lsn);
    assert_eq!(
        journal.read(&room(1)).unwrap().records.len(),
        6,
        "what is not durable is read all the same"
    );
    assert!(
        !journal.close(Duration::from_millis(1)),
        "not all is durable"
    );
    let (journal, report) = Journal::open(Options {
        disk: Arc::new(disk.kill()),
        ..options
    })
    .unwrap();
    assert!(report.damages.is_empty());
    assert_eq!(journal.read(&room(1)).unwrap().records.len(), 5);
}

#[test]
fn a_read_finds_what_decayed_since_the_journal_was_opened() {
    let disk = LossyDisk::new();
    let (journal, _) = Journal::open(Options {
        disk: Arc::new(disk.clone()),
        ..Options::new("/journal")
    })
    .unwrap();
    for seq in 1..=5 {
        journal.append(
            frame(&room(1), FrameKind::Record, seq, &format!("record {seq}")),
            None,
        );
    }
    wait(&journal);
    let (path, bytes) = disk.files().remove(0);
    let at = bytes
        .windows(8)
        .position(|window| window == b"record 3")
        .unwrap();
    disk.damage(&path, |bytes| bytes[at] = b'R');
    let data = journal.read(&room(1)).unwrap();
    assert_eq!(
        (data.records.len(), data.dropped),
        (
            2,
            Some(Dropped {
                first_missing: 3,
                last_seen: 5
            })
        )
    );
    disk.set_reads_failing(true);
    assert!(matches!(journal.read(&room(1)), Err(ReadError::Io { .. })));
    assert!(matches!(journal.read(&room(9)), Err(ReadError::Missing(_))));
}

#[test]
fn a_group_that_failed_is_written_to_a_new_segment() {
    let disk = LossyDisk::new();
    let (journal, _) = Journal::open(Options {
        disk: Arc::new(disk.clone()),
        ..Options::new("/journal")
    })
    .unwrap();
    fill(&journal, &room(1), 1, 5);
    disk.set_sync_failing(true);
    let lsn = journal.append(frame(&room(1), FrameKind::Record, 6, "six"), None);
    while journal.health() == Health::Good {
        std::thread::yield_now();
    }
    assert!(journal.durable() < lsn);
    disk.set_sync_failing(false);
    wait(&journal);
    assert!(journal.close(Duration::from_secs(5)));
    assert_eq!(
        (
            journal.health(),
            journal.failure(),
            journal.stats().segments
        ),
        (Health::Good, None, 2)
    );
    assert_eq!(journal.read(&room(1)).unwrap().records.len(), 6);
}

#[test]
fn one_copy_of_a_header_is_enough() {
    for at in [20, 84] {
        let disk = LossyDisk::new();
        let options = Options {
            disk: Arc::new(disk.clone()),
            ..Options::new("/journal")
        };
        let (journal, _) = Journal::open(options.clone()).unwrap();
        fill(&journal, &room(1), 1, 5);
        assert!(journal.close(Duration::from_secs(5)));
        let (path, _) = disk.files().remove(0);
        disk.damage(&path, |bytes| bytes[at] ^= 1);
        let (journal, report) = Journal::open(options).unwrap();
        assert_eq!(report.damages.len(), 1);
        assert_eq!(journal.read(&room(1)).unwrap().records.len(), 5);
    }
}
