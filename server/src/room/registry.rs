//! Which rooms there are: by name, by code, and, for quick match, by plugin and match key. Finding a room and taking a
//! seat in it, or making it, is one operation under one lock, so that two who look at once never make two.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::{Entry, OccupiedEntry};
use parlor_proto::{Create, ErrorCode, Payload, Seat, Visibility, client};
use rand::Rng;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::filter::Filter;
use super::handle::{RoomHandle, RoomIdentity, RoomInput, RoomStatus, RoomTraits};
use super::lasting::Beginning;
use super::sleeping::Sleepers;
use crate::node::Node;
use crate::plugin::{NoVersion, Version, wit};

/// The alphabet of codes: no letter that is read as another.
const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The length of a private room's code.
const CODE_CHARS: usize = 8;
/// The length of what makes a room's own name unique.
const NAME_SUFFIX_CHARS: usize = 8;
/// The most rooms in one listing.
const LISTED_MAX: usize = 200;
/// The most that a room's options may take: they are kept as long as the room.
const OPTIONS_BYTES_MAX: usize = 64 << 10;
/// The most that `options.match` may take.
const MATCH_BYTES_MAX: usize = 1 << 10;
/// Where quick match looks.
type MatchKey = (Arc<str>, Payload);

/// All rooms of this node.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub(super) by_name: DashMap<Arc<str>, RoomHandle>,
    /// Of live rooms, and of those that sleep.
    pub(super) by_code: DashMap<String, Arc<str>>,
    pub(super) sleepers: Sleepers,
    open: DashMap<MatchKey, Vec<RoomHandle>>,
    count: AtomicUsize,
}

/// A room to join, and whether a player's seat in it is taken already.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) room: RoomHandle,
    pub(crate) has_reservation: bool,
    /// Whether it was made just now.
    pub(crate) is_new: bool,
}

/// A refusal to find or make a room.
pub(crate) type Refused = (ErrorCode, String);

/// What a session needs to know to look for a room on somebody's behalf.
pub(crate) struct Locator<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) roles: &'a [String],
    /// Whether that somebody is in a room of this name already, which quick match then passes over.
    pub(crate) is_in: &'a dyn Fn(&str) -> bool,
    /// Whether a room may be made for it just now.
    pub(crate) may_create: bool,
}

