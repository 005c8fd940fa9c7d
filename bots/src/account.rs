//! Whether everything that should have come came, once and in order. Knows no sockets and no clock: bots report what
//! they sent and got to a [`Ledger`] each, and [`audit`] compares the ledgers of a room.
//!
//! A ledger takes the same memory however long a run is. What a member heard is kept as a count and a fingerprint, which
//! does not depend on order; the order is what sequence numbers are checked for.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

/// Something that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// An input was neither replied to nor refused.
    Lost,
    /// An input was answered more than once.
    AnsweredAgain,
    /// Something was answered that was never asked.
    AnsweredUnasked,
    /// An `error` that belongs to no input.
    StrayError,
    /// A message did not reach a member that should have got it.
    Undelivered,
    /// A member got a message more often than it should have, or one that was not meant for it.
    Surplus,
    /// A member got as many messages as it should have, but not the same ones.
    Mixed,
    /// `seq` did not rise from one reliable frame to the next.
    SeqBack,
    /// The epoch changed without a `reset`.
    EpochChanged,
    /// A view's version did not rise.
    VersionBack,
    /// A state claims to be older than a message that came before it.
    StateOld,
    /// A state is not what the server says that it is.
    StateWrong,
    /// A chat line's number is not the one after the line before it.
    NumberGap,
    /// The server cut the room's history.
    Reset,
    /// The room was closed.
    RoomClosed,
    /// The connection ended.
    Disconnected,
    /// A frame that cannot be decoded.
    Unreadable,
}

impl Fault {
    /// What happened, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Lost => "inputs were never answered",
            Self::AnsweredAgain => "inputs were answered more than once",
            Self::AnsweredUnasked => "answers came to inputs that were never sent",
            Self::StrayError => "errors belong to no input",
            Self::Undelivered => "messages did not reach a member",
            Self::Surplus => "messages reached a member too often, or were not meant for it",
            Self::Mixed => "members got as many messages as they should, but not the same ones",
            Self::SeqBack => "times a sequence number did not rise",
            Self::EpochChanged => "times the epoch changed without a reset",
            Self::VersionBack => "times a view's version did not rise",
            Self::StateOld => "states are older than a message that came before them",
            Self::StateWrong => "states are not what the server says that they are",
            Self::NumberGap => "chat lines are not numbered one after the other",
            Self::Reset => "resets cut a room's history",
            Self::RoomClosed => "times a room was closed on a member",
            Self::Disconnected => "connections ended",
            Self::Unreadable => "frames could not be decoded",
        }
    }
}

/// How often each fault happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Faults(BTreeMap<Fault, u64>);

impl Faults {
    /// How often this one did.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, fault: Fault, count: u64) {
        if count > 0 {
            *self.0.entry(fault).or_default() += count;
        }
    }
}

/// One line for each fault.
impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (fault, count)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{count} {}", fault.text())?;
        }
        Ok(())
    }
}

/// An input on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) id: u64,
    /// When it was to be sent, in microseconds of the run.
    pub(crate) at_us: u64,
}

/// Names an input across a room: who sent it, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) sender: u32,
    pub(crate) id: u64,
}

/// Who hears of an input that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Nobody,
    Sender,
    Others,
    Everyone,
}

/// A bag of marks: how many, and a sum of their hashes. Two bags with the same tally hold the same marks, but for a
/// chance of 2^-64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    fingerprint: u64,
}

impl Tally {
    fn add(&mut self, mark: Mark) {
        self.count += 1;
        let hash = mix(mix(u64::from(mark.sender)) ^ mark.id);
        self.fingerprint = self.fingerprint.wrapping_add(hash);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            fingerprint: self.fingerprint.wrapping_add(other.fingerprint),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            fingerprint: self.fingerprint.wrapping_sub(other.fingerprint),
        }
    }
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What one member sent and got.
#[derive(Debug)]
pub(crate) struct Ledger {
    sender: u32,
    sent: u64,
    replied: u64,
    refused: u64,
    refusals: BTreeMap<String, u64>,
    /// Inputs without an answer, their ids rising.
    pending: VecDeque<Input>,
    last_id: u64,
    /// What was accepted of this member, and so should be heard by others.
    accepted: Tally,
    heard: Tally,
    last_number: u64,
    epoch: u64,
    seq: u64,
    /// The version of each view; there are few.
    versions: Vec<(String, u64)>,
    faults: Faults,
}

