//! The storage over a journal, with a disk that fails and comes back.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parlor_journal::{Disk, DiskFile, Frame, FrameKind, Options, RealDisk, StreamId};
use tempfile::TempDir;

use super::record::{Record, Snapshot, encode};
use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

/// A disk that takes nothing while it is broken.
#[derive(Debug, Clone, Default)]
struct Fragile {
    is_broken: Arc<AtomicBool>,
}

impl Fragile {
    fn check(&self) -> io::Result<()> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::SeqCst);
    }

    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let disk = self.clone();
        Box::new(FragileFile { disk, file })
    }
}

impl Disk for Fragile {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Send>> {
        RealDisk.lock(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        RealDisk.exists(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check()?;
        Ok(self.file(RealDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(RealDisk.open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.check()?;
        RealDisk.sync_dir(dir)
    }
}

#[derive(Debug)]
struct FragileFile {
    disk: Fragile,
    file: Box<dyn DiskFile>,
}

impl DiskFile for FragileFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.check()?;
        self.file.write_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.check()?;
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.check()?;
        self.file.sync_data()
    }
}

/// A node with nothing but storage. Dropping it is a crash as far as the storage is concerned: nothing is said goodbye to.
struct Node {
    storage: Arc<Storage>,
    metrics: Arc<Metrics>,
    serving: tokio::task::JoinHandle<()>,
}

impl Node {
    fn start(dir: &TempDir, disk: &Fragile) -> Self {
        let options = Options {
            disk: Arc::new(disk.clone()),
            ..Options::new(dir.path())
        };
        let (journal, _) = Journal::open(options).unwrap();
        let metrics = Arc::new(Metrics::new());
        let storage = Storage::open(journal, StorageLimits::default(), Arc::clone(&metrics));
        let storage = Arc::new(storage);
        let serving = Arc::clone(&storage);
        Self {
            storage,
            metrics,
            serving: tokio::spawn(async move { serving.serve().await }),
        }
    }

    async fn stop(self) {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
        assert!(self.storage.journal.close(DEADLINE));
    }

    fn ask(
        &self,
        kept_as: Option<OperationId>,
        request: wit::KvRequest,
    ) -> oneshot::Receiver<Outcome> {
        let (tell, told) = oneshot::channel();
        self.storage
            .ask("plugin", kept_as, request, Reply::Reader(tell));
        told
    }

    async fn run(&self, kept_as: Option<OperationId>, request: wit::KvRequest) -> Outcome {
        in_time(self.ask(kept_as, request)).await.unwrap()
    }

    async fn read(&self, key: &str) -> Option<Vec<u8>> {
        let value = in_time(self.storage.read("plugin", key)).await.unwrap();
        value.map(Vec::from)
    }

    fn shows(&self, line: &str) -> bool {
        self.metrics.text().lines().any(|it| it == line)
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}

fn put(key: &str, value: &[u8]) -> wit::KvRequest {
    wit::KvRequest::Put((key.to_owned(), Some(value.into())))
}

fn get(key: &str) -> wit::KvRequest {
    wit::KvRequest::Get(key.to_owned())
}

fn swap(key: &str, value: &[u8]) -> wit::KvRequest {
    wit::KvRequest::CompareAndPut((key.to_owned(), None, Some(value.into())))
}

fn named(step: u64) -> OperationId {
    OperationId {
        epoch: 1,
        step,
        index: 0,
    }
}

fn stream() -> StreamId {
    StreamId::new(StreamKind::Storage, *b"plugin")
}

fn frame(kind: FrameKind, seq: u64, payload: Bytes) -> Frame {
    Frame {
        stream: stream(),
        kind,
        seq,
        payload,
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart_whatever_snapshots_came_between() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir, &Fragile::default());
    // Four times what calls for a snapshot.
    for round in 0..20_u8 {
        for n in 0..50 {
            drop(node.ask(None, put(&format!("key/{n}"), &[round; 1024])));
        }
    }
    assert_eq!(node.run(None, get("key/7")).await.weight(), 1024);
    let data = node.storage.journal.read(&stream()).unwrap();
    assert!(data.snapshots.len() > 1 && !data.records.is_empty());
    node.stop().await;

    let node = Node::start(&dir, &Fragile::default());
    for n in 0..50 {
        assert_eq!(node.read(&format!("key/{n}")).await, Some(vec![19; 1024]));
    }
    assert!(node.shows("parlor_storage_keys{plugin=\"plugin\"} 50"));
    assert!(node.shows("parlor_storage_damages_total 0"));
    assert_eq!(node.read("key/50").await, None);
    assert_eq!(in_time(node.storage.read("nobody", "x")).await, Ok(None));
}

#[tokio::test]
async fn an_operation_that_is_asked_again_after_a_crash_is_not_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir, &Fragile::default());
    assert_eq!(
        node.run(Some(named(1)), get("a")).await,
        Outcome::Value(None)
    );
    assert_eq!(
        node.run(Some(named(2)), swap("a", b"1")).await,
        Outcome::Stored
    );
    assert_eq!(node.run(None, put("a", b"2")).await, Outcome::Stored);
    node.stop().await;

    let node = Node::start(&dir, &Fragile::default());
    assert_eq!(
        node.run(Some(named(1)), get("a")).await,
        Outcome::Value(None)
    );
    assert_eq!(
        node.run(Some(named(2)), swap("a", b"1")).await,
        Outcome::Stored
    );
    assert_eq!(node.read("a").await, Some(b"2".to_vec()));
    node.storage.forget("plugin", named(1));
    let conflict = Outcome::Conflict(Some(Value(Bytes::from_static(b"2"))));
    assert_eq!(node.run(Some(named(3)), swap("a", b"3")).await, conflict);
    node.stop().await;

    let node = Node::start(&dir, &Fragile::default());
    node.storage.forget_ended(|_| false);
    let now = Outcome::Value(Some(Value(Bytes::from_static(b"2"))));
    for step in 1..4 {
        assert_eq!(node.run(Some(named(step)), get("a")).await, now, "{step}");
    }
}

#[tokio::test]
async fn while_the_disk_fails_operations_wait_in_order_and_nobody_sees_what_may_be_lost() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Fragile::default();
    let node = Node::start(&dir, &disk);
    assert_eq!(node.run(None, put("a", b"1")).await, Outcome::Stored);
    disk.set_broken(true);
    let mut first = node.ask(None, put("a", b"2"));
    let mut second = node.ask(None, get("a"));
    let failing = async {
        while node.storage.journal.health() == Health::Good {
            tokio::task::yield_now().await;
        }
    };
    in_time(failing).await;
    assert_eq!(
        in_time(node.storage.read("plugin", "a")).await,
        Err(Unavailable)
    );
    assert!(first.try_recv().is_err() && second.try_recv().is_err());
    assert!(node.shows("parlor_storage_waiting 2"));
    disk.set_broken(false);
    assert_eq!(in_time(first).await, Ok(Outcome::Stored));
    let two = Outcome::Value(Some(Value(Bytes::from_static(b"2"))));
    assert_eq!(in_time(second).await, Ok(two));
    assert!(node.shows("parlor_storage_waiting 0"));
    node.stop().await;
    let node = Node::start(&dir, &disk);
    assert_eq!(node.read("a").await, Some(b"2".to_vec()));
}

#[tokio::test]
async fn beyond_the_bound_operations_are_refused_and_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Fragile::default();
    let node = Node::start(&dir, &disk);
    let value = vec![0; StorageLimits::default().value_bytes_max];
    assert_eq!(node.run(None, put("a", &value)).await, Outcome::Stored);
    disk.set_broken(true);
    let mut waiting = vec![node.ask(None, put("b", b"1"))];
    let refused = loop {
        let mut told = node.ask(None, get("a"));
        match told.try_recv() {
            Ok(outcome) => break outcome,
            Err(_) => waiting.push(told),
        }
    };
    assert_eq!(refused, Outcome::Unavailable);
    assert!(
        (1000..1100).contains(&waiting.len()),
        "64 MiB of answers wait"
    );
    assert_eq!(node.run(None, put("b", b"2")).await, Outcome::Unavailable);
    disk.set_broken(false);
    for told in waiting {
        in_time(told).await.unwrap();
    }
    assert_eq!(node.read("b").await, Some(b"1".to_vec()));
}

