//! Runs a room's steps, and lives through their failures.
//!
//! A batch is only an optimisation. When one fails, the instance is rebuilt from the flight recorder and the batch is
//! run again, one event a step: an event that fails by itself is set aside and reported, the others count.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::audit::{self, Audit};
use super::catalog::Version;
use super::effect::{self, Effect};
use super::effect_hash;
use super::fault::{Fault, FaultKind, FaultReport};
use super::guest::thread_cpu_time;
use super::instance::{Instance, OpenError};
use super::limits::PATIENCE;
use super::outstanding::Outstanding;
use super::recorder::{FlightRecorder, Recorded, Start};
use super::trial::{RolledBack, Trial};
use super::usage::Usage;
use super::wit;

/// A rebuild that takes longer than this gives the room up.
const RESTORE_WALL_MAX: Duration = Duration::from_secs(1);
/// So many failures, with fewer than [`CLEAN_STEPS`] good steps in a row since, give the room up.
const STRIKES_MAX: u32 = 20;
/// What a failure on a tick, a timer or a join counts, where one on a member's message counts 1.
const OWN_EVENT_STRIKES: u32 = 5;
/// After this many good steps in a row earlier failures are forgiven.
const CLEAN_STEPS: u32 = 64;

/// One room's plugin: the live instance, its counters, and what it can be rebuilt from.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(super) version: Arc<Version>,
    pub(super) room: Arc<str>,
    pub(super) seed: u64,
    /// `None` only while a call is under way, and after a failure that could not be mended.
    pub(super) instance: Option<Instance>,
    pub(super) recorder: FlightRecorder,
    pub(super) position: Position,
    /// What the plugin asked for and has not had yet.
    pub(super) outstanding: Outstanding,
    /// Whether it is noted of each step what it asked for.
    is_hashing: bool,
    /// Whether the room's history is run again.
    pub(super) is_again: bool,
    /// What each step since the last save asked for, while the room is looked at.
    pub(super) audit: Option<AuditNotes>,
    /// What the version took since it began with this room here.
    pub(super) usage: Usage,
    /// Set while the version has taken over and not proved itself yet.
    pub(super) trial: Option<Trial>,
    pub(super) strikes: u32,
    clean_steps: u32,
}

/// How far a room's plugin has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The step number of the next batch.
    pub(crate) step: u64,
    /// The number of the next event.
    pub(crate) next_event: u64,
    /// The highest member id that the plugin was told of.
    pub(crate) last_member: u32,
}

impl Position {
    /// Before the first batch.
    const BEGINNING: Self = Self {
        step: 1,
        next_event: 1,
        last_member: 0,
    };
}

/// What an audit needs to know that the flight recorder does not.
#[derive(Debug)]
pub(super) struct AuditNotes {
    last_member: u32,
    hashes: Vec<u64>,
}

/// What a plugin saved, and where it stood.
#[derive(Debug)]
pub(crate) struct SavedRoom {
    /// The version of what was saved.
    pub(crate) schema: u32,
    pub(crate) saved: Bytes,
    pub(crate) position: Position,
    pub(crate) outstanding: Outstanding,
}

/// What the room puts into a batch; the runner numbers it.
#[derive(Debug, Clone)]
pub(crate) struct BatchInput {
    pub(crate) now_ms: u64,
    pub(crate) tick: u64,
    pub(crate) events: Vec<wit::Event>,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// The number of the first step.
    pub(crate) first_step: u64,
    /// The steps that were run, in order; one, unless the batch had to be split.
    pub(crate) steps: Vec<Stepped>,
    /// The events of the batch that failed by themselves.
    pub(crate) set_aside: Vec<usize>,
    /// What the plugin saved after the batch, when it was time to write that down.
    pub(crate) saved: Option<Bytes>,
    /// Steps that are to be lived once more, to see whether the same comes of them.
    pub(crate) audit: Option<Audit>,
    /// All failures on the way.
    pub(crate) reports: Vec<FaultReport>,
    /// Set when the version was on trial and failed: the one before it ran the batch.
    pub(crate) rolled_back: Option<Box<RolledBack>>,
    /// Set when the room cannot go on.
    pub(crate) is_lost: bool,
    /// What the dearest step cost.
    pub(crate) cost: Duration,
    /// What all of it cost, failures and their mending included.
    pub(crate) spent: Duration,
    /// Lines of the guest's log that went over its budget.
    pub(crate) log_lines_dropped: u64,
}

/// A step that failed, and what it was to run.
struct Failed {
    fault: Fault,
    batch: wit::Batch,
}

/// One step that was run.
#[derive(Debug)]
pub(crate) struct Stepped {
    /// What it ran, shared with the flight recorder.
    pub(crate) batch: Arc<wit::Batch>,
    /// Which of the events before the batch was split these are.
    pub(crate) events: Range<usize>,
    /// What it asks for; causes count from the start of `events`.
    pub(crate) effects: Vec<Effect>,
    /// The hash of `effects` as they are; 0 where nobody asks for it.
    pub(crate) effects_hash: u64,
}

