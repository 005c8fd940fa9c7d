//! What a run amounted to.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use parlor_proto::Subprotocol;

use super::history::{Audience, Deed, Event, History, Library, Record};

/// What a run amounted to, to be printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The states that were shown.
    pub shown: usize,
    /// Those of them that were for one member only.
    pub secret: usize,
    /// The frames that left a client with a state, by library and encoding: whole ones, and patches.
    pub frames: BTreeMap<(Library, &'static str), (usize, usize)>,
    /// The states of everybody's view that passed by a client which was in the room, and never came.
    pub skipped: usize,
    /// The sessions that went on in another connection: in the same encoding, and in another one.
    pub resumed: (usize, usize),
    /// How often a client came into the room.
    pub joined: usize,
    /// The resets.
    pub resets: usize,
    /// What was made wrong on purpose, and what of that was noticed and then right again, by library.
    pub healed: BTreeMap<Library, (usize, usize)>,
    /// How often there was quiet.
    pub quiet: usize,
}

impl Tally {
    /// Counts what is in a history.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut tally = Self::default();
        for deed in &history.deeds {
            match deed {
                Deed::Show { to, .. } => {
                    tally.shown += 1;
                    tally.secret += usize::from(matches!(to, Audience::Member(_)));
                }
                Deed::Quiet(_) => tally.quiet += 1,
                Deed::Withdraw { .. } | Deed::Seat { .. } => {}
            }
        }
        for record in &history.records {
            tally.add(record);
            tally.skipped += skipped(record, &history.deeds);
        }
        tally
    }

    fn add(&mut self, record: &Record) {
        let mut last: Option<Subprotocol> = None;
        // Views that are wrong, and whether that was noticed.
        let mut wrong: HashMap<&str, bool> = HashMap::new();
        for event in &record.events {
            match event {
                Event::Connected {
                    subprotocol,
                    is_resumed,
                } => {
                    match (is_resumed, last == Some(*subprotocol)) {
                        (true, true) => self.resumed.0 += 1,
                        (true, false) => self.resumed.1 += 1,
                        (false, _) => {}
                    }
                    last = Some(*subprotocol);
                }
                Event::Joined { .. } => {
                    self.joined += 1;
                    wrong.clear();
                }
                Event::Left => wrong.clear(),
                Event::Reset => self.resets += 1,
                Event::State { view, is_patch, .. } => {
                    let name = last.map_or("none", Subprotocol::name);
                    let frames = self.frames.entry((record.library, name)).or_default();
                    match is_patch {
                        false => frames.0 += 1,
                        true => frames.1 += 1,
                    }
                    if wrong.remove(&**view) == Some(true) {
                        self.healed.entry(record.library).or_default().1 += 1;
                    }
                }
                Event::Refused { view, .. } => {
                    if let Some(is_noticed) = wrong.get_mut(&**view) {
                        *is_noticed = true;
                    }
                }
                Event::Spoilt(view) => {
                    if wrong.insert(view, false).is_none() {
                        self.healed.entry(record.library).or_default().0 += 1;
                    }
                }
                Event::Unknown(_) | Event::Quiet(_) => {}
            }
        }
    }
}

/// How many states of everybody's views lie between two that a client had, one after the other.
fn skipped(record: &Record, deeds: &[Deed]) -> usize {
    let mut order: HashMap<&[u8], usize> = HashMap::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for deed in deeds {
        if let Deed::Show {
            view,
            to: Audience::Everyone,
            state,
        } = deed
        {
            let count = counts.entry(view).or_default();
            *count += 1;
            order.insert(state, *count);
        }
    }
    let (mut skipped, mut last) = (0, HashMap::new());
    for event in &record.events {
        match event {
            Event::Joined { .. } => last.clear(),
            Event::State { view, state, .. } => {
                let Some(at) = order.get(&**state) else {
                    // It sees another layer for a while.
                    last.remove(&**view);
                    continue;
                };
                if let Some(before) = last.insert(&**view, *at) {
                    skipped += at.saturating_sub(before + 1);
                }
            }
            _ => {}
        }
    }
    skipped
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames: Vec<_> = self
            .frames
            .iter()
            .map(|((library, name), (wholes, patches))| {
                format!("{library:?} {name}: {wholes} wholes and {patches} patches")
            })
            .collect();
        let healed: Vec<_> = self
            .healed
            .iter()
            .map(|(library, (spoilt, healed))| format!("{library:?}: {healed} of {spoilt}"))
            .collect();
        write!(
            f,
            "{} states shown ({} secret), applied by {}; {} skipped, {} joins, {} resumes in the same encoding and {} in another, \
             {} resets, found wrong and healed by {}; {} times quiet",
            self.shown,
            self.secret,
            frames.join(", "),
            self.skipped,
            self.joined,
            self.resumed.0,
            self.resumed.1,
            self.resets,
            healed.join(", "),
            self.quiet,
        )
    }
}