impl Locator<'_> {
    /// Finds or makes the room that a `join_room` asks for.
    pub(crate) fn locate(&self, join: &client::JoinRoom) -> Result<Located, Refused> {
        let options_bytes = join.options.as_ref().map_or(0, |it| it.as_msgpack().len());
        if options_bytes > OPTIONS_BYTES_MAX {
            return refuse(
                ErrorCode::PayloadTooLarge,
                "a room's options take at most 64 KiB of MessagePack; send less",
            );
        }
        if let Some(code) = &join.code {
            return self.by_code(code, join.plugin.as_deref());
        }
        match (&join.room, &join.plugin) {
            (Some(room), plugin) => self.by_name(room, plugin.as_deref(), join),
            (None, Some(plugin)) => self.quick_match(plugin, join),
            (None, None) => refuse(
                ErrorCode::InvalidMessageFormat,
                "join_room needs a room, a code or a plugin",
            ),
        }
    }

    fn by_code(&self, code: &str, plugin: Option<&str>) -> Result<Located, Refused> {
        let rooms = &self.node.rooms;
        // The guard must go before another map is locked: whoever makes a private room locks the two the other way round.
        let name = rooms
            .by_code
            .get(&code.to_ascii_uppercase())
            .map(|name| Arc::clone(&name));
        let room = match name {
            Some(name) => rooms.wake(self.node, &name)?,
            None => None,
        };
        let Some(room) = room else {
            return refuse(
                ErrorCode::WrongCode,
                "no room has this code; ask for a new link",
            );
        };
        check_plugin(&room.identity, plugin)?;
        Ok(joined_as_is(room))
    }

    fn by_name(
        &self,
        name: &str,
        plugin: Option<&str>,
        join: &client::JoinRoom,
    ) -> Result<Located, Refused> {
        if !is_room_name(name) {
            return refuse(
                ErrorCode::InvalidRoomName,
                "a room's name is 1 to 64 of A-Z a-z 0-9 . _ : -",
            );
        }
        let create = join.create.unwrap_or(Create::IfMissing);
        let sleeper = self.node.rooms.check_sleeper(name)?;
        if create != Create::Always
            && let Some(identity) = sleeper
        {
            check_plugin(&identity, plugin)?;
            if let Some(room) = self.node.rooms.wake(self.node, name)? {
                return Ok(joined_as_is(room));
            }
        }
        match self.node.rooms.by_name.entry(name.into()) {
            Entry::Occupied(present) => {
                let room = present.get();
                if create == Create::Always {
                    return refuse(
                        ErrorCode::RoomExists,
                        "a room has this name; choose another",
                    );
                }
                check_plugin(&room.identity, plugin)?;
                if room.identity.visibility == Visibility::Private {
                    return refuse(
                        ErrorCode::Forbidden,
                        "this room is private; join it by its code",
                    );
                }
                Ok(joined_as_is(room.clone()))
            }
            Entry::Vacant(_) if self.node.rooms.sleepers.identity_of(name).is_some() => refuse(
                ErrorCode::RoomExists,
                "a room has this name; choose another",
            ),
            Entry::Vacant(vacant) => {
                let Some(plugin) = plugin.filter(|_| create != Create::Never) else {
                    return refuse(
                        ErrorCode::RoomNotFound,
                        "no room has this name; name a plugin to make it",
                    );
                };
                let version = self.version(plugin, name)?;
                let made = self.make(name.into(), version, join)?;
                // The guard must go before another map is locked: quick match locks the two the other way round.
                drop(vacant.insert(made.room.clone()));
                let room = made.room.clone();
                self.node.rooms.open_to_quick_match(&room);
                made.start_new(self.node);
                Ok(Located {
                    is_new: true,
                    ..joined_as_is(room)
                })
            }
        }
    }

    fn quick_match(&self, plugin: &str, join: &client::JoinRoom) -> Result<Located, Refused> {
        let wanted = match_key(join.options.as_ref());
        if wanted.as_msgpack().len() > MATCH_BYTES_MAX {
            return refuse(
                ErrorCode::PayloadTooLarge,
                "options.match takes at most 1 KiB of MessagePack; send less",
            );
        }
        let key = (Arc::from(plugin), wanted);
        let located = self.match_or_make(plugin, &key, join);
        // Nothing was found and nothing public was made: the empty entry must not stay.
        let rooms = &self.node.rooms;
        rooms.open.remove_if(&key, |_, open| open.is_empty());
        located
    }

    fn match_or_make(
        &self,
        plugin: &str,
        key: &MatchKey,
        join: &client::JoinRoom,
    ) -> Result<Located, Refused> {
        let name = format!(
            "{plugin}-{}",
            random_text(NAME_SUFFIX_CHARS).to_ascii_lowercase()
        );
        let version = self.version(plugin, &name)?;
        let wants_public = join.visibility.unwrap_or(Visibility::Public) == Visibility::Public;
        let may_find = join.create != Some(Create::Always) && wants_public;
        let wants_to_play = join.seat != Some(Seat::Spectator);
        // Holding this entry makes looking and making one operation.
        let mut open = self.node.rooms.open.entry(key.clone()).or_default();
        if may_find {
            let others = open.iter().filter(|room| !(self.is_in)(room.name()));
            let found = others.into_iter().find(|room| {
                let status = &room.status;
                if wants_to_play {
                    !status.is_locked() && status.take_player_seat()
                } else {
                    status.count(Seat::Spectator) < version.description.spectators_max
                }
            });
            if let Some(room) = found {
                return Ok(Located {
                    room: room.clone(),
                    has_reservation: wants_to_play,
                    is_new: false,
                });
            }
        }
        if join.create == Some(Create::Never) {
            return refuse(
                ErrorCode::RoomNotFound,
                "no room of this plugin has a free seat",
            );
        }
        let made = self.make(name.into(), version, join)?;
        let room = made.room.clone();
        let has_reservation = wants_to_play && room.status.take_player_seat();
        self.node
            .rooms
            .by_name
            .insert(Arc::clone(room.name()), room.clone());
        if wants_public {
            open.push(room.clone());
        }
        made.start_new(self.node);
        Ok(Located {
            room,
            has_reservation,
            is_new: true,
        })
    }

    /// What a new room of this name is made of.
    fn version(&self, plugin: &str, room: &str) -> Result<Arc<Version>, Refused> {
        if let Some(version) = self.node.rollouts.version_for(plugin, room) {
            return Ok(version);
        }
        self.node.catalog.for_new_room(plugin).map_err(|error| {
            let code = match error {
                NoVersion::Unknown { .. } => ErrorCode::PluginNotFound,
                NoVersion::Suspect { .. } => ErrorCode::PluginFailed,
            };
            (code, error.to_string())
        })
    }

    /// Makes a room; the caller puts it where it is found, and then starts it.
    fn make(
        &self,
        name: Arc<str>,
        version: Arc<Version>,
        join: &client::JoinRoom,
    ) -> Result<Made, Refused> {
        if !version.permits(wit::Action::Create, self.roles) {
            return refuse(
                ErrorCode::Forbidden,
                "you may not make rooms of this plugin",
            );
        }
        if !self.may_create {
            return refuse(
                ErrorCode::RateLimitExceeded,
                "you made too many rooms; wait a minute, or join one that is there",
            );
        }
        let options = join.options.clone().unwrap_or_else(Payload::empty_map);
        if !options.is_map() {
            return refuse(ErrorCode::InvalidPayload, "options must be a map");
        }
        let node = self.node;
        node.rooms.claim_place(node)?;
        let visibility = join.visibility.unwrap_or(Visibility::Public);
        let code = (visibility == Visibility::Private).then(|| node.rooms.issue_code(&name));
        let traits = RoomTraits {
            visibility,
            code,
            match_key: match_key(Some(&options)),
            options,
        };
        let identity = Arc::new(RoomIdentity::new(name, version, traits));
        Ok(Made::again(node, identity))
    }
}