#[tokio::test]
async fn behind_a_record_that_cannot_be_read_the_state_before_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir, &Fragile::default());
    for n in 0..3 {
        node.run(None, put("a", &[n])).await;
    }
    let journal = node.storage.journal.clone();
    journal.append(
        frame(FrameKind::Record, 4, Bytes::from_static(b"\x01what?")),
        None,
    );
    journal.append(
        frame(FrameKind::Record, 5, Bytes::from_static(b"\x01what?")),
        None,
    );
    node.stop().await;

    let node = Node::start(&dir, &Fragile::default());
    assert!(node.shows("parlor_storage_damages_total 1"));
    assert_eq!(node.read("a").await, Some(vec![2]));
    node.run(None, put("b", b"new")).await;
    node.stop().await;

    let node = Node::start(&dir, &Fragile::default());
    assert!(node.shows("parlor_storage_damages_total 0"));
    assert_eq!(node.read("a").await, Some(vec![2]));
    assert_eq!(node.read("b").await, Some(b"new".to_vec()));
}

#[tokio::test]
async fn behind_a_hole_in_the_journal_the_state_before_it_goes_on_and_others_are_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir, &Fragile::default());
    for n in 0..3 {
        node.run(None, put("a", &[n])).await;
    }
    let (tell, told) = oneshot::channel();
    node.storage
        .ask("other", None, put("a", b"other"), Reply::Reader(tell));
    in_time(told).await.unwrap();
    let journal = node.storage.journal.clone();
    let late = Record {
        change: Some(("a".to_owned(), None)),
        ..Record::default()
    };
    journal.append(frame(FrameKind::Record, 6, encode(&late)), None);
    node.stop().await;

    for damages in [1, 0] {
        let node = Node::start(&dir, &Fragile::default());
        assert!(node.shows(&format!("parlor_storage_damages_total {damages}")));
        assert_eq!(node.read("a").await, Some(vec![2]));
        let other = in_time(node.storage.read("other", "a")).await.unwrap();
        assert_eq!(other.as_deref(), Some(&b"other"[..]));
        node.run(None, put("b", &[damages])).await;
        node.stop().await;
    }
    let node = Node::start(&dir, &Fragile::default());
    assert_eq!(node.read("b").await, Some(vec![0]));
}

