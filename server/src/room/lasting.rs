//! What a room's task does so that the room outlives it: it writes its batches and its snapshots, brings the room back
//! from them, and puts it to sleep when nobody is there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parlor_journal::{Health, Lsn, StreamId};
use parlor_proto::{Durability, ErrorCode};
use serde_bytes::ByteBuf;
use tokio::sync::{AcquireError, Notify, SemaphorePermit};
use tokio::time::Instant;

use super::core::RoomCore;
use super::durable::{self, BatchRecord, Change, IdentityNote, Means, Recovered, Snapshot, Writer};
use super::origin::Origin;
use super::settings::Settings;
use super::{OpenRefusal, RoomTask, handle};
use crate::breakage::TestBreak;
use crate::fanout::Exit;
use crate::persistence::Persistence;
use crate::plugin::{Audit, BatchInput, Fault, Ran, Runner};
use crate::release::Release;

/// A room stops stepping while more than this waits for the disk.
const UNRELEASED_BYTES_MAX: usize = 8 << 20;
/// How often a room that waits for the disk looks whether it goes on.
const STALLED_LOOK: Duration = Duration::from_millis(100);
/// What is said to whoever sends something while the disk takes nothing.
pub(crate) const NO_STORAGE: &str = "the server cannot write to its disk at the moment; this was not applied, send it again under a new id";

/// What a room begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Nothing, as the first of its histories.
    New { epoch: u64 },
    /// What is in its stream of the journal, after it slept for so long.
    Stored { number: u64, slept: Duration },
}

/// How a room that outlives its task is kept.
#[derive(Debug)]
pub(super) struct Lasting {
    durability: Durability,
    writer: Writer,
    /// Of a room that is saved from time to time: when it is due. `None` while there is nothing new to save.
    save_due: Option<Instant>,
    /// The snapshot that must be durable before the room may go to sleep.
    asleep_with: Option<Lsn>,
}

impl Lasting {
    fn new(durability: Durability, writer: Writer) -> Self {
        Self {
            durability,
            writer,
            save_due: None,
            asleep_with: None,
        }
    }

    fn is_journal(&self) -> bool {
        self.durability == Durability::Journal
    }
}

impl RoomTask {
    /// Begins to write down a room that was just opened, if it is to be.
    pub(super) fn begin_lasting(&mut self, core: &mut RoomCore, runner: &mut Runner, number: u64) {
        if core.durability == Durability::None {
            return;
        }
        let journal = self.node.persistence.journal.clone();
        let writer = Writer::new(journal, durable::stream_of(number), 0);
        self.last(core, runner, writer);
        if let Some(saved) = runner.saved()
            && let Some(lsn) = self.write_snapshot(core, runner, saved, false)
        {
            core.operations.hold_until(lsn);
        }
    }

    fn last(&mut self, core: &mut RoomCore, runner: &mut Runner, writer: Writer) {
        let lasting = Lasting::new(core.durability, writer);
        if lasting.is_journal() {
            runner.keep_journal(self.node.persistence.settings.snapshot_steps);
            core.fanout.set_exit(Exit::Durable(Release::default()));
        } else {
            core.fanout.set_exit(Exit::Open);
        }
        self.lasting = Some(lasting);
    }

