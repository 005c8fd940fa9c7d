//! Bringing a room back: its newest snapshot that can be taken up, and every record since, through the same code that ran
//! them for the first time, with nobody listening. What each step asks for is compared with what it asked for then.

use std::sync::Arc;

use bytes::Bytes;
use parlor_journal::StreamData;
use tokio::time::Instant;

use super::super::core::RoomCore;
use super::super::origin::{Fresh, Origin, Pending};
use super::super::roster::MemberRecord;
use super::again::{self, Otherwise};
use super::format::{self, FormatError};
use super::record::{BatchRecord, Change, EventRecord};
use super::snapshot::{BadNote, IdentityNote, Snapshot};
use crate::fanout::Exit;
use crate::plugin::{Fault, Runner, SavedRoom, Version, wit};
use crate::session::{Peer, SessionId};

/// What stands between a room and its coming back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoverError {
    #[error("none of its snapshots can be taken up; the last one: {0}")]
    NoSnapshot(String),
    #[error("no snapshot of it is left")]
    Empty,
}

/// Why a snapshot, or a record behind it, was of no use.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Format(#[from] FormatError),
    #[error("{0}")]
    Note(#[from] BadNote),
    #[error("it is run by the component {0}, which this server does not have")]
    NoVersion(String),
    #[error("the plugin failed: {0}")]
    Fault(Fault),
    #[error("it begins with step {found}, where the room has come to step {expected}")]
    Gap { expected: u64, found: u64 },
    #[error(
        "step {0} asks for something else than it did; the plugin is not deterministic, see docs/determinism.md"
    )]
    Differs(u64),
}

/// A room that is back.
pub(crate) struct Recovered {
    pub(crate) core: RoomCore,
    pub(crate) runner: Box<Runner>,
    /// The number of the last record that counts.
    pub(crate) seq: u64,
    /// How many batches were run again.
    pub(crate) batches: usize,
    /// Whether the snapshot it came from was its last.
    pub(crate) is_last: bool,
    /// What of its history could not be brought back, if anything.
    pub(crate) loss: Option<String>,
}

/// What a room is brought back with.
pub(crate) struct Means<'a> {
    /// The version of a digest.
    pub(crate) version_of: &'a dyn Fn(&str) -> Option<Arc<Version>>,
    /// A room in which nothing is yet.
    pub(crate) blank: &'a dyn Fn(&IdentityNote) -> RoomCore,
    /// The way to a member's session.
    pub(crate) peer_of: &'a dyn Fn(SessionId) -> Peer,
    pub(crate) now: Instant,
    /// After so many steps a save is taken again.
    pub(crate) save_after: usize,
}

/// Brings a room back.
pub(crate) fn recover(data: &StreamData, means: &Means<'_>) -> Result<Recovered, RecoverError> {
    let dropped = data.dropped.as_ref().map(|it| {
        format!(
            "record {} is damaged or missing, and those behind it up to {} do not count without it",
            it.first_missing, it.last_seen
        )
    });
    let mut last = None;
    for (seq, bytes) in &data.snapshots {
        let mut losses: Vec<String> = dropped.iter().cloned().collect();
        let mut end = u64::MAX;
        loop {
            match take_up(*seq, bytes, means) {
                Ok(mut recovered) => match recovered.run_records(&data.records, end, means) {
                    Ok(()) => {
                        recovered.loss = (!losses.is_empty()).then(|| losses.join("; "));
                        return Ok(recovered);
                    }
                    Err((bad, error)) => {
                        // The plugin has seen what must not count: once more, up to there.
                        losses.push(format!("record {bad} is not usable: {error}"));
                        end = if losses.len() > ATTEMPTS_MAX { 0 } else { bad };
                    }
                },
                Err(error) => {
                    // The records behind the one before it say all that it would have.
                    tracing::warn!(%error, "a snapshot cannot be taken up");
                    last = Some(error);
                    break;
                }
            }
        }
    }
    Err(last.map_or(RecoverError::Empty, |it| {
        RecoverError::NoSnapshot(it.to_string())
    }))
}

/// A plugin that comes out otherwise each time is given up so often, and then goes on from its snapshot.
const ATTEMPTS_MAX: usize = 4;

