//! A journal on a disk that loses things, and what was appended to it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use parlor_journal::{
    Health, Hooks, Journal, Lsn, OpenReport, Options, SyncPolicy,
    testing::{LossyDisk, Random},
};
use tokio::{runtime::Runtime, sync::Notify};

use crate::model::{Expect, Model};

pub(crate) const DIR: &str = "/journal";

/// What a crash at some point left, and what was known to be durable then.
pub(crate) struct Image {
    pub(crate) point: &'static str,
    pub(crate) disk: LossyDisk,
    pub(crate) durable: Lsn,
}

pub(crate) struct Work {
    pub(crate) disk: LossyDisk,
    pub(crate) journal: Journal,
    pub(crate) report: OpenReport,
    pub(crate) model: Model,
    /// What the test has seen to be durable.
    pub(crate) durable: Lsn,
    pub(crate) images: Arc<Mutex<Vec<Image>>>,
    last: Lsn,
    known: Arc<AtomicU64>,
    failures: mpsc::Receiver<()>,
    notify: Arc<Notify>,
    runtime: Arc<Runtime>,
    pub(crate) settings: Settings,
}

/// How the journal is opened.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) is_fsync_skipped: bool,
    pub(crate) segment_bytes_max: u64,
    pub(crate) history_bytes_max: u64,
    pub(crate) sync: SyncPolicy,
    /// In how many of the points that are reached a crash is kept; 0 for none.
    pub(crate) image_one_in: u64,
    pub(crate) seed: u64,
}

impl Settings {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            is_fsync_skipped: false,
            segment_bytes_max: 1000 << random.below(5),
            history_bytes_max: random.below(3) * 2000,
            sync: SyncPolicy::Always,
            image_one_in: 0,
            seed,
        }
    }
}

pub(crate) fn runtime() -> Arc<Runtime> {
    Arc::new(
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap(),
    )
}

impl Work {
    pub(crate) fn open(
        disk: LossyDisk,
        model: Model,
        settings: Settings,
        runtime: Arc<Runtime>,
    ) -> Self {
        let known = Arc::new(AtomicU64::new(0));
        let images = Arc::new(Mutex::new(Vec::new()));
        let (failed, failures) = mpsc::channel();
        let at = {
            let (known, images, disk) = (known.clone(), images.clone(), disk.clone());
            let state = Mutex::new((Random::new(settings.seed ^ 77), failed));
            let one_in = settings.image_one_in;
            move |point: &'static str| {
                let mut state = state.lock().unwrap();
                if point == "retry" {
                    // The test may be over.
                    let _ = state.1.send(());
                }
                if one_in > 0 && state.0.one_in(one_in) {
                    let durable = known.load(Ordering::Acquire);
                    let disk = disk.crash(state.0.number());
                    images.lock().unwrap().push(Image {
                        point,
                        disk,
                        durable,
                    });
                }
            }
        };
        let hooks = Hooks {
            is_fsync_skipped: settings.is_fsync_skipped,
            retry_after: Duration::from_millis(1),
            at: Some(Arc::new(at)),
            ..Hooks::default()
        };
        let options = Options {
            disk: Arc::new(disk.clone()),
            sync: settings.sync,
            segment_bytes_max: settings.segment_bytes_max,
            history_bytes_max: settings.history_bytes_max,
            hooks,
            ..Options::new(DIR)
        };
        let (journal, report) = Journal::open(options).unwrap();
        let notify = Arc::new(Notify::new());
        Self {
            disk,
            journal,
            report,
            model,
            durable: 0,
            images,
            last: 0,
            known,
            failures,
            notify,
            runtime,
            settings,
        }
    }

    pub(crate) fn append(&mut self, random: &mut Random) {
        let frame = self.model.next_frame(random);
        self.last = self.journal.append(frame.clone(), Some(&self.notify));
        self.model.appended(self.last, &frame);
    }

    pub(crate) fn wait(&mut self) {
        self.runtime.block_on(async {
            while self.journal.durable() < self.last {
                self.notify.notified().await;
            }
        });
        self.look();
    }

    /// Takes note of what is durable.
    pub(crate) fn look(&mut self) {
        self.durable = self.journal.durable();
        self.known.store(self.durable, Ordering::Release);
    }

    /// Waits for a try that fails.
    pub(crate) fn wait_for_failure(&mut self) {
        while self.failures.try_recv().is_ok() {}
        self.failures.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(self.journal.health(), Health::Failing);
        assert!(self.journal.failure().is_some());
    }

    /// Opens another disk, and goes on with what is there.
    pub(crate) fn reopen(self, disk: LossyDisk, expect: Expect) -> Result<Self, String> {
        let Self {
            model,
            settings,
            runtime,
            journal,
            ..
        } = self;
        journal.close(Duration::ZERO);
        let mut next = Self::open(disk, model, settings, runtime);
        if !next.report.damages.is_empty() {
            return Err(format!("damages {:?}", next.report.damages));
        }
        next.model.restart(&next.journal, expect)?;
        Ok(next)
    }
}