    /// Writes the room down as it is now, with what its plugin saved here.
    fn write_snapshot(
        &mut self,
        core: &RoomCore,
        runner: &Runner,
        saved: Bytes,
        is_last: bool,
    ) -> Option<Lsn> {
        let lasting = self.lasting.as_mut()?;
        let crash_points = &self.node.crash_points;
        crash_points.pass("snapshot");
        let room_time_ms = core.clock.room_time_ms(Instant::now());
        let snapshot = Snapshot {
            identity: IdentityNote::new(&core.identity, core.epoch, runner.seed()),
            host: core.note(room_time_ms),
            position: runner.position(),
            saved: ByteBuf::from(saved),
            is_last,
            saved_at: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |it| it.as_secs()),
        };
        lasting.save_due = None;
        let lsn = if lasting.is_journal() {
            let lsn = lasting.writer.snapshot(&snapshot);
            Self::hold_until(core, lsn);
            lsn
        } else {
            lasting.writer.snapshot_alone(&snapshot)
        };
        crash_points.pass("snapshot-appended");
        Some(lsn)
    }

    fn hold_until(core: &RoomCore, lsn: Lsn) {
        if core.settings.test_break == Some(TestBreak::ReleaseBeforeCommit) {
            return;
        }
        if let Some(release) = core.fanout.release() {
            release.wait_for(lsn);
        }
    }

    /// Writes down a batch, and what came of it. What it brings about waits until this is durable.
    pub(super) fn record(
        &mut self,
        core: &RoomCore,
        input: &BatchInput,
        batch: &[Origin],
        ran: &Ran,
    ) {
        let Some(lasting) = &mut self.lasting else {
            return;
        };
        if !lasting.is_journal() {
            let every = self.node.persistence.settings.snapshot_every;
            lasting
                .save_due
                .get_or_insert_with(|| Instant::now() + every);
            return;
        }
        let record = BatchRecord::new(input, batch, &core.roster, ran);
        let is_quiet = record.is_quiet(ran);
        if let Some(lsn) = lasting.writer.record(&record, is_quiet) {
            Self::hold_until(core, lsn);
        }
    }

    /// Writes down what was done to the room between two batches, if it has a journal.
    pub(super) fn record_change(
        &mut self,
        core: &RoomCore,
        slot: &Option<Box<Runner>>,
        change: Change,
    ) {
        let lasting = self.lasting.as_mut().filter(|it| it.is_journal());
        let (Some(lasting), Some(runner)) = (lasting, slot) else {
            return;
        };
        let room_time_ms = core.clock.room_time_ms(Instant::now());
        let (step, tick) = (runner.position().step, core.clock.tick());
        let record = BatchRecord::of_change(step, room_time_ms, tick, change);
        if let Some(lsn) = lasting.writer.record(&record, false) {
            Self::hold_until(core, lsn);
        }
    }

    /// Writes down what a version saved that has just proved itself.
    pub(super) fn keep_state(&mut self, core: &RoomCore, slot: &Option<Box<Runner>>, saved: Bytes) {
        if let Some(runner) = slot.as_ref().filter(|_| !core.is_closed) {
            self.write_snapshot(core, runner, saved, false);
        }
    }

    /// Writes down what the plugin saved behind a batch that is applied.
    pub(super) fn keep_saved(&mut self, core: &RoomCore, runner: &Runner, saved: Option<Bytes>) {
        let is_journal = self.lasting.as_ref().is_some_and(Lasting::is_journal);
        if let Some(saved) = saved.filter(|_| is_journal && !core.is_closed) {
            self.write_snapshot(core, runner, saved, false);
        }
    }

    /// Looks whether the room's plugin is deterministic, from time to time; what is saved for that is worth keeping.
    pub(super) fn begin_audit_if_due(
        &mut self,
        core: &mut RoomCore,
        runner: &mut Runner,
        now: Instant,
    ) {
        if core.is_closed
            || runner.is_audited()
            || runner.parked().is_some()
            || !self.node.audits.is_due(now)
        {
            return;
        }
        match runner.begin_audit() {
            Ok(saved) => self.keep_saved(core, runner, Some(saved)),
            Err(fault) => self.give_up(core, &fault, runner.position().step),
        }
    }

    /// Has some steps lived through again, beside the room.
    pub(super) fn audit(&self, audit: Option<Audit>) {
        let Some(audit) = audit else { return };
        let node = Arc::clone(&self.node);
        tokio::spawn(async move {
            let steps = audit.steps();
            let report = node.slow_lane.audit(audit).await;
            node.metrics.audited(steps, report.is_none());
            if let Some(report) = report {
                tracing::error!(target: "parlor::plugin", "{report}");
                node.metrics.plugin_failed(report.kind);
                node.reports.add(report);
            }
        });
    }

    /// Ends a room whose plugin failed where it could not be mended.
    pub(super) fn give_up(&self, core: &mut RoomCore, fault: &Fault, step: u64) {
        self.note_lost(core);
        self.note_failure(&core.version, &fault.message);
        self.report_fault(fault, step, "saving the room");
        core.close(
            ErrorCode::PluginFailed.as_str(),
            "the room's plugin failed and could not be restored; its author was told",
        );
    }

    /// When the room is to be looked at for the sake of its journal.
    pub(super) fn next_save(&self) -> Option<Instant> {
        // What a version on trial saves counts when it is over.
        let lasting = self.lasting.as_ref().filter(|_| !self.is_on_trial());
        lasting.and_then(|it| it.save_due)
    }

    /// Told when more of what was written is durable, if anything waits for that.
    pub(super) fn committed(&self, core: &RoomCore) -> Option<Arc<Notify>> {
        let lasting = self.lasting.as_ref()?;
        let waits = core.fanout.release().and_then(Release::waits_for);
        let is_waiting =
            lasting.asleep_with.is_some() || waits.is_some() || core.operations.wait_for_disk();
        is_waiting.then(|| lasting.writer.committed())
    }

    /// Lets go what is durable by now, and notes whether the disk takes anything. When to look again, if the room cannot
    /// step until then.
    pub(super) fn look_at_disk(&self, core: &mut RoomCore, now: Instant) -> Option<Instant> {
        let lasting = self.lasting.as_ref()?;
        let journal = lasting.writer.journal();
        let mut is_behind = false;
        if let Some(release) = core.fanout.release() {
            release.advance(journal.durable());
            is_behind = release.bytes() > UNRELEASED_BYTES_MAX;
        }
        core.is_behind = is_behind;
        core.is_without_storage = lasting.is_journal() && journal.health() == Health::Failing;
        (is_behind || core.is_without_storage).then(|| now + STALLED_LOOK)
    }

    /// Asks the storage for what the plugin wants of it, as far as that is durable, and has it forget what was answered.
    pub(super) fn serve_storage(&self, core: &mut RoomCore) {
        if core.operations.are_done() {
            return;
        }
        let durable = self.node.persistence.journal.durable();
        for operation in core.operations.take_asked(durable) {
            self.node.storage.run(&self.handle, operation);
        }
        let plugin = &*self.handle.identity.plugin;
        for id in core.operations.take_answered(durable) {
            self.node.storage.forget(plugin, id);
        }
    }

    /// Saves a room that is saved from time to time, if it is time.
    pub(super) fn save_if_due(
        &mut self,
        core: &mut RoomCore,
        runner: &mut Option<Box<Runner>>,
        now: Instant,
    ) {
        if self.next_save().is_some_and(|due| due <= now) {
            if self.node.persistence.journal.health() == Health::Failing {
                // What cannot be written only takes memory.
                let every = self.node.persistence.settings.snapshot_every;
                self.lasting
                    .as_mut()
                    .map(|it| it.save_due.replace(now + every));
                return;
            }
            self.save(core, runner, false);
        }
    }

    /// Has the plugin save the room, and writes that down. A plugin that fails at it ends the room.
    fn save(
        &mut self,
        core: &mut RoomCore,
        runner: &mut Option<Box<Runner>>,
        is_last: bool,
    ) -> Option<Lsn> {
        let runner = runner.as_mut()?;
        match runner.save() {
            Ok((saved, audit)) => {
                self.audit(audit);
                self.write_snapshot(core, runner, saved, is_last)
            }
            Err(fault) => {
                self.give_up(core, &fault, runner.position().step);
                None
            }
        }
    }

    /// Puts a room to sleep that nobody is in: saves it, and once that is durable, says that it may go. Called again until
    /// it does, or somebody comes.
    pub(super) fn fall_asleep(
        &mut self,
        core: &mut RoomCore,
        runner: &mut Option<Box<Runner>>,
    ) -> bool {
        match self.lasting.as_ref().and_then(|it| it.asleep_with) {
            None if self.node.persistence.journal.health() == Health::Failing => false,
            None => {
                let lsn = self.save(core, runner, true);
                if let Some(lasting) = &mut self.lasting {
                    lasting.asleep_with = lsn;
                }
                false
            }
            Some(lsn) => {
                let durable = self.node.persistence.journal.durable();
                // Of what is durable since the room looked at the disk, the last words are let go here: there is no later.
                if let Some(release) = core.fanout.release() {
                    release.advance(durable);
                }
                durable >= lsn
            }
        }
    }

    /// Whether the room waits for something else than time before it may go to sleep.
    pub(super) fn is_falling_asleep(&self, core: &RoomCore) -> bool {
        let lasting = self.lasting.as_ref();
        lasting.is_some_and(|it| it.asleep_with.is_some()) || !core.operations.are_done()
    }

    /// Somebody is there: the room stays awake.
    pub(super) fn stay_awake(&mut self, core: &mut RoomCore, runner: &mut Option<Box<Runner>>) {
        let lasting = self.lasting.as_mut();
        let asleep_with = lasting.and_then(|it| it.asleep_with.take());
        if asleep_with.is_some() && core.durability == Durability::Snapshot {
            // The snapshot before this one says that it was the last.
            self.save(core, runner, false);
        }
    }

    pub(super) fn is_lasting(&self) -> bool {
        self.lasting.is_some()
    }

    /// The number of the stream that the room is in.
    pub(super) fn stream_number(&self) -> Option<u64> {
        durable::number_of(self.lasting.as_ref()?.writer.stream())
    }

    /// Saves the room for the server that comes after this one, and waits until that is durable.
    pub(super) async fn suspend(&mut self, core: &mut RoomCore, runner: &mut Option<Box<Runner>>) {
        let saved = self.save(core, runner, true);
        self.wait_for_disk(core, saved).await;
    }

    /// The room is over, also in the journal. What its members are told waits for that.
    pub(super) async fn end_lasting(&mut self, core: &RoomCore) {
        let Some(lasting) = &mut self.lasting else {
            return;
        };
        let lsn = lasting.writer.end();
        Self::hold_until(core, lsn);
        let plugin = &*self.handle.identity.plugin;
        for id in core.operations.unanswered() {
            self.node.storage.forget(plugin, id);
        }
        self.wait_for_disk(core, Some(lsn)).await;
    }

    async fn wait_for_disk(&self, core: &RoomCore, lsn: Option<Lsn>) {
        let (Some(lasting), Some(lsn)) = (&self.lasting, lsn) else {
            return;
        };
        lasting.writer.settle(lsn).await;
        if let Some(release) = core.fanout.release() {
            release.advance(lasting.writer.journal().durable());
        }
    }

    /// Those that somebody waits for do not wait behind those that nobody does.
    async fn place_to_recover<'a>(
        &mut self,
        persistence: &'a Persistence,
    ) -> Result<SemaphorePermit<'a>, AcquireError> {
        tokio::select! {
            biased;
            permit = persistence.recoveries.acquire() => permit,
            taken = self.mailbox.recv_many(&mut self.inbox, super::INBOX_MAX) => {
                debug_assert!(taken > 0, "the registry holds the other end");
                persistence.urgent_recoveries.acquire().await
            }
        }
    }

    /// Brings the room back from the journal.
    pub(super) async fn bring_back(
        &mut self,
        number: u64,
        slept: Duration,
    ) -> Result<(Box<RoomCore>, Box<Runner>), OpenRefusal> {
        let node = Arc::clone(&self.node);
        let persistence = &node.persistence;
        let permit = self.place_to_recover(persistence).await;
        node.crash_points.pass("recovery");
        let started = Instant::now();
        let stream = durable::stream_of(number);
        let work = Work {
            node: Arc::clone(&self.node),
            handle: self.handle.clone(),
            stream: stream.clone(),
        };
        let recovered = tokio::task::spawn_blocking(move || work.recover()).await;
        drop(permit);
        let recovered = recovered
            .unwrap_or_else(|_| Err("the thread that ran it died inside the server".to_owned()));
        let mut recovered = recovered.map_err(|problem| self.set_aside(&stream, &problem))?;
        let (core, runner) = (&mut recovered.core, &mut recovered.runner);
        let journal = persistence.journal.clone();
        // What clients know of a history that did not come back must not be taken for what comes now.
        if recovered.loss.is_some() {
            // The stream that it goes on in begins with what it is now.
            let settled = runner.settle_if_on_trial();
            settled.map_err(|fault| self.cannot_save(&fault, runner.position().step))?;
            core.end_trial();
        }
        self.resume_trial(runner);
        let is_new_history = recovered.loss.is_some()
            || (core.durability == Durability::Snapshot && !recovered.is_last);
        if is_new_history {
            core.epoch = node.epochs.next();
        }
        if let Some(loss) = &recovered.loss {
            tracing::error!(room = %core.identity.name, number, epoch = core.epoch, "the room is back as it was before damage: {loss}");
            node.metrics.room_recovered("damaged");
            let writer = Writer::new(journal.clone(), durable::stream_of(core.epoch), 0);
            self.last(core, runner, writer);
            self.save_now(core, runner)?;
            Writer::new(journal, stream, recovered.seq).end();
        } else {
            node.metrics.room_recovered("whole");
            let writer = Writer::new(journal, stream, recovered.seq);
            self.last(core, runner, writer);
        }
        if core.is_closed {
            // Its last step closed it, and the server ended before it came to that.
            self.end_lasting(core).await;
            return Err(OpenRefusal {
                code: ErrorCode::RoomClosed,
                message: "the room is closed; join again to have a new one made".to_owned(),
            });
        }
        if core.durability == Durability::Snapshot {
            // What comes now is not in the snapshot that it came from, whose history may be gone on with only once.
            self.save_now(core, runner)?;
        }
        core.status.set_metadata(core.metadata.clone());
        core.pass_sleep(slept);
        let plugin = &*core.identity.plugin;
        let unanswered: HashSet<_> = core.operations.unanswered().collect();
        node.storage
            .forget_answered(plugin, core.epoch, &unanswered);
        core.ask_again();
        let name = Arc::clone(&core.identity.name);
        core.find_absent(|session| node.sessions.awaits(session, &name));
        self.follow_rollout(core);
        node.rooms.open_to_quick_match(&self.handle);
        node.crash_points.pass("recovered");
        tracing::debug!(room = %core.identity.name, batches = recovered.batches, took = ?started.elapsed(), "recovered");
        Ok((Box::new(recovered.core), recovered.runner))
    }

    fn save_now(&mut self, core: &RoomCore, runner: &mut Runner) -> Result<(), OpenRefusal> {
        let saved = runner.save();
        let (saved, _) = saved.map_err(|fault| self.cannot_save(&fault, runner.position().step))?;
        self.write_snapshot(core, runner, saved, false);
        Ok(())
    }

    fn cannot_save(&self, fault: &Fault, step: u64) -> OpenRefusal {
        self.report_fault(fault, step, "saving the room");
        OpenRefusal::failed()
    }

    /// A room that cannot be brought back: its stream is kept as a file for its author, and the name is free again.
    fn set_aside(&self, stream: &StreamId, problem: &str) -> OpenRefusal {
        let name = &self.handle.identity.name;
        let kept = self.node.persistence.set_aside(stream, name);
        tracing::error!(room = %name, ?kept, "the room cannot be brought back, and is set aside: {problem}");
        self.node.metrics.room_recovered("set-aside");
        OpenRefusal {
            code: ErrorCode::RoomClosed,
            message: "the room could not be brought back; join again to have a new one made"
                .to_owned(),
        }
    }

    pub(super) fn report_fault(&self, fault: &Fault, step: u64, doing: &str) {
        let identity = &self.handle.identity;
        let version = identity.version();
        self.report(&crate::plugin::FaultReport {
            plugin: Arc::clone(&version.label),
            digest: Arc::clone(&version.digest),
            room: Arc::clone(&identity.name),
            step,
            events: 0,
            kind: fault.kind.label(),
            message: fault.message.clone(),
            input: Some(doing.to_owned()),
        });
    }
}

/// What bringing a room back takes along to a thread of its own.
struct Work {
    node: Arc<crate::node::Node>,
    handle: handle::RoomHandle,
    stream: StreamId,
}

impl Work {
    fn recover(self) -> Result<Recovered, String> {
        let Self {
            node,
            handle,
            stream,
        } = self;
        let persistence = &node.persistence;
        let data = persistence.journal.read(&stream);
        let data = data.map_err(|error| error.to_string())?;
        let now = Instant::now();
        let blank = |note: &IdentityNote| {
            let (identity, status) = (Arc::clone(&handle.identity), Arc::clone(&handle.status));
            let metrics = Arc::clone(&node.metrics);
            // A snapshot that was begun on may have seated people.
            status.clear_seats();
            RoomCore::new(
                identity,
                note.epoch,
                status,
                Settings::of(&node),
                metrics,
                now,
            )
        };
        let means = Means {
            version_of: &|digest| node.version_of(digest),
            blank: &blank,
            peer_of: &|session| node.sessions.peer_of(session),
            now,
            save_after: persistence.settings.snapshot_steps,
        };
        durable::recover(&data, &means).map_err(|error| error.to_string())
    }
}
