//! The three stores, asked for the same: the last two snapshots of each room, and the records since the older one.

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fjall::{KeyspaceCreateOptions, PersistMode};
use parlor_journal::{Frame, FrameKind, Journal, Options, StreamId, StreamKind};
use redb::{ReadableDatabase, TableDefinition};
use tokio::{runtime::Runtime, sync::Notify};

pub const NAMES: [&str; 3] = ["journal", "redb", "fjall"];

const RECORD: u8 = 0;
const SNAPSHOT: u8 = 1;
const TABLE: TableDefinition<(u64, u8, u64), &[u8]> = TableDefinition::new("frames");

pub type Fault = Box<dyn std::error::Error>;

#[derive(Clone, Debug)]
pub struct Op {
    pub room: u64,
    pub is_snapshot: bool,
    pub seq: u64,
    pub payload: bytes::Bytes,
    /// The seqs of the two snapshots before this one.
    pub previous: [Option<u64>; 2],
}

/// The newest snapshot of a room and the records since.
pub type Content = (Option<(u64, Vec<u8>)>, Vec<(u64, Vec<u8>)>);

pub trait Store {
    /// Queues it; the number it is told by when it is durable.
    fn append(&mut self, op: Op) -> u64;
    fn durable(&self) -> u64;
    /// Until more is durable than this.
    fn wait(&self, beyond: u64);
    fn commits(&self) -> u64;
    fn read(&self, room: u64) -> Result<Content, Fault>;
    /// All is durable and the files are closed.
    fn close(self: Box<Self>);
}

pub fn open(name: &str, dir: &Path) -> Result<(Box<dyn Store>, bool), Fault> {
    Ok(match name {
        "journal" => {
            let (journal, report) = Journal::open(Options {
                history_bytes_max: 0,
                ..Options::new(dir.join("journal"))
            })?;
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let is_said = report != Default::default();
            (
                Box::new(Own {
                    journal,
                    runtime,
                    notify: Arc::new(Notify::new()),
                }),
                is_said,
            )
        }
        "redb" => (
            Box::new(Grouped::new(Redb(redb::Database::create(
                dir.join("redb"),
            )?))),
            false,
        ),
        _ => {
            let db = fjall::Database::builder(dir.join("fjall")).open()?;
            let frames = db.keyspace("frames", KeyspaceCreateOptions::default)?;
            (Box::new(Grouped::new(Fjall { db, frames })), false)
        }
    })
}

struct Own {
    journal: Journal,
    runtime: Runtime,
    notify: Arc<Notify>,
}

fn stream(room: u64) -> StreamId {
    StreamId::new(StreamKind::Room, u128::from(room).to_be_bytes().to_vec())
}

impl Store for Own {
    fn append(&mut self, op: Op) -> u64 {
        let kind = if op.is_snapshot {
            FrameKind::Snapshot
        } else {
            FrameKind::Record
        };
        let frame = Frame {
            stream: stream(op.room),
            kind,
            seq: op.seq,
            payload: op.payload,
        };
        self.journal.append(frame, Some(&self.notify))
    }

    fn durable(&self) -> u64 {
        self.journal.durable()
    }

    fn wait(&self, beyond: u64) {
        self.runtime.block_on(async {
            while self.journal.durable() <= beyond {
                self.notify.notified().await;
            }
        });
    }

    fn commits(&self) -> u64 {
        self.journal.stats().commits
    }

    fn read(&self, room: u64) -> Result<Content, Fault> {
        let data = self.journal.read(&stream(room))?;
        if let Some(dropped) = data.dropped {
            return Err(format!("{dropped:?}").into());
        }
        let newest = data
            .snapshots
            .first()
            .map(|(seq, payload)| (*seq, payload.to_vec()));
        let after = newest.as_ref().map_or(0, |(seq, _)| *seq);
        let records = data.records.into_iter().filter(|(seq, _)| *seq > after);
        Ok((
            newest,
            records
                .map(|(seq, payload)| (seq, payload.to_vec()))
                .collect(),
        ))
    }

    fn close(self: Box<Self>) {
        assert!(self.journal.close(Duration::from_secs(30)));
    }
}

/// What a database has to do: one durable transaction for a group.
trait Database: Send + Sync + 'static {
    fn commit(&self, ops: &[Op]) -> Result<(), Fault>;
    fn read(&self, room: u64) -> Result<Content, Fault>;
}