impl Ran {
    /// The events of the batch that was run as `input`: whole, it is the step's by now.
    pub(crate) fn events<'a>(&'a self, input: &'a BatchInput) -> &'a [wit::Event] {
        match &self.steps[..] {
            [whole] if input.events.is_empty() => &whole.batch.events,
            _ => &input.events,
        }
    }
}

impl Runner {
    /// Opens the room and takes the first save.
    pub(crate) fn open(
        version: Arc<Version>,
        config: &wit::Config,
    ) -> Result<(Self, Vec<Effect>), OpenError> {
        let room: Arc<str> = config.room.as_str().into();
        let (instance, effects) = Instance::open(&version, &room, config)?;
        let effects = effect::check(effects, &[], 0, &version.limits)?;
        let (instance, saved) = instance.save()?;
        let mut outstanding = Outstanding::default();
        outstanding.note_effects(&effects, 0);
        let from = SavedRoom {
            schema: version.description.state_schema,
            position: Position::BEGINNING,
            saved,
            outstanding,
        };
        let runner = Self::going_on(version, room, config.seed, instance, from);
        Ok((runner, effects))
    }

    /// Takes a room up where it was saved.
    pub(crate) fn load(
        version: Arc<Version>,
        room: &Arc<str>,
        seed: u64,
        from: SavedRoom,
    ) -> Result<Self, Fault> {
        let state = (from.schema, &*from.saved);
        let instance = Instance::load(&version, room, seed, state, PATIENCE)?;
        let room = Arc::clone(room);
        Ok(Self::going_on(version, room, seed, instance, from))
    }

    fn going_on(
        version: Arc<Version>,
        room: Arc<str>,
        seed: u64,
        instance: Instance,
        from: SavedRoom,
    ) -> Self {
        let start = Start {
            schema: from.schema,
            saved: from.saved,
            outstanding: from.outstanding.clone(),
            last_member: from.position.last_member,
        };
        Self {
            version,
            room,
            seed,
            instance: Some(instance),
            recorder: FlightRecorder::new(start),
            position: from.position,
            outstanding: from.outstanding,
            is_hashing: false,
            is_again: false,
            audit: None,
            usage: Usage::default(),
            trial: None,
            strikes: 0,
            clean_steps: 0,
        }
    }

    /// Has it noted of each step from here on what it asked for, and a save handed out after so many steps at the latest.
    pub(crate) fn keep_journal(&mut self, steps_max: usize) {
        self.is_hashing = true;
        self.recorder.write_after(steps_max, self.seed);
    }

    /// Whether an audit of the room is under way.
    pub(crate) fn is_audited(&self) -> bool {
        self.audit.is_some()
    }

    /// Saves the room, and notes from there on what an audit of it needs.
    pub(crate) fn begin_audit(&mut self) -> Result<Bytes, Fault> {
        let saved = self.save()?.0;
        self.audit = Some(AuditNotes {
            last_member: self.position.last_member,
            hashes: Vec::with_capacity(audit::STEPS),
        });
        Ok(saved)
    }

    /// Begins or ends to run the room's history again: the guest's log is silent, and its calls have more time.
    pub(crate) fn set_again(&mut self, is_again: bool) {
        self.is_again = is_again;
        if let Some(instance) = &mut self.instance {
            instance.mute(is_again);
            instance.set_patience(if is_again { PATIENCE } else { 1 });
        }
    }

    /// What the version took since it began with this room here.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// What the plugin saved last, if nothing was run since.
    pub(crate) fn saved(&self) -> Option<Bytes> {
        let is_current = self.recorder.batches().is_empty();
        is_current.then(|| self.recorder.start().saved.clone())
    }

    /// Has the plugin write down its state, here and now, which ends an audit. After a fault the room cannot go on.
    pub(crate) fn save(&mut self) -> Result<(Bytes, Option<Audit>), Fault> {
        let Some(instance) = self.instance.take() else {
            return Err(Fault::new(FaultKind::Trap, "the instance is gone"));
        };
        let (instance, saved) = instance.save()?;
        let schema = self.version.description.state_schema;
        let start = self.start_of(schema, saved.clone());
        let (before, batches) = self.recorder.restart(start);
        self.instance = Some(instance);
        let audit = self.audit.take().map(|notes| Audit {
            version: Arc::clone(&self.version),
            room: Arc::clone(&self.room),
            seed: self.seed,
            last_member: notes.last_member,
            before: before.saved,
            after: Some(saved.clone()),
            steps: batches
                .into_iter()
                .map(|it| it.batch)
                .zip(notes.hashes)
                .collect(),
        });
        Ok((saved, audit))
    }

