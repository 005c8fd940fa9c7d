//! Rooms that nobody is in, and rooms that did not come back yet: all that is held of one is what it is known by, and the
//! number of its stream. A join, or a timer that is due, wakes it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use dashmap::mapref::entry::Entry;
use dashmap::{DashMap, DashSet};
use parlor_journal::Frame;
use parlor_proto::{ErrorCode, Visibility};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::durable::stream_of;
use super::handle::{RoomHandle, RoomIdentity};
use super::lasting::Beginning;
use super::registry::{Made, Refused, Registry};
use crate::node::{Node, Phase};

/// When there is no place for a room that is to be woken, it is tried again after this.
const WAKE_AGAIN: Duration = Duration::from_secs(1);
/// How often rooms are looked for that nobody came back to.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// When rooms are to be woken, the first of them on top.
type Alarms = BinaryHeap<Reverse<(Instant, Arc<str>)>>;

/// A room that sleeps.
#[derive(Debug, Clone)]
pub(crate) struct Sleeper {
    pub(crate) identity: Arc<RoomIdentity>,
    pub(crate) number: u64,
    /// Since when, by the system's clock.
    pub(crate) since: SystemTime,
    /// Since when in this process: so long its time went on.
    pub(crate) slept_from: Instant,
    /// When it is to be woken, if it is not before.
    pub(crate) wake_at: Option<Instant>,
}

/// All rooms that sleep, and when the first of them is to be woken.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    by_name: DashMap<Arc<str>, Sleeper>,
    /// Names of rooms that cannot be brought back by this server, but perhaps by the next.
    reserved: DashSet<Arc<str>>,
    alarms: Mutex<Alarms>,
    /// Told when an alarm is set.
    set: Notify,
}

impl Sleepers {
    pub(crate) fn count(&self) -> usize {
        self.by_name.len()
    }

    /// What a name belongs to that no live room has.
    pub(super) fn identity_of(&self, name: &str) -> Option<Arc<RoomIdentity>> {
        self.by_name.get(name).map(|it| Arc::clone(&it.identity))
    }

    pub(super) fn take(&self, name: &str) -> Option<Sleeper> {
        self.by_name.remove(name).map(|(_, it)| it)
    }

    pub(super) fn put(&self, sleeper: Sleeper) {
        let (name, wake_at) = (Arc::clone(&sleeper.identity.name), sleeper.wake_at);
        self.by_name.insert(Arc::clone(&name), sleeper);
        if let Some(at) = wake_at {
            self.alarms().push(Reverse((at, name)));
            self.set.notify_one();
        }
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(|lock| lock.into_inner())
    }

    /// Whether a room sleeps that was to be woken by now; an alarm may be about an earlier sleep.
    fn is_due(&self, name: &str, now: Instant) -> bool {
        let sleeper = self.by_name.get(name);
        sleeper.is_some_and(|it| it.wake_at.is_some_and(|at| at <= now))
    }

    /// Has a room that could not be woken tried again.
    fn try_again(&self, name: Arc<str>, at: Instant) {
        self.alarms().push(Reverse((at, name)));
    }

    /// Takes the rooms whose time has come; else says when to look again.
    fn take_due(&self, now: Instant) -> (Vec<Arc<str>>, Option<Instant>) {
        let mut alarms = self.alarms();
        let mut due = Vec::new();
        while let Some(Reverse((at, _))) = alarms.peek() {
            if *at > now {
                return (due, Some(*at));
            }
            due.extend(alarms.pop().map(|Reverse((_, name))| name));
        }
        (due, None)
    }
}

/// Wakes rooms whose timers are due, and lets go of those that nobody came back to, for as long as the node lives.
pub(crate) async fn tend(node: &Arc<Node>) -> std::convert::Infallible {
    let mut next_sweep = Instant::now();
    loop {
        let now = Instant::now();
        let sleepers = &node.rooms.sleepers;
        let (due, next) = sleepers.take_due(now);
        for name in due {
            // A server that stops leaves them to the next one.
            let is_wanted = node.phase() == Phase::Ready && sleepers.is_due(&name, now);
            if is_wanted && node.rooms.wake(node, &name).is_err() {
                sleepers.try_again(name, now + WAKE_AGAIN);
            }
        }
        if next_sweep <= now {
            node.rooms.sweep(node);
            next_sweep = now + SWEEP_EVERY;
        }
        let until = next.map_or(next_sweep, |next| next.min(next_sweep));
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = node.rooms.sleepers.set.notified() => {}
        }
    }
}

