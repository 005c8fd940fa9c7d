//! The proof: what clients had of the views of their room, held against what was done to it. A pure function.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use parlor_proto::Seat;

use super::history::{Audience, Deed, Event, History, Record};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose record shows it.
    pub client: String,
    /// Which view it is about, and which of its versions.
    pub state: (Arc<str>, u64),
    /// What it is.
    pub kind: Kind,
}

/// What must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The client has something that nobody ever showed under this name.
    Altered,
    /// It has what was shown to somebody else.
    Overheard,
    /// Somebody has another state under the same version.
    VersionMeansTwo,
    /// It came after a later version (ST2).
    VersionFell,
    /// A later version is an earlier state.
    StateFell,
    /// A patch, though the whole was not there yet on this connection (ST7).
    PatchFirst,
    /// The client could make nothing of it, though nothing was wrong with what it had.
    Unusable,
    /// What was made wrong on purpose is wrong still, or was never noticed (ST4, ST5).
    NotHealed,
    /// All is quiet, and the client has not what it may see.
    NotCurrent,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (view, version) = &self.state;
        write!(f, "{}: {view} {version}: {:?}", self.client, self.kind)
    }
}

/// Everything that is wrong with a history; nothing, if it is as `proto/SPEC.md` says.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut check = Check::of(&history.deeds);
    for record in &history.records {
        check.record(record);
    }
    check.order();
    check.violations
}

/// A view as some of the members see it.
type Layer = (Arc<str>, Audience);

struct Check<'h> {
    deeds: &'h [Deed],
    /// Which deed showed a state.
    shown: HashMap<&'h [u8], usize>,
    /// When a member was moved, and to which seat.
    moves: HashMap<u32, Vec<(usize, Seat)>>,
    /// Each version of a view as it was first seen: the deed that showed it, and who saw it.
    versions: BTreeMap<(Arc<str>, u64), (usize, String)>,
    violations: Vec<Violation>,
}

/// What a client has, as far as its record was read.
#[derive(Default)]
struct Reading {
    member: Option<(u32, Seat)>,
    /// The last of each view: its version, and the deed that showed it.
    has: HashMap<Arc<str>, (u64, Option<usize>)>,
    /// The views that frames came of on this connection.
    sent: HashSet<Arc<str>>,
    spoilt: HashSet<Arc<str>>,
}