#[tokio::test]
async fn an_older_snapshot_and_the_records_since_stand_for_one_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir, &Fragile::default());
    for n in 0..3 {
        node.run(None, put("a", &[n])).await;
    }
    let journal = node.storage.journal.clone();
    let good = encode(&lock(&node.storage.all()[0]).keys.snapshot());
    journal.append(frame(FrameKind::Snapshot, 3, good), None);
    node.run(None, put("b", b"later")).await;
    journal.append(
        frame(FrameKind::Snapshot, 4, Bytes::from_static(b"\x01what?")),
        None,
    );
    node.stop().await;
    let node = Node::start(&dir, &Fragile::default());
    assert!(node.shows("parlor_storage_damages_total 0"));
    assert_eq!(node.read("a").await, Some(vec![2]));
    assert_eq!(node.read("b").await, Some(b"later".to_vec()));
}

#[tokio::test]
async fn nothing_is_made_up_where_no_snapshot_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir, &Fragile::default());
    let journal = node.storage.journal.clone();
    journal.append(
        frame(FrameKind::Snapshot, 7, Bytes::from_static(b"\x02later")),
        None,
    );
    let record = Record {
        change: Some(("a".to_owned(), Some(Value(Bytes::from_static(b"8"))))),
        ..Record::default()
    };
    journal.append(frame(FrameKind::Record, 8, encode(&record)), None);
    node.stop().await;
    let node = Node::start(&dir, &Fragile::default());
    assert!(node.shows("parlor_storage_damages_total 1"));
    assert_eq!(node.read("a").await, None);
    assert_eq!(
        encode(&Snapshot::default()),
        encode(&lock(&node.storage.all()[0]).keys.snapshot())
    );
}