/// A room that does not run yet.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) room: RoomHandle,
    mailbox: mpsc::Receiver<RoomInput>,
}

impl Made {
    /// A room of this identity, new or not.
    pub(super) fn again(node: &Node, identity: Arc<RoomIdentity>) -> Self {
        let status = Arc::new(RoomStatus::new(identity.version().description.players_max));
        let bounds = node.limits.mailbox_bounds();
        let (sender, mailbox) = mpsc::channel(bounds.capacity());
        let room = RoomHandle::new(identity, status, sender, bounds);
        Self { room, mailbox }
    }

    /// Starts a room that never was before.
    fn start_new(self, node: &Arc<Node>) {
        let epoch = node.epochs.next();
        self.start(node, Beginning::New { epoch });
    }

    /// Starts the room's task. Not before the room is in the registry: a room that fails at once takes itself out.
    pub(crate) fn start(self, node: &Arc<Node>, beginning: Beginning) {
        let identity = &self.room.identity;
        let span =
            tracing::debug_span!("room", name = %identity.name, plugin = %identity.version().label);
        let running = super::run(Arc::clone(node), self.room, self.mailbox, beginning);
        tokio::spawn(running.instrument(span));
    }
}

impl Registry {
    /// Takes this very room out, and not another that has its name by now.
    pub(crate) fn remove(&self, room: &RoomHandle) {
        let removed = self
            .by_name
            .remove_if(room.name(), |_, present| present.is_same(room));
        if removed.is_none() {
            return;
        }
        self.give_place_back();
        if let Some(code) = &room.identity.code {
            self.by_code.remove_if(code, |_, name| name == room.name());
        }
        self.close_to_quick_match(room);
    }

    /// Takes out a room that goes on elsewhere.
    pub(super) fn forget_live(&self, present: OccupiedEntry<'_, Arc<str>, RoomHandle>) {
        present.remove();
        self.give_place_back();
    }

