//! Random work, with crashes of the machine and of the process, and with disks that fail and get well again.

use std::time::Duration;

use parlor_journal::{
    Health, SyncPolicy,
    testing::{LossyDisk, Random},
};

use crate::{
    model::{Expect, Model},
    work::{Settings, Work, runtime},
};

/// How many times more than in a short run.
pub(crate) fn times() -> u64 {
    if std::env::var_os("PARLOR_FULL").is_some() {
        40
    } else {
        1
    }
}

/// One history of a journal. What is wrong is returned, with the seed.
fn run(settings: &Settings, steps: u64) -> Result<(), String> {
    let mut random = Random::new(settings.seed);
    let mut work = Work::open(
        LossyDisk::new(),
        Model::default(),
        settings.clone(),
        runtime(),
    );
    for step in 0..steps {
        work = step_of(work, &mut random)
            .map_err(|what| format!("seed {} step {step}: {what}", settings.seed))?;
    }
    work.journal.close(Duration::ZERO);
    Ok(())
}

fn step_of(mut work: Work, random: &mut Random) -> Result<Work, String> {
    for _ in 0..random.below(30) {
        work.append(random);
        if random.one_in(8) {
            work.wait();
        }
    }
    match random.below(24) {
        0..6 => work.wait(),
        6..9 => work.model.check(&work.journal, Expect::All)?,
        9..13 => {
            work.look();
            let disk = work.disk.crash(random.number());
            let durable = work.durable;
            return work.reopen(disk, Expect::Durable(durable));
        }
        13..15 => {
            work.look();
            let disk = work.disk.kill();
            let durable = work.durable;
            return work.reopen(disk, Expect::Durable(durable));
        }
        15..18 => {
            if !work.journal.close(Duration::from_secs(10)) {
                return Err("did not close".to_owned());
            }
            let disk = if random.one_in(2) {
                work.disk.clone()
            } else {
                work.disk.crash(random.number())
            };
            return work.reopen(disk, Expect::All);
        }
        18..22 => return fail(work, random),
        _ => check_images(&work)?,
    }
    Ok(work)
}

/// The disk fails for a time, and perhaps all ends meanwhile.
fn fail(mut work: Work, random: &mut Random) -> Result<Work, String> {
    match random.below(3) {
        0 => work.disk.set_room(Some(random.below(500))),
        1 => work.disk.set_read_only(true),
        _ => work.disk.set_sync_failing(true),
    }
    for _ in 0..1 + random.below(4) {
        work.append(random);
    }
    while work.journal.health() == Health::Good && work.journal.queued_bytes() > 0 {
        std::thread::yield_now();
    }
    if work.journal.health() == Health::Failing {
        work.wait_for_failure();
    }
    work.look();
    work.model.check(&work.journal, Expect::All)?;
    let durable = work.durable;
    match random.below(4) {
        0 => {
            let disk = work.disk.crash(random.number());
            return work.reopen(disk, Expect::Durable(durable));
        }
        1 => {
            // The process ends, and what is in the page cache is read as if it were on the disk; then the power goes.
            let disk = work.disk.kill();
            let reopened = work.reopen(disk, Expect::Durable(durable))?;
            let disk = reopened.disk.crash(random.number());
            return reopened.reopen(disk, Expect::All);
        }
        _ => {}
    }
    work.disk.set_room(None);
    work.disk.set_read_only(false);
    work.disk.set_sync_failing(false);
    work.append(random);
    work.wait();
    work.model.check(&work.journal, Expect::All)?;
    Ok(work)
}

/// Crashes that were kept at the points between.
fn check_images(work: &Work) -> Result<(), String> {
    let images = std::mem::take(&mut *work.images.lock().unwrap());
    for image in images {
        let settings = Settings {
            image_one_in: 0,
            ..work.settings.clone()
        };
        let opened = Work::open(image.disk, Model::default(), settings, runtime());
        if !opened.report.damages.is_empty() {
            return Err(format!(
                "at {}: damages {:?}",
                image.point, opened.report.damages
            ));
        }
        let result = work
            .model
            .check(&opened.journal, Expect::Durable(image.durable));
        opened.journal.close(Duration::ZERO);
        result.map_err(|what| format!("at {}: {what}", image.point))?;
    }
    Ok(())
}

#[test]
fn what_is_durable_survives_everything() {
    for seed in 0..60 * times() {
        run(&Settings::new(seed), 60).unwrap();
    }
}

#[test]
fn crashes_at_every_point_lose_nothing() {
    for seed in 0..30 * times() {
        run(
            &Settings {
                image_one_in: 3,
                ..Settings::new(seed)
            },
            30,
        )
        .unwrap();
    }
}

#[test]
fn these_tests_notice_that_a_sync_is_missing() {
    let noticed = (0..20).filter(|seed| {
        run(
            &Settings {
                is_fsync_skipped: true,
                ..Settings::new(*seed)
            },
            30,
        )
        .is_err()
    });
    assert!(noticed.count() >= 18);
}

#[test]
fn with_fewer_syncs_the_end_of_the_process_loses_nothing() {
    for (seed, sync) in (0..30 * times()).zip(relaxed()) {
        let mut random = Random::new(seed);
        let mut work = Work::open(
            LossyDisk::new(),
            Model::default(),
            Settings {
                sync,
                ..Settings::new(seed)
            },
            runtime(),
        );
        for _ in 0..20 {
            for _ in 0..random.below(40) {
                work.append(&mut random);
            }
            work.look();
            let (disk, durable) = (work.disk.kill(), work.durable);
            work = work.reopen(disk, Expect::Durable(durable)).unwrap();
        }
        work.journal.close(Duration::ZERO);
    }
}

#[test]
fn with_fewer_syncs_a_crash_leaves_something_older_and_no_damage() {
    for (seed, sync) in (0..30 * times()).zip(relaxed()) {
        let mut random = Random::new(seed);
        let settings = Settings {
            sync,
            ..Settings::new(seed)
        };
        let mut work = Work::open(LossyDisk::new(), Model::default(), settings, runtime());
        for _ in 0..20 {
            for _ in 0..random.below(60) {
                work.append(&mut random);
                if random.one_in(5) {
                    work.wait();
                }
            }
            let disk = work.disk.crash(random.number());
            work = work
                .reopen(disk, Expect::Durable(0))
                .unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        }
        work.journal.close(Duration::ZERO);
    }
}

#[test]
fn with_fewer_syncs_a_failed_one_loses_nothing() {
    for seed in 0..30 * times() {
        let mut random = Random::new(seed);
        let sync = SyncPolicy::Every(Duration::from_micros(1));
        let settings = Settings {
            sync,
            ..Settings::new(seed)
        };
        let mut work = Work::open(LossyDisk::new(), Model::default(), settings, runtime());
        for _ in 0..10 {
            work.disk.set_sync_failing(true);
            for _ in 0..1 + random.below(20) {
                work.append(&mut random);
            }
            work.wait_for_failure();
            work.disk.set_sync_failing(false);
            for _ in 0..random.below(20) {
                work.append(&mut random);
            }
            assert!(work.journal.close(Duration::from_secs(10)));
            assert_eq!(work.journal.health(), Health::Good);
            let disk = work.disk.crash(random.number());
            work = work
                .reopen(disk, Expect::All)
                .unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        }
        work.journal.close(Duration::ZERO);
    }
}

fn relaxed() -> impl Iterator<Item = SyncPolicy> {
    [
        SyncPolicy::Never,
        SyncPolicy::Every(Duration::from_millis(1)),
    ]
    .into_iter()
    .cycle()
}