impl Registry {
    /// Puts a live room among those that sleep. Who looks for it finds it at every moment, in one place or the other.
    pub(crate) fn put_to_sleep(
        &self,
        node: &Node,
        room: &RoomHandle,
        number: u64,
        wake_at: Option<Instant>,
    ) {
        node.crash_points.pass("hibernation");
        if let Entry::Occupied(present) = self.by_name.entry(Arc::clone(room.name()))
            && present.get().is_same(room)
        {
            let sleeper = Sleeper {
                identity: Arc::clone(&room.identity),
                number,
                since: SystemTime::now(),
                slept_from: Instant::now(),
                wake_at,
            };
            // The name is locked all the while: whoever asks for it waits for the end of this.
            self.sleepers.put(sleeper);
            self.forget_live(present);
        }
        self.close_to_quick_match(room);
        node.metrics.sleepers(self.sleepers.count());
        node.crash_points.pass("hibernated");
    }

    /// Finds a room that lives, or wakes it if it sleeps.
    pub(crate) fn wake(&self, node: &Arc<Node>, name: &str) -> Result<Option<RoomHandle>, Refused> {
        let room = match self.by_name.entry(name.into()) {
            Entry::Occupied(present) => return Ok(Some(present.get().clone())),
            Entry::Vacant(vacant) => {
                if self.sleepers.identity_of(name).is_none() {
                    return Ok(None);
                }
                self.claim_place(node)?;
                let Some(sleeper) = self.sleepers.take(name) else {
                    self.give_place_back();
                    return Ok(None);
                };
                let made = Made::again(node, sleeper.identity);
                let room = made.room.clone();
                drop(vacant.insert(room.clone()));
                let beginning = Beginning::Stored {
                    number: sleeper.number,
                    slept: sleeper.slept_from.elapsed(),
                };
                (made, room, beginning)
            }
        };
        node.crash_points.pass("wake");
        let (made, room, beginning) = room;
        node.metrics.sleepers(self.sleepers.count());
        made.start(node, beginning);
        node.crash_points.pass("woken");
        Ok(Some(room))
    }

    /// Takes in a room that sleeps since before the server began.
    pub(crate) fn put_sleeper(&self, node: &Node, sleeper: Sleeper) {
        if let Some(code) = &sleeper.identity.code {
            let name = Arc::clone(&sleeper.identity.name);
            self.by_code.insert(code.clone(), name);
        }
        self.sleepers.put(sleeper);
        node.metrics.sleepers(self.sleepers.count());
    }

    /// Takes in a room that is to be brought back at once.
    pub(crate) fn put_awake(
        &self,
        node: &Arc<Node>,
        identity: Arc<RoomIdentity>,
    ) -> Result<Made, Refused> {
        self.claim_place(node)?;
        let made = Made::again(node, identity);
        let room = &made.room;
        self.by_name.insert(Arc::clone(room.name()), room.clone());
        if let Some(code) = &room.identity.code {
            self.by_code.insert(code.clone(), Arc::clone(room.name()));
        }
        Ok(made)
    }

    /// The live room of this name.
    pub(crate) fn live(&self, name: &str) -> Option<RoomHandle> {
        self.by_name.get(name).map(|it| it.clone())
    }

    /// Keeps the name of a room that cannot be brought back by this server.
    pub(crate) fn reserve(&self, name: &str) {
        self.sleepers.reserved.insert(name.into());
    }

    /// Whom a name belongs to that no live room has, if it may be joined by it.
    pub(super) fn check_sleeper(&self, name: &str) -> Result<Option<Arc<RoomIdentity>>, Refused> {
        if self.sleepers.reserved.contains(name) {
            let message =
                "the room runs a component that this server does not have; choose another name";
            return Err((ErrorCode::PluginNotFound, message.to_owned()));
        }
        let Some(identity) = self.sleepers.identity_of(name) else {
            return Ok(None);
        };
        if identity.visibility == Visibility::Private {
            let message = "this room is private; join it by its code";
            return Err((ErrorCode::Forbidden, message.to_owned()));
        }
        Ok(Some(identity))
    }

    /// Lets go of rooms that nobody came back to for too long.
    fn sweep(&self, node: &Arc<Node>) {
        let keep = node.persistence.settings.keep_rooms;
        let now = SystemTime::now();
        let is_over = |it: &Sleeper| now.duration_since(it.since).is_ok_and(|slept| slept > keep);
        let mut gone = Vec::new();
        self.sleepers.by_name.retain(|_, sleeper| {
            let is_gone = is_over(sleeper);
            if is_gone {
                gone.push(sleeper.clone());
            }
            !is_gone
        });
        for sleeper in gone {
            let name = &sleeper.identity.name;
            tracing::info!(room = %name, "nobody came back to the room for {keep:?}; it is deleted");
            node.persistence
                .journal
                .append(Frame::end(stream_of(sleeper.number)), None);
            if let Some(code) = &sleeper.identity.code {
                self.by_code.remove_if(code, |_, it| it == name);
            }
        }
        node.metrics.sleepers(self.sleepers.count());
    }
}
