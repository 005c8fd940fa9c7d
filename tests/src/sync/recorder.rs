//! What clients write down while they run, and how far they are.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use parlor_proto::{Payload, Seat, State};
use tokio::sync::watch;

use super::history::{Event, Library, Record};

/// The records of a run, under one lock.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    standings: Vec<Standing>,
    /// Up to which round each client has done what it was told.
    heeded: Vec<u64>,
    /// Each state once: most clients have the same.
    states: HashSet<Arc<[u8]>>,
    names: HashSet<Arc<str>>,
}

/// Where a client is.
#[derive(Debug, Default, Clone)]
pub(super) struct Standing {
    /// Its number and its seat in the room, while it is there.
    pub(super) member: Option<(u32, Seat)>,
    /// What it has of each view.
    pub(super) has: HashMap<Arc<str>, Arc<[u8]>>,
    /// The views of which it has something wrong.
    pub(super) unhealed: HashSet<Arc<str>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            changed: watch::channel(()).0,
        }
    }

    /// Begins a record; says its number.
    pub(super) fn begin(&self, name: String, library: Library) -> usize {
        let mut inner = self.lock();
        inner.standings.push(Standing::default());
        inner.heeded.push(0);
        inner.records.push(Record {
            name,
            library,
            events: Vec::new(),
        });
        inner.records.len() - 1
    }

    /// A frame left the client with this state.
    pub(super) fn note_state(
        &self,
        number: usize,
        view: &str,
        version: u64,
        is_patch: bool,
        state: &Payload,
    ) {
        let canonical = State::new(state).value().clone();
        let event = Event::State {
            view: self.name(view),
            version,
            is_patch,
            state: self.state(canonical.as_msgpack()),
        };
        self.note(number, event);
    }

    /// The one copy of a name.
    pub(super) fn name(&self, name: &str) -> Arc<str> {
        let names = &mut self.lock().names;
        kept(names, name)
    }

    /// The one copy of a state.
    pub(super) fn state(&self, canonical: &[u8]) -> Arc<[u8]> {
        let states = &mut self.lock().states;
        kept(states, canonical)
    }

    pub(super) fn note(&self, number: usize, event: Event) {
        let mut inner = self.lock();
        inner.standings[number].on(&event);
        inner.records[number].events.push(event);
        drop(inner);
        self.changed.send_replace(());
    }

    /// A client has done all that it was told before the end of this round.
    pub(super) fn heeded(&self, number: usize, round: u64) {
        self.lock().heeded[number] = round;
        self.changed.send_replace(());
    }

    /// Waits until all clients have done what they were told before the end of this round.
    pub(super) async fn all_heeded(&self, round: u64) {
        let mut changed = self.changed.subscribe();
        while self.lock().heeded.iter().any(|it| *it < round) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// The number in the room of each client that is there.
    pub(super) fn members(&self) -> Vec<u32> {
        let inner = self.lock();
        let members = inner.standings.iter().filter_map(|it| it.member);
        members.map(|(member, _)| member).collect()
    }

    /// Waits until all clients are so far, and then notes in their records that nothing is under way.
    pub(super) async fn quiet(&self, number: u64, is_far: impl Fn(&Standing) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let mut inner = self.lock();
                if inner.standings.iter().all(&is_far) {
                    let quiet = |record: &mut Record| record.events.push(Event::Quiet(number));
                    return inner.records.iter_mut().for_each(quiet);
                }
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Who is not like that, and where it is.
    pub(super) fn unlike(&self, is_far: impl Fn(&Standing) -> bool) -> Vec<String> {
        let inner = self.lock();
        let all = inner.records.iter().zip(&inner.standings);
        let others = all.filter(|(_, standing)| !is_far(standing));
        let shown = others.map(|(record, standing)| {
            let (member, unhealed) = (standing.member, &standing.unhealed);
            format!("{member:?}, unhealed {unhealed:?}; {}", record.end())
        });
        shown.collect()
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|lock| lock.into_inner())
    }
}

fn kept<T: ?Sized + Eq + std::hash::Hash>(all: &mut HashSet<Arc<T>>, one: &T) -> Arc<T>
where
    for<'t> Arc<T>: From<&'t T>,
{
    if let Some(known) = all.get(one) {
        return Arc::clone(known);
    }
    let new: Arc<T> = one.into();
    all.insert(Arc::clone(&new));
    new
}

impl Standing {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Connected {
                is_resumed: false, ..
            }
            | Event::Left => *self = Self::default(),
            Event::Connected { .. } | Event::Unknown(_) | Event::Quiet(_) => {}
            Event::Joined { member, seat } => {
                *self = Self {
                    member: Some((*member, *seat)),
                    ..Self::default()
                };
            }
            Event::Reset => {
                self.has.clear();
                self.unhealed.clear();
            }
            Event::State { view, state, .. } => {
                self.unhealed.remove(view);
                self.has.insert(Arc::clone(view), Arc::clone(state));
            }
            Event::Refused { view, .. } | Event::Spoilt(view) => {
                self.unhealed.insert(Arc::clone(view));
            }
        }
    }
}