    /// Runs a batch again as it was run before: in these steps, and without what was set aside.
    pub(crate) fn run_again(
        &mut self,
        input: &BatchInput,
        steps: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<Ran, Fault> {
        let mut ran = Ran {
            first_step: self.position.step,
            ..Ran::default()
        };
        for events in steps {
            self.step(input, events, &mut ran)?;
        }
        self.save_if_full(&mut ran);
        Ok(ran)
    }

    /// Runs a batch. After a fault nothing of it was applied, and the runner is good for [`Self::recover`] only. If all went
    /// well, the events are not in `input` any more: see [`Ran::events`].
    pub(crate) fn run(&mut self, input: &mut BatchInput) -> Result<Ran, Fault> {
        let mut ran = Ran {
            first_step: self.position.step,
            ..Ran::default()
        };
        let events = std::mem::take(&mut input.events);
        let all = 0..events.len();
        let batch = self.numbered(input, events);
        if let Err(failed) = self.run_step(batch, all, &mut ran) {
            let Failed { fault, batch } = *failed;
            input.events = batch.events;
            return Err(fault);
        }
        self.forgive();
        self.save_if_full(&mut ran);
        Ok(ran)
    }

    /// Rebuilds the room after a batch failed, and runs the batch again, one event a step, to find whom to blame.
    pub(crate) fn recover(&mut self, input: &BatchInput, fault: &Fault) -> Ran {
        if self.trial.is_some() {
            return self.recover_on_trial(input, fault);
        }
        let started = thread_cpu_time();
        let mut ran = Ran {
            first_step: self.position.step,
            ..Ran::default()
        };
        if input.events.len() == 1 {
            self.set_aside(input, 0, fault, &mut ran);
        } else {
            ran.reports
                .push(self.report(fault, input.events.len(), None));
            self.run_one_by_one(input, &mut ran);
        }
        if self.instance.is_none() && !ran.is_lost {
            self.restore(&mut ran);
        }
        self.save_if_full(&mut ran);
        ran.cost = ran.cost.max(fault.cost);
        ran.spent = fault.cost + thread_cpu_time().saturating_sub(started);
        ran
    }

    fn run_one_by_one(&mut self, input: &BatchInput, ran: &mut Ran) {
        for index in 0..input.events.len() {
            if self.instance.is_none() && !ran.is_lost {
                self.restore(ran);
            }
            if ran.is_lost {
                return;
            }
            if let Err(fault) = self.step(input, index..index + 1, ran) {
                self.set_aside(input, index, &fault, ran);
            }
        }
    }

    /// Blames one event for a failure: it is as if it had never happened, except for its sender.
    fn set_aside(&mut self, input: &BatchInput, event: usize, fault: &Fault, ran: &mut Ran) {
        let blamed = &input.events[event];
        ran.reports
            .push(self.report(fault, 1, Some(describe_event(blamed))));
        ran.set_aside.push(event);
        self.outstanding.note_events(std::slice::from_ref(blamed));
        self.clean_steps = 0;
        self.strikes += match blamed {
            wit::Event::Message(_) => 1,
            // The room itself brings these about, so that it would fail on them again and again.
            _ => OWN_EVENT_STRIKES,
        };
        ran.is_lost |= self.strikes >= STRIKES_MAX;
    }

    fn step(
        &mut self,
        input: &BatchInput,
        events: Range<usize>,
        ran: &mut Ran,
    ) -> Result<(), Fault> {
        let batch = self.numbered(input, input.events[events.clone()].to_vec());
        self.run_step(batch, events, ran)
            .map_err(|failed| failed.fault)
    }

    fn numbered(&self, input: &BatchInput, events: Vec<wit::Event>) -> wit::Batch {
        wit::Batch {
            step: self.position.step,
            first_event: self.position.next_event,
            tick: input.tick,
            now_ms: input.now_ms,
            seed: self.seed,
            events,
        }
    }

    fn run_step(
        &mut self,
        batch: wit::Batch,
        events: Range<usize>,
        ran: &mut Ran,
    ) -> Result<(), Box<Failed>> {
        let failed = |fault, batch| Box::new(Failed { fault, batch });
        let Some(instance) = self.instance.take() else {
            let fault = Fault::new(FaultKind::Trap, "the instance is gone");
            return Err(failed(fault, batch));
        };
        let _span = tracing::debug_span!("plugin", step = batch.step, events = batch.events.len())
            .entered();
        let (mut instance, effects) = match instance.step(&batch) {
            Ok(stepped) => stepped,
            Err(fault) => return Err(failed(fault, batch)),
        };
        let last_member = effect::last_member(&batch.events).max(self.position.last_member);
        let checked = effect::check(effects, &batch.events, last_member, &self.version.limits);
        let effects = match checked {
            Ok(effects) => effects,
            Err(fault) => return Err(failed(fault, batch)),
        };
        let effects_hash = if self.is_hashing || self.audit.is_some() || self.trial.is_some() {
            effect_hash::hash(&effects)
        } else {
            0
        };
        let recorded = Recorded::new(batch, &effects, instance.last_cost);
        let step_cpu = self.version.limits.step_cpu;
        self.usage
            .add(recorded.cost, step_cpu, recorded.output_bytes);
        self.usage.memory_bytes = instance.memory_bytes();
        if let Some(trial) = &mut self.trial
            && let Err(fault) = trial.note(&recorded, effects_hash, &self.usage)
        {
            return Err(failed(fault, Arc::unwrap_or_clone(recorded.batch)));
        }
        let batch = &recorded.batch;
        ran.cost = ran.cost.max(instance.last_cost);
        ran.spent += instance.last_cost;
        ran.log_lines_dropped += instance.take_dropped_log_lines();
        self.outstanding.note_events(&batch.events);
        self.outstanding.note_timers(&effects, batch.now_ms);
        self.outstanding.note_asked(&recorded.asked);
        if let Some(notes) = &mut self.audit {
            notes.hashes.push(effects_hash);
        }
        ran.steps.push(Stepped {
            batch: Arc::clone(batch),
            events,
            effects,
            effects_hash,
        });
        self.instance = Some(instance);
        self.position.step += 1;
        self.position.next_event += batch.events.len() as u64;
        self.position.last_member = last_member;
        self.recorder.record(recorded);
        Ok(())
    }

    /// Rebuilds the instance from the flight recorder: the last save, and every batch since, with effects discarded.
    fn restore(&mut self, ran: &mut Ran) {
        match self.rebuild() {
            Ok(instance) => self.instance = Some(instance),
            Err(fault) => {
                let report = self.report(&fault, 0, Some("restoring the room".to_owned()));
                ran.reports.push(report);
                ran.is_lost = true;
            }
        }
    }

    fn rebuild(&self) -> Result<Instance, Fault> {
        let started = Instant::now();
        let start = self.recorder.start();
        let saved = (start.schema, &*start.saved);
        let mut instance = Instance::load(&self.version, &self.room, self.seed, saved, 1)?;
        instance.mute(true);
        for recorded in self.recorder.batches() {
            (instance, _) = instance.step(&recorded.batch)?;
            if started.elapsed() > RESTORE_WALL_MAX {
                return Err(Fault::new(
                    FaultKind::Deadline,
                    "running its recorded batches again took too long",
                ));
            }
        }
        instance.mute(false);
        Ok(instance)
    }

    fn save_if_full(&mut self, ran: &mut Ran) {
        // What is on trial is gone back from by what was recorded since it took over.
        if self.trial.is_some() {
            return;
        }
        // An audit is of so many steps, as far as they may be kept.
        let is_due = match &self.audit {
            Some(notes) => notes.hashes.len() >= audit::STEPS || self.recorder.is_overdue(),
            None => self.recorder.is_full(),
        };
        if !is_due {
            return;
        }
        if self.instance.is_none() {
            return;
        }
        match self.save() {
            Ok((saved, audit)) => {
                ran.saved = self.recorder.take_is_to_be_written().then_some(saved);
                ran.audit = audit;
            }
            // A room that cannot be saved cannot be rebuilt either: better to end it now, and to say why.
            Err(fault) => {
                ran.reports
                    .push(self.report(&fault, 0, Some("saving the room".to_owned())));
                ran.is_lost = true;
            }
        }
    }

    fn forgive(&mut self) {
        self.clean_steps = self.clean_steps.saturating_add(1);
        if self.clean_steps >= CLEAN_STEPS {
            self.strikes = 0;
        }
    }

    /// What the plugin takes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, Instance::memory_bytes)
    }

    pub(super) fn report(
        &self,
        fault: &Fault,
        events: usize,
        input: Option<String>,
    ) -> FaultReport {
        FaultReport {
            plugin: Arc::clone(&self.version.label),
            digest: Arc::clone(&self.version.digest),
            room: Arc::clone(&self.room),
            step: self.position.step,
            events,
            kind: fault.kind.label(),
            message: fault.message.clone(),
            input,
        }
    }
}

/// The most of an input that a report shows.
const INPUT_CHARS_MAX: usize = 512;

/// An event as its author would write it down.
fn describe_event(event: &wit::Event) -> String {
    let text = match event {
        wit::Event::Message(message) => {
            let payload = parlor_proto::Payload::from_msgpack(&message.payload)
                .map_or_else(|_| format!("{:?}", message.payload), |it| it.to_json());
            format!("message from member {}: {payload}", message.member)
        }
        other => format!("{other:?}"),
    };
    match text.char_indices().nth(INPUT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
