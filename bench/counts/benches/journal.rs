//! What a room does to have a record written. What the journal's own thread does then is not counted: when it does how much of
//! that is not the same twice.

use std::hint::black_box;
use std::sync::{Arc, mpsc};
use std::thread;

use bytes::Bytes;
use gungraun::prelude::*;
use parlor_journal::{Frame, FrameKind, Hooks, Journal, Lsn, Options, StreamId, StreamKind};
use tokio::sync::Notify;

const RECORD_BYTES: usize = 120;

struct Appending {
    journal: Journal,
    notify: Arc<Notify>,
}

/// A journal whose thread is at the first record and does not come back from it, so that it is never in the way; and the
/// second. Kept, for to close it would be to wait for the thread.
fn appending() -> (&'static Appending, Frame) {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (reached, is_reached) = mpsc::channel();
    let hooks = Hooks {
        at: Some(Arc::new(move |point| {
            if point == "group-written" {
                reached.send(()).expect("somebody waits for it");
                loop {
                    thread::park();
                }
            }
        })),
        ..Hooks::default()
    };
    let options = Options {
        hooks,
        ..Options::new(folder.path())
    };
    let (journal, _) = Journal::open(options).expect("an empty folder can be opened");
    let notify = Arc::new(Notify::new());
    journal.append(record(1), Some(&notify));
    is_reached.recv().expect("the first record is written");
    let appending = Appending { journal, notify };
    (Box::leak(Box::new(appending)), record(2))
}

fn record(seq: u64) -> Frame {
    Frame {
        stream: StreamId::new(StreamKind::Room, 417_u128.to_be_bytes()),
        kind: FrameKind::Record,
        seq,
        payload: Bytes::from(vec![b'a'; RECORD_BYTES]),
    }
}

#[library_benchmark]
#[bench::record(setup = appending)]
fn journal_append((appending, frame): (&'static Appending, Frame)) -> Lsn {
    black_box(&appending.journal).append(frame, Some(&appending.notify))
}

library_benchmark_group!(name = journal, benchmarks = journal_append);

main!(library_benchmark_groups = journal);