impl Ledger {
    pub(crate) fn new(sender: u32) -> Self {
        Self {
            sender,
            sent: 0,
            replied: 0,
            refused: 0,
            refusals: BTreeMap::new(),
            pending: VecDeque::new(),
            last_id: 0,
            accepted: Tally::default(),
            heard: Tally::default(),
            last_number: 0,
            epoch: 0,
            seq: 0,
            versions: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// The member is in the room, at this place of its history; input ids go on after `last_id`.
    pub(crate) fn on_joined(&mut self, epoch: u64, seq: u64, last_id: u64) {
        (self.epoch, self.seq, self.last_id) = (epoch, seq, last_id);
    }

    /// The id of the next input.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// An input is sent.
    pub(crate) fn on_sent(&mut self, input: Input) {
        debug_assert!(input.id > self.last_id, "ids of inputs rise");
        self.last_id = input.id;
        self.sent += 1;
        self.pending.push_back(input);
    }

    /// An input was applied. `None` if it was not waiting for that.
    pub(crate) fn on_reply(&mut self, id: u64) -> Option<Input> {
        let input = self.settle(id)?;
        self.replied += 1;
        let sender = self.sender;
        self.accepted.add(Mark { sender, id });
        Some(input)
    }

    /// An input was refused. `None` if it was not waiting for that.
    pub(crate) fn on_refusal(&mut self, id: u64, code: &str) -> Option<Input> {
        let input = self.settle(id)?;
        self.refused += 1;
        match self.refusals.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                self.refusals.insert(code.to_owned(), 1);
            }
        }
        Some(input)
    }

    /// A reliable frame came.
    pub(crate) fn on_reliable(&mut self, epoch: u64, seq: u64) {
        if epoch != self.epoch {
            self.faults.add(Fault::EpochChanged, 1);
        } else if seq <= self.seq {
            self.faults.add(Fault::SeqBack, 1);
        }
        (self.epoch, self.seq) = (epoch, seq);
    }

    /// A message came that some member's input brought about; a chat line has a number.
    pub(crate) fn on_heard(&mut self, mark: Mark, number: Option<u64>) {
        self.heard.add(mark);
        if let Some(number) = number {
            if number != self.last_number + 1 {
                self.faults.add(Fault::NumberGap, 1);
            }
            self.last_number = number;
        }
    }

    /// A state of a view came.
    pub(crate) fn on_state(&mut self, view: &str, version: u64, as_of: u64) {
        if as_of < self.seq {
            self.faults.add(Fault::StateOld, 1);
        }
        match self.versions.iter_mut().find(|(known, _)| known == view) {
            Some((_, last)) => {
                if version <= *last {
                    self.faults.add(Fault::VersionBack, 1);
                }
                *last = version;
            }
            None => self.versions.push((view.to_owned(), version)),
        }
    }

    /// The server cut the room's history; it goes on from here.
    pub(crate) fn on_reset(&mut self, epoch: u64, seq: u64) {
        self.faults.add(Fault::Reset, 1);
        (self.epoch, self.seq) = (epoch, seq);
    }

    /// Something went wrong that is a fault by itself.
    pub(crate) fn on_fault(&mut self, fault: Fault) {
        self.faults.add(fault, 1);
    }

    /// Takes an input off the list of those that wait.
    fn settle(&mut self, id: u64) -> Option<Input> {
        match self.pending.binary_search_by_key(&id, |input| input.id) {
            Ok(index) => self.pending.remove(index),
            Err(_) => {
                let is_known = id <= self.last_id;
                let fault = if is_known {
                    Fault::AnsweredAgain
                } else {
                    Fault::AnsweredUnasked
                };
                self.faults.add(fault, 1);
                None
            }
        }
    }
}

/// What became of the inputs of any number of members.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) sent: u64,
    pub(crate) replied: u64,
    pub(crate) refused: u64,
    pub(crate) lost: u64,
    pub(crate) refusals: BTreeMap<String, u64>,
    pub(crate) expected: u64,
    pub(crate) heard: u64,
    pub(crate) faults: Faults,
}

/// Adds the ledgers of one room, which is over, to the totals.
pub(crate) fn audit(room: &[Ledger], audience: Audience, totals: &mut Totals) {
    let all = room
        .iter()
        .fold(Tally::default(), |sum, ledger| sum.plus(ledger.accepted));
    for ledger in room {
        let lost = ledger.pending.len() as u64;
        totals.sent += ledger.sent;
        totals.replied += ledger.replied;
        totals.refused += ledger.refused;
        totals.lost += lost;
        for (code, count) in &ledger.refusals {
            *totals.refusals.entry(code.clone()).or_default() += count;
        }
        for (fault, count) in &ledger.faults.0 {
            totals.faults.add(*fault, *count);
        }
        totals.faults.add(Fault::Lost, lost);

        let expected = match audience {
            Audience::Nobody => Tally::default(),
            Audience::Sender => ledger.accepted,
            Audience::Others => all.minus(ledger.accepted),
            Audience::Everyone => all,
        };
        totals.expected += expected.count;
        totals.heard += ledger.heard.count;
        let (wanted, got) = (expected.count, ledger.heard.count);
        totals
            .faults
            .add(Fault::Undelivered, wanted.saturating_sub(got));
        totals
            .faults
            .add(Fault::Surplus, got.saturating_sub(wanted));
        let is_mixed = wanted == got && expected != ledger.heard;
        totals.faults.add(Fault::Mixed, is_mixed.into());
    }
}

#[cfg(test)]
mod tests;