    /// Takes a place for one more room, if there is one.
    pub(crate) fn claim_place(&self, node: &Node) -> Result<(), Refused> {
        let rooms_max = node.limits.rooms_max;
        let claimed = self
            .count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
                (count < rooms_max).then_some(count + 1)
            });
        if claimed.is_err() {
            let message = format!("this server holds {rooms_max} rooms, all in use; try later");
            return Err((ErrorCode::RoomBusy, message));
        }
        Ok(())
    }

    pub(super) fn give_place_back(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// Has quick match find a room, if it is for the public.
    pub(super) fn open_to_quick_match(&self, room: &RoomHandle) {
        if room.identity.visibility == Visibility::Public {
            let mut open = self.open.entry(open_key(room)).or_default();
            open.push(room.clone());
        }
    }

    pub(super) fn close_to_quick_match(&self, room: &RoomHandle) {
        if let Entry::Occupied(mut open) = self.open.entry(open_key(room)) {
            open.get_mut().retain(|it| !it.is_same(room));
            if open.get().is_empty() {
                open.remove();
            }
        }
    }

    /// How many rooms there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Every room there is.
    pub(crate) fn all(&self) -> Vec<RoomHandle> {
        self.by_name.iter().map(|it| it.value().clone()).collect()
    }

    /// The public rooms of a plugin, or all of them, whose metadata has all entries of `filter`.
    pub(crate) fn list(
        &self,
        plugin: Option<&str>,
        filter: Option<&Payload>,
    ) -> Result<Vec<RoomHandle>, Refused> {
        let filter = filter.map(Filter::new).transpose()?;
        let is_of =
            |room: &RoomHandle| plugin.is_none_or(|plugin| *room.identity.plugin == *plugin);
        // Cloned first, so that no shard is locked while metadata is compared.
        let mut rooms: Vec<RoomHandle> = self
            .by_name
            .iter()
            .filter(|it| it.identity.visibility == Visibility::Public && is_of(it))
            .map(|it| it.clone())
            .collect();
        if let Some(filter) = filter {
            rooms.retain(|room| filter.matches(&room.status.metadata()));
        }
        rooms.sort_by(|a, b| a.name().cmp(b.name()));
        rooms.truncate(LISTED_MAX);
        Ok(rooms)
    }

    fn issue_code(&self, room: &Arc<str>) -> String {
        loop {
            let code = random_text(CODE_CHARS);
            if let Entry::Vacant(vacant) = self.by_code.entry(code.clone()) {
                vacant.insert(Arc::clone(room));
                return code;
            }
        }
    }
}

/// Where quick match finds a room.
fn open_key(room: &RoomHandle) -> MatchKey {
    let plugin = &room.identity.plugin;
    (Arc::clone(plugin), room.identity.match_key.clone())
}

/// Refuses to take a room of another plugin for one of this.
fn check_plugin(room: &RoomIdentity, plugin: Option<&str>) -> Result<(), Refused> {
    let present = &*room.plugin;
    if plugin.is_none_or(|plugin| plugin == present) {
        return Ok(());
    }
    let message = format!("this room runs {present}; choose another");
    Err((ErrorCode::PluginMismatch, message))
}

fn joined_as_is(room: RoomHandle) -> Located {
    Located {
        room,
        has_reservation: false,
        is_new: false,
    }
}

fn refuse<T>(code: ErrorCode, message: &str) -> Result<T, Refused> {
    Err((code, message.to_owned()))
}

/// `options.match`, canonical, so that equal ones are the same bytes.
fn match_key(options: Option<&Payload>) -> Payload {
    options
        .and_then(|options| options.get("match"))
        .unwrap_or_else(Payload::null)
        .sorted()
}

fn is_room_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

fn random_text(chars: usize) -> String {
    let mut rng = rand::rng();
    (0..chars)
        .map(|_| char::from(CODE_ALPHABET[rng.random_range(0..CODE_ALPHABET.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_protocol_says() {
        for good in ["a", "Room-1", "a.b_c:d", &"x".repeat(64)] {
            assert!(is_room_name(good), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(!is_room_name(bad), "{bad}");
        }
    }

    #[test]
    fn match_keys_compare_without_order() {
        let options = |json| Payload::from_json(json).unwrap();
        let a = match_key(Some(&options(r#"{"match":{"a":1,"b":2},"x":1}"#)));
        let b = match_key(Some(&options(r#"{"match":{"b":2,"a":1}}"#)));
        assert_eq!(a, b);
        assert_eq!(match_key(None), match_key(Some(&options("{}"))));
    }

    #[test]
    fn codes_have_no_letters_that_are_read_as_others() {
        let code = random_text(CODE_CHARS);
        assert_eq!(code.len(), 8);
        assert!(code.bytes().all(|byte| CODE_ALPHABET.contains(&byte)));
    }
}