fn take_up(seq: u64, bytes: &Bytes, means: &Means<'_>) -> Result<Recovered, Unusable> {
    let snapshot: Snapshot = format::decode(bytes)?;
    let identity = snapshot.identity;
    let room: Arc<str> = identity.room.as_str().into();
    let version = means.version(&identity.digest)?;
    let from = SavedRoom {
        schema: identity.state_schema,
        saved: snapshot.saved.into_vec().into(),
        position: snapshot.position,
        outstanding: snapshot.host.outstanding(),
    };
    let runner = Runner::load(Arc::clone(&version), &room, identity.seed, from);
    let mut runner = runner.map_err(Unusable::Fault)?;
    runner.keep_journal(means.save_after);
    let mut core = (means.blank)(&identity);
    core.adopt(&version, means.now);
    core.fanout.set_exit(Exit::Closed);
    core.take_up(snapshot.host, means.now, means.peer_of)?;
    Ok(Recovered {
        core,
        runner: Box::new(runner),
        seq,
        batches: 0,
        is_last: snapshot.is_last,
        loss: None,
    })
}

impl Means<'_> {
    fn version(&self, digest: &str) -> Result<Arc<Version>, Unusable> {
        (self.version_of)(digest).ok_or_else(|| Unusable::NoVersion(digest.to_owned()))
    }
}

impl Recovered {
    /// Runs the records behind the snapshot and before `end`. `Err` names the first that does not come out as it did.
    fn run_records(
        &mut self,
        records: &[(u64, Bytes)],
        end: u64,
        means: &Means<'_>,
    ) -> Result<(), (u64, Unusable)> {
        self.runner.set_again(true);
        let behind = self.seq;
        let records = records.iter();
        for (seq, bytes) in records.filter(|(seq, _)| *seq > behind && *seq < end) {
            self.run_record(bytes, means)
                .map_err(|error| (*seq, error))?;
            self.seq = *seq;
        }
        self.runner.set_again(false);
        Ok(())
    }

    fn run_record(&mut self, bytes: &Bytes, means: &Means<'_>) -> Result<(), Unusable> {
        let batches: Vec<BatchRecord<'_>> = format::decode(bytes)?;
        if !batches.iter().all(BatchRecord::is_sound) {
            return Err(Unusable::Note(BadNote("a batch")));
        }
        for batch in &batches {
            run_batch(&mut self.core, &mut self.runner, batch, means)?;
            self.batches += 1;
        }
        Ok(())
    }
}

/// Runs one batch again.
fn run_batch(
    core: &mut RoomCore,
    runner: &mut Runner,
    batch: &BatchRecord<'_>,
    means: &Means<'_>,
) -> Result<(), Unusable> {
    let expected = runner.position().step;
    if batch.step != expected {
        let found = batch.step;
        return Err(Unusable::Gap { expected, found });
    }
    if let Some(change) = &batch.change {
        core.clock.set(means.now, batch.now_ms, batch.tick);
        change_again(core, runner, change, means)?;
    }
    let mut ran = again::run(runner, batch).map_err(|otherwise| match otherwise {
        Otherwise::Failed(_, fault) => Unusable::Fault(fault),
        Otherwise::Effects(step) => Unusable::Differs(step),
    })?;
    let outcome = &batch.outcome;
    ran.set_aside = outcome.set_aside.iter().map(|it| *it as usize).collect();
    ran.is_lost = outcome.is_lost;
    core.clock.set(means.now, batch.now_ms, batch.tick);
    let origins = core.origins_again(&batch.events, means.peer_of);
    core.apply(&origins, ran, batch.now_ms);
    Ok(())
}

/// Does once more what was done to the room between two batches.
fn change_again(
    core: &mut RoomCore,
    runner: &mut Runner,
    change: &Change,
    means: &Means<'_>,
) -> Result<(), Unusable> {
    match change {
        Change::Switched(digest) => {
            let version = means.version(digest)?;
            again::switch(runner, &version).map_err(Unusable::Fault)?;
            core.begin_trial(&version, means.now);
        }
        Change::RolledBack => {
            let step = runner.position().step;
            let fault = Fault::ordered("it was rolled back then");
            let back = runner.roll_back(&fault).map_err(Unusable::Fault)?;
            core.take_back(back, step, means.now);
        }
        Change::Locked(is_locked) => core.status.set_locked(*is_locked),
    }
    Ok(())
}

