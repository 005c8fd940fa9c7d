//! The proof: what witnesses saw, held against what every other client saw and did.
//!
//! Witnesses were connected directly from before the first client came to the end, so that their frames are the history of
//! their rooms. A chat hands on every line that it applies, each with a text of its own: that is how it shows whether an
//! input was applied, and how often. A game shows it by its board.

mod durable;
mod frames;
mod games;
mod inputs;
mod resets;
mod segments;
#[cfg(test)]
mod tests;
mod witnessed;

use std::fmt;
use std::sync::Arc;

use self::segments::Segments;
use self::witnessed::Witnessed;
use super::history::History;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose record shows it.
    pub client: String,
    /// In which room, where it is about one.
    pub room: Option<Arc<str>>,
    /// What it is.
    pub kind: Kind,
}

/// What must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A reliable frame never came (SQ2, RS4).
    FrameMissing(u64),
    /// The frames at the end of the run never came.
    EndMissing,
    /// A reliable frame came twice.
    FrameDoubled(u64),
    /// A reliable frame came after a later one.
    FrameOutOfOrder(u64),
    /// A reliable frame says something else than what the witness got.
    FrameAltered(u64),
    /// A reliable frame that nobody else got, or from before the client was there.
    FrameInvented(u64),
    /// What a chat says to a newcomer, or to one who was reset, came this many times.
    LinesCame(usize),
    /// So many numbers of a room's history were never seen by anybody, without cause.
    NumbersUnused(usize),
    /// An acknowledged input was not applied (MS2).
    NotApplied(u64),
    /// An input was applied more than once (MS5).
    AppliedTwice(u64),
    /// An input was refused, and applied all the same.
    RefusedYetApplied(u64),
    /// An input was applied after one with a higher id (MS4).
    AppliedOutOfOrder(u64),
    /// An input was applied that nobody sent.
    AppliedUnsent(Arc<str>),
    /// An acknowledged capture was undone, or given to somebody else.
    CaptureUndone(u64),
    /// One input has two different answers.
    AnswersDiffer(u64),
    /// An input was answered more often than it was sent.
    AnsweredTwice(u64),
    /// An answer to what was never asked.
    AnsweredUnasked(u64),
    /// Of an answer that must have been kept only `repeat` is known (MS5).
    AnswerForgotten(u64),
    /// A reply came before a frame that its input brought about (MS3).
    ReplyBeforeFrame(u64),
    /// A reset for which there was no cause; its reason.
    ResetNeedless(String),
    /// A reset whose reason says nothing.
    ResetUnexplained(String),
    /// A session was gone before its time was over.
    ResumeRefusedEarly,
    /// A session goes on from another position than the client's.
    ResumedElsewhere,
    /// A client is not in a room any more although it did not leave.
    Expelled(&'static str),
    /// A session has another number in a room than before.
    MemberChanged,
    /// A room's history was cut (SQ3).
    EpochCut(u64),
    /// A client was told to begin anew in a room that survives; the reason it was given.
    ResetInDurable(String),
    /// This member was removed although its client wanted to stay.
    MemberRemoved(u32),
    /// A state has the version of another one.
    StateDiffers(u64),
    /// A state came after a later one; its version.
    VersionWentBack(u64),
    /// A cell got another owner, or none, in the match in which it was taken; the version of the board.
    CellUndone(u64),
    /// A chat counted this line other than those before it.
    LineMisnumbered(u64),
    /// This line is not what the chat itself has under its number in the end.
    LineDenied(u64),
    /// A witness did not see all, so that nothing is proved.
    WitnessIncomplete(&'static str),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room = self.room.as_deref().unwrap_or("any room");
        write!(f, "{} in {room}: {:?}", self.client, self.kind)
    }
}

/// Everything that is wrong with a history; nothing, if it is as `proto/SPEC.md` says.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut findings = Findings::default();
    let witnessed = Witnessed::of(history, &mut findings);
    let segments: Vec<_> = history.clients.iter().map(Segments::of).collect();
    for (record, segments) in history.clients.iter().zip(&segments) {
        findings.client.clone_from(&record.name);
        frames::check(segments, &witnessed, &mut findings);
        resets::check(record, &witnessed, &history.limits, &mut findings);
        inputs::check(record, &witnessed, &mut findings);
        games::check(record, &witnessed, games::may_be_cleared, &mut findings);
    }
    frames::check_numbers(&segments, &witnessed, &mut findings);
    inputs::check_unsent(&history.clients, &witnessed, &mut findings);
    findings.violations
}

/// Everything that is wrong with a history of rooms that survive a crash, on a server that was killed again and again, as
/// far as the run has come. Nobody sees all of it: clients are held against what they saw together, and in the end
/// against what the rooms themselves say.
#[must_use]
pub fn check_durable(history: &History) -> Vec<Violation> {
    let mut findings = Findings::default();
    let witnessed = Witnessed::together(history, &mut findings);
    let segments: Vec<_> = history.clients.iter().map(Segments::of).collect();
    for (record, segments) in history.clients.iter().zip(&segments) {
        findings.client.clone_from(&record.name);
        frames::check(segments, &witnessed, &mut findings);
        resets::check(record, &witnessed, &history.limits, &mut findings);
        inputs::check(record, &witnessed, &mut findings);
        games::check(record, &witnessed, games::is_other_match, &mut findings);
    }
    frames::check_numbers(&segments, &witnessed, &mut findings);
    inputs::check_unsent(&history.clients, &witnessed, &mut findings);
    durable::check(history, &witnessed, &mut findings);
    findings.violations
}

/// Gathers violations, with whom they are about.
#[derive(Debug, Default)]
struct Findings {
    client: String,
    violations: Vec<Violation>,
}

impl Findings {
    fn add(&mut self, room: Option<&Arc<str>>, kind: Kind) {
        self.violations.push(Violation {
            client: self.client.clone(),
            room: room.map(Arc::clone),
            kind,
        });
    }
}