impl<'h> Check<'h> {
    fn of(deeds: &'h [Deed]) -> Self {
        let shown = deeds
            .iter()
            .enumerate()
            .filter_map(|(at, deed)| match deed {
                Deed::Show { state, .. } => Some((&**state, at)),
                _ => None,
            });
        let mut moves: HashMap<u32, Vec<(usize, Seat)>> = HashMap::new();
        for (at, deed) in deeds.iter().enumerate() {
            if let Deed::Seat { member, seat } = deed {
                moves.entry(*member).or_default().push((at, *seat));
            }
        }
        Self {
            deeds,
            shown: shown.collect(),
            moves,
            versions: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    fn add(&mut self, record: &Record, view: &Arc<str>, version: u64, kind: Kind) {
        self.violations.push(Violation {
            client: record.name.clone(),
            state: (Arc::clone(view), version),
            kind,
        });
    }

    fn record(&mut self, record: &Record) {
        let mut reading = Reading::default();
        for event in &record.events {
            match event {
                Event::Connected { is_resumed, .. } => {
                    reading.sent.clear();
                    if !is_resumed {
                        reading = Reading::default();
                    }
                }
                Event::Joined { member, seat } => {
                    reading = Reading {
                        member: Some((*member, *seat)),
                        ..Reading::default()
                    };
                }
                Event::Left => reading = Reading::default(),
                Event::Reset => {
                    reading.has.clear();
                    reading.sent.clear();
                    reading.spoilt.clear();
                }
                Event::State {
                    view,
                    version,
                    is_patch,
                    state,
                } => {
                    self.frame(record, &mut reading, view, *version, *is_patch);
                    self.state(record, &mut reading, view, *version, state);
                }
                Event::Refused {
                    view,
                    version,
                    is_patch,
                } => {
                    self.frame(record, &mut reading, view, *version, *is_patch);
                    if !reading.spoilt.contains(view) {
                        self.add(record, view, *version, Kind::Unusable);
                    }
                }
                Event::Unknown(handle) => {
                    let view = format!("the view {handle}").into();
                    self.add(record, &view, 0, Kind::PatchFirst);
                }
                Event::Spoilt(view) => drop(reading.spoilt.insert(Arc::clone(view))),
                Event::Quiet(number) => self.quiet(record, &reading, *number),
            }
        }
    }

    /// A frame came, whatever the client makes of it.
    fn frame(
        &mut self,
        record: &Record,
        reading: &mut Reading,
        view: &Arc<str>,
        version: u64,
        is_patch: bool,
    ) {
        if reading.sent.insert(Arc::clone(view)) && is_patch {
            self.add(record, view, version, Kind::PatchFirst);
        }
    }

    /// The client has something.
    fn state(
        &mut self,
        record: &Record,
        reading: &mut Reading,
        view: &Arc<str>,
        version: u64,
        state: &[u8],
    ) {
        reading.spoilt.remove(view);
        let found = self.shown.get(state).copied();
        let audience = found.and_then(|at| match &self.deeds[at] {
            Deed::Show {
                view: shown, to, ..
            } if shown == view => Some(*to),
            _ => None,
        });
        let before = reading
            .has
            .insert(Arc::clone(view), (version, found))
            .map_or(0, |(version, _)| version);
        if version < before {
            self.add(record, view, version, Kind::VersionFell);
        }
        let (Some(at), Some(audience)) = (found, audience) else {
            return self.add(record, view, version, Kind::Altered);
        };
        if !reading
            .member
            .is_some_and(|member| self.may_see(member, audience, at))
        {
            self.add(record, view, version, Kind::Overheard);
        }
        let key = (Arc::clone(view), version);
        let first = self
            .versions
            .entry(key)
            .or_insert((at, record.name.clone()));
        if first.0 != at {
            self.add(record, view, version, Kind::VersionMeansTwo);
        }
    }

    /// Whether a member may come to see what a deed showed: then, or by a seat that it had later.
    fn may_see(&self, (member, seat): (u32, Seat), audience: Audience, at: usize) -> bool {
        let wanted = match audience {
            Audience::Everyone => return true,
            Audience::Member(only) => return only == member,
            Audience::Seat(wanted) => wanted,
        };
        let mut seat = seat;
        for (when, next) in self.moves.get(&member).into_iter().flatten() {
            if *when > at && seat == wanted {
                return true;
            }
            seat = *next;
        }
        seat == wanted
    }

    fn quiet(&mut self, record: &Record, reading: &Reading, number: u64) {
        let Some((member, mut seat)) = reading.member else {
            return;
        };
        let mut layers: BTreeMap<Arc<str>, Vec<(Audience, usize)>> = BTreeMap::new();
        for (at, deed) in self.deeds.iter().enumerate() {
            match deed {
                Deed::Show { view, to, .. } => {
                    let view = layers.entry(Arc::clone(view)).or_default();
                    view.retain(|(audience, _)| audience != to);
                    view.push((*to, at));
                }
                Deed::Withdraw { view, to } => {
                    if let Some(view) = layers.get_mut(view) {
                        view.retain(|(audience, _)| audience != to);
                    }
                }
                Deed::Seat {
                    member: moved,
                    seat: next,
                } if *moved == member => seat = *next,
                Deed::Seat { .. } => {}
                Deed::Quiet(it) if *it == number => break,
                Deed::Quiet(_) => {}
            }
        }
        for (view, layers) in layers {
            let of = |audience| layers.iter().find(|(it, _)| *it == audience);
            let visible = of(Audience::Member(member))
                .or_else(|| of(Audience::Seat(seat)))
                .or_else(|| of(Audience::Everyone));
            let has = reading.has.get(&view).copied();
            let version = has.map_or(0, |(version, _)| version);
            if reading.spoilt.contains(&view) {
                self.add(record, &view, version, Kind::NotHealed);
            } else if let Some((_, at)) = visible
                && has.and_then(|(_, deed)| deed) != Some(*at)
            {
                self.add(record, &view, version, Kind::NotCurrent);
            }
        }
    }

    /// Later versions of a layer are later deeds, whoever saw them.
    fn order(&mut self) {
        let mut last: HashMap<Layer, usize> = HashMap::new();
        for ((view, version), (at, client)) in &self.versions {
            let Deed::Show { to, .. } = &self.deeds[*at] else {
                continue;
            };
            let before = last.insert((Arc::clone(view), *to), *at);
            if before > Some(*at) {
                self.violations.push(Violation {
                    client: client.clone(),
                    state: (Arc::clone(view), *version),
                    kind: Kind::StateFell,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
