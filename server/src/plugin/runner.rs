//! Runs a room's steps, and lives through their failures.
//!
//! A batch is only an optimisation. When one fails, the instance is rebuilt from the flight recorder and the batch is
//! run again, one event a step: an event that fails by itself is set aside and reported, the others count.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::catalog::Version;
use super::effect::{self, Effect};
use super::fault::{Fault, FaultKind, FaultReport};
use super::guest::thread_cpu_time;
use super::instance::{Instance, OpenError};
use super::recorder::FlightRecorder;
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
    version: Arc<Version>,
    room: Arc<str>,
    seed: u64,
    /// `None` only while a call is under way, and after a failure that could not be mended.
    instance: Option<Instance>,
    recorder: FlightRecorder,
    /// The step number of the next batch.
    step: u64,
    /// The number of the next event.
    next_event: u64,
    strikes: u32,
    clean_steps: u32,
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
    /// The steps that were run, in order; one, unless the batch had to be split.
    pub(crate) steps: Vec<Stepped>,
    /// The events of the batch that failed by themselves.
    pub(crate) set_aside: Vec<usize>,
    /// All failures on the way.
    pub(crate) reports: Vec<FaultReport>,
    /// Set when the room cannot go on.
    pub(crate) is_lost: bool,
    /// What the dearest step cost.
    pub(crate) cost: Duration,
    /// What all of it cost, failures and their mending included.
    pub(crate) spent: Duration,
    /// Lines of the guest's log that went over its budget.
    pub(crate) log_lines_dropped: u64,
}

/// One step that was run.
#[derive(Debug)]
pub(crate) struct Stepped {
    /// Which of the batch's events it ran.
    pub(crate) events: Range<usize>,
    /// What it asks for; causes count from the start of `events`.
    pub(crate) effects: Vec<Effect>,
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
        let runner = Self {
            version,
            room,
            seed: config.seed,
            instance: Some(instance),
            recorder: FlightRecorder::new(saved),
            step: 1,
            next_event: 1,
            strikes: 0,
            clean_steps: 0,
        };
        Ok((runner, effects))
    }

    /// Runs a batch. After a fault nothing of it was applied, and the runner is good for [`Self::recover`] only.
    pub(crate) fn run(&mut self, input: &BatchInput, last_member: u32) -> Result<Ran, Fault> {
        let mut ran = Ran::default();
        self.step(input, 0..input.events.len(), last_member, &mut ran)?;
        self.forgive();
        self.save_if_full(&mut ran);
        Ok(ran)
    }

    /// Rebuilds the room after a batch failed, and runs the batch again, one event a step, to find whom to blame.
    pub(crate) fn recover(&mut self, input: &BatchInput, last_member: u32, fault: &Fault) -> Ran {
        let started = thread_cpu_time();
        let mut ran = Ran::default();
        if input.events.len() == 1 {
            self.set_aside(input, 0, fault, &mut ran);
        } else {
            ran.reports
                .push(self.report(fault, input.events.len(), None));
            self.run_one_by_one(input, last_member, &mut ran);
        }
        if self.instance.is_none() && !ran.is_lost {
            self.restore(&mut ran);
        }
        self.save_if_full(&mut ran);
        ran.cost = ran.cost.max(fault.cost);
        ran.spent = fault.cost + thread_cpu_time().saturating_sub(started);
        ran
    }

    fn run_one_by_one(&mut self, input: &BatchInput, last_member: u32, ran: &mut Ran) {
        for index in 0..input.events.len() {
            if self.instance.is_none() && !ran.is_lost {
                self.restore(ran);
            }
            if ran.is_lost {
                return;
            }
            if let Err(fault) = self.step(input, index..index + 1, last_member, ran) {
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
        last_member: u32,
        ran: &mut Ran,
    ) -> Result<(), Fault> {
        let Some(instance) = self.instance.take() else {
            return Err(Fault::new(FaultKind::Trap, "the instance is gone"));
        };
        let batch = wit::Batch {
            step: self.step,
            first_event: self.next_event,
            tick: input.tick,
            now_ms: input.now_ms,
            seed: self.seed,
            events: input.events[events.clone()].to_vec(),
        };
        let _span = tracing::debug_span!("plugin", step = batch.step, events = batch.events.len())
            .entered();
        let (mut instance, effects) = instance.step(&batch)?;
        let effects = effect::check(effects, &batch.events, last_member, &self.version.limits)?;
        ran.cost = ran.cost.max(instance.last_cost);
        ran.spent += instance.last_cost;
        ran.log_lines_dropped += instance.take_dropped_log_lines();
        ran.steps.push(Stepped { events, effects });
        self.instance = Some(instance);
        self.step += 1;
        self.next_event += batch.events.len() as u64;
        self.recorder.record(batch);
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
        let schema = self.version.description.state_schema;
        let saved = self.recorder.saved();
        let mut instance = Instance::load(&self.version, &self.room, self.seed, schema, saved)?;
        instance.mute(true);
        for batch in self.recorder.batches() {
            (instance, _) = instance.step(batch)?;
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
        if !self.recorder.is_full() {
            return;
        }
        let Some(instance) = self.instance.take() else {
            return;
        };
        match instance.save() {
            Ok((instance, saved)) => {
                self.recorder = FlightRecorder::new(saved);
                self.instance = Some(instance);
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

    fn report(&self, fault: &Fault, events: usize, input: Option<String>) -> FaultReport {
        FaultReport {
            plugin: Arc::clone(&self.version.label),
            digest: Arc::clone(&self.version.digest),
            room: Arc::clone(&self.room),
            step: self.step,
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