/// Group commit around a database, by the journal's rule: what comes during a commit goes with the next.
struct Grouped<D> {
    shared: Arc<Shared<D>>,
    last: u64,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Shared<D> {
    database: D,
    queue: Mutex<(Vec<Op>, bool)>,
    work: Condvar,
    progress: Condvar,
    durable: AtomicU64,
    commits: AtomicU64,
}

impl<D: Database> Grouped<D> {
    fn new(database: D) -> Self {
        let shared = Arc::new(Shared {
            database,
            queue: Default::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            durable: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || shared.run()
        });
        Self {
            shared,
            last: 0,
            thread: Some(thread),
        }
    }
}

impl<D: Database> Shared<D> {
    fn run(&self) {
        loop {
            let mut queue = self.queue.lock().unwrap();
            while queue.0.is_empty() && !queue.1 {
                queue = self.work.wait(queue).unwrap();
            }
            let ops = std::mem::take(&mut queue.0);
            drop(queue);
            if ops.is_empty() {
                return;
            }
            self.database.commit(&ops).unwrap();
            self.commits.fetch_add(1, Ordering::Relaxed);
            let _queue = self.queue.lock().unwrap();
            self.durable.fetch_add(ops.len() as u64, Ordering::Release);
            self.progress.notify_all();
        }
    }
}

impl<D: Database> Store for Grouped<D> {
    fn append(&mut self, op: Op) -> u64 {
        self.shared.queue.lock().unwrap().0.push(op);
        self.shared.work.notify_one();
        self.last += 1;
        self.last
    }

    fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    fn wait(&self, beyond: u64) {
        let queue = self.shared.queue.lock().unwrap();
        drop(
            self.shared
                .progress
                .wait_while(queue, |_| self.durable() <= beyond)
                .unwrap(),
        );
    }

    fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    fn read(&self, room: u64) -> Result<Content, Fault> {
        self.shared.database.read(room)
    }

    fn close(mut self: Box<Self>) {
        self.shared.queue.lock().unwrap().1 = true;
        self.shared.work.notify_one();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl<D> Drop for Grouped<D> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.queue.lock().unwrap().1 = true;
            self.shared.work.notify_one();
            let _ = thread.join();
        }
    }
}

struct Redb(redb::Database);

impl Database for Redb {
    fn commit(&self, ops: &[Op]) -> Result<(), Fault> {
        // Durability::Immediate is the default.
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for op in ops {
                let kind = if op.is_snapshot { SNAPSHOT } else { RECORD };
                table.insert((op.room, kind, op.seq), &op.payload[..])?;
                if let (true, Some(older)) = (op.is_snapshot, op.previous[0]) {
                    table.retain_in((op.room, RECORD, 0)..=(op.room, RECORD, older), |_, _| {
                        false
                    })?;
                    table.retain_in(
                        (op.room, SNAPSHOT, 0)..(op.room, SNAPSHOT, older),
                        |_, _| false,
                    )?;
                }
            }
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, room: u64) -> Result<Content, Fault> {
        let transaction = self.0.begin_read()?;
        let table = transaction.open_table(TABLE)?;
        let newest = table
            .range((room, SNAPSHOT, 0)..=(room, SNAPSHOT, u64::MAX))?
            .next_back()
            .transpose()?;
        let newest = newest.map(|(key, value)| (key.value().2, value.value().to_vec()));
        let after = newest.as_ref().map_or(0, |(seq, _)| *seq);
        let records = table.range((room, RECORD, after + 1)..=(room, RECORD, u64::MAX))?;
        let records =
            records.map(|entry| entry.map(|(key, value)| (key.value().2, value.value().to_vec())));
        Ok((newest, records.collect::<Result<_, _>>()?))
    }
}

struct Fjall {
    db: fjall::Database,
    frames: fjall::Keyspace,
}

fn key(room: u64, kind: u8, seq: u64) -> [u8; 17] {
    let mut key = [kind; 17];
    key[..8].copy_from_slice(&room.to_be_bytes());
    key[9..].copy_from_slice(&seq.to_be_bytes());
    key
}

impl Database for Fjall {
    fn commit(&self, ops: &[Op]) -> Result<(), Fault> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for op in ops {
            let kind = if op.is_snapshot { SNAPSHOT } else { RECORD };
            batch.insert(&self.frames, key(op.room, kind, op.seq), &op.payload[..]);
            if let (true, Some(older)) = (op.is_snapshot, op.previous[0]) {
                let oldest = op.previous[1].unwrap_or(0);
                for seq in oldest + 1..=older {
                    batch.remove(&self.frames, key(op.room, RECORD, seq));
                }
                if let Some(oldest) = op.previous[1] {
                    batch.remove(&self.frames, key(op.room, SNAPSHOT, oldest));
                }
            }
        }
        Ok(batch.commit()?)
    }

    fn read(&self, room: u64) -> Result<Content, Fault> {
        let number = |key: &[u8]| u64::from_be_bytes(key[9..17].try_into().unwrap());
        let mut snapshots = self
            .frames
            .range(key(room, SNAPSHOT, 0)..=key(room, SNAPSHOT, u64::MAX));
        let newest = snapshots
            .next_back()
            .map(|guard| guard.into_inner())
            .transpose()?;
        let newest = newest.map(|(key, value)| (number(&key), value.to_vec()));
        let after = newest.as_ref().map_or(0, |(seq, _)| *seq);
        let mut records = Vec::new();
        for guard in self
            .frames
            .range(key(room, RECORD, after + 1)..=key(room, RECORD, u64::MAX))
        {
            let (key, value) = guard.into_inner()?;
            records.push((number(&key), value.to_vec()));
        }
        Ok((newest, records))
    }
}