impl RoomCore {
    /// Does with the events of a batch what was done when they came, and gives their origins.
    fn origins_again(
        &mut self,
        events: &[EventRecord<'_>],
        peer_of: &dyn Fn(SessionId) -> Peer,
    ) -> Vec<Origin> {
        let origins = events.iter().map(|event| self.origin_again(event, peer_of));
        origins.collect()
    }

    fn origin_again(
        &mut self,
        event: &EventRecord<'_>,
        peer_of: &dyn Fn(SessionId) -> Peer,
    ) -> Origin {
        match event {
            EventRecord::Joined { member, session } => {
                self.add_restored(member, peer_of(*session));
                Origin::Join { member: member.id }
            }
            EventRecord::Left { member, reason } => {
                let peer = self.peer_again(*member);
                self.roster.forget_session(peer.session);
                Origin::Leave {
                    member: *member,
                    peer,
                    id: None,
                    reason: *reason,
                }
            }
            EventRecord::Kicked(member) => self.take_kick(*member),
            EventRecord::Away(member) => Origin::Absence {
                member: *member,
                is_absent: true,
            },
            EventRecord::Back(member) => Origin::Absence {
                member: *member,
                is_absent: false,
            },
            EventRecord::Changed(note) => {
                if let Some(member) = self.roster.get_mut(note.id) {
                    member.latest.name.clone_from(&note.name);
                    member.latest.roles.clone_from(&note.roles);
                }
                Origin::Change {
                    member: note.id,
                    name: note.name.clone(),
                    roles: note.roles.clone(),
                }
            }
            EventRecord::Resync { member, reset } => Origin::Resync {
                member: *member,
                fresh: reset.map_or(Fresh::Join(None), Fresh::Reset),
            },
            EventRecord::Message { member, id, .. } => {
                if let (Some(id), Some(member)) = (id, self.roster.get_mut(*member)) {
                    member.inputs.admit(*id);
                }
                Origin::Message {
                    member: *member,
                    peer: self.peer_again(*member),
                    id: *id,
                    since: self.applied,
                }
            }
            EventRecord::Timer { timer, serial } => {
                self.timers.take(*timer, *serial);
                let is_it =
                    |it: &Origin| matches!(it, Origin::Timer { serial: own } if own == serial);
                self.pending.retain(|it| !is_it(&it.origin));
                Origin::Timer { serial: *serial }
            }
            EventRecord::Stored { id, .. } => {
                // What was answered without asking was brought about by the step that asked.
                let is_it = |it: &Origin| matches!(it, Origin::Stored { id: own } if own == id);
                if let Some(index) = self.own.iter().position(|it| is_it(&it.origin)) {
                    self.own.remove(index);
                }
                Origin::Stored { id: *id }
            }
            EventRecord::Resent(member) => self.take_resend(*member),
            EventRecord::Tick { .. } | EventRecord::Signal { .. } => Origin::Room,
        }
    }

    /// What the plugin is to send a member again, which was brought about by going back to an earlier version.
    fn take_resend(&mut self, member: u32) -> Origin {
        let is_it = |it: &Pending| matches!(it.event, wit::Event::Resync(id) if id == member);
        self.pending.retain(|it| !is_it(it));
        Origin::Resend
    }

    fn peer_again(&self, member: u32) -> Peer {
        let peer = self.roster.get(member).map(|it: &MemberRecord| &it.peer);
        peer.cloned().unwrap_or_else(Peer::nobody)
    }

    /// The removal of a member that the plugin asked for in an earlier step.
    fn take_kick(&mut self, member: u32) -> Origin {
        for queue in [&mut self.pending, &mut self.held] {
            let is_it =
                |event: &wit::Event| matches!(event, wit::Event::Left(it) if it.member == member);
            if let Some(index) = queue.iter().position(|it| is_it(&it.event))
                && let Some(kick) = queue.remove(index)
            {
                return kick.origin;
            }
        }
        Origin::Kick { member: None }
    }
}
